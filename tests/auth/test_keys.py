"""Signing keys: made once, published all, one of them used; and tokens signed with others."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.auth.keyring import FIRST_KEY, KeyRing, KeysFault, thumbprint
from shared.tokens import TokenRejected, TokenVerifier
from tests.auth.rig import Rig
from tests.support.signin import Tokens


def _write(path: Path, key: Any) -> None:
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_thumbprint_is_that_of_the_rfc() -> None:
    """The key of RFC 7517, appendix A.1, with its thumbprint by the steps of RFC 7638."""
    key = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }
    assert thumbprint(key) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


def test_many_replicas_make_one_first_key(tmp_path: Path) -> None:
    def opened(_: int) -> str:
        ring = KeyRing(tmp_path / "keys")
        ring.open()
        return json.dumps(ring.jwks)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(opened, range(16)))) == 1
    files = list((tmp_path / "keys").iterdir())
    assert [file.name for file in files] == [FIRST_KEY]
    assert files[0].stat().st_mode & 0o777 == 0o600


def test_new_key_is_published_first_and_used_later(tmp_path: Path) -> None:
    now = time.time()
    ring = KeyRing(tmp_path, now=lambda: now)
    ring.open()
    os.utime(tmp_path / FIRST_KEY, (now - 1000, now - 1000))
    ring.reload()
    first = _kid(ring.sign({}, "JWT"))
    _write(tmp_path / "second.pem", ec.generate_private_key(ec.SECP256R1()))
    os.utime(tmp_path / "second.pem", (now, now))
    ring.reload()
    kids = [key["kid"] for key in ring.jwks["keys"]]
    assert len(kids) == 2
    assert _kid(ring.sign({}, "JWT")) == first
    now += 61
    assert _kid(ring.sign({}, "JWT")) == kids[1] != first
    chosen = KeyRing(tmp_path, kid=first, now=lambda: now)
    chosen.open()
    assert _kid(chosen.sign({}, "JWT")) == first


def test_public_keys_hold_nothing_private(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    ring.open()
    [key] = ring.jwks["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


@pytest.mark.parametrize("what", ["text", "rsa", "p384", "kid", "folder"])
def test_keys_that_cannot_be_used_are_a_fault(tmp_path: Path, what: str) -> None:
    if what == "text":
        (tmp_path / "key.pem").write_text("no key")
    elif what == "rsa":
        _write(tmp_path / "key.pem", rsa.generate_private_key(65537, 2048))
    elif what == "p384":
        _write(tmp_path / "key.pem", ec.generate_private_key(ec.SECP384R1()))
    elif what == "folder":
        (tmp_path / "keys").write_text("a file")
    folder = tmp_path / "keys" if what == "folder" else tmp_path
    with pytest.raises(KeysFault):
        KeyRing(folder, kid="unknown" if what == "kid" else "").open()


async def test_tokens_of_both_keys_are_accepted(rig: Rig, ada: Tokens) -> None:
    verifier = TokenVerifier(
        issuer=rig.url, audience="agileim", jwks_url=f"{rig.url}/.well-known/jwks.json",
        http=lambda: rig.http,
    )  # fmt: skip
    folder = rig.settings.keys_dir
    _write(folder / "second.pem", ec.generate_private_key(ec.SECP256R1()))
    for name, age in ((FIRST_KEY, 1000), ("second.pem", 500)):
        os.utime(folder / name, (time.time() - age, time.time() - age))
    rig.auth.keys.reload()
    fresh = await rig.tokens()
    assert _kid(fresh.access_token) != _kid(ada.access_token)
    assert (await verifier.verify(fresh.access_token)).user == ada.user
    assert (await verifier.verify(ada.access_token)).user == ada.user
    async with rig.http.get(f"{rig.url}/.well-known/jwks.json") as response:
        assert len((await response.json())["keys"]) == 2


async def test_forged_tokens_are_not_accepted(rig: Rig, ada: Tokens) -> None:
    verifier = TokenVerifier(
        issuer=rig.url, audience="agileim", jwks_url=f"{rig.url}/.well-known/jwks.json",
        http=lambda: rig.http,
    )  # fmt: skip
    stranger = ec.generate_private_key(ec.SECP256R1())
    kid = _kid(ada.access_token)
    headers = {"typ": "at+jwt", "kid": kid}
    [public] = rig.auth.keys.jwks["keys"]
    forged = [
        jwt.encode(ada.claims, stranger, algorithm="ES256", headers=headers),
        jwt.encode(ada.claims, "", algorithm="none", headers=headers),
        jwt.encode(ada.claims, public["x"], algorithm="HS256", headers=headers),
        jwt.encode(ada.claims, stranger, algorithm="ES256", headers={**headers, "kid": "x"}),
        jwt.encode(
            ada.claims, stranger, algorithm="ES256", headers={"typ": "at+jwt", "jwk": public}
        ),
        ada.id_token,
        rig.auth.keys.sign({**ada.claims, "iss": "https://other.example"}, "at+jwt"),
        rig.auth.keys.sign({**ada.claims, "aud": "other"}, "at+jwt"),
        rig.auth.keys.sign({**ada.claims, "exp": int(time.time()) - 60}, "at+jwt"),
    ]
    for token in forged:
        with pytest.raises(TokenRejected):
            await verifier.verify(token)
