"""The OAuth 2.0 side: discovery, code exchange, device flow, refresh, revocation.

RFC 6749, PKCE by RFC 7636, native apps by RFC 8252, device flow by RFC 8628, metadata by
RFC 8414. The client is public: it has no secret.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
from msgspec import Struct

from agileim import boot_clock
from agileim.errors import SignedOut, SignInError, Unreachable
from agileim.profiles import TokenSet

CLIENT_ID = "agileim-cli"
SCOPE = "openid chat offline_access"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REQUEST_TIMEOUT_S = 15.0

T = TypeVar("T")


class Metadata(Struct, frozen=True):
    """The server's endpoints."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str = ""
    revocation_endpoint: str = ""


class Device(Struct, frozen=True):
    """What the user has to enter where (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: float
    verification_uri_complete: str = ""
    interval: float = 5.0


class _TokenReply(Struct, frozen=True):
    access_token: str
    expires_in: float
    refresh_token: str = ""


class Pkce(Struct, frozen=True):
    """A code verifier and its S256 challenge (RFC 7636, section 4)."""

    verifier: str
    challenge: str

    @classmethod
    def new(cls) -> Pkce:
        """A fresh pair."""
        return cls.of(secrets.token_urlsafe(48))

    @classmethod
    def of(cls, verifier: str) -> Pkce:
        """The pair of a verifier."""
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        return cls(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))


class OAuth:
    """One server's OAuth endpoints, as the public client `client_id`."""

    def __init__(
        self, base_url: str, http: aiohttp.ClientSession, client_id: str = CLIENT_ID
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.client_id = client_id
        self._http = http
        self._metadata: Metadata | None = None

    async def metadata(self) -> Metadata:
        """The discovery document, asked for once."""
        if self._metadata is None:
            url = f"{self.base_url}/.well-known/openid-configuration"
            status, body = await self._request("GET", url)
            try:
                self._metadata = msgspec.json.decode(body, type=Metadata)
            except msgspec.DecodeError as error:
                what = f"{self.base_url} is no AgileIM server (status {status})"
                raise SignInError(what) from error
        return self._metadata

    async def authorize_url(
        self, redirect_uri: str, state: str, pkce: Pkce, *, register: bool
    ) -> str:
        """The page on which the user signs in, or makes an account (`register`)."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": state,
            "code_challenge": pkce.challenge,
            "code_challenge_method": "S256",
        }
        if register:
            query["prompt"] = "create"  # OpenID Connect Prompt Create 1.0
        return f"{(await self.metadata()).authorization_endpoint}?{urlencode(query)}"

    async def exchange(self, code: str, redirect_uri: str, pkce: Pkce) -> TokenSet:
        """Tokens for an authorization code."""
        return await self._tokens(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=pkce.verifier,
        )

    async def refresh(self, refresh_token: str) -> TokenSet:
        """New tokens; the old refresh token is spent. Raises :class:`SignedOut` if refused."""
        try:
            fresh = await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)
        except _Denied as denied:
            raise SignedOut("the session has ended: sign in again") from denied
        if fresh.refresh_token:
            return fresh
        return msgspec.structs.replace(fresh, refresh_token=refresh_token)

    async def by_secret(self, secret: str) -> TokenSet:
        """Tokens of a bot. Raises :class:`SignedOut` if the secret is not accepted."""
        try:
            return await self._tokens(grant_type="client_credentials", client_secret=secret)
        except _Denied as denied:
            raise SignedOut("the bot's secret is not accepted") from denied

    async def device(self) -> Device:
        """Start a device flow."""
        url = (await self.metadata()).device_authorization_endpoint
        if not url:
            raise SignInError("this server offers no sign-in without a browser")
        _, body = await self._request("POST", url, client_id=self.client_id, scope=SCOPE)
        return _read(body, Device)

    async def device_tokens(self, device: Device) -> TokenSet:
        """Wait until the user has agreed elsewhere (RFC 8628, sections 3.4 and 3.5)."""
        interval_s = device.interval
        waited_s = 0.0
        while waited_s < device.expires_in:
            await asyncio.sleep(interval_s)
            waited_s += interval_s
            try:
                return await self._tokens(grant_type=DEVICE_GRANT, device_code=device.device_code)
            except Unreachable:
                interval_s *= 2
            except _Denied as denied:
                if denied.code == "slow_down":
                    interval_s += 5
                elif denied.code != "authorization_pending":
                    raise
        raise SignInError("the code has expired before it was entered")

    async def revoke(self, refresh_token: str) -> None:
        """End the session (RFC 7009)."""
        url = (await self.metadata()).revocation_endpoint
        if url:
            await self._request("POST", url, token=refresh_token, client_id=self.client_id)

    async def _tokens(self, **fields: str) -> TokenSet:
        url = (await self.metadata()).token_endpoint
        asked = boot_clock.now()  # before the request: rather too early than too late
        _, body = await self._request("POST", url, client_id=self.client_id, **fields)
        reply = _read(body, _TokenReply)
        return TokenSet(
            reply.access_token, reply.refresh_token, reply.expires_in, asked.boot, asked.seconds
        )

    async def _request(self, method: str, url: str, **fields: str) -> tuple[int, bytes]:
        data: Any = fields or None
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        try:
            async with self._http.request(
                method, url, data=data, timeout=timeout, allow_redirects=False
            ) as answer:
                body = await answer.read()
                if answer.status >= 500 or answer.status == 429:
                    raise Unreachable(f"{self.base_url} answers {answer.status}")
                if answer.status >= 400:
                    raise _denied(answer.status, body)
                return answer.status, body
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"no answer from {self.base_url}: {error or 'timeout'}") from error


class _Denied(SignInError):
    """The server's error answer (RFC 6749, section 5.2)."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text or code)
        self.code = code


def _denied(status: int, body: bytes) -> SignInError:
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return SignInError(f"the server answers {status}")
    if not isinstance(answer.get("error"), str):
        return SignInError(str(answer.get("detail") or f"the server answers {status}"))
    return _Denied(answer["error"], str(answer.get("error_description", "")))


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise SignInError(f"the server's answer cannot be read: {error}") from error
