"""``sessions``: where people are signed in, and ending that."""

from __future__ import annotations

from argparse import Namespace

from admin.groups import Groups
from admin.operator import Operator
from admin.users import the_user
from shared.administration import Ended
from shared.internal import SessionList


def add(groups: Groups) -> None:
    """The commands of this module."""
    group = groups.group("sessions", "where people are signed in")
    one = group.command("list", list_sessions, "list a person's sessions")
    one.add_argument("user", help="handle or id")
    one = group.command("revoke", revoke, "end a session, live sockets included", changes=True)
    one.add_argument("session", help="its id")
    one = group.command("revoke-all", revoke_all, "end all sessions of a person", changes=True)
    one.add_argument("user", help="handle or id")


async def list_sessions(options: Namespace, operator: Operator) -> None:
    """sessions list"""
    user = await the_user(operator, options.user)
    found = await operator.ask("GET", f"/users/{user.user}/sessions", SessionList)
    columns = ("session", "client_id", "device", "created_at", "used_at", "expires_at", "scope")
    operator.out.rows(columns, found.sessions)


async def revoke(options: Namespace, operator: Operator) -> None:
    """sessions revoke"""
    path = f"/sessions/{options.session}/end"
    ended = await operator.ask("POST", path, Ended, operator.by)
    operator.out.done(f"The session {options.session} has ended.", sessions=ended.sessions)


async def revoke_all(options: Namespace, operator: Operator) -> None:
    """sessions revoke-all"""
    user = await the_user(operator, options.user)
    ended = await operator.ask("POST", f"/users/{user.user}/sessions/end", Ended, operator.by)
    operator.out.done(
        f"{len(ended.sessions)} sessions of {user.handle} have ended.", sessions=ended.sessions
    )
