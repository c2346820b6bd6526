"""Signing out at a client's wish (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from tests.auth.rig import PARTNER_URI, PASSWORD, Rig
from tests.support.signin import CLIENT_ID, Away, Browser, Page, Tokens, browser

PATH = "/connect/endsession"


async def _signed_in(rig: Rig, tab: Browser) -> None:
    page = await tab.open("/connect/signin?next=/connect/device")
    assert isinstance(page, Page)
    page = await tab.submit(page.form, handle="ada", password=PASSWORD)
    assert isinstance(page, Page)
    assert page.status == 200


async def _is_signed_in(tab: Browser) -> bool:
    page = await tab.open("/connect/device")
    assert isinstance(page, Page)
    return "/connect/signin" not in page.url


async def test_person_is_asked_and_then_signed_out(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await _signed_in(rig, tab)
        page = await tab.open(f"{PATH}?{urlencode({'id_token_hint': ada.id_token})}")
        assert isinstance(page, Page)
        assert "AgileIM asks to sign you out" in page.words
        assert await _is_signed_in(tab)
        assert await rig.live_sessions() == [ada.session]
        done = await tab.submit(page.form)
        assert isinstance(done, Page)
        assert "Signed out" in done.words
        assert not await _is_signed_in(tab)
    assert await rig.live_sessions() == []
    assert [told.sessions for told in await rig.revoked()] == [[ada.session]]


async def test_person_goes_back_to_a_registered_address_with_the_state(rig: Rig) -> None:
    query = {"client_id": "partner", "post_logout_redirect_uri": PARTNER_URI, "state": "a&b"}
    async with browser(rig.url) as tab:
        page = await tab.open(f"{PATH}?{urlencode(query)}")
        assert isinstance(page, Page)
        assert "https://partner.example" in page.headers["Content-Security-Policy"]
        away = await tab.submit(page.form)
    assert isinstance(away, Away)
    assert away.location.startswith(PARTNER_URI)
    assert away.parameters == {"state": "a&b"}


@pytest.mark.parametrize(
    "query",
    [
        {"post_logout_redirect_uri": PARTNER_URI},
        {"client_id": "partner", "post_logout_redirect_uri": f"{PARTNER_URI}/x"},
        {"client_id": CLIENT_ID, "post_logout_redirect_uri": PARTNER_URI},
        {"client_id": "nobody"},
        {"id_token_hint": "a.b.c"},
    ],
)
async def test_nobody_is_sent_elsewhere(rig: Rig, query: dict[str, str]) -> None:
    async with browser(rig.url) as tab:
        page = await tab.open(f"{PATH}?{urlencode(query)}")
        assert isinstance(page, Page)
        assert (page.status, page.forms) == (400, [])
        # Nor by a form that was changed on its way.
        page = await tab.open(PATH)
        assert isinstance(page, Page)
        answer = await tab.submit(page.form, **query)
        assert isinstance(answer, Page)
        assert answer.status == 400


async def test_hint_of_one_client_is_no_hint_of_another(rig: Rig, ada: Tokens) -> None:
    query = {"id_token_hint": ada.id_token, "client_id": "partner"}
    async with browser(rig.url) as tab:
        page = await tab.open(f"{PATH}?{urlencode(query)}")
        assert isinstance(page, Page)
        assert page.status == 400


async def test_other_sites_cannot_sign_people_out(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await _signed_in(rig, tab)
        async with tab.http.post(
            f"{rig.url}{PATH}/confirm", data={"id_token_hint": ada.id_token}
        ) as answer:
            assert answer.status == 403
        assert await _is_signed_in(tab)
    assert await rig.live_sessions() == [ada.session]
