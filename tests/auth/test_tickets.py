"""Tickets for sockets: who gets one, and what stands in it."""

from __future__ import annotations

from typing import Any

import jwt

from shared.tokens import TICKET_AUDIENCE
from tests.auth.rig import PARTNER_SECRET, PARTNER_URI, Rig
from tests.support.signin import CodeRequest, Page, Tokens, browser, claims_of

PATH = "/connect/account/ticket"


async def _ask(rig: Rig, token: str, **headers: str) -> tuple[int, dict[str, Any]]:
    sent = {"Authorization": f"Bearer {token}", **headers}
    async with rig.http.post(f"{rig.url}{PATH}", headers=sent) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.json()


async def test_ticket_names_the_session_and_the_page(rig: Rig, ada: Tokens) -> None:
    status, answer = await _ask(rig, ada.access_token, Origin=rig.url)
    assert (status, answer["expires_in"]) == (201, 30)
    claims = claims_of(answer["ticket"])
    assert claims["sub"] == ada.user
    assert claims["sid"] == ada.session
    assert claims["origin"] == rig.url
    assert claims["aud"] == TICKET_AUDIENCE
    assert claims["exp"] - claims["iat"] == 30
    assert claims["token_exp"] == ada.claims["exp"]
    assert jwt.get_unverified_header(answer["ticket"])["typ"] == "ticket+jwt"
    _, other = await _ask(rig, ada.access_token)
    assert claims_of(other["ticket"])["origin"] == ""
    assert claims_of(other["ticket"])["jti"] != claims["jti"]


async def test_ticket_is_of_no_use_elsewhere(rig: Rig, ada: Tokens) -> None:
    _, answer = await _ask(rig, ada.access_token)
    headers = {"Authorization": f"Bearer {answer['ticket']}"}
    for path in ("/connect/userinfo", "/connect/account/sessions"):
        async with rig.http.get(f"{rig.url}{path}", headers=headers) as refused:
            assert refused.status == 401


async def test_ticket_does_not_outlive_its_token(rig: Rig, ada: Tokens) -> None:
    rig.clock.now = ada.claims["exp"] - 10
    _, answer = await _ask(rig, ada.access_token)
    assert claims_of(answer["ticket"])["exp"] == ada.claims["exp"]
    rig.clock.now += 11
    async with rig.http.post(
        f"{rig.url}{PATH}", headers={"Authorization": f"Bearer {ada.access_token}"}
    ) as answered:
        assert answered.status == 401


async def test_application_of_others_gets_none(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest("partner", PARTNER_URI, "openid chat")
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        page = await tab.submit(page.form, handle="ada", password="correct staple battery")
        assert isinstance(page, Page)
        code = wanted.code(await tab.submit(page.form, decision="allow"))
    grant = wanted.grant(code, client_secret=PARTNER_SECRET)
    _, tokens, _ = await rig.token(**grant)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with rig.http.post(f"{rig.url}{PATH}", headers=headers) as answer:
        assert answer.status == 403
