"""The device flow (RFC 8628): the device polls, the person allows it on a page."""

from __future__ import annotations

from typing import Any

from shared import redis_client
from tests.auth.rig import PASSWORD, Front, Rig
from tests.support.signin import CLIENT_ID, Browser, Page, Tokens, browser

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


async def _begin(rig: Front) -> dict[str, Any]:
    form = {"client_id": CLIENT_ID, "scope": "openid chat offline_access"}
    status, answer, headers = await rig.post("/connect/deviceauthorization", form)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    return answer


async def _poll(rig: Front, device: dict[str, Any], **more: str) -> tuple[int, dict[str, Any], Any]:
    form = {"grant_type": GRANT, "device_code": device["device_code"], "client_id": CLIENT_ID}
    return await rig.token(**{**form, **more})


async def _signed_in(rig: Rig, tab: Browser, path: str) -> Page:
    """The device page, after the sign-in that it asks for."""
    page = await tab.open(path)
    assert isinstance(page, Page)
    page = await tab.submit(page.form, handle="ada", password=PASSWORD)
    assert isinstance(page, Page)
    return page


async def test_device_gets_tokens_after_the_person_has_allowed_it(rig: Rig, ada: Tokens) -> None:
    device = await _begin(rig)
    assert device["verification_uri"] == f"{rig.url}/connect/device"
    assert device["expires_in"] == 600
    status, answer, _ = await _poll(rig, device)
    assert (status, answer["error"]) == (400, "authorization_pending")

    async with browser(rig.url) as tab:
        page = await _signed_in(rig, tab, "/connect/device")
        assert "Enter the code" in page.words
        shown = await tab.submit(page.form, user_code=f" {device['user_code'].lower()} ")
        assert isinstance(shown, Page)
        assert device["user_code"] in shown.words
        assert "read and write messages" in shown.words
        done = await tab.submit(shown.form, decision="allow")
        assert isinstance(done, Page)
        assert "Device connected" in done.words

    rig.clock.now += device["interval"]
    status, answer, _ = await _poll(rig, device)
    assert status == 200
    tokens = Tokens.of(answer)
    assert tokens.user == ada.user
    assert tokens.refresh_token
    assert tokens.session in await rig.live_sessions()

    rig.clock.now += device["interval"]
    status, answer, _ = await _poll(rig, device)
    assert (status, answer["error"]) == (400, "expired_token"), "authorized once"


async def test_link_with_the_code_still_asks(rig: Rig, ada: Tokens) -> None:
    device = await _begin(rig)
    path = device["verification_uri_complete"].removeprefix(rig.url)
    async with browser(rig.url) as tab:
        page = await _signed_in(rig, tab, path)
        assert "Sign in on this device?" in page.words
        status, answer, _ = await _poll(rig, device)
        assert (status, answer["error"]) == (400, "authorization_pending")
        refused = await tab.submit(page.form, decision="deny")
        assert isinstance(refused, Page)
        assert "Device refused" in refused.words
        again = await tab.submit(page.form, decision="allow")
        assert isinstance(again, Page)
        assert again.status == 422, "the answer stands"
    rig.clock.now += device["interval"]
    status, answer, _ = await _poll(rig, device)
    assert (status, answer["error"]) == (400, "access_denied")


async def test_polling_too_fast_is_slowed_down_by_five_seconds_each_time(
    rig: Rig, ada: Tokens
) -> None:
    device = await _begin(rig)
    expected = [
        (0, "authorization_pending"),
        (1, "slow_down"),  # 10 s from now on
        (6, "slow_down"),  # 15 s
        (15, "authorization_pending"),
        (10, "slow_down"),
        (20, "authorization_pending"),
    ]
    for waited, error in expected:
        rig.clock.now += waited
        status, answer, _ = await _poll(rig, device)
        assert (status, answer["error"]) == (400, error), waited


async def test_codes_expire(rig: Rig, ada: Tokens) -> None:
    device = await _begin(rig)
    rig.clock.now += 600
    status, answer, _ = await _poll(rig, device)
    assert (status, answer["error"]) == (400, "expired_token")
    async with browser(rig.url) as tab:
        page = await _signed_in(rig, tab, f"/connect/device?user_code={device['user_code']}")
    assert page.status == 422
    assert "has expired" in page.words


async def test_code_of_nobody_or_of_another_client_is_invalid(front: Front) -> None:
    device = await _begin(front)
    status, answer, _ = await _poll(front, {"device_code": "nonsense"})
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, answer, _ = await _poll(front, device, client_id="agileim-web")
    assert (status, answer["error"]) == (400, "unauthorized_client")


async def test_guessing_user_codes_is_throttled(rig: Rig, ada: Tokens) -> None:
    device = await _begin(rig)
    async with browser(rig.url) as tab:
        page = await _signed_in(rig, tab, "/connect/device?user_code=BBBB-BBBB")
        tries = 1
        while page.status == 422:
            answer = await tab.open("/connect/device?user_code=BBBB-BBBB")
            assert isinstance(answer, Page)
            page, tries = answer, tries + 1
        assert page.status == 429
        assert tries <= 12
        assert int(page.headers["Retry-After"]) >= 5
        right = await tab.open(f"/connect/device?user_code={device['user_code']}")
        assert isinstance(right, Page)
        assert right.status == 429
        rig.clock.now += 10
        right = await tab.open(f"/connect/device?user_code={device['user_code']}")
        assert isinstance(right, Page)
        assert right.status == 200


async def test_scope_is_needed_and_the_client_must_be_allowed(front: Front) -> None:
    path = "/connect/deviceauthorization"
    status, answer, _ = await front.post(path, {"client_id": CLIENT_ID})
    assert (status, answer["error"]) == (400, "invalid_scope")
    status, answer, _ = await front.post(path, {"client_id": "agileim-web", "scope": "chat"})
    assert (status, answer["error"]) == (400, "unauthorized_client")


async def test_device_code_is_not_kept_in_clear(front: Front, redis_url: str) -> None:
    device = await _begin(front)
    redis = redis_client.connect(redis_url)
    try:
        keys = [key async for key in redis.scan_iter(match=f"{front.settings.key_prefix}:*")]
        values = [await redis.get(key) for key in keys]
    finally:
        await redis.aclose()
    assert values
    assert not any(device["device_code"].encode() in text for text in [*keys, *values] if text)
