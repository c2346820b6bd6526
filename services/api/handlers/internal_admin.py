"""``/internal/v1/admin`` for the operators' tool (scope ``internal.admin``)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct
from redis.asyncio import Redis

from services.api.publisher import Publisher
from services.api.store.administration import Administration
from services.api.store.announcements import Announcements
from services.api.store.sessions import SessionStore
from shared.administration import (
    PAGE_MAX,
    REASON_MAX_CHARS,
    SCOPE_ADMIN,
    Announcement,
    AuditPage,
    By,
    ConversationPage,
    Deed,
    Ended,
    UserPage,
)
from shared.codes import ErrorCode
from shared.entries import Revocation, encode
from shared.events import ConversationKind
from shared.ids import is_id
from shared.internal import SessionEnd, SessionEnded, SessionList, SessionQuery
from shared.keys import Keys
from shared.limits import MESSAGE_MAX_CHARS
from shared.problems import Problem
from shared.redis_client import RedisError

Guard = Callable[[web.Request, str], Awaitable[object]]
Handler = Callable[[web.Request], Awaitable[web.Response]]

T = TypeVar("T", bound=Struct)

PAGE_DEFAULT: Final = 50
REVOCATIONS_KEPT_S: Final = 600  # as auth keeps them: no token lives longer


class Revoker:
    """Tells gateways and api that sessions have ended."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._stream = keys.revocations()

    async def __call__(self, ended: SessionEnded) -> None:
        """Raises Problem: they have ended, but not everybody knows; ask for the same again."""
        if not ended.sessions:
            return
        oldest_ms = int((time.time() - REVOCATIONS_KEPT_S) * 1000)
        fields: Any = encode(Revocation(ended.sessions, ended.user, "operator"))
        try:
            await self._redis.xadd(self._stream, fields, minid=f"{oldest_ms}-0", approximate=True)
        except RedisError as error:
            raise Problem(
                ErrorCode.UNAVAILABLE,
                "The sessions have ended, but Redis is away: sockets live on. Do the same again.",
                retry_after_ms=1000,
            ) from error


