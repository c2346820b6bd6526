"""Clients that others have written, unmodified: Authlib and requests-oauthlib."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from requests_oauthlib import OAuth2Session

from tests.auth.rig import GATEWAY_SECRET, PASSWORD, Rig
from tests.support.signin import CLIENT_ID, REDIRECT_URI, Away, Page, Tokens, browser

SCOPE = ["openid", "profile", "chat", "offline_access"]


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
