"""``/internal/v1``: what people prove themselves with besides the password, for auth (scope
``internal.auth``). Paths and answers are with the types in :mod:`shared.factor_records`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import Struct

from services.api.store.database import Database
from services.api.store.factors import FactorStore, LastFactor, PasskeyTaken, TooManyPasskeys
from shared.codes import ErrorCode
from shared.factor_records import (
    Administrator,
    CodeUse,
    NewAuthenticator,
    NewPasskey,
    NewRecoveryCodes,
    PasskeyName,
    PasskeyUse,
    RecoveryUse,
    Used,
)
from shared.internal import SCOPE_AUTH
from shared.problems import Problem

Guard = Callable[[web.Request, str], Awaitable[object]]
Handler = Callable[[web.Request], Awaitable[web.Response]]

T = TypeVar("T", bound=Struct)


def routes(database: Database, guard: Guard) -> list[web.RouteDef]:
    """The routes of this module; ``guard`` is called before every handler."""
    handlers = FactorHandlers(FactorStore(database))

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            await guard(request, SCOPE_AUTH)
            return await handler(request)

        return checked

    account = "/internal/v1/accounts/{user}"
    factors = f"{account}/factors"
    one = f"{factors}/passkeys/{{passkey}}"
    return [
        web.get(factors, guarded(handlers.of)),
        web.delete(factors, guarded(handlers.forget)),
        web.put(f"{factors}/authenticator", guarded(handlers.put_authenticator)),
        web.delete(f"{factors}/authenticator", guarded(handlers.remove_authenticator)),
        web.post(f"{factors}/authenticator/use", guarded(handlers.use_code)),
        web.put(one, guarded(handlers.put_passkey)),
        web.patch(one, guarded(handlers.rename_passkey)),
        web.delete(one, guarded(handlers.remove_passkey)),
        web.post(f"{one}/use", guarded(handlers.use_passkey)),
        web.put(f"{factors}/recovery-codes", guarded(handlers.put_recovery_codes)),
        web.post(f"{factors}/recovery-codes/use", guarded(handlers.use_recovery_code)),
        web.get("/internal/v1/passkeys/{passkey}", guarded(handlers.passkey)),
        web.put(f"{account}/administrator", guarded(handlers.administrator)),
    ]


class FactorHandlers:
    """Each parses, asks the store, and answers."""

    def __init__(self, factors: FactorStore) -> None:
        self._factors = factors

    async def of(self, request: web.Request) -> web.Response:
        """GET …/factors"""
        found = await self._factors.of(_user(request))
        return _json(_there(found))

    async def forget(self, request: web.Request) -> web.Response:
        """DELETE …/factors"""
        await self._factors.forget(_user(request))
        return web.Response(status=204)

    async def put_authenticator(self, request: web.Request) -> web.Response:
        """PUT …/factors/authenticator"""
        new = await _body(request, NewAuthenticator)
        return _done(await self._factors.put_authenticator(_user(request), new))

    async def use_code(self, request: web.Request) -> web.Response:
        """POST …/factors/authenticator/use"""
        use = await _body(request, CodeUse)
        return _json(Used(await self._factors.use_code(_user(request), use)))

    async def remove_authenticator(self, request: web.Request) -> web.Response:
        """DELETE …/factors/authenticator"""
        try:
            await self._factors.remove_authenticator(_user(request), keep_one=_keep_one(request))
        except LastFactor:
            raise _last() from None
        return web.Response(status=204)

    async def passkey(self, request: web.Request) -> web.Response:
        """GET /internal/v1/passkeys/{passkey}"""
        found = await self._factors.passkey(request.match_info["passkey"])
        return _json(_there(found))

    async def put_passkey(self, request: web.Request) -> web.Response:
        """PUT …/factors/passkeys/{passkey}"""
        new = await _body(request, NewPasskey)
        passkey = request.match_info["passkey"]
        try:
            return _done(await self._factors.put_passkey(_user(request), passkey, new))
        except PasskeyTaken:
            raise Problem(ErrorCode.CONFLICT, "It is somebody's.", field="id") from None
        except TooManyPasskeys:
            raise Problem(ErrorCode.CONFLICT, "Too many.", field="passkeys") from None

    async def rename_passkey(self, request: web.Request) -> web.Response:
        """PATCH …/factors/passkeys/{passkey}"""
        name = (await _body(request, PasskeyName)).name
        passkey = request.match_info["passkey"]
        return _done(await self._factors.rename_passkey(_user(request), passkey, name))

    async def use_passkey(self, request: web.Request) -> web.Response:
        """POST …/factors/passkeys/{passkey}/use"""
        use = await _body(request, PasskeyUse)
        passkey = request.match_info["passkey"]
        return _json(Used(await self._factors.use_passkey(_user(request), passkey, use)))

    async def remove_passkey(self, request: web.Request) -> web.Response:
        """DELETE …/factors/passkeys/{passkey}"""
        passkey = request.match_info["passkey"]
        try:
            await self._factors.remove_passkey(_user(request), passkey, keep_one=_keep_one(request))
        except LastFactor:
            raise _last() from None
        return web.Response(status=204)

    async def put_recovery_codes(self, request: web.Request) -> web.Response:
        """PUT …/factors/recovery-codes"""
        hashes = (await _body(request, NewRecoveryCodes)).hashes
        return _done(await self._factors.put_recovery_codes(_user(request), hashes))

    async def use_recovery_code(self, request: web.Request) -> web.Response:
        """POST …/factors/recovery-codes/use"""
        use = await _body(request, RecoveryUse)
        return _json(Used(await self._factors.use_recovery_code(_user(request), use)))

    async def administrator(self, request: web.Request) -> web.Response:
        """PUT …/administrator"""
        wanted = (await _body(request, Administrator)).administrator
        return _done(await self._factors.set_administrator(_user(request), wanted))


def _user(request: web.Request) -> str:
    return request.match_info["user"]


def _keep_one(request: web.Request) -> bool:
    return request.query.get("keep_one") == "true"


def _done(found: bool) -> web.Response:
    if not found:
        raise _not_found()
    return web.Response(status=204)


def _there(found: T | None) -> T:
    if found is None:
        raise _not_found()
    return found


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise Problem(ErrorCode.INVALID, str(error)) from error


def _json(reply: Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(reply), content_type="application/json")


def _last() -> Problem:
    return Problem(ErrorCode.CONFLICT, "One has to be left.", field="keep_one")


def _not_found() -> Problem:
    return Problem(ErrorCode.NOT_FOUND, "There is no such account or passkey.")
