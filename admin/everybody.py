"""``announce``: tell everybody something, in their inbox."""

from __future__ import annotations

from argparse import Namespace

from admin.errors import AdminError
from admin.groups import Groups
from admin.operator import Operator
from shared.administration import Announced, Announcement
from shared.ids import is_id, new_id


def add(groups: Groups) -> None:
    """The commands of this module."""
    one = groups.command("announce", announce, "tell everybody something, in their inbox")
    one.add_argument("text", nargs="+")
    one.add_argument("--id", default="", help="of one that was broken off: nobody gets it twice")
    one.add_argument("--reason", default="", help="why, for the audit")


async def announce(options: Namespace, operator: Operator) -> None:
    """announce"""
    identifier = options.id or new_id()
    if not is_id(identifier):
        raise AdminError("--id must be the id that was printed")
    text, after, told = " ".join(options.text), "", 0
    operator.out.remark(f"announcement {identifier}")
    while True:
        step = Announcement(identifier, text, operator.by, after)
        answer = await operator.ask("POST", "/announcements", Announced, step)
        told += answer.told
        if not answer.next:
            break
        after = answer.next
    operator.out.done(f"{told} people have been told.", id=identifier, told=told)
