"""``/internal/v1`` for dispatchers (scope ``internal.dispatcher``): members and events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from services.api.store.events import Events
from services.api.store.members import Members
from shared.codes import ErrorCode
from shared.entries import EventBatch
from shared.ids import is_id
from shared.internal import SCOPE_DISPATCHER
from shared.problems import Problem

Guard = Callable[[web.Request, str], Awaitable[object]]

EVENTS_DEFAULT: Final = 200
EVENTS_MAX: Final = 1000


class DispatcherHandlers:
    """What dispatchers ask for."""

    def __init__(self, guard: Guard, members: Members, events: Events) -> None:
        self._guard = guard
        self._members = members
        self._events = events

    def routes(self) -> list[web.RouteDef]:
        """The routes of this module."""
        base = "/internal/v1/conversations/{conversation}"
        return [
            web.get(f"{base}/members", self.members),
            web.get(f"{base}/events", self.events),
        ]

    async def members(self, request: web.Request) -> web.Response:
        """GET …/members?from_seq=N → MembersReply"""
        await self._guard(request, SCOPE_DISPATCHER)
        conversation = _conversation(request)
        reply = await self._members.for_routing(conversation, _number(request, "from_seq", 0))
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    async def events(self, request: web.Request) -> web.Response:
        """GET …/events?after_seq=N&limit=M → EventBatch, msgpack"""
        await self._guard(request, SCOPE_DISPATCHER)
        conversation = _conversation(request)
        limit = min(_number(request, "limit", EVENTS_DEFAULT), EVENTS_MAX)
        events = await self._events.for_routing(
            conversation, _number(request, "after_seq", 0), limit
        )
        return web.Response(
            body=msgspec.msgpack.encode(EventBatch(events)), content_type="application/msgpack"
        )


def _conversation(request: web.Request) -> str:
    conversation = request.match_info["conversation"]
    if not is_id(conversation):
        raise Problem(ErrorCode.NOT_FOUND, "There is no such conversation.")
    return conversation


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 16):
        raise Problem(ErrorCode.INVALID, f"{name} must be a number.", field=name)
    return int(text)
