"""Clients that others have written, unmodified: Authlib and requests-oauthlib."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oidc.core import CodeIDToken, UserInfo
from joserfc import jwt
from joserfc.jwk import KeySet
from oauthlib.oauth2 import BackendApplicationClient, DeviceClient, InvalidGrantError
from requests_oauthlib import OAuth2Session

from tests.auth.rig import GATEWAY_SECRET, PASSWORD, Rig
from tests.support.signin import (
    CLIENT_ID,
    REDIRECT_URI,
    Away,
    Page,
    Tokens,
    browser,
    claims_of,
)

SCOPE = ["openid", "profile", "chat", "offline_access"]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both refuse http, also on this machine, unless told."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


async def _go(rig: Rig, url: str) -> str:
    """Sign ada in where the client's URL leads; the URL that comes back."""
    async with browser(rig.url) as tab:
        page = await tab.open(url)
        assert isinstance(page, Page)
        answer = await tab.submit(page.form, handle="ada", password=PASSWORD)
    assert isinstance(answer, Away)
    return answer.location


async def _document(rig: Rig) -> dict[str, Any]:
    async with rig.http.get(f"{rig.url}/.well-known/openid-configuration") as response:
        found: dict[str, Any] = await response.json()
    return found


async def test_requests_oauthlib_code_refresh_and_userinfo(rig: Rig, ada: Tokens) -> None:
    server = await _document(rig)
    client = OAuth2Session(CLIENT_ID, redirect_uri=REDIRECT_URI, scope=SCOPE, pkce="S256")
    url, _ = client.authorization_url(server["authorization_endpoint"])
    back = await _go(rig, url)

    def flow() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        first = client.fetch_token(
            server["token_endpoint"], authorization_response=back, include_client_id=True
        )
        second = client.refresh_token(server["token_endpoint"], client_id=CLIENT_ID)
        return first, second, client.get(server["userinfo_endpoint"]).json()

    first, second, person = await asyncio.to_thread(flow)
    assert first["refresh_token"] != second["refresh_token"]
    assert person == {"sub": ada.user, "preferred_username": "ada", "name": "Ada Lovelace"}


async def test_authlib_code_refresh_introspection_and_revocation(rig: Rig, ada: Tokens) -> None:
    server = await _document(rig)
    client = AuthlibSession(
        CLIENT_ID, redirect_uri=REDIRECT_URI, scope=SCOPE, code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )  # fmt: skip
    verifier = "v" * 64
    url, state = client.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier
    )
    back = await _go(rig, url)

    def flow() -> tuple[dict[str, Any], dict[str, Any], int]:
        first = dict(
            client.fetch_token(
                server["token_endpoint"],
                authorization_response=back,
                state=state,
                code_verifier=verifier,
            )
        )
        second = dict(client.refresh_token(server["token_endpoint"]))
        ended = client.revoke_token(server["revocation_endpoint"], token=second["refresh_token"])
        return first, second, ended.status_code

    first, second, status = await asyncio.to_thread(flow)
    assert first["refresh_token"] != second["refresh_token"]
    assert status == 200
    assert await rig.live_sessions() == [ada.session]

    def service() -> tuple[dict[str, Any], dict[str, Any]]:
        gateway = AuthlibSession("gateway", GATEWAY_SECRET, scope="internal.gateway")
        token = dict(gateway.fetch_token(server["token_endpoint"], grant_type="client_credentials"))
        told = gateway.introspect_token(server["introspection_endpoint"], token=ada.access_token)
        return token, told.json()

    token, told = await asyncio.to_thread(service)
    assert token["scope"] == "internal.gateway"
    assert (told["active"], told["sub"]) == (True, ada.user)


