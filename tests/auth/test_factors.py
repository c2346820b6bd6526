"""The second step: codes of an authenticator application, recovery codes, and who must have one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.auth.records.halfway import LIVES_S
from tests.auth.people import (
    ACCOUNT,
    code_at,
    codes_on,
    form_to,
    id_token_claims,
    open_page,
    secret_on,
    send,
    set_up_authenticator,
    sign_in_at,
)
from tests.auth.rig import PASSWORD, Rig, running, settings_for
from tests.support.servers import wait_until
from tests.support.signin import Away, Browser, CodeRequest, Page, Tokens, browser, register

STEP = "/connect/signin/step"


async def _audited(rig: Rig, what: str, user: str) -> list[str]:
    """Details of the events of a kind."""

    async def rows() -> list[str]:
        found = await rig.database.fetch_all(
            "SELECT detail FROM audit WHERE what = %s AND user_id = %s ORDER BY at, id",
            (what, user),
        )
        return [row[0] for row in found]

    async def there() -> bool:
        return bool(await rows())

    await wait_until(there)
    return await rows()


async def _second_step(tab: Browser, wanted: CodeRequest, handle: str = "ada") -> Page:
    """The page that follows the password."""
    page = await open_page(tab, wanted.path(prompt="login"))
    return await send(tab, form_to(page, "/connect/signin"), handle=handle, password=PASSWORD)


@pytest.fixture
async def secret(rig: Rig, ada: Tokens) -> str:
    """Of ada's authenticator application; a step has passed since she set it up."""
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        found, _ = await set_up_authenticator(rig, tab)
    rig.clock.now += 30
    return found


