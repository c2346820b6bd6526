"""What people do with their own account in first-party clients: JSON, with an access token.

    POST   /connect/account/password        change it; all other sessions end
    GET    /connect/account/sessions        devices and applications that are signed in
    DELETE /connect/account/sessions        end all of them; with ?others=true all but this one
    DELETE /connect/account/sessions/{id}   end one, and the sign-in of the browser it comes from

Errors are problem documents (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from aiohttp import web
from marshmallow import Schema, ValidationError, fields, validate

from services.auth import audit, step_up
from services.auth.bearer import Bearer, bearer
from services.auth.domain import passwords
from services.auth.errors import NO_STORE, RETRY_AFTER_S, OAuthError
from services.auth.hashing import RETRY_AFTER_MS, HashingBusy
from services.auth.records.cell import Contended
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.codes import ErrorCode
from shared.entries import Revocation
from shared.internal import Account, SessionEnd, SessionQuery
from shared.problems import Problem
from shared.redis_client import RedisError
from shared.service_client import ApiUnavailable

Handler = Callable[[web.Request, Bearer], Awaitable[web.Response]]


class PasswordForm(Schema):
    """What a change of the password takes."""

    current_password = fields.String(required=True, validate=validate.Length(max=4096))
    new_password = fields.String(required=True, validate=validate.Length(max=4096))


def first_party(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    """For our own clients: an application of others must not manage its user's account."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.Response:
        try:
            who = bearer(request)
            client = request.app[AUTH].clients.get(who.client_id)
            if client is None or not client.first_party:
                raise Problem(ErrorCode.FORBIDDEN, "This is for AgileIM's own clients only.")
            response = await handler(request, who)
        except OAuthError as refused:
            raise Problem(ErrorCode.UNAUTHENTICATED, refused.description) from None
        except Throttled as throttled:
            raise Problem(
                ErrorCode.RATE_LIMITED, "Too many tries.", retry_after_ms=throttled.retry_after_ms
            ) from None
        except HashingBusy:
            raise Problem(
                ErrorCode.UNAVAILABLE, "Too much to do.", retry_after_ms=RETRY_AFTER_MS
            ) from None
        except (ApiUnavailable, RedisError, Contended):
            raise Problem(
                ErrorCode.UNAVAILABLE, "A part is away.", retry_after_ms=RETRY_AFTER_S * 1000
            ) from None
        response.headers.update(NO_STORE)
        return response

    return wrapped


@first_party
async def change_password(request: web.Request, who: Bearer) -> web.Response:
    """POST /connect/account/password: 204; 401 where a second factor has to be given first."""
    form = await _body(request)
    account = await _account(request, who)
    if challenge := await step_up.lacking(request, who):
        return challenge
    await _check_password(request, account, passwords.prepared(form["current_password"]))
    fresh = passwords.prepared(form["new_password"])
    if fault := passwords.fault(fresh, account.handle, account.display_name):
        texts = negotiated(request.headers.get("Accept-Language", ""))
        raise Problem(ErrorCode.INVALID, texts(fault), field="new_password")
    auth = request.app[AUTH]
    await auth.accounts.change_password(account.user, await auth.hashes.hash(fresh))
    auth.audit.note(
        request, audit.PASSWORD_CHANGED, user=who.user, client_id=who.client_id, session=who.session
    )
    auth.notices.tell(request, account, audit.PASSWORD_CHANGED)
    await _end_sign_ins(request, who, but_ours=True)
    await _end(request, who, await _sessions(request, who, but=who.session), "password_changed")
    return web.Response(status=204)


@first_party
async def sessions(request: web.Request, who: Bearer) -> web.Response:
    """GET /connect/account/sessions: 200, the newest use first."""
    auth = request.app[AUTH]
    found = await auth.accounts.sessions(SessionQuery(user=who.user))
    return web.json_response({"sessions": [_shown(request, one, who) for one in found]})


