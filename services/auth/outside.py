"""Speaks with OpenID providers outside, as their client: discovery (OpenID Connect Discovery 1.0),
authorization code with PKCE (RFC 7636), ID tokens (OpenID Connect Core, section 3.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import jwt
import msgspec

from services.auth.domain.outside import (
    ALGORITHMS,
    Identity,
    Provider,
    WrongIdentity,
    check_id_token,
    identity_of,
)
from services.auth.domain.pkce import METHOD, challenge_of

TIMEOUT_S: Final = 10.0
ANSWER_MAX_BYTES: Final = 256 * 1024
METADATA_S: Final = 3_600.0
KEYS_AGAIN_S: Final = 30.0  # an unknown key id is looked for no more often


class ProviderAway(Exception):
    """The provider does not answer, or not as the standards say."""


class Metadata(msgspec.Struct):
    """What is needed of a provider's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Request(NamedTuple):
    """What ties an answer to its request."""

    state: str
    nonce: str
    verifier: str


class OutsideProvider:
    """One provider."""

    def __init__(
        self, settings: Provider, redirect_uri: str, http: aiohttp.ClientSession,
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self.settings = settings
        self._redirect_uri = redirect_uri
        self._http = http
        self._now = now
        self._metadata: Metadata | None = None
        self._metadata_at = float("-inf")
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_at = float("-inf")

    async def authorize_url(self, request: Request) -> str:
        """Where the person goes. Raises :class:`ProviderAway`."""
        endpoint = (await self.metadata()).authorization_endpoint
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.settings.client_id,
                "redirect_uri": self._redirect_uri,
                "scope": " ".join(self.settings.scopes),
                "state": request.state,
                "nonce": request.nonce,
                "code_challenge": challenge_of(request.verifier),
                "code_challenge_method": METHOD,
            }
        )
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    async def check_issuer(self, answer: Mapping[str, str]) -> None:
        """The parameter ``iss`` of the answer (RFC 9207, section 2.4): against mixed-up providers.

        Raises :class:`WrongIdentity`, :class:`ProviderAway`.
        """
        needed = (await self.metadata()).authorization_response_iss_parameter_supported
        given = answer.get("iss", "")
        if given != self.settings.issuer and (given or needed):
            raise WrongIdentity("the answer is another provider's")

    async def identity(self, code: str, request: Request) -> Identity:
        """Who came back with this code. Raises :class:`ProviderAway`, :class:`WrongIdentity`."""
        tokens = await self._redeem(code, request.verifier)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise WrongIdentity("no ID token")
        claims = await self._verified(token)
        check_id_token(claims, self.settings, request.nonce, self._now())
        access = tokens.get("access_token")
        if "email" not in claims and "email" in self.settings.scopes and isinstance(access, str):
            claims = {**await self._userinfo(access, str(claims["sub"])), **claims}
        return identity_of(claims, self.settings)

    async def metadata(self) -> Metadata:
        """The discovery document, an hour old at most. Raises :class:`ProviderAway`."""
        now = time.monotonic()
        if self._metadata is not None and now - self._metadata_at < METADATA_S:
            return self._metadata
        url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = msgspec.convert(await self._get(url), Metadata)
        except msgspec.ValidationError as error:
            raise ProviderAway(f"{url}: {error}") from error
        endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        secure = self.settings.issuer.startswith("https:")
        if found.issuer != self.settings.issuer:  # Discovery, section 4.3
            raise ProviderAway(f"{url}: another issuer")
        if secure and not all(urlsplit(one).scheme == "https" for one in endpoints):
            raise ProviderAway(f"{url}: an endpoint without TLS")
        self._metadata, self._metadata_at = found, now
        return found

    async def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        found = await self.metadata()
        own = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if not own.client_secret:
            form["client_id"] = own.client_id
        elif "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            # RFC 6749, section 2.3.1: both are form-encoded first.
            headers["Authorization"] = aiohttp.encode_basic_auth(
                quote_plus(own.client_id), quote_plus(own.client_secret)
            )
        else:
            form |= {"client_id": own.client_id, "client_secret": own.client_secret}
        return await self._ask("POST", found.token_endpoint, data=form, headers=headers)

    async def _verified(self, token: str) -> dict[str, Any]:
        """The claims of an ID token that the provider has signed."""
        try:
            header = jwt.get_unverified_header(token)
            kid = str(header.get("kid", ""))
            key = await self._key(kid)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise WrongIdentity("signed with an algorithm that is not taken")
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[algorithm],
                options={
                    "verify_aud": False, "verify_exp": False, "verify_iat": False,
                    "verify_nbf": False, "verify_iss": False,
                },
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise WrongIdentity(type(error).__name__) from error
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys and time.monotonic() - self._keys_at >= KEYS_AGAIN_S:
            document = await self._get((await self.metadata()).jwks_uri)
            try:
                found = jwt.PyJWKSet.from_dict(document)
            except jwt.PyJWTError as error:
                raise ProviderAway(f"keys: {type(error).__name__}") from error
            self._keys = {
                key.key_id or "": key for key in found.keys if key.public_key_use != "enc"
            }
            self._keys_at = time.monotonic()
        if kid not in self._keys:
            if not kid and len(self._keys) == 1:
                return next(iter(self._keys.values()))
            raise WrongIdentity("signed with an unknown key")
        return self._keys[kid]

    async def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        endpoint = (await self.metadata()).userinfo_endpoint
        if not endpoint:
            return {}
        found = await self._get(endpoint, {"Authorization": f"Bearer {access_token}"})
        # OpenID Connect Core, section 5.3.4: it may be about somebody else.
        return found if found.get("sub") == subject else {}

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._ask("GET", url, headers=headers or {})

    async def _ask(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        try:
            async with self._http.request(
                method, url, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                allow_redirects=False, **options,
            ) as answer:  # fmt: skip
                if answer.status != 200:
                    raise ProviderAway(f"{url} answered {answer.status}")
                content = bytearray()
                async for chunk in answer.content.iter_any():
                    content += chunk
                    if len(content) > ANSWER_MAX_BYTES:
                        raise ProviderAway(f"{url}: too long an answer")
            found = msgspec.json.decode(content)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise ProviderAway(f"{url}: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise ProviderAway(f"{url}: not an object")
        return found


class Outside:
    """All providers of the settings."""

    def __init__(
        self, providers: Iterable[Provider], issuer: str, http: aiohttp.ClientSession,
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._by_id = {
            one.id: OutsideProvider(one, f"{issuer}/connect/outside/{one.id}/callback", http, now)
            for one in providers
        }

    def get(self, name: str) -> OutsideProvider | None:
        """The provider with this id."""
        return self._by_id.get(name)

    def by_issuer(self, issuer: str) -> OutsideProvider | None:
        """The provider with this issuer."""
        return next((one for one in self if one.settings.issuer == issuer), None)

    def __iter__(self) -> Iterator[OutsideProvider]:
        return iter(self._by_id.values())
