"""The loopback redirect: who may answer, and what a wrong answer does."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from agileim import SignInError, Unreachable, loopback, sign_in_with_browser
from agileim.oauth import OAuth, Pkce
from tests.clients_python.playserver import PlayServer


async def visit(url: str, **query: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(url, params=query) as answer:
        return answer.status


async def test_the_answer_needs_our_state_and_others_change_nothing() -> None:
    async with loopback.listen() as waiting:
        waiting.issuer = "https://chat.example"
        assert await visit(waiting.redirect_uri, code="evil", state="guess") == 400
        assert await visit(waiting.redirect_uri, code="evil") == 400
        assert await visit(waiting.redirect_uri, code="good", state=waiting.state) == 200
        assert await waiting.code(1) == "good"
        assert await visit(waiting.redirect_uri, code="late", state=waiting.state) == 400


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"error": "access_denied", "error_description": "no, thanks"}, "no, thanks"),
        ({"code": "c", "iss": "https://evil.example"}, "another server"),
        ({}, "no code"),
    ],
)
async def test_a_refusal_or_a_mix_up_ends_the_sign_in(query: dict[str, str], said: str) -> None:
    async with loopback.listen() as waiting:
        waiting.issuer = "https://chat.example"
        assert await visit(waiting.redirect_uri, state=waiting.state, **query) == 400
        with pytest.raises(SignInError, match=said):
            await waiting.code(1)


async def test_nobody_comes() -> None:
    async with loopback.listen() as waiting:
        with pytest.raises(SignInError, match="within 0 seconds"):
            await waiting.code(0.01)


async def test_the_address_to_open_asks_for_a_code_with_pkce(server: PlayServer) -> None:
    async with aiohttp.ClientSession() as http:
        pkce = Pkce.new()
        url = await OAuth(server.url, http).authorize_url(
            "http://127.0.0.1:1/callback", "s", pkce, register=True
        )
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query["code_challenge_method"] == "S256"
    assert query["code_challenge"] == pkce.challenge != pkce.verifier
    assert query["prompt"] == "create"
    assert query["scope"] == "openid chat offline_access"


def test_the_challenge_is_the_one_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    pkce = Pkce.of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert pkce.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_a_server_that_is_none_of_ours_is_told(server: PlayServer) -> None:
    with pytest.raises(SignInError):
        await sign_in_with_browser(f"{server.url}/elsewhere", "x", open_url=lambda url: None)
    listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    with pytest.raises(Unreachable):
        await sign_in_with_browser(f"http://127.0.0.1:{port}", "x", open_url=lambda url: None)
