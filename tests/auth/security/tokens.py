"""Statements about access and refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from shared.tokens import TokenRejected, TokenVerifier
from tests.auth import test_key_rotation as rotation
from tests.auth import test_refresh as refreshing
from tests.auth import test_token_endpoint as endpoint
from tests.auth.rig import Rig
from tests.auth.security.statements import Group
from tests.support.signin import Tokens
from tests.support.tokens import TestIssuer

group = Group("Tokens", "T")
Forge = Callable[[Rig, Tokens], str]
STRANGER = ec.generate_private_key(ec.SECP256R1())


def _encoded(part: Any) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _header(rig: Rig, **changes: Any) -> dict[str, Any]:
    """Of a good token, with these changes; None leaves a member out."""
    header = {"alg": "ES256", "typ": "at+jwt", "kid": rig.auth.keys.signing_kid, **changes}
    return {name: value for name, value in header.items() if value is not None}


def _signed(rig: Rig, tokens: Tokens, key: ec.EllipticCurvePrivateKey, **header: Any) -> str:
    """By ``key``, whatever the header says."""
    text = f"{_encoded(_header(rig, **header))}.{_encoded(tokens.claims)}"
    return f"{text}.{_encoded(ECAlgorithm(ECAlgorithm.SHA256).sign(text.encode(), key))}"


def _own(rig: Rig, tokens: Tokens, **claims: Any) -> str:
    """By auth's own key, with other claims; None leaves one out."""
    changed = {**tokens.claims, **claims}
    changed = {name: value for name, value in changed.items() if value is not None}
    return rig.auth.keys.sign(changed, "at+jwt")


def _by_mac(rig: Rig, tokens: Tokens, secret: bytes) -> str:
    text = f"{_encoded(_header(rig, alg='HS256'))}.{_encoded(tokens.claims)}"
    return f"{text}.{_encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def _pem(rig: Rig) -> bytes:
    public = rig.auth.keys.all[-1].private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _jwk() -> dict[str, Any]:
    found: dict[str, Any] = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(
        STRANGER.public_key(), as_dict=True
    )
    return found


def _unsigned(algorithm: str, rig: Rig, tokens: Tokens) -> str:
    return f"{_encoded(_header(rig, alg=algorithm))}.{_encoded(tokens.claims)}."


def _tampered(rig: Rig, tokens: Tokens) -> str:
    header, _, signature = tokens.access_token.split(".")
    return f"{header}.{_encoded({**tokens.claims, 'scope': 'internal.auth'})}.{signature}"


def _without_signature(rig: Rig, tokens: Tokens) -> str:
    return tokens.access_token.rpartition(".")[0] + "."


def _zero_signature(rig: Rig, tokens: Tokens) -> str:
    """What broken ECDSA libraries accepted: r = s = 0."""
    return f"{tokens.access_token.rpartition('.')[0]}.{_encoded(bytes(64))}"


FORGERIES: list[tuple[str, str, Forge]] = [
    ("with the algorithm none", "RFC 8725, 3.1", partial(_unsigned, "none")),
    ("with the algorithm nOnE", "RFC 8725, 3.1", partial(_unsigned, "nOnE")),
    ("with HS256 and the public key in PEM as the secret", "RFC 8725, 2.1",
     lambda rig, t: _by_mac(rig, t, _pem(rig))),
    ("with HS256 and the published JWK as the secret", "RFC 8725, 2.1",
     lambda rig, t: _by_mac(rig, t, json.dumps(rig.auth.keys.jwks["keys"][0]).encode())),
    ("with a stranger's key under a known key id", "RFC 8725, 3.3",
     lambda rig, t: _signed(rig, t, STRANGER)),
    ("with the key that it brings itself (jwk)", "RFC 7515, 4.1.3",
     lambda rig, t: _signed(rig, t, STRANGER, jwk=_jwk())),
    ("with the key that it brings itself and no key id", "RFC 7515, 4.1.3",
     lambda rig, t: _signed(rig, t, STRANGER, kid=None, jwk=_jwk())),
    ("with a key at an address that it names (jku)", "RFC 8725, 3.10",
     lambda rig, t: _signed(rig, t, STRANGER, kid="x", jku="https://evil.example/jwks.json")),
    ("with a certificate at an address that it names (x5u)", "RFC 8725, 3.10",
     lambda rig, t: _signed(rig, t, STRANGER, kid="x", x5u="https://evil.example/x.pem")),
    ("with a certificate that it brings itself (x5c)", "RFC 7515, 4.1.6",
     lambda rig, t: _signed(rig, t, STRANGER, kid="x", x5c=["AAAA"])),
    ("with a key id that walks through folders", "RFC 8725, 3.10",
     lambda rig, t: _signed(rig, t, STRANGER, kid="../../../../dev/null")),
    ("with a key id that speaks SQL", "RFC 8725, 3.10",
     lambda rig, t: _signed(rig, t, STRANGER, kid="x' UNION SELECT 'key")),
    ("with a key id that is an address", "RFC 8725, 3.10",
     lambda rig, t: _signed(rig, t, STRANGER, kid="https://evil.example/key")),
    ("with an extension that is not known (crit)", "RFC 7515, 4.1.11",
     lambda rig, t: _signed(rig, t, rig.auth.keys.all[-1].private, crit=["exp"])),
    ("with an empty list of extensions", "RFC 7515, 4.1.11",
     lambda rig, t: _signed(rig, t, rig.auth.keys.all[-1].private, crit=[])),
    ("with another algorithm's name over a good signature", "RFC 8725, 3.1",
     lambda rig, t: _signed(rig, t, rig.auth.keys.all[-1].private, alg="ES384")),
    ("with other claims under a good signature", "RFC 7515, 5.2", _tampered),
    ("with its signature cut off", "RFC 7515, 5.2", _without_signature),
    ("with a signature of zeros", "RFC 7518, 3.4", _zero_signature),
    ("of the type of an ID token", "RFC 9068, 4",
     lambda rig, t: rig.auth.keys.sign(t.claims, "JWT")),
    ("that is an ID token", "RFC 9068, 4", lambda rig, t: t.id_token),
    ("that is a refresh token", "RFC 6749, 1.5", lambda rig, t: t.refresh_token),
    ("of another issuer", "RFC 9068, 4", lambda rig, t: _own(rig, t, iss="https://evil.example")),
    ("of an issuer with a slash more", "RFC 9068, 4",
     lambda rig, t: _own(rig, t, iss=f"{rig.url}/")),
    ("for another audience", "RFC 9068, 4", lambda rig, t: _own(rig, t, aud="other")),
    ("for the inside of the cluster", "RFC 9700, 2.3",
     lambda rig, t: _own(rig, t, aud="internal")),
    ("without an audience", "RFC 9068, 4", lambda rig, t: _own(rig, t, aud=None)),
    ("without an end", "RFC 9068, 2.2", lambda rig, t: _own(rig, t, exp=None)),
    ("that has expired", "RFC 9068, 4", lambda rig, t: _own(rig, t, exp=int(time.time()) - 60)),
    ("without a subject", "RFC 9068, 2.2", lambda rig, t: _own(rig, t, sub=None)),
]  # fmt: skip


