"""The token endpoint (RFC 6749, section 3.2).

There is no password grant (RFC 9700, section 2.4).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from services.auth import audit, browser_tokens, schemas
from services.auth.client_authentication import client_form
from services.auth.domain import clients, pkce, scopes
from services.auth.domain.claims import Grant
from services.auth.domain.clients import Client
from services.auth.domain.codes import CodeGrant
from services.auth.errors import NO_STORE, OAuthError, answers_json
from services.auth.resources import AUTH
from shared.entries import Revocation
from shared.internal import Account, SessionEnd
from shared.service_client import ApiRefused

Answer = Callable[[web.Request, Client, dict[str, str]], Awaitable[dict[str, Any]]]

_DEVICE_NAME_MAX_CHARS = 100
_INVALID_CODE = "the code is not known, was used before, has expired, or belongs to another request"
_INVALID_REFRESH = "the refresh token is not known, was used before, or its session has ended"
_DESCRIPTIONS = {
    "authorization_pending": "the user has not answered yet",
    "slow_down": "ask less often: 5 seconds more between two requests",
    "access_denied": "the user said no",
    "expired_token": "the device code has expired: start again",
}


@answers_json
async def token(request: web.Request) -> web.Response:
    """POST /connect/token"""
    client, given = await client_form(request)
    grant_type: str = schemas.load(schemas.TokenForm, given)["grant_type"]
    answer = _ANSWERS.get(grant_type)
    if answer is None:
        raise OAuthError("unsupported_grant_type", "this grant type is not supported")
    if grant_type not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use this grant type")
    if client.in_browser:
        browser_tokens.check_origin(request)
        given = {**given, "refresh_token": browser_tokens.held(request, given)}
    response = await answer(request, client, given)
    request.app[AUTH].metrics.grants.labels(grant_type.rpartition(":")[2]).inc()
    refresh = browser_tokens.withheld(response) if client.in_browser else ""
    result = web.json_response(response, headers=NO_STORE)
    if refresh:
        if grant_type == clients.AUTHORIZATION_CODE:
            await browser_tokens.end_former(request, client)
        browser_tokens.keep(request, result, refresh)
    return result


async def _by_code(request: web.Request, client: Client, given: dict[str, str]) -> dict[str, Any]:
    """RFC 6749, section 4.1.3; RFC 7636, section 4.6."""
    auth = request.app[AUTH]
    form = schemas.load(schemas.AuthorizationCodeForm, given)
    redeemed = await auth.codes.redeem(form["code"])
    if redeemed is None:
        raise OAuthError("invalid_grant", _INVALID_CODE)
    outcome, grant = redeemed
    if outcome == "replayed":
        await _end(request, grant)
    good = (
        outcome == "redeemed"
        and grant.client_id == client.client_id
        and grant.redirect_uri == form["redirect_uri"]
        and pkce.proves(form["code_verifier"], grant.code_challenge)
    )
    if not good:
        raise OAuthError("invalid_grant", _INVALID_CODE)
    response = await _begin(request, client, grant, grant.nonce)
    if await auth.codes.was_replayed(form["code"]):
        await _end(request, grant)
        raise OAuthError("invalid_grant", _INVALID_CODE)
    return response


async def _by_device_code(
    request: web.Request, client: Client, given: dict[str, str]
) -> dict[str, Any]:
    """RFC 8628, sections 3.4 and 3.5."""
    form = schemas.load(schemas.DeviceCodeForm, given)
    polled = await request.app[AUTH].devices.poll(form["device_code"], client.client_id)
    if polled is None:
        raise OAuthError("invalid_grant", "the device code is not known")
    outcome, grant = polled
    if outcome != "authorized":
        raise OAuthError(outcome, _DESCRIPTIONS[outcome])
    return await _begin(request, client, grant, "")


async def _by_refresh_token(
    request: web.Request, client: Client, given: dict[str, str]
) -> dict[str, Any]:
    """RFC 6749, section 6, with rotation (RFC 9700, section 4.14.2).

    Nothing that can fail comes after the rotation: its answer is the only copy of the new token.
    """
    auth = request.app[AUTH]
    if client.in_browser and not given.get("refresh_token"):
        raise OAuthError("invalid_grant", "the browser holds no refresh token")
    form = schemas.load(schemas.RefreshForm, given)
    asked = form["scope"]
    if asked and not scopes.granted(asked, client.scopes):
        raise OAuthError("invalid_scope", "no scope that this client may have")
    reply, refresh = await auth.issuer.rotate(client, form["refresh_token"])
    if reply.outcome == "reused":
        auth.audit.note(
            request, audit.TOKEN_REUSED, user=reply.user, client_id=client.client_id,
            session=reply.session,
        )  # fmt: skip
        await auth.revocations.publish(
            Revocation([reply.session], user=reply.user, reason="refresh_token_reused")
        )
    if reply.outcome not in ("rotated", "repeated"):
        raise OAuthError("invalid_grant", _INVALID_REFRESH)
    # Narrower when asked for, never wider, and never nothing.
    scope = scopes.granted(asked, reply.scope.split()) or reply.scope
    return auth.issuer.refreshed(Grant(reply.user, client.client_id, scope, reply.session), refresh)


async def _by_credentials(
    request: web.Request, client: Client, given: dict[str, str]
) -> dict[str, Any]:
    """RFC 6749, section 4.4."""
    asked = set(schemas.load(schemas.ClientCredentialsForm, given)["scope"].split())
    if not asked <= client.scopes:
        raise OAuthError("invalid_scope", "a scope that this client may not have")
    auth = request.app[AUTH]
    scope = " ".join(sorted(asked or client.scopes))
    if not client.is_bot:
        return auth.issuer.service(client, scope)
    for user in filter(None, (client.client_id, client.owner)):
        account = await auth.accounts.by_id(user)
        if account is None or account.disabled:
            raise OAuthError("invalid_grant", "the account cannot be used")
    return auth.issuer.bot(client, scope)


_ANSWERS: dict[str, Answer] = {
    clients.AUTHORIZATION_CODE: _by_code,
    clients.REFRESH_TOKEN: _by_refresh_token,
    clients.DEVICE_CODE: _by_device_code,
    clients.CLIENT_CREDENTIALS: _by_credentials,
}


async def _begin(request: web.Request, client: Client, grant: Any, nonce: str) -> dict[str, Any]:
    auth = request.app[AUTH]
    account: Account | None = await auth.accounts.by_id(grant.user)
    if account is None or account.disabled:
        raise OAuthError("invalid_grant", "the account cannot be used")
    try:
        response = await auth.issuer.begin(
            client,
            Grant(grant.user, client.client_id, grant.scope, grant.session),
            account,
            device=_device_name(request),
            auth_time=grant.auth_time,
            amr=grant.amr,
            nonce=nonce,
        )
    except ApiRefused:  # disabled a moment ago
        raise OAuthError("invalid_grant", "the account cannot be used") from None
    auth.audit.note(
        request, audit.SESSION_BEGUN, user=grant.user, client_id=client.client_id,
        session=grant.session,
    )  # fmt: skip
    return response


async def _end(request: web.Request, grant: CodeGrant) -> None:
    auth = request.app[AUTH]
    auth.audit.note(
        request, audit.CODE_REPLAYED, user=grant.user, client_id=grant.client_id,
        session=grant.session,
    )  # fmt: skip
    ended = await auth.accounts.end(SessionEnd(session=grant.session))
    await auth.revocations.publish(
        Revocation(ended.sessions, user=grant.user, reason=audit.CODE_REPLAYED)
    )


def _device_name(request: web.Request) -> str:
    """What the user will recognise the device by."""
    agent = request.headers.get("User-Agent", "")
    return "".join(char for char in agent if char.isprintable())[:_DEVICE_NAME_MAX_CHARS]
