"""What is not believed of a provider outside: a hand-written one that lies."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm

from services.auth.domain.outside import (
    Provider,
    ProvidersFault,
    WrongIdentity,
    check_id_token,
    identity_of,
    read_providers,
)
from services.auth.outside import ANSWER_MAX_BYTES, OutsideProvider, ProviderAway, Request

NOW = 1_800_000_000
ACME = Provider(id="acme", name="Acme", issuer="https://id.acme.example", client_id="us")
GOOD: dict[str, Any] = {
    "iss": ACME.issuer, "aud": "us", "sub": "42", "exp": NOW + 300, "iat": NOW, "nonce": "n",
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["us"]},
        {"aud": ["us", "them"], "azp": "us"},
        {"exp": NOW - 30},  # clocks differ
    ],
)
def test_good_id_token(changes: dict[str, Any]) -> None:
    check_id_token({**GOOD, **changes}, ACME, "n", NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "them"},
        {"aud": None},
        {"aud": ["us", "them"]},
        {"aud": ["us", "them"], "azp": "them"},
        {"azp": "them"},
        {"exp": NOW - 120},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": NOW + 3600},
        {"iat": None},
        {"nonce": "other"},
        {"nonce": None},
        {"sub": ""},
        {"sub": None},
        {"sub": 42},
        {"sub": "x" * 256},
    ],
)
def test_wrong_id_token(changes: dict[str, Any]) -> None:
    with pytest.raises(WrongIdentity):
        check_id_token({**GOOD, **changes}, ACME, "n", NOW)


@pytest.mark.parametrize(
    ("verified", "trusted", "email"),
    [(True, True, "a@x"), ("true", True, "a@x"), (True, False, ""), (False, True, ""),
     (None, True, ""), ("yes", True, ""), (1, True, "a@x")],
)  # fmt: skip
def test_only_verified_addresses_count(verified: Any, trusted: bool, email: str) -> None:
    provider = Provider("acme", "Acme", ACME.issuer, "us", trust_email=trusted)
    claims = {**GOOD, "email": "a@x", "email_verified": verified}
    assert identity_of(claims, provider).email == email


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "A"}, {"id": ""}, {"name": ""}, {"issuer": "http://id.acme.example"},
        {"issuer": "https://x?y"}, {"issuer": "ftp://x"}, {"client_id": ""}, {"scopes": ["email"]},
        {"colour": "red"}, {"issuer": 1},
    ],
)  # fmt: skip
def test_bad_file_is_a_fault(tmp_path: Path, changes: dict[str, Any]) -> None:
    good = {"id": "acme", "name": "Acme", "issuer": ACME.issuer, "client_id": "us"}
    path = tmp_path / "providers.json"
    path.write_text(json.dumps([good]))
    assert read_providers(path) == [ACME]
    path.write_text(json.dumps([{**good, **changes}]))
    with pytest.raises(ProvidersFault):
        read_providers(path)
    path.write_text(json.dumps([good, good]))
    with pytest.raises(ProvidersFault, match="the same"):
        read_providers(path)


class Liar:
    """A provider whose answers a test bends."""

    def __init__(self) -> None:
        self.issuer = f"http://127.0.0.1:{unused_port()}"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.claims: dict[str, Any] = {**GOOD, "iss": self.issuer}
        self.userinfo: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.token = ""
        self.keys_asked = 0
        self.forms: list[tuple[str, dict[str, str]]] = []

    def jwk(self) -> dict[str, Any]:
        """Its public key."""
        made = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**made, "kid": "k", "use": "sig", "alg": "ES256"}

    def signed(self, key: Any = None, algorithm: str = "ES256", **headers: Any) -> str:
        """An ID token."""
        made = {"kid": "k", **headers}
        return jwt.encode(self.claims, key or self.key, algorithm=algorithm, headers=made)

    def app(self) -> web.Application:
        """Its endpoints."""

        async def discovery(_: web.Request) -> web.Response:
            return web.json_response({
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/a",
                "token_endpoint": f"{self.issuer}/t", "jwks_uri": f"{self.issuer}/k",
                "userinfo_endpoint": f"{self.issuer}/u", **self.metadata,
            })  # fmt: skip

        async def keys(_: web.Request) -> web.Response:
            self.keys_asked += 1
            return web.json_response({"keys": [self.jwk()]})

        async def tokens(request: web.Request) -> web.Response:
            form = {name: str(value) for name, value in (await request.post()).items()}
            self.forms.append((request.headers.get("Authorization", ""), form))
            return web.json_response({
                "access_token": "at", "token_type": "Bearer",
                "id_token": self.token or self.signed(),
            })  # fmt: skip

        async def userinfo(_: web.Request) -> web.Response:
            return web.json_response(self.userinfo)

        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", discovery)
        app.router.add_get("/k", keys)
        app.router.add_post("/t", tokens)
        app.router.add_get("/u", userinfo)
        return app


@pytest.fixture
async def liar() -> AsyncIterator[Liar]:
    async with lying() as one:
        yield one


@pytest.fixture
async def ours(liar: Liar) -> AsyncIterator[OutsideProvider]:
    async with our_side(liar) as side:
        yield side


@asynccontextmanager
async def lying() -> AsyncIterator[Liar]:
    """A liar that answers."""
    one = Liar()
    async with TestServer(one.app(), port=int(one.issuer.rpartition(":")[2])):
        yield one


@asynccontextmanager
async def our_side(liar: Liar) -> AsyncIterator[OutsideProvider]:
    """Our side of it."""
    settings = Provider("liar", "Liar", liar.issuer, "us", "a secret")
    async with aiohttp.ClientSession() as http:
        yield OutsideProvider(settings, "https://we.example/back", http, lambda: float(NOW))


def _keyed_with(claims: dict[str, Any], secret: str) -> str:
    """An HS256 token whose secret is what everybody can read (RFC 8725, section 2.1)."""

    def encoded(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    header = encoded(b'{"alg":"HS256","kid":"k","typ":"JWT"}')
    signed = f"{header}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), 'sha256').digest())}"


ASKED = Request("s", "n", "v" * 43)


async def test_code_is_redeemed_with_verifier_and_secret(liar: Liar, ours: OutsideProvider) -> None:
    liar.userinfo = {"sub": "42", "email": "a@x.example", "email_verified": True}
    found = await ours.identity("the-code", ASKED)
    assert (found.subject, found.email) == ("42", "a@x.example")
    [(header, form)] = liar.forms
    assert header == aiohttp.encode_basic_auth("us", "a+secret")
    assert form == {
        "grant_type": "authorization_code", "code": "the-code", "code_verifier": "v" * 43,
        "redirect_uri": "https://we.example/back",
    }  # fmt: skip


async def test_userinfo_of_somebody_else_is_dropped(liar: Liar, ours: OutsideProvider) -> None:
    liar.userinfo = {"sub": "43", "email": "a@x.example", "email_verified": True}
    assert (await ours.identity("c", ASKED)).email == ""


async def test_tokens_that_nobody_signed_are_refused(liar: Liar, ours: OutsideProvider) -> None:
    public = json.dumps(liar.jwk())
    forged = [
        jwt.encode(liar.claims, "", algorithm="none", headers={"kid": "k"}),
        _keyed_with(liar.claims, public),
        liar.signed(ec.generate_private_key(ec.SECP256R1())),
        liar.signed(rsa.generate_private_key(65537, 2048), "RS256"),
        liar.signed(kid="other"),
        liar.signed(kid="", jwk=liar.jwk())[:-4] + "AAAA",
        "nonsense",
        "a.b.c",
    ]
    for token in forged:
        liar.token = token
        with pytest.raises(WrongIdentity):
            await ours.identity("c", ASKED)
    liar.token = ""
    assert (await ours.identity("c", ASKED)).subject == "42"
    assert liar.keys_asked == 1  # unknown keys are not looked for again and again


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"jwks_uri": 5},
        {"padding": "x" * ANSWER_MAX_BYTES},
    ],
)
async def test_bad_metadata_is_an_outage(
    liar: Liar, ours: OutsideProvider, metadata: dict[str, Any]
) -> None:
    liar.metadata = metadata
    with pytest.raises(ProviderAway):
        await ours.authorize_url(ASKED)


async def test_issuer_of_the_answer(liar: Liar, ours: OutsideProvider) -> None:
    await ours.check_issuer({})
    await ours.check_issuer({"iss": liar.issuer})
    with pytest.raises(WrongIdentity):
        await ours.check_issuer({"iss": "https://evil.example"})


async def test_issuer_of_the_answer_where_it_is_promised(liar: Liar, ours: OutsideProvider) -> None:
    liar.metadata = {"authorization_response_iss_parameter_supported": True}
    with pytest.raises(WrongIdentity):
        await ours.check_issuer({})


async def test_provider_that_is_away(liar: Liar) -> None:
    settings = Provider("x", "X", f"http://127.0.0.1:{unused_port()}", "us")
    async with aiohttp.ClientSession() as http:
        provider = OutsideProvider(settings, "https://we.example/back", http, lambda: float(NOW))
        with pytest.raises(ProviderAway):
            await provider.authorize_url(ASKED)
