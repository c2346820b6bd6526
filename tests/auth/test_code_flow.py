"""The authorization code flow (RFC 6749, section 4.1; RFC 7636; RFC 9207), through the pages."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import aiohttp
import jwt
import pytest

from shared.tokens import TokenVerifier
from tests.auth.rig import PARTNER_SECRET, PARTNER_URI, PASSWORD, Front, Rig
from tests.support.signin import (
    CLIENT_ID,
    Away,
    CodeRequest,
    Page,
    SignInFailed,
    Tokens,
    browser,
    claims_of,
    exchange,
    register,
    sign_in,
)


async def test_registering_signs_in_and_ends_with_tokens(rig: Rig) -> None:
    tokens = await register(rig.url, "Ada", PASSWORD, "  Ada   Lovelace ")
    row = await rig.database.fetch_one("SELECT id::text, handle, display_name FROM users")
    assert row == (tokens.user, "ada", "Ada Lovelace")
    assert await rig.live_sessions() == [tokens.session]


async def test_access_token_is_what_the_services_accept(rig: Rig, ada: Tokens) -> None:
    verifier = TokenVerifier(
        issuer=rig.url, audience="agileim", jwks_url=f"{rig.url}/.well-known/jwks.json",
        http=lambda: rig.http,
    )  # fmt: skip
    accepted = await verifier.verify(ada.access_token)
    assert accepted.user == ada.user
    assert accepted.session == ada.session
    assert accepted.client == CLIENT_ID
    assert accepted.scopes == {"openid", "profile", "chat", "offline_access"}
    assert jwt.get_unverified_header(ada.access_token)["typ"] == "at+jwt"
    assert ada.claims["exp"] - ada.claims["iat"] == 300 == ada.expires_in


async def test_id_token_names_client_nonce_and_person(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
        tokens = await exchange(tab.http, rig.url, wanted.grant(code))
    claims = claims_of(tokens.id_token)
    assert claims["aud"] == CLIENT_ID
    assert claims["nonce"] == wanted.nonce
    assert claims["sub"] == ada.user
    assert claims["preferred_username"] == "ada"
    assert claims["name"] == "Ada Lovelace"
    assert claims["auth_time"] == int(rig.clock())


async def test_without_openid_there_is_no_id_token_and_without_offline_no_refresh(
    rig: Rig, ada: Tokens
) -> None:
    wanted = CodeRequest(scope="chat")
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
        tokens = await exchange(tab.http, rig.url, wanted.grant(code))
    assert (tokens.scope, tokens.id_token, tokens.refresh_token) == ("chat", "", "")


async def test_response_names_the_issuer_and_keeps_the_state(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest(state="a b&c=ü")
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        away = await tab.submit(page.form, handle="ada", password=PASSWORD)
    assert isinstance(away, Away)
    assert away.parameters["iss"] == rig.url
    assert away.parameters["state"] == "a b&c=ü"


async def test_second_request_of_a_native_application_needs_a_click(rig: Rig, ada: Tokens) -> None:
    """Any program can listen on a loopback port (RFC 8252, section 8.6)."""
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        assert "Continue as Ada Lovelace?" in page.words
        assert wanted.code(await tab.submit(page.form, decision="allow"))
        refused = await tab.submit(page.form, decision="deny")
    assert isinstance(refused, Away)
    assert refused.parameters["error"] == "access_denied"


async def test_agreement_of_a_sign_in_is_for_its_own_request_only(rig: Rig, ada: Tokens) -> None:
    first = CodeRequest()
    async with browser(rig.url) as tab:
        page = await tab.open(first.path(prompt="login"))
        assert isinstance(page, Page)
        form = page.form
        form.fields["next"] = "/connect/device"
        await tab.submit(form, handle="ada", password=PASSWORD)
        other = await tab.open(CodeRequest().path())
    assert isinstance(other, Page)


async def test_web_client_comes_back_without_a_click(rig: Rig, ada: Tokens) -> None:
    web = CodeRequest(client_id="agileim-web", redirect_uri=f"{rig.url}/callback")
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        async with tab.http.get(rig.url + web.path(), allow_redirects=False) as response:
            location = response.headers["Location"]
        form = web.grant(web.code(Away(location)))
        status, answer, _ = await rig.post("/connect/token", form, headers={"Origin": rig.url})
    assert status == 200
    assert claims_of(answer["access_token"])["client_id"] == "agileim-web"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "internal.gateway"}, "invalid_scope"),
        ({"request": "ey.ey.ey"}, "request_not_supported"),
        ({"request_uri": "https://partner.example/r"}, "request_uri_not_supported"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"nonce": "n" * 600}, "invalid_request"),
    ],
)
async def test_faults_are_told_to_the_client(
    front: Front, changes: dict[str, str], error: str
) -> None:
    wanted = CodeRequest()
    async with browser(front.url) as tab:
        away = await tab.open(wanted.path(**changes))
    assert isinstance(away, Away)
    assert away.location.startswith(wanted.redirect_uri + "?")
    assert away.parameters["error"] == error
    assert away.parameters["state"] == wanted.state
    assert away.parameters["iss"] == front.url
    assert "code" not in away.parameters


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": ""},
        {"client_id": "Nobody"},
        {"client_id": "gateway"},  # a service
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:1/other"},
        {"redirect_uri": "http://localhost:1/callback"},
    ],
)
async def test_person_is_told_when_the_client_is_not_certain(
    front: Front, changes: dict[str, str]
) -> None:
    async with browser(front.url) as tab:
        page = await tab.open(CodeRequest().path(**changes))
    assert isinstance(page, Page)
    assert page.status == 400
    assert "That did not work" in page.words


@pytest.mark.parametrize("name", ["scope", "state", "code_challenge", "nonce", "foreign"])
async def test_duplicated_parameters_are_refused(front: Front, name: str) -> None:
    wanted = CodeRequest()
    path = f"{wanted.path(foreign='1')}&{urlencode({name: 'again'})}"
    async with browser(front.url) as tab:
        away = await tab.open(path)
    assert isinstance(away, Away)
    assert away.parameters["error"] == "invalid_request"
    assert away.parameters.get("state", "") == ("" if name == "state" else wanted.state)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_duplicated_client_or_redirect_uri_is_not_answered_by_redirect(
    front: Front, name: str
) -> None:
    wanted = CodeRequest()
    again = urlencode({name: wanted.parameters[name]})
    async with browser(front.url) as tab:
        page = await tab.open(f"{wanted.path()}&{again}")
    assert isinstance(page, Page)
    assert page.status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": "short"},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"client_id": "native"},
    ],
)
async def test_code_is_worth_nothing_without_the_rest_of_its_request(
    rig: Rig, ada: Tokens, changes: dict[str, str]
) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
    status, answer, _ = await rig.token(**wanted.grant(code, **changes))
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, answer, _ = await rig.token(**wanted.grant(code))
    assert (status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("name", ["code", "redirect_uri", "code_verifier"])
async def test_code_grant_names_what_is_missing(front: Front, name: str) -> None:
    form = CodeRequest().grant("a-code")
    del form[name]
    status, answer, _ = await front.token(**form)
    assert (status, answer["error"]) == (400, "invalid_request")
    assert name in answer["error_description"]


async def test_code_expires(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
    rig.clock.now += 61
    status, answer, _ = await rig.token(**wanted.grant(code))
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_code_replay_ends_the_session_that_was_made_from_it(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
        tokens = await exchange(tab.http, rig.url, wanted.grant(code))
    assert tokens.session in await rig.live_sessions()
    status, answer, _ = await rig.token(**wanted.grant(code))
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert tokens.session not in await rig.live_sessions()
    assert [tokens.session] in [one.sessions for one in await rig.revoked()]
    status, answer, _ = await rig.token(
        grant_type="refresh_token", refresh_token=tokens.refresh_token, client_id=CLIENT_ID
    )
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_code_redeemed_many_times_at_once_leaves_no_live_session(
    rig: Rig, ada: Tokens
) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
    answers = await asyncio.gather(*(rig.token(**wanted.grant(code)) for _ in range(8)))
    assert sum(status == 200 for status, _, _ in answers) <= 1
    assert await rig.live_sessions() == [ada.session]


async def test_third_party_needs_consent_once(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest("partner", PARTNER_URI, "openid chat offline_access")
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        page = await tab.submit(page.form, handle="ada", password=PASSWORD)
        assert isinstance(page, Page)
        assert "Allow access?" in page.words
        assert "partner.example" in page.words
        assert "Partner <b>" in page.words, "escaped, not markup"
        assert (
            f"form-action 'self' {PARTNER_URI.removesuffix('/back')}"
            in (page.headers["Content-Security-Policy"])
        )
        code = wanted.code(await tab.submit(page.form, decision="allow"))
        again = CodeRequest("partner", PARTNER_URI, "chat")
        assert again.code(await tab.open(again.path()))
        asked = await tab.open(again.path(prompt="consent"))
        assert isinstance(asked, Page)
        secret = aiohttp.encode_basic_auth("partner", PARTNER_SECRET)
        status, answer, _ = await rig.post(
            "/connect/token", wanted.grant(code), headers={"Authorization": secret}
        )
    assert status == 200
    assert answer["scope"] == "openid chat", "no more than it registered"


async def test_private_scheme_is_never_answered_without_consent(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest("native", "org.example.app:/back", "chat")
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        for _ in range(2):
            page = await tab.open(wanted.path())
            assert isinstance(page, Page)
            assert "form-action 'self' org.example.app:" in page.headers["Content-Security-Policy"]
            assert wanted.code(await tab.submit(page.form, decision="allow"))
        silent = await tab.open(wanted.path(prompt="none"))
    assert isinstance(silent, Away)
    assert silent.parameters["error"] == "consent_required"


async def test_prompt_login_and_max_age_ask_for_the_password_again(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        rig.clock.now += 100
        for more in ({"prompt": "login"}, {"max_age": "99"}):
            page = await tab.open(CodeRequest().path(**more))
            assert isinstance(page, Page)
            assert "password" in page.form.fields, more
        page = await tab.open(CodeRequest().path(max_age="101"))
        assert isinstance(page, Page)
        assert "password" not in page.form.fields


async def test_request_by_post_goes_the_same_way(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with rig.http.post(
        f"{rig.url}/connect/authorize", data=wanted.parameters, allow_redirects=False
    ) as response:
        assert response.status == 303
        assert response.headers["Location"].startswith("/connect/authorize?")


async def test_disabled_account_gets_nothing(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        code = await rig.code(tab, wanted)
        await rig.database.execute("UPDATE users SET disabled_at = now()")
        status, answer, _ = await rig.token(**wanted.grant(code))
        assert (status, answer["error"]) == (400, "invalid_grant")
        page = await tab.open(CodeRequest().path())
        assert isinstance(page, Page)
        assert "password" in page.form.fields, "the browser's sign-in no longer counts"
    with pytest.raises(SignInFailed, match="not right"):
        await sign_in(rig.url, "ada", PASSWORD)


async def test_max_age_of_nothing_is_met_by_signing_in_now(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        rig.clock.now += 0.5
        page = await tab.open(wanted.path(max_age="0"))
        assert isinstance(page, Page)
        assert wanted.code(await tab.submit(page.form, handle="ada", password=PASSWORD))
