"""``factors``: people's second factors, when they have lost them, and of whom they are demanded."""

from __future__ import annotations

from argparse import Namespace

from admin.clients import ask_auth
from admin.groups import Groups
from admin.operator import Operator
from admin.users import the_user


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("factors", "second factors of people")
    one = group.command(
        "reset", reset, "take away all of a person's, for who has lost them; ends all sessions",
        changes=True, confirm="Have they shown you who they are?",
    )  # fmt: skip
    one.add_argument("user", help="handle or id")
    one = group.command(
        "administrator", administrator,
        "whether AGILEIM_SECOND_FACTOR=administrators demands one of a person", changes=True,
    )  # fmt: skip
    one.add_argument("user", help="handle or id")
    one.add_argument("which", choices=("on", "off"))


async def reset(options: Namespace, operator: Operator) -> None:
    """factors reset"""
    user = await the_user(operator, options.user)
    await ask_auth(operator, "DELETE", f"/users/{user.user}/factors")
    operator.out.done(f"{user.handle} has no second factor; all sessions end.", user=user.user)


async def administrator(options: Namespace, operator: Operator) -> None:
    """factors administrator"""
    user = await the_user(operator, options.user)
    on = options.which == "on"
    path = f"/users/{user.user}/administrator"
    await ask_auth(operator, "PUT", path, {"administrator": on})
    told = "is an administrator" if on else "is no administrator"
    operator.out.done(f"{user.handle} {told}.", user=user.user, administrator=on)
