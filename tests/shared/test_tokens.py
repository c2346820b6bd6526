"""Which access tokens are accepted, and how often auth is asked for its keys."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest

from shared.tokens import KeysUnavailable, TokenRejected, TokenVerifier
from tests.support.tokens import TestIssuer

USER = "0190a5f0-0000-7000-8000-000000000001"


@pytest.fixture
async def issuer() -> AsyncIterator[TestIssuer]:
    async with TestIssuer() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def verifier(issuer: TestIssuer, http: aiohttp.ClientSession, **changes: Any) -> TokenVerifier:
    settings: dict[str, Any] = {
        "issuer": issuer.url,
        "audience": "agileim",
        "jwks_url": f"{issuer.url}/.well-known/jwks.json",
        "http": lambda: http,
    }
    return TokenVerifier(**settings | changes)


async def test_a_good_token_says_who_and_until_when(
    issuer: TestIssuer, http: aiohttp.ClientSession
) -> None:
    accepted = await verifier(issuer, http).verify(issuer.user_token(USER, session="s1"))
    assert (accepted.user, accepted.session, accepted.client) == (USER, "s1", "agileim-cli")
    assert "chat" in accepted.scopes
    assert accepted.expires_at > time.time()


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": 1_000_000_000},
    "not valid yet": {"nbf": 10_000_000_000},
    "of another issuer": {"iss": "https://elsewhere.example"},
    "for another audience": {"aud": "internal"},
    "without expiry": {"exp": None},
    "without audience": {"aud": None},
    "without subject": {"sub": None},
    "without client": {"client_id": None},
    "without id": {"jti": None},
}


@pytest.mark.parametrize("claims", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
async def test_a_token_with_wrong_claims_is_refused(
    issuer: TestIssuer, http: aiohttp.ClientSession, claims: dict[str, Any]
) -> None:
    with pytest.raises(TokenRejected):
        await verifier(issuer, http).verify(issuer.user_token(USER, **claims))


async def test_an_id_token_is_no_access_token(
    issuer: TestIssuer, http: aiohttp.ClientSession
) -> None:
    token = issuer.sign({"sub": USER, "aud": "agileim", "client_id": "c"}, typ="JWT")
    with pytest.raises(TokenRejected, match="not an access token"):
        await verifier(issuer, http).verify(token)


@pytest.mark.parametrize(
    "header",
    [{"crit": ["b64"]}, {"crit": []}, {"kid": None}, {"alg": "ES384"}, {"typ": "JWT"}],
    ids=str,
)
async def test_a_token_with_a_wrong_header_is_refused(
    issuer: TestIssuer, http: aiohttp.ClientSession, header: dict[str, Any]
) -> None:
    whole, payload, signature = issuer.user_token(USER).split(".")
    fields = json.loads(base64.urlsafe_b64decode(whole + "==")) | header
    changed = base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode()
    with pytest.raises(TokenRejected):
        await verifier(issuer, http).verify(f"{changed}.{payload}.{signature}")


def unsigned(issuer: TestIssuer) -> str:
    claims = jwt.decode(issuer.user_token(USER), options={"verify_signature": False})
    return jwt.encode(claims, None, "none", headers={"typ": "at+jwt", "kid": issuer.kid})


def tampered(issuer: TestIssuer) -> str:
    header, payload, signature = issuer.user_token(USER).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["sub"] = "0190a5f0-0000-7000-8000-000000000002"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{forged}.{signature}"


def symmetric(issuer: TestIssuer) -> str:
    claims = jwt.decode(issuer.user_token(USER), options={"verify_signature": False})
    key = b"the public key as if it were a secret, 32 bytes and more"
    return jwt.encode(claims, key, "HS256", headers={"typ": "at+jwt", "kid": issuer.kid})


@pytest.mark.parametrize("forge", [unsigned, tampered, symmetric])
async def test_a_forged_token_is_refused(
    issuer: TestIssuer, http: aiohttp.ClientSession, forge: Any
) -> None:
    with pytest.raises(TokenRejected):
        await verifier(issuer, http).verify(forge(issuer))


@pytest.mark.parametrize("text", ["", "abc", "a.b.c", "." * 5000, "é.é.é", "[" * 9000])
async def test_what_is_no_token_is_refused(
    issuer: TestIssuer, http: aiohttp.ClientSession, text: str
) -> None:
    with pytest.raises(TokenRejected):
        await verifier(issuer, http).verify(text)


async def test_a_remembered_token_still_expires(
    issuer: TestIssuer, http: aiohttp.ClientSession
) -> None:
    offset = [0.0]
    checking = verifier(issuer, http, now=lambda: time.time() + offset[0])
    token = issuer.user_token(USER)
    await checking.verify(token)
    offset[0] = 299.0
    await checking.verify(token)
    offset[0] = 310.0
    with pytest.raises(TokenRejected, match="expired"):
        await checking.verify(token)
    with pytest.raises(TokenRejected, match="expired"):
        await checking.verify(token)


async def test_unknown_keys_cause_one_fetch_and_no_more(
    issuer: TestIssuer, http: aiohttp.ClientSession
) -> None:
    checking = verifier(issuer, http)
    await checking.verify(issuer.user_token(USER))
    strangers = [issuer.sign({"sub": USER}, kid=f"k{n}") for n in range(50)]
    results = await asyncio.gather(
        *(checking.verify(token) for token in strangers), return_exceptions=True
    )
    assert all(isinstance(result, TokenRejected) for result in results)
    assert issuer.fetches == 1


async def test_without_keys_it_cannot_be_told(
    issuer: TestIssuer, http: aiohttp.ClientSession
) -> None:
    checking = verifier(issuer, http, jwks_url=f"{issuer.url}/nowhere")
    tokens = [issuer.user_token(USER) for _ in range(20)]
    results = await asyncio.gather(
        *(checking.verify(token) for token in tokens), return_exceptions=True
    )
    assert all(isinstance(result, KeysUnavailable) for result in results)
    with pytest.raises(KeysUnavailable):
        await checking.ready()
