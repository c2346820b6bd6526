"""Statements about pages, headers and cross-origin requests."""

from __future__ import annotations

from functools import partial

from tests.auth import test_cors as cors
from tests.auth import test_pages as pages
from tests.auth import test_service as service
from tests.auth.rig import Rig
from tests.auth.security.statements import Group
from tests.support.signin import CLIENT_ID, CodeRequest, Page, Tokens, browser

group = Group("Headers and CORS", "H")
PATHS = ("/connect/signin", "/connect/register", "/connect/signout", "/connect/device")


async def _header(name: str, expected: str, rig: Rig, _: Tokens) -> None:
    """On each page, and on error pages."""
    async with browser(rig.url) as tab:
        for path in (*PATHS, "/connect/authorize"):
            page = await tab.open(path)
            assert isinstance(page, Page)
            assert expected in page.headers[name], path


for _text, _source, _name, _expected in (
    ("Pages load nothing that is not allowed", "ASVS 14.4.3", "Content-Security-Policy",
     "default-src 'none'"),
    ("Pages cannot be framed", "RFC 9700, 4.16", "Content-Security-Policy",
     "frame-ancestors 'none'"),
    ("Pages cannot be framed in old browsers either", "RFC 9700, 4.16", "X-Frame-Options", "DENY"),
    ("Pages' addresses are told to no other site", "RFC 9700, 4.2.4", "Referrer-Policy",
     "same-origin"),
    ("Pages are kept by no cache", "ASVS 14.4.1", "Cache-Control", "no-store"),
    ("Pages are what they say", "ASVS 14.4.4", "X-Content-Type-Options", "nosniff"),
    ("Pages share no window with those that opened them", "ASVS 14.4.7",
     "Cross-Origin-Opener-Policy", "same-origin"),
    ("Pages' forms lead nowhere else", "ASVS 14.4.3", "Content-Security-Policy",
     "form-action 'self'"),
):  # fmt: skip
    group.row(_text, _source, partial(_header, _name, _expected))


@group.holds("No page has an inline script or style", "ASVS 14.4.3")
async def _inline(rig: Rig, _: Tokens) -> None:
    async with browser(rig.url) as tab:
        for path in PATHS:
            page = await tab.open(path)
            assert isinstance(page, Page)
            assert "unsafe" not in page.headers["Content-Security-Policy"]
            assert "<script>" not in page.text
            assert "style=" not in page.text
            assert "onclick" not in page.text


@group.holds("What people type is escaped", "ASVS 5.3.3")
async def _escaped(rig: Rig, _: Tokens) -> None:
    await pages.test_what_people_type_is_escaped(rig)


@group.holds(
    "Answers with a code or token are kept by no cache and told to no site", "RFC 6749, 5.1"
)
async def _codes(rig: Rig, ada: Tokens) -> None:
    web = CodeRequest("agileim-web", f"{rig.url}/callback")
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        async with tab.http.get(rig.url + web.path(), allow_redirects=False) as response:
            assert response.status == 303
            assert "code=" in response.headers["Location"]
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == "no-store"
    form = {"grant_type": "refresh_token", "refresh_token": ada.refresh_token}
    _, _, headers = await rig.token(**form, client_id=CLIENT_ID)
    assert headers["Cache-Control"] == "no-store"


@group.holds("After a password, the browser is redirected without it", "RFC 9700, 4.12")
async def _see_other(rig: Rig, _: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)
        data = {**page.form.fields, "handle": "ada", "password": "correct staple battery"}
        async with tab.http.post(
            f"{rig.url}/connect/signin", data=data, allow_redirects=False
        ) as response:
            assert response.status == 303


@group.holds(
    "Scripts of other origins may call what takes no cookie, and nothing else", "ASVS 14.5.3"
)
async def _cors(rig: Rig, _: Tokens) -> None:
    for path in sorted(cors.PATHS):
        await cors.test_applications_in_browsers_may_call_it(rig, path)
    await cors.test_nothing_else_may_be_called(rig)


@group.holds("A client cannot claim another address", "ASVS 11.1.4")
async def _address(rig: Rig, ada: Tokens) -> None:
    await pages.test_address_is_taken_from_the_trusted_proxy_only(rig, ada)


@group.holds("Huge bodies are refused", "ASVS 12.1.1")
async def _bodies(rig: Rig, _: Tokens) -> None:
    for path in ("/connect/token", "/connect/signin"):
        await service.test_huge_bodies_are_refused(rig, path)


@group.holds("Errors tell nothing about the inside", "ASVS 7.4.1")
async def _errors(rig: Rig, _: Tokens) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for path in ("/connect/token", "/connect/signin", "/connect/authorize"):
        async with rig.http.post(rig.url + path, data=b"\xff\xfe%00", headers=headers) as response:
            assert 400 <= response.status < 500
            text = await response.text()
            assert "Traceback" not in text
            assert "aiohttp" not in text
