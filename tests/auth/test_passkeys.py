"""Passkeys: as the only proof, as the second, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from services.auth.domain.passkeys import TIMEOUT_MS, RelyingParty
from tests.auth.people import (
    ACCOUNT,
    by_passkey,
    code_at,
    codes_on,
    form_to,
    id_token_claims,
    open_page,
    options_for,
    send,
    set_up_authenticator,
    set_up_passkey,
    sign_in_at,
)
from tests.auth.rig import PASSWORD, Front, Rig, running
from tests.auth.software_authenticator import BE, BS, UP, UV, SoftwareAuthenticator, text
from tests.support.servers import wait_until
from tests.support.signin import Away, CodeRequest, Page, browser, register

STEP = "/connect/signin/step"


@pytest.fixture
async def house(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> AsyncIterator[Rig]:
    """auth at a name, without which there are no passkeys, and ada, who has registered."""
    issuer = f"http://localhost:{unused_port()}"
    async with running(tmp_path, postgres_url, redis_url, key_prefix, issuer=issuer) as rig:
        await register(rig.url, "ada", PASSWORD, "Ada Lovelace")
        yield rig


@pytest.fixture
async def key(house: Rig) -> SoftwareAuthenticator:
    """Ada's first passkey."""
    made = SoftwareAuthenticator(house.url)
    async with browser(house.url) as tab:
        await sign_in_at(tab)
        page = await set_up_passkey(tab, made)
        assert len(codes_on(page)) == 10, "recovery codes come with the first factor"
    return made


async def _events(rig: Rig, what: str) -> list[str]:
    async def rows() -> list[Any]:
        return await rig.database.fetch_all(
            "SELECT detail FROM audit WHERE what = %s ORDER BY at, id", (what,)
        )

    async def there() -> bool:
        return bool(await rows())

    await wait_until(there)
    return [row[0] for row in await rows()]


async def test_passkey_alone_signs_in(house: Rig, key: SoftwareAuthenticator) -> None:
    wanted = CodeRequest()
    async with browser(house.url) as tab:
        answer = await by_passkey(tab, key, wanted)
        claims = await id_token_claims(house, wanted, wanted.code(answer))
    assert claims["amr"] == ["pop", "user", "mfa"]
    assert claims["acr"] == "urn:agileim:acr:2"
    assert claims["preferred_username"] == "ada"
    assert await _events(house, "factor_added") == ["passkey"]
    assert "pop user mfa" in await _events(house, "signed_in")


async def test_passkey_is_the_second_step_after_the_password(
    house: Rig, key: SoftwareAuthenticator
) -> None:
    wanted = CodeRequest()
    async with browser(house.url) as tab:
        page = await open_page(tab, wanted.path(prompt="login"))
        page = await send(tab, form_to(page, "/connect/signin"), handle="ada", password=PASSWORD)
        assert "Confirm with a passkey" in page.words
        form = form_to(page, STEP)
        _, options = await options_for(tab, "second_step", form)
        assert [one["id"] for one in options["allowCredentials"]] == [key.id]
        answer = await tab.submit(form, credential=key.get(options))
        claims = await id_token_claims(house, wanted, wanted.code(answer))
    assert claims["amr"] == ["pwd", "pop", "user", "mfa"]


async def test_another_way_can_be_chosen(house: Rig, key: SoftwareAuthenticator) -> None:
    async with browser(house.url) as tab:
        await by_passkey(tab, key, CodeRequest())
        secret, codes = await set_up_authenticator(house, tab)
        assert not codes, "there were some already"
    house.clock.now += 30
    async with browser(house.url) as tab:
        page = await sign_in_at(tab)
        assert "Another way Authenticator app Recovery code" in page.words
        page = await open_page(tab, f"{STEP}?by=authenticator")
        done = await send(tab, form_to(page, STEP), code=code_at(house, secret))
        assert "Your account" in done.words


Spoil = Callable[[SoftwareAuthenticator], None]


def _with(**changes: Any) -> Spoil:
    def spoil(key: SoftwareAuthenticator) -> None:
        for name, value in changes.items():
            setattr(key, name, value)

    return spoil


def _copied(key: SoftwareAuthenticator) -> None:
    """A copy of the key that was made before its last use."""
    key.sign_count -= 1


def _other_key(key: SoftwareAuthenticator) -> None:
    key.key = SoftwareAuthenticator("").key