async def test_authlib_checks_the_id_token_with_the_published_keys(rig: Rig, ada: Tokens) -> None:
    server = await _document(rig)
    client = AuthlibSession(
        CLIENT_ID, redirect_uri=REDIRECT_URI, scope=SCOPE, code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )  # fmt: skip
    url, _ = client.create_authorization_url(
        server["authorization_endpoint"], code_verifier="v" * 64, nonce="a-nonce"
    )
    back = await _go(rig, url)

    def flow() -> tuple[CodeIDToken, UserInfo]:
        tokens = client.fetch_token(
            server["token_endpoint"], authorization_response=back, code_verifier="v" * 64
        )
        keys = KeySet.import_key_set(client.get(server["jwks_uri"], withhold_token=True).json())
        found = jwt.decode(tokens["id_token"], keys, algorithms=["ES256"])
        options = {
            "iss": {"essential": True, "value": server["issuer"]},
            "aud": {"essential": True, "value": CLIENT_ID},
        }
        params = {"nonce": "a-nonce", "client_id": CLIENT_ID, "max_age": 600}
        claims = CodeIDToken(found.claims, found.header, options, params)
        claims.validate(now=int(rig.clock.now))
        return claims, UserInfo(client.get(server["userinfo_endpoint"]).json())

    claims, person = await asyncio.to_thread(flow)
    assert claims["sub"] == person["sub"] == ada.user
    assert person["preferred_username"] == "ada"


async def _allow(rig: Rig, url: str) -> None:
    """Ada lets the device in."""
    async with browser(rig.url) as tab:
        page = await tab.open(url)
        assert isinstance(page, Page)
        page = await tab.submit(page.form, handle="ada", password=PASSWORD)
        assert isinstance(page, Page)
        assert isinstance(await tab.submit(page.form, decision="allow"), Page)


async def test_authlib_device_flow(rig: Rig, ada: Tokens) -> None:
    server = await _document(rig)
    client = AuthlibSession(CLIENT_ID, token_endpoint_auth_method="none")
    device = await asyncio.to_thread(
        lambda: client.post(
            server["device_authorization_endpoint"],
            data={"client_id": CLIENT_ID, "scope": " ".join(SCOPE)}, withhold_token=True,
        ).json()
    )  # fmt: skip
    await _allow(rig, device["verification_uri_complete"])
    tokens = await asyncio.to_thread(
        lambda: client.fetch_token(
            server["token_endpoint"], grant_type=DEVICE, device_code=device["device_code"]
        )
    )
    assert claims_of(tokens["access_token"])["sub"] == ada.user
    assert tokens["refresh_token"]


async def test_requests_oauthlib_device_flow(rig: Rig, ada: Tokens) -> None:
    server = await _document(rig)
    form = {"client_id": CLIENT_ID, "scope": " ".join(SCOPE)}
    _, device, _ = await rig.post("/connect/deviceauthorization", form)
    await _allow(rig, device["verification_uri_complete"])
    session = OAuth2Session(client=DeviceClient(CLIENT_ID))
    tokens = await asyncio.to_thread(
        lambda: session.fetch_token(
            server["token_endpoint"], device_code=device["device_code"], include_client_id=True
        )
    )
    assert claims_of(tokens["access_token"])["sub"] == ada.user


async def test_requests_oauthlib_client_credentials(rig: Rig) -> None:
    server = await _document(rig)
    session = OAuth2Session(client=BackendApplicationClient("gateway"))
    tokens = await asyncio.to_thread(
        lambda: session.fetch_token(
            server["token_endpoint"], client_id="gateway", client_secret=GATEWAY_SECRET
        )
    )
    assert tokens["scope"] == ["internal.gateway"]


async def test_requests_oauthlib_understands_refusals(rig: Rig, ada: Tokens) -> None:
    server = await _document(rig)
    session = OAuth2Session(CLIENT_ID, token={"access_token": "x", "refresh_token": "spent"})

    def flow() -> None:
        with pytest.raises(InvalidGrantError):
            session.refresh_token(server["token_endpoint"], client_id=CLIENT_ID)

    await asyncio.to_thread(flow)
