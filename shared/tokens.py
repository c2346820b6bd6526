"""Verification of access tokens (RFC 9068) with auth's public keys (RFC 7517).

A signature check costs more than the rest of an internal call, so a token that was accepted is
remembered until it expires.
"""

from __future__ import annotations

import asyncio
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import aiohttp
import jwt
import msgspec
from jwt.algorithms import ECAlgorithm

ALGORITHM: Final = "ES256"
USER_AUDIENCE: Final = "agileim"
USER_SCOPE: Final = "chat"
ACCESS_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068, section 4
# A ticket signs one socket in, once: what a page may hand on without handing on the access token.
TICKET_AUDIENCE: Final = "agileim-socket"
TICKET_TYPE: Final = "ticket+jwt"
TICKET_S: Final = 30
LEEWAY_S: Final = 5.0  # clocks of different machines
REMEMBERED_MAX: Final = 100_000
FETCH_INTERVAL_S: Final = 5.0  # unknown key ids cause one fetch in that time, no more
FETCH_RETRY_S: Final = 0.2  # while there is no key at all
FETCH_TIMEOUT_S: Final = 3.0


class TokenRejected(Exception):
    """The token is not accepted; the text says why and never contains the token."""


class TokenExpired(TokenRejected):
    """The token was good once: a fresh one of the same session will do."""


class KeysUnavailable(Exception):
    """auth's keys could not be fetched: whether a token is good cannot be told."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an accepted token says."""

    user: str  # `sub`: a user id, or for service tokens the client id
    client: str
    session: str  # `sid`: the sign-in on one device; empty for services
    scopes: frozenset[str]
    expires_at: float  # Unix time, s
    jti: str


class _Header(msgspec.Struct):
    """What matters of a token's header (RFC 7515, section 4.1)."""

    alg: str
    kid: str
    typ: str = ""
    crit: Any = msgspec.UNSET


def _header(token: str) -> _Header:
    """The header alone: PyJWT would decode the payload too, and again to check it."""
    encoded = token.partition(".")[0]
    try:
        text = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        return msgspec.json.decode(text, type=_Header)
    except (ValueError, RecursionError) as error:  # msgspec's and base64's errors are ValueErrors
        raise TokenRejected("not a signed token with a key id") from error


class TokenVerifier:
    """Accepts access tokens of one issuer for one audience."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        http: Callable[[], aiohttp.ClientSession],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url
        self._http = http
        self._now = now
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._remembered: OrderedDict[bytes, AccessToken] = OrderedDict()

    async def verify(self, token: str) -> AccessToken:
        """Check signature, type, issuer, audience and times (RFC 9068, section 4).

        Raises :class:`TokenRejected`, :class:`KeysUnavailable`.
        """
        digest = sha256(token.encode()).digest()  # shorter than a token, and not one
        known = self._remembered.get(digest)
        if known is not None:
            if known.expires_at + LEEWAY_S > self._now():
                return known
            del self._remembered[digest]
            raise TokenExpired("the token has expired")
        accepted = _access_token(await self.claims(token, ACCESS_TYPES, self._audience))
        self._remembered[digest] = accepted
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return accepted

    async def claims(self, token: str, types: frozenset[str], audience: str) -> dict[str, Any]:
        """The claims of a token of one of these types, for this audience; not remembered.

        Raises :class:`TokenRejected`, :class:`KeysUnavailable`.
        """
        return self._check(token, await self._key(token, types), audience)

    async def ready(self) -> None:
        """Raises :class:`KeysUnavailable` when there is no key to check with."""
        if not self._keys:
            await self._fetch()

    async def _key(self, token: str, types: frozenset[str]) -> Any:
        header = _header(token)
        if header.alg != ALGORITHM:
            raise TokenRejected("signed with another algorithm than ES256")
        if header.typ.lower() not in types:
            raise TokenRejected("not an access token" if types is ACCESS_TYPES else "another type")
        if header.crit is not msgspec.UNSET:  # RFC 7515, section 4.1.11: we know no extension
            raise TokenRejected("asks for an extension that is not known")
        kid = header.kid
        if kid not in self._keys:
            await self._fetch()
        if kid not in self._keys:
            raise TokenRejected("signed with an unknown key")
        return self._keys[kid]

    async def _fetch(self) -> None:
        async with self._fetching:
            since_s = time.monotonic() - self._fetched_at
            if self._keys and since_s < FETCH_INTERVAL_S:
                return
            if not self._keys and since_s < FETCH_RETRY_S:  # those behind a failed fetch
                raise KeysUnavailable(f"{self._jwks_url}: no keys yet")
            try:
                async with self._http().get(
                    self._jwks_url, timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
                ) as response:
                    response.raise_for_status()
                    document = await response.json(content_type=None)
                self._keys = {
                    jwk["kid"]: ECAlgorithm(ECAlgorithm.SHA256).from_jwk(jwk)
                    for jwk in document["keys"]
                    if jwk.get("kty") == "EC" and jwk.get("use", "sig") == "sig"
                }
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
                raise KeysUnavailable(f"{self._jwks_url}: {type(error).__name__}") from error
            finally:
                self._fetched_at = time.monotonic()

    def _check(self, token: str, key: Any, audience: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=audience,
                leeway=LEEWAY_S,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"],
                    "verify_exp": False,  # below, against the injected clock
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise TokenRejected(f"{type(error).__name__}: {error}") from error
        now = self._now()
        if not float(claims["exp"]) + LEEWAY_S > now:
            raise TokenExpired("the token has expired")
        if float(claims.get("nbf", claims["iat"])) - LEEWAY_S > now:
            raise TokenRejected("the token is not valid yet")
        return claims


def _access_token(claims: Mapping[str, Any]) -> AccessToken:
    return AccessToken(
        user=str(claims["sub"]),
        client=str(claims["client_id"]),
        session=str(claims.get("sid", "")),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        expires_at=float(claims["exp"]),
        jti=str(claims["jti"]),
    )
