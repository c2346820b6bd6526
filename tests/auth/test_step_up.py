"""Applications that ask for more than a password: `acr_values` (OpenID Connect Core, section
3.1.2.1; RFC 9470, section 5)."""

from __future__ import annotations

import pytest

from services.auth.domain.authentication import PASSKEY, PASSWORD, meets
from tests.auth.people import code_at, form_to, id_token_claims, set_up_authenticator, sign_in_at
from tests.auth.rig import PASSWORD as TYPED
from tests.auth.rig import Rig
from tests.support.signin import Away, CodeRequest, Page, Tokens, browser

ONE, TWO = "urn:agileim:acr:1", "urn:agileim:acr:2"
UNMET = "unmet_authentication_requirements"


async def test_second_factor_is_asked_for_and_told(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        await sign_in_at(tab)
        secret, _ = await set_up_authenticator(rig, tab)
    rig.clock.now += 30
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path(acr_values=TWO))
        assert isinstance(page, Page)
        page = await tab.submit(page.form, handle="ada", password=TYPED)
        assert isinstance(page, Page)
        assert "One more step" in page.words
        step = form_to(page, "/connect/signin/step")
        code = wanted.code(await tab.submit(step, code=code_at(rig, secret)))
    assert (await id_token_claims(rig, wanted, code))["acr"] == TWO


@pytest.mark.parametrize("prompt", ["login", "none"])
async def test_who_has_none_is_not_let_through(rig: Rig, ada: Tokens, prompt: str) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        if prompt == "none":
            wanted = CodeRequest("agileim-web", f"{rig.url}/callback")
            await sign_in_at(tab)
            path = rig.url + wanted.path(prompt=prompt, acr_values=TWO)
            async with tab.http.get(path, allow_redirects=False) as response:
                answer = Away(response.headers["Location"])
        else:
            page = await tab.open(wanted.path(prompt=prompt, acr_values=TWO))
            assert isinstance(page, Page)
            gone = await tab.submit(page.form, handle="ada", password=TYPED)
            assert isinstance(gone, Away)
            answer = gone
    assert answer.parameters["error"] == UNMET
    assert answer.parameters["iss"] == rig.settings.issuer
    assert "code" not in answer.parameters


async def test_a_password_is_enough_where_it_is_named_too(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path(acr_values=f"{TWO} {ONE}"))
        assert isinstance(page, Page)
        code = wanted.code(await tab.submit(page.form, handle="ada", password=TYPED))
    assert (await id_token_claims(rig, wanted, code))["acr"] == ONE


async def test_unknown_classes_are_refused_before_anybody_is_asked(rig: Rig) -> None:
    async with browser(rig.url) as tab:
        answer = await tab.open(CodeRequest().path(acr_values="phr urn:mace:incommon:iap:silver"))
    assert isinstance(answer, Away)
    assert answer.parameters["error"] == UNMET


@pytest.mark.parametrize(
    ("amr", "wanted", "met"),
    [
        (PASSWORD, (), True),
        (PASSWORD, (ONE,), True),
        (PASSWORD, (TWO,), False),
        (PASSWORD, ("x", ONE), True),
        (PASSWORD, ("x",), False),
        (PASSKEY, (ONE,), True),
        (PASSKEY, ("x", TWO), True),
        (PASSKEY, ("x",), False),
    ],
)
def test_what_meets_what(amr: tuple[str, ...], wanted: tuple[str, ...], met: bool) -> None:
    assert meets(amr, wanted) is met
