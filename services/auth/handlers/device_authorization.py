"""Devices without a browser ask for codes (RFC 8628, section 3.1)."""

from __future__ import annotations

from aiohttp import web

from services.auth import schemas
from services.auth.client_authentication import client_form
from services.auth.domain import scopes, throttling
from services.auth.domain.clients import DEVICE_CODE
from services.auth.domain.device import shown
from services.auth.errors import NO_STORE, OAuthError, answers_json
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH


@answers_json
async def device_authorization(request: web.Request) -> web.Response:
    """POST /connect/deviceauthorization"""
    auth = request.app[AUTH]
    client, given = await client_form(request)
    if DEVICE_CODE not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use the device flow")
    asked = schemas.load(schemas.DeviceAuthorizationForm, given)["scope"]
    scope = scopes.granted(asked, client.scopes)
    if not scope:
        raise OAuthError("invalid_scope", "no scope that this client may have")
    try:
        await auth.throttles.charge(f"device\n{auth.addresses.of(request)}", throttling.DEVICE)
    except Throttled as throttled:
        raise OAuthError(
            "slow_down", "too many device codes from this address", status=429,
            retry_after_s=-(-throttled.retry_after_ms // 1000),
        ) from None  # fmt: skip
    lives_s = auth.settings.device_code_s
    code, grant = await auth.devices.begin(client.client_id, scope, lives_s)
    page = f"{auth.settings.issuer}/connect/device"
    return web.json_response(
        {
            "device_code": code,
            "user_code": shown(grant.user_code),
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={shown(grant.user_code)}",
            "expires_in": lives_s,
            "interval": grant.interval_s,
        },
        headers=NO_STORE,
    )
