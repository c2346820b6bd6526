"""Statements about the OAuth endpoints."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from urllib.parse import urlencode

import aiohttp

from services.auth.domain import redirects
from tests.auth import test_code_flow as flow
from tests.auth import test_device_flow as devices
from tests.auth import test_end_session as ending
from tests.auth.rig import GATEWAY_SECRET, PARTNER_SECRET, PARTNER_URI, PASSWORD, Rig
from tests.auth.security.statements import Group
from tests.support.signin import CLIENT_ID, Away, CodeRequest, Page, Tokens, browser

group = Group("OAuth", "O")
PARTNER = CodeRequest("partner", PARTNER_URI, "openid chat")


async def _open(rig: Rig, path: str) -> Page | Away:
    async with browser(rig.url) as tab:
        return await tab.open(path)


# --- redirect URIs --------------------------------------------------------------------------------


async def _not_answered(changed: str, client: CodeRequest, rig: Rig, _: Tokens) -> None:
    """The person gets an error page, for a client that is else in order."""
    answer = await _open(rig, client.path(redirect_uri=changed))
    assert isinstance(answer, Page)
    assert (answer.status, answer.forms) == (400, [])


NATIVE = CodeRequest()
for _what, _uri, _client, _source in (
    ("letter case of the path", "https://partner.example/Back", PARTNER, "RFC 9700, 2.1"),
    ("letter case of the host", "https://Partner.example/back", PARTNER, "RFC 9700, 2.1"),
    ("a trailing slash", "https://partner.example/back/", PARTNER, "RFC 9700, 2.1"),
    ("user information", "https://partner.example@evil.example/back", PARTNER, "RFC 9700, 4.1"),
    ("percent-encoding", "https://partner.example/b%61ck", PARTNER, "RFC 9700, 2.1"),
    ("dot segments", "https://partner.example/x/../back", PARTNER, "RFC 9700, 4.1"),
    ("a query", "https://partner.example/back?next=evil", PARTNER, "RFC 9700, 4.1"),
    ("a fragment", "https://partner.example/back#x", PARTNER, "RFC 6749, 3.1.2"),
    ("the scheme", "http://partner.example/back", PARTNER, "RFC 9700, 2.6"),
    ("the port of a host that is not loopback", "https://partner.example:444/back", PARTNER,
     "RFC 8252, 7.3"),
    ("a longer host", "https://partner.example.evil.example/back", PARTNER, "RFC 9700, 4.1"),
    ("a backslash", "https://evil.example\\@partner.example/back", PARTNER, "RFC 9700, 4.1"),
    ("the name localhost for the loopback address", "http://localhost:9/callback", NATIVE,
     "RFC 8252, 8.3"),
):  # fmt: skip
    group.row(
        f"A redirect URI that differs from the registered one in {_what} is not answered",
        _source,
        partial(_not_answered, _uri, _client),
    )


@group.holds(
    "No client registers a redirect URI with fragment, user information, wildcard or plain http",
    "RFC 6749, 3.1.2",
)
async def _registration(_: Rig, __: Tokens) -> None:
    for uri in (
        "https://partner.example/#x", "https://user@partner.example/", "http://partner.example/",
        "http://localhost/back", "https:///back", "myapp:/back", "javascript:alert(1)",
        "data:text/html,x", "https://partner.example/<b>", "https://partner.example/\\x",
    ):  # fmt: skip
        assert redirects.registration_fault(uri), uri
    assert not redirects.matches("https://x.partner.example/", ["https://*.partner.example/"])


@group.holds(
    "With an unknown client, the person is told and nobody redirected", "RFC 6749, 4.1.2.1"
)
async def _unknown_client(rig: Rig, ada: Tokens) -> None:
    await _not_answered(PARTNER_URI, CodeRequest("nobody", PARTNER_URI), rig, ada)


@group.holds(
    "With a duplicated client or redirect URI, the person is told and nobody redirected",
    "RFC 6749, 3.1",
)
async def _duplicated(rig: Rig, _: Tokens) -> None:
    for name, value in (("client_id", "nobody"), ("redirect_uri", "https://evil.example/")):
        answer = await _open(rig, f"{PARTNER.path()}&{urlencode({name: value})}")
        assert isinstance(answer, Page)
        assert answer.status == 400


# --- authorization requests -----------------------------------------------------------------------


async def _refused(changes: dict[str, str], error: str, rig: Rig, _: Tokens) -> None:
    answer = await _open(rig, PARTNER.path(**changes))
    assert isinstance(answer, Away)
    assert answer.parameters["error"] == error
    assert answer.parameters["iss"] == rig.url


for _text, _source, _changes, _error in (
    ("The implicit flow is refused", "RFC 9700, 2.1.2", {"response_type": "token"},
     "unsupported_response_type"),
    ("The hybrid flow is refused", "RFC 9700, 2.1.2", {"response_type": "code id_token"},
     "unsupported_response_type"),
    ("A request without PKCE is refused", "RFC 9700, 2.1.1", {"code_challenge": ""},
     "invalid_request"),
    ("PKCE with the method plain is refused", "RFC 9700, 2.1.1",
     {"code_challenge_method": "plain"}, "invalid_request"),
    ("Request objects are refused", "OpenID Connect Core, 6.1", {"request": "a.b.c"},
     "request_not_supported"),
    ("Request objects elsewhere are not fetched", "RFC 9101, 10.4",
     {"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
    ("An answer in a fragment or form is refused", "RFC 9700, 2.1",
     {"response_mode": "fragment"}, "invalid_request"),
    ("Who is not signed in gets nothing silently", "OpenID Connect Core, 3.1.2.6",
     {"prompt": "none"}, "login_required"),
):  # fmt: skip
    group.row(_text, _source, partial(_refused, _changes, _error))


@group.holds("Other duplicated parameters of a request are refused", "RFC 6749, 3.1")
async def _duplicated_state(rig: Rig, _: Tokens) -> None:
    answer = await _open(rig, f"{PARTNER.path()}&state=other")
    assert isinstance(answer, Away)
    assert answer.parameters["error"] == "invalid_request"


group.row(
    "The answer names the issuer and keeps the state", "RFC 9207, 2",
    flow.test_response_names_the_issuer_and_keeps_the_state,
)  # fmt: skip
group.row(
    "Applications of others need the person's consent", "RFC 6749, 10.2",
    flow.test_third_party_needs_consent_once,
)  # fmt: skip
group.row(
    "A private scheme, which any program can claim, gets nothing without a click",
    "RFC 8252, 8.6", flow.test_private_scheme_is_never_answered_without_consent,
)  # fmt: skip
group.row(
    "A program that listens on loopback gets a second code only after a click",
    "RFC 8252, 8.6", flow.test_second_request_of_a_native_application_needs_a_click,
)  # fmt: skip


@group.holds("After signing in, people are led to our own pages only", "RFC 9700, 4.11.2")
async def _open_redirect(rig: Rig, _: Tokens) -> None:
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "/connect/../x"):
        async with browser(rig.url) as tab:
            page = await tab.open(f"/connect/signin?{urlencode({'next': target})}")
            assert isinstance(page, Page)
            answer = await tab.submit(page.form, handle="ada", password=PASSWORD)
            assert isinstance(answer, Page), target
            assert "evil" not in answer.url


# --- codes ----------------------------------------------------------------------------------------


@group.holds("A code that is redeemed 50 times in parallel leaves no session", "RFC 9700, 4.5")
async def _replay(rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        form = wanted.grant(await rig.code(tab, wanted))
    answers = await asyncio.gather(*(rig.token(**form) for _ in range(50)))
    assert sum(status == 200 for status, _, _ in answers) <= 1
    assert await rig.live_sessions() == [ada.session]
    status, answer, _ = await rig.token(**form)
    assert (status, answer["error"]) == (400, "invalid_grant")


async def _code_is_bound(changes: dict[str, str], rig: Rig, ada: Tokens) -> None:
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        form = {**wanted.grant(await rig.code(tab, wanted)), **changes}
    form = {name: text for name, text in form.items() if text}
    status, answer, _ = await rig.token(**form)
    assert status == 400
    assert answer["error"] in ("invalid_grant", "invalid_request")
    assert await rig.live_sessions() == [ada.session]


for _text, _source, _changes in (
    ("A code without its verifier is worth nothing", "RFC 7636, 4.5", {"code_verifier": ""}),
    ("A code with a wrong verifier is worth nothing", "RFC 7636, 4.6",
     {"code_verifier": "w" * 43}),
    ("A verifier of under 43 characters is refused", "RFC 7636, 4.1",
     {"code_verifier": "short"}),
    ("A verifier of over 128 characters is refused", "RFC 7636, 4.1",
     {"code_verifier": "w" * 129}),
    ("A code with the challenge in place of the verifier is worth nothing", "RFC 7636, 7.2",
     {"code_verifier": NATIVE.parameters["code_challenge"]}),
    ("A code with another redirect URI is worth nothing", "RFC 6749, 4.1.3",
     {"redirect_uri": "http://127.0.0.1:1/callback"}),
    ("A code in another client's hands is worth nothing", "RFC 6749, 4.1.3",
     {"client_id": "native"}),
):  # fmt: skip
    group.row(_text, _source, partial(_code_is_bound, _changes))

group.row("A code expires", "RFC 6749, 4.1.2", flow.test_code_expires)


# --- token endpoint -------------------------------------------------------------------------------


async def _token_refused(
    form: Any, headers: dict[str, str], query: str, expected: tuple[int, str], rig: Rig, _: Tokens
) -> None:
    status, answer, found = await rig.post(f"/connect/token{query}", form, headers=headers)
    assert (status, answer["error"]) == expected
    assert found["Cache-Control"] == "no-store"


SERVICE = {"grant_type": "client_credentials"}
BASIC = {"Authorization": aiohttp.encode_basic_auth("gateway", GATEWAY_SECRET)}
IN_QUERY = f"?{urlencode({'client_id': 'gateway', 'client_secret': GATEWAY_SECRET})}"
for _text, _source, _form, _headers, _query, _expected in (
    ("Duplicated parameters of a token request are refused", "RFC 6749, 3.2",
     [*SERVICE.items(), ("scope", "internal.gateway"), ("scope", "internal.auth")], BASIC, "",
     (400, "invalid_request")),
    ("Credentials in the token endpoint's URL do not count", "RFC 6749, 2.3.1",
     SERVICE, {}, IN_QUERY, (401, "invalid_client")),
    ("A grant in the token endpoint's URL does not count", "RFC 6749, 3.2",
     {}, BASIC, "?grant_type=client_credentials", (400, "invalid_request")),
    ("Two ways of client authentication in one request are refused", "RFC 6749, 2.3",
     {**SERVICE, "client_id": "gateway", "client_secret": GATEWAY_SECRET}, BASIC, "",
     (400, "invalid_request")),
    ("A wrong client secret is refused", "RFC 6749, 5.2", SERVICE,
     {"Authorization": aiohttp.encode_basic_auth("gateway", "wrong")}, "",
     (401, "invalid_client")),
    ("A client with a secret is refused without it", "RFC 6749, 3.2.1",
     PARTNER.grant("a-code"), {}, "", (401, "invalid_client")),
    ("A client gets no scope beyond its own", "RFC 6749, 3.3",
     {**SERVICE, "scope": "internal.auth"}, BASIC, "", (400, "invalid_scope")),
    ("A client gets no grant beyond its own", "RFC 6749, 5.2",
     {**SERVICE, "client_id": "partner", "client_secret": PARTNER_SECRET}, {}, "",
     (400, "unauthorized_client")),
    ("There is no password grant", "RFC 9700, 2.4",
     {"grant_type": "password", "client_id": CLIENT_ID, "username": "ada", "password": PASSWORD},
     {}, "", (400, "unsupported_grant_type")),
):  # fmt: skip
    group.row(_text, _source, partial(_token_refused, _form, _headers, _query, _expected))


# --- devices, introspection, signing out ----------------------------------------------------------

group.row(
    "Guessing user codes of devices is throttled", "RFC 8628, 5.1",
    devices.test_guessing_user_codes_is_throttled,
)  # fmt: skip
group.row(
    "A link that carries the user code still asks", "RFC 8628, 5.4",
    devices.test_link_with_the_code_still_asks,
)  # fmt: skip
group.row(
    "A device code gives tokens once", "RFC 8628, 3.5",
    devices.test_device_gets_tokens_after_the_person_has_allowed_it,
)  # fmt: skip


@group.holds("Only authenticated services may introspect", "RFC 7662, 2.1")
async def _introspection(rig: Rig, ada: Tokens) -> None:
    callers = [
        {}, {"client_id": CLIENT_ID}, {"client_id": "gateway", "client_secret": "wrong"},
        {"client_id": "partner", "client_secret": PARTNER_SECRET},
    ]  # fmt: skip
    for caller in callers:
        form = {"token": ada.access_token, **caller}
        status, answer, _ = await rig.post("/connect/introspect", form)
        assert status >= 400
        assert "active" not in answer


@group.holds("Introspection says nothing about a token that is not good", "RFC 7662, 2.2")
async def _inactive(rig: Rig, ada: Tokens) -> None:
    for token in ("nonsense", "a.b.c", ada.id_token, ada.access_token[:-8] + "AAAAAAAA"):
        _, answer, _ = await rig.post("/connect/introspect", {"token": token}, headers=BASIC)
        assert answer == {"active": False}


@group.holds("Signing out leads to registered addresses only", "RP-Initiated Logout, 3")
async def _logout(rig: Rig, _: Tokens) -> None:
    for query in (
        {"post_logout_redirect_uri": PARTNER_URI},
        {"client_id": "partner", "post_logout_redirect_uri": f"{PARTNER_URI}/x"},
        {"client_id": CLIENT_ID, "post_logout_redirect_uri": PARTNER_URI},
    ):
        await ending.test_nobody_is_sent_elsewhere(rig, query)


group.row(
    "Other sites cannot sign people out", "RP-Initiated Logout, 6",
    ending.test_other_sites_cannot_sign_people_out,
)  # fmt: skip
