"""Client authentication, client credentials and the faults of token requests (RFC 6749)."""

from __future__ import annotations

import base64

import aiohttp
import jwt
import pytest

from shared.service_client import ServiceTokens
from shared.tokens import TokenRejected, TokenVerifier
from tests.auth.rig import GATEWAY_SECRET, PARTNER_SECRET, PARTNER_URI, Front, Rig
from tests.support.servers import wait_until
from tests.support.signin import CLIENT_ID, CodeRequest, Tokens

GRANT = {"grant_type": "client_credentials"}


def _verifier(rig: Front, audience: str) -> TokenVerifier:
    return TokenVerifier(
        issuer=rig.url, audience=audience, jwks_url=f"{rig.url}/.well-known/jwks.json",
        http=lambda: rig.http,
    )  # fmt: skip


async def test_service_gets_a_token_for_the_inside_only(front: Front) -> None:
    tokens = ServiceTokens(front.url, "gateway", GATEWAY_SECRET, front.http)
    token = await tokens.token()
    accepted = await _verifier(front, "internal").verify(token)
    assert (accepted.user, accepted.client, accepted.session) == ("gateway", "gateway", "")
    assert accepted.scopes == {"internal.gateway"}
    with pytest.raises(TokenRejected):
        await _verifier(front, "agileim").verify(token)


async def test_user_token_is_no_service_token(rig: Rig, ada: Tokens) -> None:
    with pytest.raises(TokenRejected):
        await _verifier(rig, "internal").verify(ada.access_token)
    path = f"{rig.settings.api_urls[0]}/internal/v1/accounts/{ada.user}"
    headers = {"Authorization": f"Bearer {ada.access_token}"}
    async with rig.http.get(path, headers=headers) as response:
        assert response.status == 401


async def test_secret_may_come_in_the_form(front: Front) -> None:
    status, answer, headers = await front.token(
        client_id="gateway", client_secret=GATEWAY_SECRET, **GRANT
    )
    assert (status, answer["scope"], answer["token_type"]) == (200, "internal.gateway", "Bearer")
    assert "refresh_token" not in answer
    assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")


@pytest.mark.parametrize(
    "header",
    [
        aiohttp.encode_basic_auth("gateway", "wrong"),
        aiohttp.encode_basic_auth("gateway", ""),
        aiohttp.encode_basic_auth("Nobody", GATEWAY_SECRET),
        aiohttp.encode_basic_auth("agileim-cli", "made-up"),
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Bearer abc",
    ],
)
async def test_client_that_is_not_who_it_says_is_refused(front: Front, header: str) -> None:
    status, answer, headers = await front.post(
        "/connect/token", GRANT, headers={"Authorization": header}
    )
    assert (status, answer["error"]) == (401, "invalid_client")
    assert headers["WWW-Authenticate"].startswith("Basic ")
    assert headers["Cache-Control"] == "no-store"


async def test_confidential_client_needs_its_secret_for_every_grant(front: Front) -> None:
    wanted = CodeRequest("partner", PARTNER_URI, "chat")
    status, answer, _ = await front.token(**wanted.grant("a-code"))
    assert (status, answer["error"]) == (401, "invalid_client")
    status, answer, _ = await front.token(**wanted.grant("a-code", client_secret=PARTNER_SECRET))
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_two_ways_of_authentication_or_two_names_are_one_too_many(front: Front) -> None:
    header = {"Authorization": aiohttp.encode_basic_auth("gateway", GATEWAY_SECRET)}
    for more in ({"client_secret": GATEWAY_SECRET}, {"client_id": "harness"}):
        status, answer, _ = await front.post("/connect/token", {**GRANT, **more}, headers=header)
        assert (status, answer["error"]) == (400, "invalid_request")


async def test_scope_beyond_the_clients_own_is_refused(front: Front) -> None:
    client = {"client_id": "gateway", "client_secret": GATEWAY_SECRET}
    status, answer, _ = await front.token(scope="internal.auth", **client, **GRANT)
    assert (status, answer["error"]) == (400, "invalid_scope")


async def test_grant_type_must_be_known_and_allowed(rig: Rig) -> None:
    for form, error in (
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "ada", "password": "x"}, "unsupported_grant_type"),
        (GRANT, "unauthorized_client"),
    ):
        status, answer, _ = await rig.token(client_id=CLIENT_ID, **form)
        assert (status, answer["error"]) == (400, error)


@pytest.mark.parametrize("name", ["grant_type", "refresh_token", "client_id", "foreign"])
async def test_duplicated_parameters_are_refused(rig: Rig, ada: Tokens, name: str) -> None:
    form = [
        ("grant_type", "refresh_token"), ("refresh_token", ada.refresh_token),
        ("client_id", CLIENT_ID), ("foreign", "1"),
    ]  # fmt: skip
    again = next(pair for pair in form if pair[0] == name)
    status, answer, _ = await rig.post("/connect/token", [*form, again])
    assert (status, answer["error"]) == (400, "invalid_request")
    assert name in answer["error_description"]


async def test_parameters_count_in_the_body_only(front: Front) -> None:
    status, answer, _ = await front.post(f"/connect/token?client_id={CLIENT_ID}", GRANT)
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b"client_id=%00", b"&".join([b"a=1"] * 100)])
async def test_body_that_is_no_form_is_refused(front: Front, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with front.http.post(
        f"{front.url}/connect/token", data=body, headers=headers
    ) as response:
        assert response.status == 400
        assert (await response.json())["error"] == "invalid_request"
    async with front.http.post(f"{front.url}/connect/token", json={"a": 1}) as response:
        assert response.status == 400
        assert (await response.json())["error"] == "invalid_request"


async def test_userinfo_tells_who_it_is(rig: Rig, ada: Tokens) -> None:
    headers = {"Authorization": f"Bearer {ada.access_token}"}
    async with rig.http.get(f"{rig.url}/connect/userinfo", headers=headers) as response:
        assert response.status == 200
        assert await response.json() == {
            "sub": ada.user, "preferred_username": "ada", "name": "Ada Lovelace",
        }  # fmt: skip


async def test_userinfo_refuses_what_is_not_an_access_token(rig: Rig, ada: Tokens) -> None:
    head, payload, signature = ada.access_token.split(".")
    none = jwt.encode(ada.claims, "", algorithm="none", headers={"typ": "at+jwt"})
    tokens = [
        "",
        "nonsense",
        ada.id_token,
        ada.refresh_token,
        f"{head}.{payload}.{signature[:-8]}AAAAAAAA",
        none,
    ]
    for token in tokens:
        headers = {"Authorization": f"Bearer {token}"}
        async with rig.http.get(f"{rig.url}/connect/userinfo", headers=headers) as response:
            assert response.status == 401, token
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_userinfo_refuses_expired_and_revoked_tokens(rig: Rig, ada: Tokens) -> None:
    headers = {"Authorization": f"Bearer {ada.access_token}"}
    rig.clock.now += 301
    async with rig.http.get(f"{rig.url}/connect/userinfo", headers=headers) as response:
        assert response.status == 401
    fresh = await rig.tokens()
    headers = {"Authorization": f"Bearer {fresh.access_token}"}
    async with rig.http.get(f"{rig.url}/connect/userinfo", headers=headers) as response:
        assert response.status == 200
    await rig.post("/connect/revocation", {"token": fresh.refresh_token, "client_id": CLIENT_ID})
    await wait_until(lambda: fresh.session in rig.auth.revoked)
    async with rig.http.get(f"{rig.url}/connect/userinfo", headers=headers) as response:
        assert response.status == 401
