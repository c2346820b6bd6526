"""What NAME on the command line means: a user's handle, a group's name, or an id."""

from __future__ import annotations

import re

from agileim.errors import AgileIMError, NotFound
from agileim.models import Conversation, User
from agileim.rest import Api

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Ambiguous(AgileIMError):
    """A name that means more than one thing."""


async def user_named(api: Api, name: str) -> User:
    """The user with this handle, with or without ``@``, or with this id."""
    if _ID.fullmatch(name):
        return await api.user(name)
    user = await api.user_by_handle(name.removeprefix("@"))
    if user is None:
        raise NotFound("not_found", f"there is no user {name!r}")
    return user


async def conversation_named(api: Api, name: str) -> Conversation:
    """The conversation meant; a direct one is made on first use.

    ``@name`` is a handle, ``#name`` a group (part of its name is enough); without either,
    whatever there is.
    Raises :class:`NotFound` and :class:`Ambiguous`.
    """
    if _ID.fullmatch(name):
        return await api.conversation(name)
    bare = name.removeprefix("#")
    known = [] if name.startswith("@") else await _groups(api)
    groups = [one for one in known if _folded(one) == bare.casefold()]
    user = None if name.startswith("#") else await api.user_by_handle(name.removeprefix("@"))
    if user is not None and groups:
        raise Ambiguous(f"{name!r} is a user and a group: write '@{name}' or '#{name}'")
    if user is not None:
        return await api.create_direct(user.id)
    # Nobody is called exactly that: part of a group's name will do, if it is one group's only.
    groups = groups or [one for one in known if bare.casefold() in _folded(one)]
    if len(groups) > 1:
        listed = ", ".join(f"{group.label} ({group.id})" for group in groups)
        raise Ambiguous(f"several groups fit {name!r}; use an id: {listed}")
    if not groups:
        raise NotFound("not_found", f"there is no user and no group {name!r} for you")
    return groups[0]


def _folded(group: Conversation) -> str:
    return (group.name or "").casefold()


async def _groups(api: Api) -> list[Conversation]:
    return [one async for one in api.conversations() if one.kind == "group"]
