"""Signing in with somebody else's OpenID provider: npm ``oidc-provider``, run here."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import unused_port

from tests.auth.people import code_at, set_up_authenticator
from tests.auth.rig import PASSWORD, Rig, running
from tests.support import node
from tests.support.signin import Away, Browser, CodeRequest, Page, Tokens, browser, exchange

FOLDER = Path(__file__).with_name("node")
ADA = "ada@lovelace.example"


@pytest.fixture
async def rig(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str, redis_url: str,
    key_prefix: str,
) -> AsyncIterator[Rig]:  # fmt: skip
    """auth with one provider outside. A parameter changes settings."""
    changes: dict[str, Any] = getattr(request, "param", {})
    async with with_acme(tmp_path, postgres_url, redis_url, key_prefix, **changes) as ready:
        yield ready


@asynccontextmanager
async def with_acme(
    folder: Path, postgres_url: str, redis_url: str, key_prefix: str, **changes: Any
) -> AsyncIterator[Rig]:
    """auth with one provider outside, called Acme."""
    issuer = f"http://127.0.0.1:{unused_port()}"
    client = {
        "client_id": "agileim", "client_secret": "a secret: of + ours",
        "redirect_uris": [f"{issuer}/connect/outside/acme/callback"],
    }  # fmt: skip
    packages = node.packages(FOLDER)
    async with node.running(packages / "outside.mjs", {"clients": [client]}) as program:
        theirs = (await program.says())["issuer"]
        providers = folder / "providers.json"
        providers.write_text(
            json.dumps([{
                "id": "acme", "name": "Acme", "issuer": theirs, "client_id": "agileim",
                "client_secret": "a secret: of + ours",
            }])
        )  # fmt: skip
        async with running(
            folder, postgres_url, redis_url, key_prefix,
            issuer=issuer, outside_providers_file=providers, **changes,
        ) as ready:  # fmt: skip
            yield ready


async def _there(away: Page | Away, name: str) -> str:
    """Sign in and agree at Acme; the URL at which they come back."""
    assert isinstance(away, Away)
    parts = urlsplit(away.location)
    async with browser(f"{parts.scheme}://{parts.netloc}") as tab:
        answer = await tab.open(f"{parts.path}?{parts.query}")
        for _ in range(4):
            if isinstance(answer, Away):
                return answer.location
            form = answer.forms[0]
            known = {"login": name, "password": "x"} if "login" in form.fields else {}
            answer = await tab.submit(form, **known)
    raise AssertionError("no end of questions")


def _path(rig: Rig, url: str) -> str:
    assert url.startswith(f"{rig.url}/")
    return url.removeprefix(rig.url)


async def _go(rig: Rig, tab: Browser, name: str, wanted: CodeRequest | None = None) -> Page | Away:
    """From the sign-in page to Acme and back."""
    page = await tab.open(wanted.path(prompt="login") if wanted else "/connect/signin")
    assert isinstance(page, Page)
    assert "Continue with Acme" in page.words
    query = f"?{urlsplit(page.url).query}"
    back = await _there(await tab.open(f"/connect/outside/acme{query}"), name)
    return await tab.open(_path(rig, back))


async def _submit(tab: Browser, page: Page | Away, **fields: str) -> Page | Away:
    assert isinstance(page, Page)
    return await tab.submit(page.form, **fields)


async def _email(rig: Rig, user: str, address: str) -> None:
    await rig.auth.accounts.put_email(user, address, address)


async def _tokens(rig: Rig, name: str) -> Tokens:
    """Tokens for somebody who is known."""
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = wanted.code(await _go(rig, tab, name, wanted))
        return await exchange(tab.http, rig.url, wanted.grant(code))


async def _new(rig: Rig, name: str, handle: str) -> Tokens:
    """Tokens for somebody new."""
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, name, wanted)
        code = wanted.code(await _submit(tab, page, handle=handle))
        return await exchange(tab.http, rig.url, wanted.grant(code))


async def test_somebody_new_chooses_a_handle_and_is_known_afterwards(rig: Rig) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, "grace@hopper.example", wanted)
        assert isinstance(page, Page)
        assert page.form.fields["handle"] == "grace"
        assert page.form.fields["display_name"] == "grace Outside"
        page = await _submit(tab, page, handle="a b")
        assert isinstance(page, Page)
        assert page.status == 422
        code = wanted.code(await _submit(tab, page, handle="amazing"))
        tokens = await exchange(tab.http, rig.url, wanted.grant(code))
    account = await rig.auth.accounts.by_id(tokens.user)
    assert account is not None
    assert (account.handle, account.email) == ("amazing", "grace@hopper.example")
    assert account.password_hash == ""
    again = await _tokens(rig, "grace@hopper.example")
    assert again.user == tokens.user
    assert "fed" in again.claims["amr"]


async def test_nobody_gets_in_with_a_password_to_an_account_without(rig: Rig) -> None:
    await _new(rig, "grace@hopper.example", "grace")
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)
        form = next(form for form in page.forms if form.action == "/connect/signin")
        for password in ("", " ", PASSWORD):
            answer = await tab.submit(form, handle="grace", password=password)
            assert isinstance(answer, Page)
            assert answer.status == 422


async def test_handle_of_another_account_is_not_taken_over(rig: Rig, ada: Tokens) -> None:
    first = await _new(rig, "grace@hopper.example", "grace")
    for taken in ("grace", "ada"):
        async with browser(rig.url) as tab:
            page = await _go(rig, tab, "eve@evil.example")
            page = await _submit(tab, page, handle=taken)
            assert isinstance(page, Page)
            assert page.status == 422
            assert "Someone else has this handle" in page.words
    assert (await _tokens(rig, "grace@hopper.example")).user == first.user


async def test_same_proved_address_is_linked_with_consent(rig: Rig, ada: Tokens) -> None:
    await _email(rig, ada.user, ADA)
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, ADA, wanted)
        assert isinstance(page, Page)
        assert "@ada" in page.words
        code = wanted.code(await _submit(tab, page, decision="allow"))
        assert (await exchange(tab.http, rig.url, wanted.grant(code))).user == ada.user
    assert (await _tokens(rig, ADA)).user == ada.user
    await rig.auth.audit.drained()
    [row] = await rig.database.fetch_all(
        "SELECT user_id::text FROM audit WHERE what = 'outside_identity_linked'"
    )
    assert row[0] == ada.user


async def test_without_consent_nothing_is_linked(rig: Rig, ada: Tokens) -> None:
    await _email(rig, ada.user, ADA)
    async with browser(rig.url) as tab:
        page = await _submit(tab, await _go(rig, tab, ADA), decision="deny")
        assert isinstance(page, Page)
        assert "/connect/signin" in page.url
    assert await rig.auth.outside_records.of(ada.user) == []


@pytest.mark.parametrize("ours", ["", "other@lovelace.example", "new-ada@lovelace.example"])
async def test_unverified_or_other_address_links_nothing(rig: Rig, ada: Tokens, ours: str) -> None:
    """``new…``: Acme does not say that it is verified."""
    if ours:
        await _email(rig, ada.user, ours)
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, "new-ada@lovelace.example" if "new" in ours else ADA)
        assert isinstance(page, Page)
        assert "/connect/outside/new" in page.url


@pytest.mark.parametrize("rig", [{"second_factor": "everybody"}], indirect=True)
async def test_second_factor_is_demanded_as_after_a_password(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        page = await _submit(tab, await _go(rig, tab, "grace@hopper.example"), handle="grace")
        assert isinstance(page, Page)
        assert "/connect/signin/enrol" in page.url
        account = await tab.open("/connect/account")
        assert isinstance(account, Page)
        assert "/connect/signin" in account.url


async def test_second_factor_that_is_set_up_is_asked_for(rig: Rig, ada: Tokens) -> None:
    """The provider may be in the wrong hands: what is asked for after a password is so here."""
    await _email(rig, ada.user, ADA)
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        await _submit(tab, await _go(rig, tab, ADA), decision="allow")
        secret, _ = await set_up_authenticator(rig, tab)
    rig.clock.now += 30
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, ADA, wanted)
        assert isinstance(page, Page)
        assert "/connect/signin/step" in page.url
        silent = await tab.open(wanted.path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required"
        wrong = await _submit(tab, page, code="000000")
        assert isinstance(wrong, Page)
        assert wrong.status == 422
        code = wanted.code(await _submit(tab, wrong, code=code_at(rig, secret)))
        tokens = await exchange(tab.http, rig.url, wanted.grant(code))
    assert tokens.user == ada.user
    assert tokens.claims["amr"] == ["fed", "otp", "mfa"]


async def test_disabled_account_is_refused(rig: Rig, ada: Tokens) -> None:
    await _email(rig, ada.user, ADA)
    async with browser(rig.url) as tab:
        await _submit(tab, await _go(rig, tab, ADA), decision="allow")
    await rig.database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (ada.user,))
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, ADA)
        assert isinstance(page, Page)
        assert page.status == 403


async def test_linked_by_who_is_signed_in_and_unlinked(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/account/outside")
        assert isinstance(page, Page)
        form = next(form for form in page.forms if form.action == "/connect/signin")
        page = await tab.submit(form, handle="ada", password=PASSWORD)
        assert isinstance(page, Page)
        back = await _there(await tab.open("/connect/outside/acme?link=true"), "work@acme.example")
        page = await _submit(tab, await tab.open(_path(rig, back)), decision="allow")
        assert isinstance(page, Page)
        assert "work@acme.example" in page.words
        assert (await _tokens(rig, "work@acme.example")).user == ada.user
        page = await tab.submit(page.form)
        assert isinstance(page, Page)
        assert "work@acme.example" not in page.words
    async with browser(rig.url) as tab:
        page = await _go(rig, tab, "work@acme.example")
        assert isinstance(page, Page)
        assert "/connect/outside/new" in page.url


async def test_last_way_to_sign_in_stays(rig: Rig) -> None:
    tokens = await _new(rig, "grace@hopper.example", "grace")
    async with browser(rig.url) as tab:
        await _go(rig, tab, "grace@hopper.example")
        page = await tab.open("/connect/account/outside")
        page = await _submit(tab, page)
        assert isinstance(page, Page)
        assert page.status == 422
    assert len(await rig.auth.outside_records.of(tokens.user)) == 1


async def test_identity_of_somebody_else_is_not_linked(rig: Rig, ada: Tokens) -> None:
    await _new(rig, "grace@hopper.example", "grace")
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/account/outside")
        assert isinstance(page, Page)
        form = next(form for form in page.forms if form.action == "/connect/signin")
        await tab.submit(form, handle="ada", password=PASSWORD)
        away = await tab.open("/connect/outside/acme?link=true")
        page = await tab.open(_path(rig, await _there(away, "grace@hopper.example")))
        assert isinstance(page, Page)
        assert page.status == 409


async def test_answer_is_taken_once_and_by_the_browser_that_asked(rig: Rig) -> None:
    async with browser(rig.url) as tab, browser(rig.url) as other:
        await tab.open("/connect/signin")
        await other.open("/connect/signin")
        back = _path(
            rig, await _there(await tab.open("/connect/outside/acme"), "grace@hopper.example")
        )
        for who, status in ((other, 400), (tab, 200), (tab, 400)):
            page = await who.open(back)
            assert isinstance(page, Page)
            assert page.status == status


async def test_answer_of_another_issuer_is_refused(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        await tab.open("/connect/signin")
        away = await tab.open("/connect/outside/acme")
        back = _path(rig, await _there(away, "grace@hopper.example"))
        assert "iss=" in back
        page = await tab.open(back.replace("iss=http", "iss=https"))
        assert isinstance(page, Page)
        assert page.status == 400


async def test_person_who_says_no_is_told_kindly(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        await tab.open("/connect/signin")
        away = await tab.open("/connect/outside/acme")
        assert isinstance(away, Away)
        theirs = f"{urlsplit(away.location).scheme}://{urlsplit(away.location).netloc}"
        state = away.parameters["state"]
        page = await tab.open(
            f"/connect/outside/acme/callback?error=access_denied&state={state}&iss={theirs}"
        )
        assert isinstance(page, Page)
        assert (page.status, "You were not signed in there" in page.words) == (400, True)


async def test_unknown_provider_is_not_found(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/outside/nobody")
        assert isinstance(page, Page)
        assert page.status == 404
