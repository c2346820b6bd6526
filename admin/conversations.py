"""``conversations``: find, show, freeze, dissolve."""

from __future__ import annotations

from argparse import Namespace

from admin.groups import Groups, add_page
from admin.operator import Operator
from admin.users import the_user
from shared.administration import ConversationPage, ConversationRow


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("conversations", "direct conversations and groups")
    one = group.command("find", find, "list conversations by a part of their name")
    one.add_argument("name", nargs="?", default="")
    one.add_argument("--of", default="", metavar="USER", help="those of this person")
    add_page(one)
    group.command("show", show, "show a conversation").add_argument("conversation", help="its id")
    for name, run, text in (
        ("freeze", freeze, "let nobody write to a conversation; it can still be read"),
        ("unfreeze", unfreeze, "let members write again"),
    ):
        one = group.command(name, run, text, changes=True)
        one.add_argument("conversation", help="its id")
    one = group.command(
        "dissolve", dissolve, "end a group: everybody leaves, for good",
        changes=True, confirm="Nobody will see this group again. Dissolve it?",
    )  # fmt: skip
    one.add_argument("conversation", help="its id")


async def find(options: Namespace, operator: Operator) -> None:
    """conversations find"""
    user = (await the_user(operator, options.of)).user if options.of else ""
    page = await operator.ask(
        "GET", "/conversations", ConversationPage,
        find=options.name, user=user, after=options.after, limit=options.limit,
    )  # fmt: skip
    columns = ("conversation", "kind", "name", "members", "messages", "created_at", "frozen_at")
    operator.out.rows(columns, page.conversations)
    if page.next:
        operator.out.remark(f"more: --after {page.next}")


async def show(options: Namespace, operator: Operator) -> None:
    """conversations show"""
    path = f"/conversations/{options.conversation}"
    operator.out.record(await operator.ask("GET", path, ConversationRow))


async def freeze(options: Namespace, operator: Operator) -> None:
    """conversations freeze"""
    path = f"/conversations/{options.conversation}/freeze"
    row = await operator.ask("POST", path, ConversationRow, operator.by)
    operator.out.done(f"{row.name or row.conversation} is frozen.", conversation=row.conversation)


async def unfreeze(options: Namespace, operator: Operator) -> None:
    """conversations unfreeze"""
    path = f"/conversations/{options.conversation}/unfreeze"
    row = await operator.ask("POST", path, ConversationRow, operator.by)
    operator.out.done(f"{row.name or row.conversation} is open.", conversation=row.conversation)


async def dissolve(options: Namespace, operator: Operator) -> None:
    """conversations dissolve"""
    path = f"/conversations/{options.conversation}/dissolve"
    row = await operator.ask("POST", path, ConversationRow, operator.by)
    operator.out.done(f"{row.name or row.conversation} is no more.", conversation=row.conversation)