async def _refused(forge: Forge, rig: Rig, ada: Tokens) -> None:
    """By what api and gateway check with, and by auth itself."""
    fetched = []

    def http() -> Any:
        fetched.append(1)
        return rig.http

    verifier = TokenVerifier(
        issuer=rig.url, audience="agileim", jwks_url=f"{rig.url}/.well-known/jwks.json", http=http
    )
    assert (await verifier.verify(ada.access_token)).user == ada.user
    token = forge(rig, ada)
    with pytest.raises(TokenRejected):
        await verifier.verify(token)
    assert len(fetched) == 1, "a fetch at the beginning, and none at the forger's wish"
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/connect/userinfo", "/connect/account/sessions"):
        async with rig.http.get(rig.url + path, headers=headers) as response:
            assert response.status == 401, path


for _what, _source, _forge in FORGERIES:
    group.row(f"A token {_what} is refused", _source, partial(_refused, _forge))


@group.holds("An access token in the URL does not count", "RFC 9700, 4.3.2")
async def _in_the_url(rig: Rig, ada: Tokens) -> None:
    for path in ("/connect/userinfo", "/connect/account/sessions"):
        url = f"{rig.url}{path}?access_token={ada.access_token}"
        async with rig.http.get(url) as response:
            assert response.status == 401


@group.holds("200 tokens with unknown key ids cause one fetch of the keys", "RFC 8725, 3.10")
async def _fetches(rig: Rig, ada: Tokens) -> None:
    async with TestIssuer() as issuer:
        verifier = TokenVerifier(
            issuer=issuer.url, audience="agileim", http=lambda: rig.http,
            jwks_url=f"{issuer.url}/.well-known/jwks.json",
        )  # fmt: skip
        await verifier.verify(issuer.user_token(ada.user))
        for number in range(200):
            forged = jwt.encode(
                ada.claims, STRANGER, "ES256", headers={"typ": "at+jwt", "kid": f"k{number}"}
            )
            with pytest.raises(TokenRejected):
                await verifier.verify(forged)
        assert issuer.fetches <= 2


for _text, _source, _check in (
    ("A user's token opens nothing inside", "RFC 9700, 2.3",
     endpoint.test_user_token_is_no_service_token),
    ("A refresh token that is used again ends its session, everywhere", "RFC 9700, 4.14.2",
     refreshing.test_reuse_ends_the_family_and_tells_everybody),
    ("50 parallel refreshes leave one live successor", "RFC 9700, 4.14.2",
     refreshing.test_50_parallel_refreshes_leave_one_live_successor),
    ("A lost answer is not given again once its successor was used", "RFC 9700, 4.14.2",
     refreshing.test_no_retry_once_the_successor_was_used),
    ("A refresh token is bound to its client", "RFC 6749, 10.4",
     refreshing.test_token_of_another_client_is_unknown_and_unharmed),
    ("Refreshing never widens the scope", "RFC 6749, 6",
     refreshing.test_scope_may_be_narrowed_and_never_widened),
    ("A disabled user refreshes nothing", "ASVS 3.3.1",
     refreshing.test_disabled_user_cannot_refresh),
    ("No client can revoke another's token", "RFC 7009, 2.1",
     refreshing.test_revocation_of_another_clients_token_does_nothing),
    ("Refresh tokens are not stored in clear", "ASVS 2.4.1",
     refreshing.test_tokens_are_not_kept_in_clear),
    ("Userinfo refuses expired and revoked tokens", "RFC 6750, 3.1",
     endpoint.test_userinfo_refuses_expired_and_revoked_tokens),
):  # fmt: skip
    group.row(_text, _source, _check)


@group.holds("No good token is refused while keys rotate", "OpenID Connect Core, 10.1.1")
async def _rotation(rig: Rig, ada: Tokens) -> None:
    with pytest.MonkeyPatch.context() as patch:
        await rotation.test_no_token_is_refused_while_keys_rotate(rig, ada, patch)
