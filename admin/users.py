"""``users``: find, show, disable, enable."""

from __future__ import annotations

from argparse import Namespace

from admin.errors import NotFound
from admin.groups import Groups, add_page
from admin.operator import Operator
from shared.administration import Ended, UserPage, UserRow
from shared.handles import normal_form
from shared.ids import is_id

COLUMNS = (
    "handle",
    "display_name",
    "user",
    "created_at",
    "disabled_at",
    "sessions",
    "conversations",
)


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("users", "people's accounts")
    one = group.command("find", find, "list people by the beginning of their handle")
    one.add_argument("handle", nargs="?", default="")
    add_page(one)
    group.command("show", show, "show a person").add_argument("user", help="handle or id")
    one = group.command(
        "disable", disable, "end a person's sessions and let nobody sign in as them", changes=True
    )
    one.add_argument("user", help="handle or id")
    one = group.command("enable", enable, "let a person sign in again", changes=True)
    one.add_argument("user", help="handle or id")


async def find(options: Namespace, operator: Operator) -> None:
    """users find"""
    page = await operator.ask(
        "GET", "/users", UserPage,
        find=normal_form(options.handle), after=options.after, limit=options.limit,
    )  # fmt: skip
    operator.out.rows(COLUMNS, page.users)
    if page.next:
        operator.out.remark(f"more: --after {page.next}")


async def show(options: Namespace, operator: Operator) -> None:
    """users show"""
    operator.out.record(await the_user(operator, options.user))


async def disable(options: Namespace, operator: Operator) -> None:
    """users disable"""
    user = await the_user(operator, options.user)
    ended = await operator.ask("POST", f"/users/{user.user}/disable", Ended, operator.by)
    operator.out.done(
        f"{user.handle} is disabled; {len(ended.sessions)} sessions have ended.",
        user=user.user, sessions=ended.sessions,
    )  # fmt: skip


async def enable(options: Namespace, operator: Operator) -> None:
    """users enable"""
    user = await the_user(operator, options.user)
    await operator.ask("POST", f"/users/{user.user}/enable", type(None), operator.by)
    operator.out.done(f"{user.handle} can sign in again.", user=user.user)


async def the_user(operator: Operator, name: str) -> UserRow:
    """The person of this id or handle. Raises NotFound."""
    if is_id(name):
        return await operator.ask("GET", f"/users/{name}", UserRow)
    handle = normal_form(name)
    page = await operator.ask("GET", "/users", UserPage, find=handle, limit=1)
    # In the order of handles, the whole one comes before all that begin with it.
    if not page.users or page.users[0].handle != handle:
        raise NotFound(f"there is no user {handle!r}")
    return page.users[0]