@first_party
async def end_session(request: web.Request, who: Bearer) -> web.Response:
    """DELETE /connect/account/sessions/{session}: 204, 404 unless it is one's own and lives."""
    session = request.match_info["session"]
    if session not in await _sessions(request, who):
        raise Problem(ErrorCode.NOT_FOUND, "There is no such session.")
    auth = request.app[AUTH]
    ours = auth.pages.cookies.signin(request) if session != who.session else ""
    await auth.signins.end_behind(session, but=ours)
    await _end(request, who, [session], "ended_by_user")
    return web.Response(status=204)


@first_party
async def end_sessions(request: web.Request, who: Bearer) -> web.Response:
    """DELETE /connect/account/sessions: 204."""
    others = request.query.get("others", "")
    if others not in ("", "true", "false"):
        raise Problem(ErrorCode.INVALID, "others is true or false.", field="others")
    but = who.session if others == "true" else ""
    await _end_sign_ins(request, who, but_ours=bool(but))
    await _end(request, who, await _sessions(request, who, but=but), "ended_by_user")
    return web.Response(status=204)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = PasswordForm().load(await request.json())
    except ValidationError as error:
        names = sorted(map(str, error.messages_dict))
        raise Problem(
            ErrorCode.INVALID, f"Missing or malformed: {', '.join(names)}.", field=names[0]
        ) from None
    except ValueError:
        raise Problem(ErrorCode.INVALID, "The body is not JSON.") from None
    return loaded


async def _account(request: web.Request, who: Bearer) -> Account:
    account = await request.app[AUTH].accounts.by_id(who.user)
    if account is None or account.disabled:
        raise Problem(ErrorCode.UNAUTHENTICATED, "The account cannot be used.")
    return account


async def _check_password(request: web.Request, account: Account, prepared: str) -> None:
    """Throttled like a sign-in: a stolen access token must not help to guess the password."""
    auth = request.app[AUTH]
    address = auth.addresses.of(request)
    await auth.throttles.charge_sign_in(account.handle, address)
    try:
        hashable = passwords.is_hashable(prepared)
        right = hashable and await auth.hashes.verify(prepared, account.password_hash)
    except HashingBusy:
        await auth.throttles.not_tried(account.handle, address)
        raise
    if not right:
        auth.audit.note(request, audit.PASSWORD_REFUSED, user=account.user)
        raise Problem(ErrorCode.FORBIDDEN, "The password is wrong.", field="current_password")
    await auth.throttles.signed_in(account.handle, address)


async def _sessions(request: web.Request, who: Bearer, but: str = "") -> list[str]:
    found = await request.app[AUTH].accounts.sessions(SessionQuery(user=who.user))
    return [one.session for one in found if one.session != but]


async def _end_sign_ins(request: web.Request, who: Bearer, *, but_ours: bool) -> None:
    """Browsers that are signed in at our pages must sign in again, or each could begin a session
    without the new password. ``but_ours``: this browser's stays, if a browser asks."""
    auth = request.app[AUTH]
    ours = auth.pages.cookies.signin(request) if but_ours else ""
    await auth.signins.end_all(who.user, auth.settings.signin_s, but=ours)


async def _end(request: web.Request, who: Bearer, which: list[str], reason: str) -> None:
    """End sessions and tell everybody, all at once."""
    auth = request.app[AUTH]
    for session in which:
        await auth.accounts.end(SessionEnd(session=session))
        auth.audit.note(
            request, audit.SESSION_ENDED, user=who.user, client_id=who.client_id, session=session,
            detail=reason,
        )  # fmt: skip
    await auth.revocations.publish(Revocation(which, user=who.user, reason=reason))


def _shown(request: web.Request, one: Any, who: Bearer) -> dict[str, Any]:
    client = request.app[AUTH].clients.get(one.client_id)
    return {
        "id": one.session,
        "client_id": one.client_id,
        "client_name": client.name if client is not None else one.client_id,
        "device": one.device,
        "created_at": one.created_at.isoformat(),
        "used_at": one.used_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "current": one.session == who.session,
    }