async def test_password_alone_is_not_enough_any_more(rig: Rig, ada: Tokens, secret: str) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        page = await _second_step(tab, wanted)
        assert "One more step" in page.words
        silent = await tab.open(wanted.path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required", "half is not whole"
        assert "Sign in" in (await open_page(tab, ACCOUNT)).words
        page = await open_page(tab, STEP)
        answer = await tab.submit(form_to(page, STEP), code=code_at(rig, secret))
        claims = await id_token_claims(rig, wanted, wanted.code(answer))
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["acr"] == "urn:agileim:acr:2"
    assert claims["auth_time"] == int(rig.clock())
    assert await _audited(rig, "factor_added", ada.user) == ["authenticator"]
    assert "pwd otp mfa" in await _audited(rig, "signed_in", ada.user)


async def test_id_token_tells_a_password_apart(rig: Rig, ada: Tokens) -> None:
    claims = rig.auth.keys.verify(
        ada.id_token, "JWT", audience="agileim-cli", issuer=rig.settings.issuer
    )
    assert (claims["amr"], claims["acr"]) == (["pwd"], "urn:agileim:acr:1")
    assert ada.claims["amr"] == ["pwd"], "the access token too, RFC 9068, section 2.2.1"


async def test_code_works_once_and_only_around_its_time(rig: Rig, ada: Tokens, secret: str) -> None:
    """RFC 6238, section 5.2."""
    rig.clock.now += 300
    spent = code_at(rig, secret)
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        for wrong in (code_at(rig, secret, -2), code_at(rig, secret, 2), "x" * 500):
            page = await send(tab, form_to(page, STEP), code=wrong)
            assert page.status == 422
            assert "not right" in page.words
        assert isinstance(await tab.submit(form_to(page, STEP), code=f" {spent} "), Away)
    rig.clock.now += 29
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        assert (await send(tab, form_to(page, STEP), code=spent)).status == 422, "replayed"
        assert isinstance(await tab.submit(form_to(page, STEP), code=code_at(rig, secret, 1)), Away)
    assert await _audited(rig, "second_step_refused", ada.user) == ["authenticator"] * 4


async def test_guessing_codes_is_throttled_for_strangers_and_not_for_the_owner(
    rig: Rig, ada: Tokens, secret: str
) -> None:
    async with browser(rig.url, {"X-Forwarded-For": "203.0.113.9"}) as tab:
        page = await _second_step(tab, CodeRequest())
        tries = 0
        while page.status != 429:
            page = await send(tab, form_to(page, STEP), code="000000")
            tries += 1
            assert tries < 20
        assert page.headers["Retry-After"]
        refused = await send(tab, form_to(page, STEP), code=code_at(rig, secret))
        assert refused.status == 429, "right or wrong is not told"
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        assert isinstance(await tab.submit(form_to(page, STEP), code=code_at(rig, secret)), Away)


async def test_many_addresses_get_few_tries_at_one_account(
    rig: Rig, ada: Tokens, secret: str
) -> None:
    """The password is stolen; each try comes from elsewhere."""
    statuses = []
    for index in range(14):
        async with browser(rig.url, {"X-Forwarded-For": f"198.51.100.{index}"}) as tab:
            page = await _second_step(tab, CodeRequest())
            statuses.append((await send(tab, form_to(page, STEP), code="000000")).status)
    assert statuses[:11] == [422] * 11
    assert set(statuses[11:]) == {429}


async def test_recovery_codes_work_once_each_and_are_counted(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        _, codes = await set_up_authenticator(rig, tab)
        assert len(set(codes)) == 10
        assert not codes_on(await open_page(tab, f"{ACCOUNT}/recovery-codes")), "shown once"
    for typed, good in ((codes[0], True), (codes[0], False), (codes[1].lower(), True)):
        async with browser(rig.url) as tab:
            await _second_step(tab, CodeRequest())
            page = await open_page(tab, f"{STEP}?by=recovery")
            answer = await tab.submit(form_to(page, STEP), code=typed.replace("-", " "))
            assert isinstance(answer, Away) == good
    async with browser(rig.url) as tab:
        await _second_step(tab, CodeRequest())
        page = await open_page(tab, f"{STEP}?by=recovery")
        await tab.submit(form_to(page, STEP), code=codes[2])
        assert "Unused codes: 7" in (await open_page(tab, ACCOUNT)).words
        page = await open_page(tab, f"{ACCOUNT}/recovery-codes")
        fresh = codes_on(await send(tab, form_to(page, f"{ACCOUNT}/recovery-codes")))
        assert len(fresh) == 10
    async with browser(rig.url) as tab:
        await _second_step(tab, CodeRequest())
        page = await open_page(tab, f"{STEP}?by=recovery")
        page = await send(tab, form_to(page, STEP), code=codes[3])
        assert page.status == 422, "replaced"
        assert isinstance(await tab.submit(form_to(page, STEP), code=fresh[0]), Away)
    used = await _audited(rig, "recovery_code_used", ada.user)
    assert used == ["9 left", "8 left", "7 left", "9 left"]


async def test_nothing_of_it_is_stored_in_clear(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        secret, codes = await set_up_authenticator(rig, tab)
    rows = await rig.database.fetch_all(
        "SELECT a::text FROM authenticators a UNION ALL SELECT r::text FROM recovery_codes r "
        "UNION ALL SELECT u::text FROM audit u"
    )
    stored = " ".join(row[0] for row in rows)
    assert secret not in stored
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]


async def test_sign_ins_of_before_have_to_take_the_second_step(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as elsewhere, browser(rig.url) as tab:
        await sign_in_at(elsewhere)
        await sign_in_at(tab)
        await set_up_authenticator(rig, tab)
        assert "Your account" in (await open_page(tab, ACCOUNT)).words, "here it was just proved"
        assert "Sign in" in (await open_page(elsewhere, ACCOUNT)).words
        silent = await elsewhere.open(CodeRequest().path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required"


async def test_half_a_sign_in_ends(rig: Rig, ada: Tokens, secret: str) -> None:
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        rig.clock.now += LIVES_S + 1
        late = await send(tab, form_to(page, STEP), code=code_at(rig, secret))
        assert late.status == 403
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        assert isinstance(await tab.submit(form_to(page, STEP), code=code_at(rig, secret)), Away)
        again = await send(tab, form_to(page, STEP), code=code_at(rig, secret, 1))
        assert again.status == 403, "the cookie is another one now"


async def test_changing_factors_needs_a_fresh_sign_in(rig: Rig, ada: Tokens, secret: str) -> None:
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        await tab.submit(form_to(page, STEP), code=code_at(rig, secret))
        overview = await open_page(tab, ACCOUNT)
        rig.clock.now += rig.settings.fresh_s + 1
        remove = form_to(overview, f"{ACCOUNT}/authenticator/remove")
        assert "confirm that it is you" in (await send(tab, remove)).words
        for path in ("authenticator", "recovery-codes", "passkeys/new", "passkey?id=x"):
            page = await open_page(tab, f"{ACCOUNT}/{path}")
            assert "confirm that it is you" in page.words, path
        assert "Your account" in (await open_page(tab, ACCOUNT)).words, "looking is allowed"
    factors = await rig.auth.factors.of(ada.user)
    assert factors.authenticator is not None


async def test_factor_is_removed_and_its_recovery_codes_with_it(
    rig: Rig, ada: Tokens, secret: str
) -> None:
    async with browser(rig.url) as tab:
        page = await _second_step(tab, CodeRequest())
        await tab.submit(form_to(page, STEP), code=code_at(rig, secret))
        overview = await open_page(tab, ACCOUNT)
        done = await send(tab, form_to(overview, f"{ACCOUNT}/authenticator/remove"))
        assert "no longer asked for" in done.words
    factors = await rig.auth.factors.of(ada.user)
    assert (factors.authenticator, factors.recovery_codes) == (None, 0)
    assert await _audited(rig, "factor_removed", ada.user) == ["authenticator"]
    async with browser(rig.url) as tab:
        assert await rig.code(tab, CodeRequest())


async def test_secret_stays_the_same_while_the_page_is_looked_at(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        page = await open_page(tab, f"{ACCOUNT}/authenticator")
        secret = secret_on(page)
        assert secret_on(await open_page(tab, f"{ACCOUNT}/authenticator")) == secret
        wrong = await send(tab, form_to(page, f"{ACCOUNT}/authenticator"), code="000000")
        assert wrong.status == 422
        assert secret_on(wrong) == secret
        assert "<svg" in wrong.text
        assert (await rig.auth.factors.of(ada.user)).authenticator is None


# --- policies -----------------------------------------------------------------------------------


@asynccontextmanager
async def _under(
    policy: str, folder: Path, servers: tuple[str, str, str], **changes: Any
) -> AsyncIterator[Rig]:
    async with running(folder, *servers, second_factor=policy, **changes) as rig:
        yield rig


@pytest.fixture
def servers(postgres_url: str, redis_url: str, key_prefix: str) -> tuple[str, str, str]:
    return postgres_url, redis_url, key_prefix


async def test_everybody_is_led_through_before_getting_a_code(
    tmp_path: Path, servers: tuple[str, str, str]
) -> None:
    wanted = CodeRequest()
    async with _under("everybody", tmp_path, servers) as rig, browser(rig.url) as tab:
        page = await open_page(tab, wanted.path(prompt="create"))
        fields = {"handle": "ada", "password": PASSWORD, "display_name": "Ada"}
        page = await send(tab, form_to(page, "/connect/register"), **fields)
        assert "Protect your account" in page.words
        silent = await tab.open(wanted.path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required"
        page = await open_page(tab, f"{ACCOUNT}/authenticator")
        form = form_to(page, f"{ACCOUNT}/authenticator")
        page = await send(tab, form, code=code_at(rig, secret_on(page)))
        assert len(codes_on(page)) == 10
        answer = await tab.submit(form_to(page, "/connect/signin/enrol"))
        claims = await id_token_claims(rig, wanted, wanted.code(answer))
        assert claims["amr"] == ["pwd", "otp", "mfa"]
        overview = await open_page(tab, ACCOUNT)
        refused = await send(tab, form_to(overview, f"{ACCOUNT}/authenticator/remove"))
        assert refused.status == 409
        assert "before you remove this one" in refused.words
        assert (await rig.auth.factors.of(claims["sub"])).authenticator is not None


async def test_going_on_without_setting_up_is_refused(
    tmp_path: Path, servers: tuple[str, str, str]
) -> None:
    async with _under("everybody", tmp_path, servers) as rig, browser(rig.url) as tab:
        page = await open_page(tab, "/connect/register")
        fields = {"handle": "ada", "password": PASSWORD, "display_name": "Ada"}
        page = await send(tab, form_to(page, "/connect/register"), **fields)
        page = await open_page(tab, f"{ACCOUNT}/authenticator")
        form = form_to(page, f"{ACCOUNT}/authenticator")
        form.action = "/connect/signin/enrol"
        assert (await send(tab, form)).status == 403
        form.action = STEP
        assert (await send(tab, form, by="authenticator", code="000000")).status == 403


async def test_administrators_only(tmp_path: Path, servers: tuple[str, str, str]) -> None:
    async with _under("administrators", tmp_path, servers) as rig:
        ada = await register(rig.url, "ada", PASSWORD, "Ada")
        async with browser(rig.url) as tab:
            await sign_in_at(tab)
            assert "Your account" in (await open_page(tab, ACCOUNT)).words
            await rig.database.execute("UPDATE users SET administrator = true")
            assert "Sign in" in (await open_page(tab, ACCOUNT)).words, "not enough any more"
            page = await sign_in_at(tab)
            assert "Protect your account" in page.words
        assert (await register(rig.url, "bob", PASSWORD, "Bob")).user != ada.user


def test_unknown_policy_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "redis://127.0.0.1:1", "test", second_factor="sometimes")
    assert settings.faults() == [
        "AGILEIM_SECOND_FACTOR must be one of optional, administrators, everybody"
    ]
