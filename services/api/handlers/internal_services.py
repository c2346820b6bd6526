"""``/internal/v1`` for an organisation's own services (scope ``internal.service``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from services.api.domain.cursor import BadCursor, Cursor
from services.api.domain.message import BadMessage, check_text
from services.api.handlers.internal_admin import Revoker
from services.api.publisher import Publisher
from services.api.rosters import Rosters
from services.api.store.announcements import Announcements
from services.api.store.feed import Feed
from services.api.store.sessions import SessionStore
from services.api.store.users import Users
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.internal import SessionEnd
from shared.limits import MESSAGE_MAX_CHARS
from shared.problems import Problem
from shared.redis_client import RedisError
from shared.services import (
    FEED_PAGE_MAX,
    FEED_WAIT_MAX_S,
    SCOPE_SERVICE,
    USERS_MAX,
    Connection,
    Connections,
    ConnectionsQuery,
    SignedOut,
    Tell,
    Told,
)

Guard = Callable[[web.Request, str], Awaitable[object]]
Handler = Callable[[web.Request], Awaitable[web.Response]]
T = TypeVar("T", bound=Struct)

TELL_STEP: Final = 200  # inboxes in one transaction
FEED_POLL_S: Final = 0.25


class ServiceHandlers:
    """What services ask for, beside what people may."""

    def __init__(
        self,
        guard: Guard,
        announcements: Announcements,
        users: Users,
        rosters: Rosters,
        sessions: SessionStore,
        revoke: Revoker,
        feed: Feed | None,
        publisher: Publisher,
    ) -> None:
        self._guard = guard
        self._announcements = announcements
        self._users = users
        self._rosters = rosters
        self._sessions = sessions
        self._revoke = revoke
        self._feed = feed
        self._publisher = publisher

    def routes(self) -> list[web.RouteDef]:
        """The routes of this module."""
        base = "/internal/v1"
        return [
            web.post(f"{base}/tell", self._guarded(self.tell)),
            web.post(f"{base}/connections", self._guarded(self.connections)),
            web.post(f"{base}/users/{{user}}/sign-out", self._guarded(self.sign_out)),
            web.get(f"{base}/feed", self._guarded(self.feed)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await self._guard(request, SCOPE_SERVICE)
            return await handler(request)

        return checked

    async def tell(self, request: web.Request) -> web.Response:
        """POST /internal/v1/tell: Tell → Told, 404 no such conversation"""
        asked = _checked(await _body(request, Tell))
        if asked.conversation:
            told, written = await self._announcements.say(asked.conversation, asked.id, asked.text)
            if written is not None:
                self._publisher.offer(written.events, written.outbox_ids)
            return _json(Told(told))
        users = sorted(set(asked.users or await self._online()))
        if unknown := await self._users.unknown(asked.users):
            raise Problem(ErrorCode.INVALID, f"There is no user {unknown[0]}.", field="users")
        count = 0
        for start in range(0, len(users), TELL_STEP):
            told, written = await self._announcements.tell(
                users[start : start + TELL_STEP], asked.id, asked.text
            )
            count += told
            if written is not None:
                self._publisher.offer(written.events, written.outbox_ids)
        return _json(Told(count))

    async def _online(self) -> set[str]:
        connections, _ = await self._connections(())
        return {each.user for each in connections}

    async def connections(self, request: web.Request) -> web.Response:
        """POST /internal/v1/connections: ConnectionsQuery → Connections"""
        users = (await _body(request, ConnectionsQuery)).users
        if len(users) > USERS_MAX:
            raise Problem(ErrorCode.TOO_LARGE, f"At most {USERS_MAX} at once.", field="users")
        return _json(Connections(*await self._connections(users)))

    async def _connections(self, users: Collection[str]) -> tuple[list[Connection], bool]:
        try:
            return await self._rosters.connections(frozenset(users))
        except RedisError:
            raise Problem(
                ErrorCode.UNAVAILABLE, "Redis does not answer.", retry_after_ms=1000
            ) from None

    async def sign_out(self, request: web.Request) -> web.Response:
        """POST /internal/v1/users/{user}/sign-out → SignedOut: all sessions end, sockets too"""
        user = request.match_info["user"]
        if await self._users.unknown([user]):
            raise Problem(ErrorCode.NOT_FOUND, "There is no such user.")
        ended = await self._sessions.end(SessionEnd(user=user))
        await self._revoke(ended)
        return _json(SignedOut(ended.sessions))

    async def feed(self, request: web.Request) -> web.Response:
        """GET /internal/v1/feed?cursor=&limit=&wait_s= → FeedPage; waits when there is nothing"""
        if self._feed is None:
            raise Problem(ErrorCode.CONFLICT, "There is no feed here: set AGILEIM_FEED_DAYS.")
        try:
            cursor = Cursor.parse(request.query.get("cursor", ""))
        except BadCursor:
            raise Problem(ErrorCode.INVALID, "This is no cursor.", field="cursor") from None
        limit = int(_number(request, "limit", FEED_PAGE_MAX, 1, FEED_PAGE_MAX))
        until = asyncio.get_running_loop().time() + _number(
            request, "wait_s", 0.0, 0.0, FEED_WAIT_MAX_S
        )
        while True:
            page = await self._feed.page(cursor, limit)
            if page.items or page.lost or asyncio.get_running_loop().time() >= until:
                return _json(page)
            await asyncio.sleep(FEED_POLL_S)


def _checked(asked: Tell) -> Tell:
    if not is_id(asked.id):
        raise Problem(ErrorCode.INVALID, "Not an id.", field="id")
    if not asked.text.strip() or len(asked.text) > MESSAGE_MAX_CHARS:
        why = f"1 to {MESSAGE_MAX_CHARS} characters are needed."
        raise Problem(ErrorCode.INVALID, why, field="text")
    try:
        check_text("text", asked.text)
    except BadMessage as error:
        raise Problem(ErrorCode.INVALID, str(error), field="text") from None
    if bool(asked.users) + asked.online + bool(asked.conversation) != 1:
        why = "Exactly one of users, online and conversation is needed."
        raise Problem(ErrorCode.INVALID, why, field="users")
    if len(asked.users) > USERS_MAX:
        raise Problem(ErrorCode.TOO_LARGE, f"At most {USERS_MAX} at once.", field="users")
    if asked.conversation and not is_id(asked.conversation):
        raise Problem(ErrorCode.NOT_FOUND, "There is no such conversation.")
    return asked


def _number(request: web.Request, name: str, default: float, least: float, most: float) -> float:
    text = request.query.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        why = f"A number from {least:g} to {most:g} is needed."
        raise Problem(ErrorCode.INVALID, why, field=name)
    return value


async def _body(request: web.Request, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except msgspec.DecodeError as error:
        raise Problem(ErrorCode.INVALID, str(error)) from error


def _json(reply: Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(reply), content_type="application/json")
