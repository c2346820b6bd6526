"""The signing keys: PEM files in a folder, shared by all replicas.

The key id is the key's thumbprint (RFC 7638), so nobody has to hand out names. A second file in the
folder is published at once and signs when it is old enough to be known to everybody; the old one
may go when the last token that it signed has expired. :mod:`services.auth.keys` does both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from shared.logs import get_logger
from shared.tokens import ALGORITHM

FIRST_KEY: Final = "first.pem"
# Replicas look into the folder every RELOAD_S; verifiers fetch unknown keys when they meet them.
RELOAD_S: Final = 15.0
PUBLISHED_BEFORE_USE_S: Final = 60.0


class KeysFault(Exception):
    """There is no usable signing key, and why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    public_jwk: dict[str, str]
    since: float  # Unix time of the file, s
    path: Path


class KeyRing:
    """Signs with one key, publishes all. ``kid`` chooses the signing key; empty: the newest one
    that has been there for a minute, else the oldest."""

    def __init__(self, folder: Path, kid: str = "", now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._kid = kid
        self._now = now
        self._keys: dict[str, SigningKey] = {}

    def open(self) -> None:
        """Load the keys; make the first one when there is none. Blocks for some ms.

        Raises :class:`KeysFault`.
        """
        if not self._paths():
            create(self._folder / FIRST_KEY)
        self.reload()
        if self._kid and self._kid not in self._keys:
            raise KeysFault(f"no key in {self._folder} has the id {self._kid}")

    def reload(self) -> None:
        """Look for added and removed files. A folder without a usable key changes nothing.

        Raises :class:`KeysFault`.
        """
        keys = [_load(path) for path in self._paths()]
        if not keys:
            raise KeysFault(f"no signing key in {self._folder}")
        self._keys = {key.kid: key for key in sorted(keys, key=lambda key: (key.since, key.kid))}

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517, section 5)."""
        return {"keys": [key.public_jwk for key in self._keys.values()]}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, oldest first."""
        return tuple(self._keys)

    @property
    def all(self) -> list[SigningKey]:
        """The keys, oldest first."""
        return list(self._keys.values())

    @property
    def signing_kid(self) -> str:
        """The id of the key that signs now."""
        return self._signing_key().kid

    def sign(self, claims: dict[str, Any], typ: str) -> str:
        """A signed JWT (RFC 7519)."""
        key = self._signing_key()
        headers = {"typ": typ, "kid": key.kid}
        return jwt.encode(claims, key.private, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, typ: str, **checks: Any) -> dict[str, Any]:
        """The claims of a token of our own; ``checks`` go to ``jwt.decode``.

        Raises jwt.PyJWTError.
        """
        header = jwt.get_unverified_header(token)
        key = self._keys.get(str(header.get("kid")))
        if key is None or header.get("typ") != typ:
            raise jwt.InvalidTokenError("another type or key")
        claims: dict[str, Any] = jwt.decode(
            token, key.private.public_key(), algorithms=[ALGORITHM], **checks
        )
        return claims

    def _signing_key(self) -> SigningKey:
        if self._kid in self._keys:
            return self._keys[self._kid]
        known_since = self._now() - PUBLISHED_BEFORE_USE_S
        keys = list(self._keys.values())
        known = [key for key in keys if key.since <= known_since]
        return known[-1] if known else keys[0]

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.pem")) if self._folder.is_dir() else []


def create(path: Path) -> None:
    """Make a key, unless another replica is faster: link(2) is atomic and never overwrites."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            path.hardlink_to(draft)
        finally:
            draft.unlink()
    except FileExistsError:
        return  # theirs is as good as ours
    except OSError as error:
        raise KeysFault(f"{path.parent}: no key, and none can be made: {error.strerror}") from error
    get_logger().warning("signing_key_created", path=str(path))


def _load(path: Path) -> SigningKey:
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
        since = path.stat().st_mtime
    except (OSError, ValueError, TypeError) as error:
        raise KeysFault(f"{path} is not a readable PEM key") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(
        private.curve, ec.SECP256R1
    ):
        raise KeysFault(f"{path} is not a P-256 key")
    jwk = ECAlgorithm(ECAlgorithm.SHA256).to_jwk(private.public_key(), as_dict=True)
    public = {name: str(jwk[name]) for name in ("crv", "kty", "x", "y")}
    kid = thumbprint(public)
    published = {**public, "kid": kid, "use": "sig", "alg": ALGORITHM}
    return SigningKey(kid=kid, private=private, public_jwk=published, since=since, path=path)


def thumbprint(public: dict[str, str]) -> str:
    """RFC 7638, section 3: the SHA-256 of the required members in lexical order."""
    canonical = json.dumps(public, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
