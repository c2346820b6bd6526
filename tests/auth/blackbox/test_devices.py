"""The device flow (RFC 8628) and signing out (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.auth.blackbox.target import (
    DEVICE,
    PUBLIC,
    SCOPE,
    SECRET,
    SECRET_CLIENT,
    Answer,
    Target,
)
from tests.support.signin import Away, Page

INTERVAL_S = 5  # RFC 8628, section 3.2, the default


async def _begin(target: Target) -> dict[str, str]:
    form = {"client_id": PUBLIC, "scope": SCOPE}
    answer = await target.post("device_authorization_endpoint", form)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.body


async def _poll(target: Target, device: dict[str, str]) -> Answer:
    target.wait(INTERVAL_S)
    return await target.token(
        grant_type=DEVICE, device_code=device["device_code"], client_id=PUBLIC
    )


async def _answer(target: Target, device: dict[str, str], *, allow: bool) -> None:
    async with target.tab() as tab:
        if not allow:  # signed in, so that the question is about the device only
            await target.go(tab, target.url(target.request()))
        assert isinstance(
            await target.go(tab, device["verification_uri_complete"], allow=allow), Page
        )


async def test_device_is_told_what_to_show(target: Target) -> None:
    """Section 3.2."""
    device = await _begin(target)
    assert len(device["device_code"]) >= 32
    assert len(device["user_code"]) >= 8
    assert device["verification_uri"].startswith(target.issuer)
    assert int(device["expires_in"]) > 0


async def test_device_waits_then_gets_tokens_once(target: Target) -> None:
    """Section 3.5."""
    device = await _begin(target)
    assert (await _poll(target, device)).error == (400, "authorization_pending")
    await _answer(target, device, allow=True)
    answer = await _poll(target, device)
    assert answer.status == 200
    assert (await target.person_of(answer.body["access_token"])).status == 200
    again = await _poll(target, device)
    assert again.status == 400
    assert again.body["error"] in ("invalid_grant", "expired_token")


async def test_device_is_told_no(target: Target) -> None:
    """Section 3.5."""
    device = await _begin(target)
    await _answer(target, device, allow=False)
    assert (await _poll(target, device)).error == (400, "access_denied")


async def test_nonsense_is_no_device_code(target: Target) -> None:
    answer = await target.token(grant_type=DEVICE, device_code="x" * 43, client_id=PUBLIC)
    assert answer.error == (400, "invalid_grant")


async def test_client_must_be_known_and_allowed(target: Target) -> None:
    form = {"client_id": "nobody", "scope": SCOPE}
    answer = await target.post("device_authorization_endpoint", form)
    assert answer.status in (400, 401)
    assert answer.body["error"] == "invalid_client"
    form = {"client_id": SECRET_CLIENT, "client_secret": SECRET, "scope": "openid"}
    answer = await target.post("device_authorization_endpoint", form)
    assert answer.status == 400
    # The latter is oidc-provider's.
    assert answer.body["error"] in ("unauthorized_client", "invalid_request")


async def test_signing_out_asks_and_comes_back(target: Target) -> None:
    """RP-Initiated Logout, sections 2 and 3."""
    async with target.tab() as tab:
        request = target.request()
        code = request.code(await target.go(tab, target.url(request)))
        tokens = (await target.token(**request.grant(code))).body
        query = {
            "id_token_hint": tokens["id_token"], "state": "gone",
            "post_logout_redirect_uri": "http://127.0.0.1/",
        }  # fmt: skip
        asked = await tab.open(f"{target.metadata['end_session_endpoint']}?{urlencode(query)}")
        assert isinstance(asked, Page)
        back = await tab.submit(asked.forms[0], logout="yes")
        assert isinstance(back, Away)
        assert back.location == "http://127.0.0.1/?state=gone"
        answer = await tab.open(target.url(target.request(), prompt="none"))
        assert isinstance(answer, Away)
        assert answer.parameters["error"] == "login_required"


@pytest.mark.parametrize("uri", ["https://evil.example/", "http://127.0.0.1/other"])
async def test_signing_out_leads_to_registered_addresses_only(target: Target, uri: str) -> None:
    """RP-Initiated Logout, section 3."""
    tokens = await target.tokens()
    query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": uri}
    async with target.tab() as tab:
        answer = await tab.open(f"{target.metadata['end_session_endpoint']}?{urlencode(query)}")
    assert isinstance(answer, Page)
    assert answer.status == 400