WRONG: dict[str, Spoil] = {
    "another origin": _with(origin="http://localhost.evil.example"),
    "another port": _with(origin="http://localhost:1"),
    "another relying party": _with(rp_id="evil.example"),
    "another challenge": _with(challenge=text(bytes(32))),
    "no challenge": _with(challenge="%"),
    "user not verified": _with(flags=UP | BE | BS),
    "user not present": _with(flags=UV | BE | BS),
    "backup eligibility changed": _with(flags=UP | UV),
    "counter not grown": _copied,
    "another key": _other_key,
    "another user": _with(user_handle=text(bytes(16))),
    "no user": _with(user_handle=""),
    "unknown credential": _with(credential_id=bytes(32)),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_answer_signs_nobody_in(
    house: Rig, key: SoftwareAuthenticator, wrong: str
) -> None:
    wanted = CodeRequest()
    async with browser(house.url) as tab:
        assert isinstance(await by_passkey(tab, key, wanted), Away)
    WRONG[wrong](key)
    async with browser(house.url) as tab:
        page = await by_passkey(tab, key, wanted)
        assert isinstance(page, Page)
        assert page.status == 422
        assert "not accepted" in page.words
        silent = await tab.open(wanted.path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required"
    assert await _events(house, "second_step_refused") == ["passkey"]
    if wrong == "counter not grown":
        assert await _events(house, "passkey_copied") == ["Laptop"]


@pytest.mark.parametrize(
    "answer", ["", "{}", "[]", "null", '{"id": 1, "response": []}', "x" * 20_000, "\\"]
)
async def test_nonsense_signs_nobody_in(house: Rig, answer: str) -> None:
    async with browser(house.url) as tab:
        page = await open_page(tab, "/connect/signin")
        page = await send(tab, form_to(page, "/connect/signin/passkey"), credential=answer)
        assert page.status == 422


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("value", ["", "AAAA", "%%%", 7, None, [], text(bytes(37)), "A" * 5000])
async def test_malformed_parts_sign_nobody_in(
    house: Rig, key: SoftwareAuthenticator, part: str, value: Any
) -> None:
    async with browser(house.url) as tab:
        page = await open_page(tab, "/connect/signin")
        form = form_to(page, "/connect/signin/passkey")
        _, options = await options_for(tab, "sign_in", form)
        page = await send(tab, form, credential=key.get(options, **{part: value}))
        assert page.status == 422


async def test_challenge_is_good_once_in_its_browser_for_its_purpose(
    house: Rig, key: SoftwareAuthenticator
) -> None:
    key.counts = False  # so that only the challenge can be at fault
    key.sign_count = 0
    async with browser(house.url) as tab, browser(house.url) as other:
        page = await open_page(tab, "/connect/signin")
        form = form_to(page, "/connect/signin/passkey")
        theirs = form_to(await open_page(other, "/connect/signin"), "/connect/signin/passkey")
        _, options = await options_for(tab, "sign_in", form)
        refused = await send(other, theirs, credential=key.get(options))
        assert refused.status == 422, "another browser's"
        assert (await send(tab, form, credential=key.get(options))).status == 422, "spent by that"
        _, options = await options_for(tab, "sign_in", form)
        house.clock.now += TIMEOUT_MS / 1000 + 1
        assert (await send(tab, form, credential=key.get(options))).status == 422, "too late"
        _, options = await options_for(tab, "sign_in", form)
        answer = key.get(options)
        async with tab.http.post(
            f"{house.url}/connect/signin/passkey",
            data={**form.fields, "credential": answer}, allow_redirects=False,
        ) as response:  # fmt: skip
            assert response.status == 303
        page = await open_page(tab, "/connect/signin")
        form = form_to(page, "/connect/signin/passkey")
        assert (await send(tab, form, credential=answer)).status == 422, "replayed"
    async with browser(house.url) as tab:
        page = await sign_in_at(tab)
        _, options = await options_for(tab, "sign_in", form_to(page, STEP))
        page = await send(tab, form_to(page, STEP), credential=key.get(options))
        assert page.status == 422, "asked for signing in alone"


@pytest.mark.parametrize(
    "spoil",
    [
        _with(origin="https://evil.example"),
        _with(rp_id="evil.example"),
        _with(flags=UP | BE | BS),
        _with(flags=UV | BE | BS),
        _with(challenge=text(bytes(32))),
        _with(credential_id=bytes(1024)),
        _with(credential_id=b""),
    ],
)
async def test_wrong_passkey_is_not_added(house: Rig, spoil: Spoil) -> None:
    key = SoftwareAuthenticator(house.url)
    spoil(key)
    async with browser(house.url) as tab:
        await sign_in_at(tab)
        page = await set_up_passkey(tab, key)
        assert page.status == 422
        assert "could not be added" in page.words
        overview = await open_page(tab, ACCOUNT)
        assert "Recovery codes" not in overview.words


async def test_passkeys_are_several_named_and_removed(
    house: Rig, key: SoftwareAuthenticator
) -> None:
    second = SoftwareAuthenticator(house.url, flags=UP | UV)
    async with browser(house.url) as tab:
        await by_passkey(tab, key, CodeRequest())
        for name, status in (("", 422), ("x" * 61, 422), ("\u202etricky", 422)):
            page = await set_up_passkey(tab, SoftwareAuthenticator(house.url), name)
            assert page.status == status
        page = await set_up_passkey(tab, second, "  <b>Key</b> ring ")
        assert "passkey has been added" in page.words
        assert "&lt;b&gt;Key&lt;/b&gt; ring" in page.text
        page = await open_page(tab, f"{ACCOUNT}/passkey?id={second.id}")
        assert "on one device only" in page.words
        rename, remove = page.forms
        page = await send(tab, rename, name="Spare", decision="rename")
        assert "Spare" in page.words
        page = await send(tab, remove, decision="remove")
        assert "Spare" not in page.words
    async with browser(house.url) as tab:
        page_or_away = await by_passkey(tab, second, CodeRequest())
        assert isinstance(page_or_away, Page)
        assert page_or_away.status == 422


async def test_passkeys_of_others_cannot_be_changed(house: Rig, key: SoftwareAuthenticator) -> None:
    await register(house.url, "bob", PASSWORD, "Bob")
    async with browser(house.url) as tab:
        await sign_in_at(tab, "bob")
        page = await set_up_passkey(tab, SoftwareAuthenticator(house.url))
        stolen = SoftwareAuthenticator(house.url, credential_id=key.credential_id)
        page = await set_up_passkey(tab, stolen)
        assert page.status == 422, "that id is somebody's"
        page = await open_page(tab, ACCOUNT)
        assert key.id not in page.text
        page = await open_page(tab, f"{ACCOUNT}/passkey?id={key.id}")
        assert page.status == 404
        own = await open_page(tab, f"{ACCOUNT}/devices")
        form_token = own.forms[-1].fields["form_token"]
        for decision in ("remove", "rename"):
            body = {"id": key.id, "decision": decision, "name": "Mine", "form_token": form_token}
            async with tab.http.post(f"{house.url}{ACCOUNT}/passkey", data=body) as response:
                assert response.status == 404
    async with browser(house.url) as tab:
        assert isinstance(await by_passkey(tab, key, CodeRequest()), Away)


async def test_options_are_for_who_may_use_them(house: Rig, key: SoftwareAuthenticator) -> None:
    async with browser(house.url) as tab:
        form = form_to(await open_page(tab, "/connect/signin"), "/connect/signin")
        for purpose in ("register", "second_step", "nonsense"):
            status, problem = await options_for(tab, purpose, form)
            assert (status, problem["code"]) == (403, "forbidden"), purpose
        form.fields["form_token"] = "guessed"
        assert (await options_for(tab, "sign_in", form))[0] == 403


async def test_options_tell_nothing_about_people(house: Rig, key: SoftwareAuthenticator) -> None:
    async with browser(house.url) as tab:
        form = form_to(await open_page(tab, "/connect/signin"), "/connect/signin")
        _, options = await options_for(tab, "sign_in", form)
    assert options["allowCredentials"] == []
    assert options["rpId"] == "localhost"
    assert len(options["challenge"]) == 43


async def test_script_is_a_file_of_ours_on_the_pages_that_need_it(house: Rig, front: Front) -> None:
    async with browser(house.url) as tab:
        page = await open_page(tab, "/connect/signin")
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.text.count("<script") == 1
        assert '<script src="/static/auth/passkeys.js" defer></script>' in page.text
        assert (
            "script-src"
            not in (await open_page(tab, "/connect/register")).headers["Content-Security-Policy"]
        )
    async with browser(front.url) as tab:
        page = await open_page(tab, "/connect/signin")
        assert "<script" not in page.text, "an address has no passkeys"
        assert (await options_for(tab, "sign_in", page.forms[0]))[0] == 404


@pytest.mark.parametrize(
    ("issuer", "available"),
    [
        ("https://chat.example.org", True),
        ("https://chat.example.org:8443", True),
        ("http://localhost:8080", True),
        ("http://chat.localhost:8080", True),
        ("http://chat.example.org", False),
        ("http://127.0.0.1:8080", False),
        ("https://192.0.2.1", False),
        ("https://[2001:db8::1]", False),
    ],
)
def test_passkeys_need_a_domain_and_a_secure_context(issuer: str, available: bool) -> None:
    assert RelyingParty(issuer).available == available
