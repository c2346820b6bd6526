"""HTTP between services: service tokens by client credentials, typed calls, fail-over.

Only idempotent calls are made, or calls that are made idempotent by an id in them: every one may
be tried again at another replica.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from shared.problems import TRACE_HEADER

REFRESH_BEFORE_S: Final = 60.0
TOKEN_TIMEOUT_S: Final = 5.0

T = TypeVar("T")


class ApiUnavailable(Exception):
    """No replica gave an answer in time; the call may or may not have had its effect."""


class ApiRefused(Exception):
    """api answered with a problem document (status 4xx)."""

    def __init__(self, status: int, code: str, detail: str, field: str = "") -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


class TokenSource(Protocol):
    """Where a caller's service token comes from."""

    async def token(self) -> str:
        """A token that is valid for some time yet. Raises :class:`ApiUnavailable`."""
        ...

    def reject(self, token: str) -> None:
        """``token`` was not accepted: do not hand it out again."""
        ...


class _TokenReply(Struct):
    access_token: str
    expires_in: float


class ServiceTokens:
    """Client credentials grant (RFC 6749, section 4.4), renewed before the token expires."""

    def __init__(
        self, auth_url: str, client_id: str, secret: str, http: aiohttp.ClientSession
    ) -> None:
        self._url = f"{auth_url}/connect/token"
        self._credentials = aiohttp.encode_basic_auth(client_id, secret)
        self._http = http
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        if time.monotonic() < self._renew_at:
            return self._token
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._renew()
        return self._token

    def reject(self, token: str) -> None:
        if token == self._token:
            self._renew_at = 0.0

    async def _renew(self) -> None:
        try:
            async with self._http.post(
                self._url,
                data={"grant_type": "client_credentials"},
                headers={"Authorization": self._credentials},
                timeout=aiohttp.ClientTimeout(total=TOKEN_TIMEOUT_S),
            ) as response:
                body = await response.read()
                if response.status != 200:
                    raise ApiUnavailable(f"auth refuses a service token: {response.status}")
            reply = msgspec.json.decode(body, type=_TokenReply)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise ApiUnavailable(f"auth: {type(error).__name__}: {error}") from error
        self._token = reply.access_token
        self._renew_at = time.monotonic() + max(reply.expires_in - REFRESH_BEFORE_S, 1.0)


class ApiClient:
    """Calls api's internal HTTP; fails over between its replicas."""

    def __init__(
        self, urls: Sequence[str], tokens: TokenSource, http: aiohttp.ClientSession
    ) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        self._tokens = tokens
        self._http = http
        self._first = 0  # the replica that answered last

    async def call(
        self,
        method: str,
        path: str,
        body: Struct | None,
        reply: type[T],
        *,
        timeout_s: float = 5.0,
        params: Mapping[str, str | int] | None = None,
        trace_id: str = "",
    ) -> T:
        """One call, answered with ``reply``: a struct from JSON or, by its content type, msgpack;
        ``bytes`` for the raw body; ``type(None)`` for none.

        ``timeout_s`` is for each replica. Raises :class:`ApiRefused`, :class:`ApiUnavailable`.
        """
        data = msgspec.json.encode(body) if body is not None else None
        last: Exception | None = None
        for attempt in range(max(2, len(self._urls))):
            index = (self._first + attempt) % len(self._urls)
            try:
                result = await self._try(
                    self._urls[index] + path, method, data, timeout_s, params, trace_id
                )
            except (aiohttp.ClientError, TimeoutError, ApiUnavailable) as error:
                last = error
                continue
            self._first = index
            return _decode(result, reply)
        raise ApiUnavailable(f"{type(last).__name__}: {last}") from last

    async def _try(
        self,
        url: str,
        method: str,
        data: bytes | None,
        timeout_s: float,
        params: Mapping[str, str | int] | None,
        trace_id: str,
    ) -> tuple[str, bytes]:
        token = await self._tokens.token()
        headers = {"Authorization": f"Bearer {token}"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if trace_id:
            headers[TRACE_HEADER] = trace_id
        async with self._http.request(
            method, url, data=data, params=params, headers=headers,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response:  # fmt: skip
            content = await response.read()
            if response.status == 401:
                self._tokens.reject(token)
                raise ApiUnavailable("the service token was not accepted")
            if response.status >= 500:
                raise ApiUnavailable(f"{url} answered {response.status}")
            if response.status >= 400:
                raise _refusal(response.status, content)
            return response.content_type, content


def _refusal(status: int, content: bytes) -> ApiRefused:
    try:
        problem: dict[str, Any] = msgspec.json.decode(content, type=dict)
    except msgspec.DecodeError:
        problem = {}
    return ApiRefused(
        status,
        str(problem.get("code", "invalid")),
        str(problem.get("detail", "")),
        str(problem.get("field", "")),
    )


def _decode(result: tuple[str, bytes], reply: type[T]) -> T:
    content_type, content = result
    if reply is bytes or reply is type(None):
        return content if reply is bytes else None  # type: ignore[return-value]  # by `reply`
    try:
        if content_type == "application/msgpack":
            return msgspec.msgpack.decode(content, type=reply)
        return msgspec.json.decode(content, type=reply)
    except msgspec.DecodeError as error:
        raise ApiUnavailable(f"an answer that cannot be read: {error}") from error