class AdminHandlers:
    """What operators ask for."""

    def __init__(
        self,
        guard: Guard,
        administration: Administration,
        sessions: SessionStore,
        announcements: Announcements,
        publisher: Publisher,
        revoke: Revoker,
    ) -> None:
        self._guard = guard
        self._store = administration
        self._sessions = sessions
        self._announcements = announcements
        self._publisher = publisher
        self._revoke = revoke

    def routes(self) -> list[web.RouteDef]:
        """The routes of this module."""
        base = "/internal/v1/admin"
        user, conversation = f"{base}/users/{{user}}", f"{base}/conversations/{{conversation}}"
        return [
            web.get(f"{base}/users", self._guarded(self.users)),
            web.get(user, self._guarded(self.user)),
            web.post(f"{user}/disable", self._guarded(self.disable)),
            web.post(f"{user}/enable", self._guarded(self.enable)),
            web.get(f"{user}/sessions", self._guarded(self.user_sessions)),
            web.post(f"{user}/sessions/end", self._guarded(self.end_user_sessions)),
            web.post(f"{base}/sessions/{{session}}/end", self._guarded(self.end_session)),
            web.get(f"{base}/conversations", self._guarded(self.conversations)),
            web.get(conversation, self._guarded(self.conversation)),
            web.post(f"{conversation}/freeze", self._guarded(self.freeze)),
            web.post(f"{conversation}/unfreeze", self._guarded(self.unfreeze)),
            web.post(f"{conversation}/dissolve", self._guarded(self.dissolve)),
            web.post(f"{base}/announcements", self._guarded(self.announce)),
            web.post(f"{base}/audit", self._guarded(self.add_deed)),
            web.get(f"{base}/audit", self._guarded(self.audit)),
            web.get(f"{base}/database", self._guarded(self.database)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await self._guard(request, SCOPE_ADMIN)
            return await handler(request)

        return checked

    # --- people -----------------------------------------------------------------------------

    async def users(self, request: web.Request) -> web.Response:
        """GET …/users?find=&after=&limit= → UserPage"""
        limit = _limit(request)
        find = request.query.get("find", "")
        rows = await self._store.users(find, request.query.get("after", ""), limit)
        return _json(UserPage(rows, rows[-1].handle if len(rows) == limit else ""))

    async def user(self, request: web.Request) -> web.Response:
        """GET …/users/{user} → UserRow, 404"""
        return _json(_found(await self._store.user(request.match_info["user"])))

    async def disable(self, request: web.Request) -> web.Response:
        """POST …/users/{user}/disable: By → Ended, 404"""
        by, user = await _by(request), request.match_info["user"]
        _found(await self._store.disable(user, by))
        return await self._end(SessionEnd(user=user))

    async def enable(self, request: web.Request) -> web.Response:
        """POST …/users/{user}/enable: By → 204, 404"""
        by = await _by(request)
        _found(await self._store.enable(request.match_info["user"], by))
        return web.Response(status=204)

    async def user_sessions(self, request: web.Request) -> web.Response:
        """GET …/users/{user}/sessions → SessionList, 404"""
        user = request.match_info["user"]
        _found(await self._store.user(user))
        return _json(SessionList(await self._sessions.find(SessionQuery(user=user))))

    async def end_user_sessions(self, request: web.Request) -> web.Response:
        """POST …/users/{user}/sessions/end: By → Ended, 404"""
        by, user = await _by(request), request.match_info["user"]
        _found(await self._store.user(user))
        await self._store.note("admin_sessions_ended", by, user=user)
        return await self._end(SessionEnd(user=user))

    async def end_session(self, request: web.Request) -> web.Response:
        """POST …/sessions/{session}/end: By → Ended, 404"""
        by, session = await _by(request), request.match_info["session"]
        found = await self._sessions.find(SessionQuery(session=session)) if is_id(session) else []
        user = found[0].user if found else ""
        await self._store.note("admin_session_ended", by, user=user, detail=session)
        response = await self._end(SessionEnd(session=session))
        if not found and response.body == msgspec.json.encode(Ended([])):
            raise _not_found()
        return response

    async def _end(self, which: SessionEnd) -> web.Response:
        ended = await self._sessions.end(which)
        await self._revoke(ended)
        return _json(Ended(ended.sessions))

    # --- conversations ----------------------------------------------------------------------

    async def conversations(self, request: web.Request) -> web.Response:
        """GET …/conversations?find=&user=&after=&limit= → ConversationPage"""
        limit, query = _limit(request), request.query
        rows = await self._store.conversations(
            query.get("find", ""), query.get("user", ""), query.get("after", ""), limit
        )
        following = rows[-1].conversation if len(rows) == limit else ""
        return _json(ConversationPage(rows, following))

    async def conversation(self, request: web.Request) -> web.Response:
        """GET …/conversations/{conversation} → ConversationRow, 404"""
        return _json(_found(await self._store.conversation(request.match_info["conversation"])))

    async def freeze(self, request: web.Request) -> web.Response:
        """POST …/conversations/{conversation}/freeze: By → ConversationRow, 404"""
        return await self._freeze(request, frozen=True)

    async def unfreeze(self, request: web.Request) -> web.Response:
        """POST …/conversations/{conversation}/unfreeze: By → ConversationRow, 404"""
        return await self._freeze(request, frozen=False)

    async def _freeze(self, request: web.Request, *, frozen: bool) -> web.Response:
        by, conversation = await _by(request), request.match_info["conversation"]
        _found(await self._store.freeze(conversation, frozen, by))
        return _json(_found(await self._store.conversation(conversation)))

    async def dissolve(self, request: web.Request) -> web.Response:
        """POST …/conversations/{conversation}/dissolve: By → ConversationRow; 404: no such group.
        The same again changes nothing."""
        by, conversation = await _by(request), request.match_info["conversation"]
        if (written := await self._store.dissolve(conversation, by)) is not None:
            self._publisher.offer(written.events, written.outbox_ids)
        found = _found(await self._store.conversation(conversation))
        if found.kind != ConversationKind.GROUP:
            raise _not_found()
        return _json(found)

    # --- everybody --------------------------------------------------------------------------

    async def announce(self, request: web.Request) -> web.Response:
        """POST …/announcements: Announcement → Announced"""
        step = await _body(request, Announcement)
        _check_by(step.by)
        if not is_id(step.id):
            raise Problem(ErrorCode.INVALID, "Not an id.", field="id")
        if not 0 < len(step.text.strip()) <= MESSAGE_MAX_CHARS:
            why = f"1 to {MESSAGE_MAX_CHARS} characters are needed."
            raise Problem(ErrorCode.INVALID, why, field="text")
        announced, written = await self._announcements.step(step)
        if written is not None:
            self._publisher.offer(written.events, written.outbox_ids)
        return _json(announced)

    # --- the audit, and the database --------------------------------------------------------

    async def add_deed(self, request: web.Request) -> web.Response:
        """POST …/audit: Deed → 204"""
        deed = await _body(request, Deed)
        _check_by(deed.by)
        if not is_id(deed.id):
            raise Problem(ErrorCode.INVALID, "Not an id.", field="id")
        await self._store.add_deed(deed)
        return web.Response(status=204)

    async def audit(self, request: web.Request) -> web.Response:
        """GET …/audit?user=&before=&limit= → AuditPage"""
        limit, query = _limit(request), request.query
        rows = await self._store.audit(query.get("user", ""), query.get("before", ""), limit)
        return _json(AuditPage(rows, rows[-1].id if len(rows) == limit else ""))

    async def database(self, request: web.Request) -> web.Response:
        """GET …/database → DatabaseState"""
        return _json(await self._store.state())


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= PAGE_MAX):
        raise Problem(ErrorCode.INVALID, f"limit is 1 to {PAGE_MAX}.", field="limit")
    return int(text)


async def _by(request: web.Request) -> By:
    by = await _body(request, By)
    _check_by(by)
    return by


def _check_by(by: By) -> None:
    if not 0 < len(by.operator) <= REASON_MAX_CHARS:
        raise Problem(ErrorCode.INVALID, "Who asks for it?", field="operator")
    if len(by.reason) > REASON_MAX_CHARS:
        why = f"At most {REASON_MAX_CHARS} characters."
        raise Problem(ErrorCode.INVALID, why, field="reason")


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise Problem(ErrorCode.INVALID, str(error)) from error


R = TypeVar("R")


def _found(result: R | None) -> R:
    if result is None or result is False:
        raise _not_found()
    return result


def _not_found() -> Problem:
    return Problem(ErrorCode.NOT_FOUND, "There is nothing of that id.")


def _json(reply: Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(reply), content_type="application/json")
