"""Statements about sessions, devices and cookies."""

from __future__ import annotations

from functools import partial

import pytest
from yarl import URL

from shared import redis_client
from shared.keys import Keys
from shared.tokens import TokenRejected, TokenVerifier
from tests.auth import test_account as account
from tests.auth import test_bots as bots
from tests.auth import test_browser_tokens as browsers
from tests.auth import test_factors as factors
from tests.auth import test_pages as pages
from tests.auth.rig import PASSWORD, Rig
from tests.auth.security.statements import Group
from tests.support.signin import (
    CLIENT_ID,
    CodeRequest,
    Page,
    SignInFailed,
    Tokens,
    browser,
    refresh,
)

group = Group("Sessions", "S")

for _text, _source, _check in (
    ("People see and end their sessions", "ASVS 3.3.4", account.test_sessions_are_listed_and_ended),
    ("Who ends one session ends the sign-in of the browser behind it", "ASVS 3.3.4",
     account.test_ending_one_session_ends_the_sign_in_of_its_browser),
    ("Nobody ends another's session", "ASVS 4.2.1",
     account.test_sessions_of_others_cannot_be_ended),
    ("Applications of others cannot manage the account", "ASVS 4.1.3",
     account.test_applications_of_others_may_not_manage_the_account),
    ("Cookies are HttpOnly and SameSite", "ASVS 3.4.2",
     pages.test_cookies_are_out_of_reach_of_scripts_and_other_sites),
    ("The browser client's refresh token is told to no script", "ASVS 3.4.2",
     browsers.test_no_refresh_token_is_told_to_scripts),
    ("The browser client's refresh token is taken from its cookie only", "RFC 9700, 4.14",
     browsers.test_refresh_token_in_a_request_is_not_taken),
    ("A browser holds one session: the one before ends", "ASVS 3.3.1",
     browsers.test_a_browser_holds_one_session),
    ("A form's token ends with the sign-in that it was shown in", "ASVS 4.2.2",
     pages.test_form_token_ends_with_the_sign_in),
    ("A form's token is of no use without its browser", "ASVS 4.2.2",
     pages.test_form_token_without_cookie_is_refused),
    ("Signing out voids the browser's sign-in itself", "ASVS 3.3.1",
     pages.test_signing_out_ends_the_browsers_sign_in_only),
    ("Recovery codes work once each", "ASVS 2.6.1",
     factors.test_recovery_codes_work_once_each_and_are_counted),
    ("Nothing of a second factor is stored in clear", "ASVS 2.8.2",
     factors.test_nothing_of_it_is_stored_in_clear),
    ("Who set a second factor up needs it in browsers that were signed in before", "ASVS 2.2.4",
     factors.test_sign_ins_of_before_have_to_take_the_second_step),
    ("Nobody signs in to a bot with a password", "ASVS 2.10.1",
     bots.test_nobody_signs_in_to_a_bot_with_a_password),
    ("Only its owner manages a bot", "ASVS 4.2.1", bots.test_only_the_owner_manages_a_bot),
    ("A revoked secret of a bot ends its sockets", "ASVS 2.10.1",
     bots.test_secrets_overlap_and_a_revoked_one_ends_its_sockets),
):  # fmt: skip
    group.row(_text, _source, _check)


@group.holds("Over TLS cookies are Secure and bound to the host", "ASVS 3.4.4")
async def _tls(_: Rig, __: Tokens) -> None:
    await pages.test_cookies_insist_on_tls_where_there_is_tls()
    browsers.test_over_tls_the_cookie_is_bound_to_the_host()


@group.holds("Signing in gives a new cookie: none that was planted is used", "ASVS 3.2.1")
async def _fixation(rig: Rig, _: Tokens) -> None:
    async with browser(rig.url) as tab:
        tab.http.cookie_jar.update_cookies({"agileim_signin": "planted"}, URL(rig.url))
        await rig.code(tab, CodeRequest())
        [cookie] = [one for one in tab.http.cookie_jar if one.key == "agileim_signin"]
        assert cookie.value != "planted"
        first = cookie.value
        await rig.code(tab, CodeRequest())
        [cookie] = [one for one in tab.http.cookie_jar if one.key == "agileim_signin"]
        assert cookie.value != first


def _said(headers: dict[str, str]) -> str:
    if not headers:
        return "that does not say where it comes from"
    return "with " + ", ".join(f"{name} {text}" for name, text in headers.items())


for _headers in browsers.FOREIGN:
    group.row(
        f"The browser client's cookie is of no use to a request {_said(_headers)}",
        "ASVS 4.2.2",
        lambda rig, ada, headers=_headers: browsers.test_cookie_works_from_our_own_origin_only(
            rig, ada, headers
        ),
    )


async def _form(path: str, rig: Rig, ada: Tokens) -> None:
    await pages.test_form_without_its_token_is_refused(rig, ada, path)


for _path in ("/connect/signin", "/connect/register", "/connect/signout"):
    group.row(
        f"The form of {_path} without the token of its page is refused",
        "ASVS 4.2.2",
        partial(_form, _path),
    )


async def _origin(origin: str, rig: Rig, ada: Tokens) -> None:
    await pages.test_form_from_another_origin_is_refused(rig, ada, origin)


for _origin_given in ("https://evil.example", "null"):
    group.row(
        f"A form with the origin {_origin_given} is refused",
        "ASVS 4.2.2",
        partial(_origin, _origin_given),
    )


@group.holds("An account that was disabled is out", "ASVS 4.1.1")
async def _disabled(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        await rig.code(tab, CodeRequest())
        await rig.database.execute("UPDATE users SET disabled_at = now()")
        page = await tab.open("/connect/device")
        assert isinstance(page, Page)
        assert "/connect/signin" in page.url
        answer = await tab.submit(page.form, handle="ada", password=PASSWORD)
        assert isinstance(answer, Page)
        assert answer.status == 422
    headers = {"Authorization": f"Bearer {ada.access_token}"}
    async with rig.http.get(f"{rig.url}/connect/userinfo", headers=headers) as response:
        assert response.status == 401


@group.holds("A revocation that Redis lost takes effect when the access token ends", "RFC 7009, 3")
async def _without_redis(rig: Rig, ada: Tokens) -> None:
    await rig.post("/connect/revocation", {"token": ada.refresh_token, "client_id": CLIENT_ID})
    redis = redis_client.connect(rig.settings.redis_url)
    try:
        await redis.delete(Keys(rig.settings.key_prefix).revocations())
    finally:
        await redis.aclose()
    verifier = TokenVerifier(
        issuer=rig.url, audience="agileim", jwks_url=f"{rig.url}/.well-known/jwks.json",
        http=lambda: rig.http, now=rig.clock,
    )  # fmt: skip
    rig.clock.now += 306
    with pytest.raises(TokenRejected):
        await verifier.verify(ada.access_token)
    with pytest.raises(SignInFailed):
        await refresh(rig.url, ada)
