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

    ``@name`` is a handle, ``#name`` a group; without either, whatever there is.
    Raises :class:`NotFound` and :class:`Ambiguous`.
    """
    if _ID.fullmatch(name):
        return await api.conversation(name)
    groups = [] if name.startswith("@") else await _groups(api, name.removeprefix("#"))
    user = None if name.startswith("#") else await api.user_by_handle(name.removeprefix("@"))
    if user is not None and groups:
        raise Ambiguous(f"{name!r} is a user and a group: write '@{name}' or '#{name}'")
    if len(groups) > 1:
        ids = ", ".join(group.id for group in groups)
        raise Ambiguous(f"several groups are called {name!r}; use an id: {ids}")
    if groups:
        return groups[0]
    if user is None:
        raise NotFound("not_found", f"there is no user and no group {name!r} for you")
    return await api.create_direct(user.id)


async def _groups(api: Api, name: str) -> list[Conversation]:
    wanted = name.casefold()
    return [
        conversation
        async for conversation in api.conversations()
        if conversation.kind == "group" and (conversation.name or "").casefold() == wanted
    ]
