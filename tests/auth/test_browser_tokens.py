"""The browser client's refresh token: in a cookie that no script reads, for our origin only."""

from __future__ import annotations

from http.cookies import Morsel
from typing import Any

import pytest
from yarl import URL

from services.auth.cookies import Cookies
from tests.auth.rig import PASSWORD, Rig
from tests.support.servers import wait_until
from tests.support.signin import Browser, CodeRequest, Page, Tokens, browser, claims_of

COOKIE = "agileim_refresh"
FOREIGN: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "ours", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "ours", "Sec-Fetch-Site": "same-site"},
]


def _held(tab: Browser, url: str) -> str:
    """The refresh token in the browser's cookie."""
    cookie = tab.http.cookie_jar.filter_cookies(URL(url)).get(COOKIE)
    return cookie.value if cookie is not None else ""


async def _post(tab: Browser, path: str, **form: str) -> tuple[int, dict[str, Any], Any]:
    """What a script of our own page gets from auth."""
    headers = {"Origin": tab.base_url, "Sec-Fetch-Site": "same-origin"}
    return await _send(tab, path, headers, {"client_id": "agileim-web", **form})


async def _send(
    tab: Browser, path: str, headers: dict[str, str], form: dict[str, str]
) -> tuple[int, dict[str, Any], Any]:
    async with tab.http.post(tab.base_url + path, data=form, headers=headers) as response:
        text = await response.text()
        return response.status, await response.json() if text else {}, response


async def _enter(rig: Rig, tab: Browser) -> dict[str, Any]:
    """Sign ada in to the browser client; the token response."""
    wanted = CodeRequest(client_id="agileim-web", redirect_uri=f"{rig.url}/callback")
    page = await tab.open(wanted.path(prompt="login"))
    assert isinstance(page, Page)
    data = {**page.form.fields, "handle": "ada", "password": PASSWORD}
    async with tab.http.post(rig.url + page.form.action, data=data, allow_redirects=False) as to:
        next_url = rig.url + to.headers["Location"]
    async with tab.http.get(next_url, allow_redirects=False) as back:
        location = back.headers["Location"]
    code = location.partition("code=")[2].partition("&")[0]
    status, answer, _ = await _post(tab, "/connect/token", **wanted.grant(code))
    assert status == 200, answer
    return answer


async def test_no_refresh_token_is_told_to_scripts(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        answer = await _enter(rig, tab)
        assert "refresh_token" not in answer
        first = _held(tab, rig.url)
        assert first
        status, again, response = await _post(tab, "/connect/token", grant_type="refresh_token")
        assert status == 200
        assert set(again) == {"access_token", "token_type", "expires_in", "scope"}
        assert _held(tab, rig.url) not in ("", first)
        cookie: Morsel[str] = response.cookies[COOKIE]
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Strict"
        assert cookie["path"] == "/"
        assert cookie["domain"] == ""


@pytest.mark.parametrize("headers", FOREIGN)
async def test_cookie_works_from_our_own_origin_only(
    rig: Rig, ada: Tokens, headers: dict[str, str]
) -> None:
    given = {name: rig.url if text == "ours" else text for name, text in headers.items()}
    async with browser(rig.url) as tab:
        await _enter(rig, tab)
        code = CodeRequest(client_id="agileim-web", redirect_uri=f"{rig.url}/callback").grant("x")
        for path, form in (
            ("/connect/token", {"grant_type": "refresh_token"}),
            ("/connect/token", code),
            ("/connect/revocation", {}),
        ):
            status, answer, _ = await _send(tab, path, given, {"client_id": "agileim-web", **form})
            assert (status, answer["error"]) == (403, "invalid_request")
        assert (await _post(tab, "/connect/token", grant_type="refresh_token"))[0] == 200


async def test_without_cookie_there_is_nothing_to_refresh(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        status, answer, _ = await _post(tab, "/connect/token", grant_type="refresh_token")
        assert (status, answer["error"]) == (400, "invalid_grant")
        assert (await _post(tab, "/connect/revocation"))[0] == 200


async def test_two_tabs_that_refresh_at_once_go_on_together(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await _enter(rig, tab)
        old = _held(tab, rig.url)
        await _post(tab, "/connect/token", grant_type="refresh_token")
        new = _held(tab, rig.url)
        tab.http.cookie_jar.update_cookies({COOKIE: old}, URL(rig.url))
        status, _, _ = await _post(tab, "/connect/token", grant_type="refresh_token")
        assert status == 200
        assert _held(tab, rig.url) == new


async def test_revocation_by_cookie_ends_the_session(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await _enter(rig, tab)
        # A beacon of a page whose policy is `no-referrer`.
        headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        status, _, _ = await _send(
            tab, "/connect/revocation", headers, {"client_id": "agileim-web"}
        )
        assert status == 200
        assert _held(tab, rig.url) == ""
    assert await rig.live_sessions() == [ada.session]


async def test_signing_out_of_the_browser_ends_its_session(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await _enter(rig, tab)
        page = await tab.open("/connect/signout")
        assert isinstance(page, Page)
        assert isinstance(await tab.submit(page.form), Page)
        assert _held(tab, rig.url) == ""
    assert await rig.live_sessions() == [ada.session]
    [told] = await rig.revoked()
    await wait_until(lambda: told.sessions[0] in rig.auth.revoked)


async def test_a_browser_holds_one_session(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        former = claims_of((await _enter(rig, tab))["access_token"])["sid"]
        await _post(tab, "/connect/token", grant_type="refresh_token")
        latter = claims_of((await _enter(rig, tab))["access_token"])["sid"]
        assert set(await rig.live_sessions()) == {ada.session, latter}
        assert [told.sessions for told in await rig.revoked()] == [[former]]
        assert (await _post(tab, "/connect/token", grant_type="refresh_token"))[0] == 200


async def test_refresh_token_in_a_request_is_not_taken(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await _enter(rig, tab)
        form = {"grant_type": "refresh_token", "refresh_token": _held(tab, rig.url)}
        status, answer, _ = await _post(tab, "/connect/token", **form)
        assert (status, answer["error"]) == (400, "invalid_request")
        assert (await _post(tab, "/connect/token", grant_type="refresh_token"))[0] == 200


async def test_other_clients_get_no_cookie(rig: Rig, ada: Tokens) -> None:
    status, answer, headers = await rig.token(
        grant_type="refresh_token", refresh_token=ada.refresh_token, client_id="agileim-cli"
    )
    assert (status, bool(answer["refresh_token"])) == (200, True)
    assert "Set-Cookie" not in headers


def test_over_tls_the_cookie_is_bound_to_the_host() -> None:
    assert Cookies(secure=True)._name("refresh") == "__Host-agileim_refresh"
