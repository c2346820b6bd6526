"""``/internal/v1``: accounts, sessions, consents and the audit, for auth (scope
``internal.auth``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from services.api.store.accounts import AccountStore, HandleTaken
from services.api.store.audit import AuditStore
from services.api.store.consents import ConsentStore
from services.api.store.database import Database
from services.api.store.sessions import NoSuchUser, SessionExists, SessionStore
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.internal import (
    SCOPE_AUTH,
    AuditBatch,
    Consent,
    NewAccount,
    NewSession,
    PasswordChange,
    Rotation,
    SessionEnd,
    SessionList,
    SessionQuery,
)
from shared.problems import Problem

# Raises Problem unless the request carries a service token with the scope.
Guard = Callable[[web.Request, str], Awaitable[object]]
Handler = Callable[[web.Request], Awaitable[web.Response]]

T = TypeVar("T", bound=Struct)


def routes(database: Database, guard: Guard) -> list[web.RouteDef]:
    """The routes of this module; ``guard`` is called before every handler."""
    accounts = AccountHandlers(AccountStore(database))
    sessions = SessionHandlers(SessionStore(database))
    consents = ConsentHandlers(ConsentStore(database))
    audit = AuditHandlers(AuditStore(database))

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await guard(request, SCOPE_AUTH)
            return await handler(request)

        return checked

    base = "/internal/v1"
    return [
        web.post(f"{base}/accounts", guarded(accounts.create)),
        web.get(f"{base}/accounts", guarded(accounts.by_handle)),
        web.get(f"{base}/accounts/{{user}}", guarded(accounts.by_id)),
        web.put(f"{base}/accounts/{{user}}/password", guarded(accounts.change_password)),
        web.post(f"{base}/sessions", guarded(sessions.begin)),
        web.post(f"{base}/sessions/rotate", guarded(sessions.rotate)),
        web.post(f"{base}/sessions/end", guarded(sessions.end)),
        web.post(f"{base}/sessions/find", guarded(sessions.find)),
        web.get(f"{base}/consents/{{user}}/{{client_id}}", guarded(consents.get)),
        web.put(f"{base}/consents/{{user}}/{{client_id}}", guarded(consents.put)),
        web.post(f"{base}/audit", guarded(audit.add)),
    ]


class AccountHandlers:
    """People."""

    def __init__(self, accounts: AccountStore) -> None:
        self._accounts = accounts

    async def create(self, request: web.Request) -> web.Response:
        """POST /internal/v1/accounts: 201 Account, 409 when the handle is taken."""
        try:
            account = await self._accounts.create(await body_of(request, NewAccount))
        except HandleTaken:
            raise Problem(ErrorCode.CONFLICT, "The handle is taken.", field="handle") from None
        return json_of(account, status=201)

    async def by_handle(self, request: web.Request) -> web.Response:
        """GET /internal/v1/accounts?handle=H: 200 Account, 404."""
        account = await self._accounts.by_handle(request.query.get("handle", ""))
        if account is None:
            raise _not_found()
        return json_of(account)

    async def by_id(self, request: web.Request) -> web.Response:
        """GET /internal/v1/accounts/{user}: 200 Account, 404."""
        account = await self._accounts.by_id(request.match_info["user"])
        if account is None:
            raise _not_found()
        return json_of(account)

    async def change_password(self, request: web.Request) -> web.Response:
        """PUT /internal/v1/accounts/{user}/password: 204, 404."""
        change = await body_of(request, PasswordChange)
        user = request.match_info["user"]
        if not await self._accounts.change_password(user, change.password_hash):
            raise _not_found()
        return web.Response(status=204)


class SessionHandlers:
    """Sign-ins on devices."""

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions

    async def begin(self, request: web.Request) -> web.Response:
        """POST /internal/v1/sessions: 201, 404 without such an (enabled) user."""
        session = await body_of(request, NewSession)
        try:
            await self._sessions.begin(session)
        except NoSuchUser:
            raise _not_found() from None
        except SessionExists:
            raise Problem(ErrorCode.CONFLICT, "The session exists.", field="session") from None
        except ValueError:
            raise Problem(ErrorCode.INVALID, "Not a hash.", field="refresh_hash") from None
        return web.Response(status=201)

    async def rotate(self, request: web.Request) -> web.Response:
        """POST /internal/v1/sessions/rotate: 200 RotationReply."""
        rotation = await body_of(request, Rotation)
        try:
            return json_of(await self._sessions.rotate(rotation))
        except ValueError:
            raise Problem(ErrorCode.INVALID, "Not a hash.", field="old_hash") from None

    async def end(self, request: web.Request) -> web.Response:
        """POST /internal/v1/sessions/end: 200 SessionEnded."""
        which = await body_of(request, SessionEnd)
        if sum(map(bool, (which.refresh_hash, which.session, which.user))) != 1:
            raise Problem(ErrorCode.INVALID, "Exactly one of refresh_hash, session, user.")
        try:
            return json_of(await self._sessions.end(which))
        except ValueError:
            raise Problem(ErrorCode.INVALID, "Not a hash.", field="refresh_hash") from None

    async def find(self, request: web.Request) -> web.Response:
        """POST /internal/v1/sessions/find: 200 SessionList."""
        which = await body_of(request, SessionQuery)
        if sum(map(bool, (which.refresh_hash, which.session, which.user))) != 1:
            raise Problem(ErrorCode.INVALID, "Exactly one of refresh_hash, session, user.")
        try:
            return json_of(SessionList(await self._sessions.find(which)))
        except ValueError:
            raise Problem(ErrorCode.INVALID, "Not a hash.", field="refresh_hash") from None


class ConsentHandlers:
    """What people have allowed."""

    def __init__(self, consents: ConsentStore) -> None:
        self._consents = consents

    async def get(self, request: web.Request) -> web.Response:
        """GET /internal/v1/consents/{user}/{client_id}: 200 Consent."""
        info = request.match_info
        return json_of(Consent(await self._consents.scope(info["user"], info["client_id"])))

    async def put(self, request: web.Request) -> web.Response:
        """PUT /internal/v1/consents/{user}/{client_id}: 200 Consent, 404."""
        consent = await body_of(request, Consent)
        info = request.match_info
        if not await self._consents.give(info["user"], info["client_id"], consent.scope):
            raise _not_found()
        return json_of(consent)


class AuditHandlers:
    """What happened."""

    def __init__(self, audit: AuditStore) -> None:
        self._audit = audit

    async def add(self, request: web.Request) -> web.Response:
        """POST /internal/v1/audit: 204."""
        batch = await body_of(request, AuditBatch)
        if not all(is_id(event.id) for event in batch.events):
            raise Problem(ErrorCode.INVALID, "Not an id.", field="id")
        await self._audit.add(batch.events)
        return web.Response(status=204)


async def body_of(request: web.Request, kind: type[T]) -> T:
    """The request's body as a struct. Raises Problem."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise Problem(ErrorCode.INVALID, str(error)) from error


def json_of(reply: Struct, status: int = 200) -> web.Response:
    """A struct as an answer."""
    return web.Response(
        body=msgspec.json.encode(reply), content_type="application/json", status=status
    )


def _not_found() -> Problem:
    return Problem(ErrorCode.NOT_FOUND, "There is no such account.")
