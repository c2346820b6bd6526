"""Typed HTTP requests with a token. What fails in passing is repeated until `timeout_s`."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar, overload

import aiohttp
import msgspec

from agileim.backoff import Backoff
from agileim.errors import AgileIMError, Closed, Refused, Unreachable, refusal
from agileim.tokens import TokenSource

TIMEOUT_S = 30.0
TRY_TIMEOUT_S = 10.0
RETRY_STATUS = frozenset({429, 502, 503, 504})

T = TypeVar("T")


class Http:
    """Sends requests with a token; repeats them with backoff where that is safe."""

    def __init__(self, base_url: str, tokens: TokenSource, http: aiohttp.ClientSession) -> None:
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._http = http

    @overload
    async def request(
        self, method: str, path: str, shape: type[T], *, body: Any = ..., timeout_s: float = ...,
        headers: dict[str, str] | None = ..., **params: str | int | None,
    ) -> T: ...  # fmt: skip
    @overload
    async def request(
        self, method: str, path: str, shape: None = None, *, body: Any = ...,
        timeout_s: float = ..., headers: dict[str, str] | None = ..., **params: str | int | None,
    ) -> None: ...  # fmt: skip
    async def request(
        self,
        method: str,
        path: str,
        shape: type[T] | None = None,
        *,
        body: Any = None,
        timeout_s: float = TIMEOUT_S,
        headers: dict[str, str] | None = None,
        **params: str | int | None,
    ) -> T | None:
        """One request, repeated as long as that helps. Every request here may be repeated.

        Raises :class:`~agileim.Refused`, :class:`~agileim.Unreachable`,
        :class:`~agileim.SignedOut`, :class:`~agileim.Closed`.
        """
        backoff = Backoff(base_s=0.2, cap_s=5.0)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        query = {name: str(value) for name, value in params.items() if value is not None}
        rejected, doubtful = "", False
        while True:
            wait_s = 0.0
            error: AgileIMError
            try:
                token = await self._tokens.access_token(rejected=rejected)
                status, answer = await self._try(
                    method,
                    path,
                    body,
                    query,
                    {**(headers or {}), "Authorization": f"Bearer {token}"},
                )
                if status < 300:
                    return None if shape is None else _read(answer, shape)
                problem = _problem(status, answer)
                if status == 401 and not doubtful:
                    rejected, doubtful = token, True
                    continue
                if status not in RETRY_STATUS:
                    raise problem
                wait_s, error = problem.retry_after_ms / 1000, problem
            except Unreachable as unreachable:
                error = unreachable
            wait_s += backoff.next()
            if loop.time() + wait_s >= deadline:
                raise error
            await asyncio.sleep(wait_s)

    async def _try(
        self, method: str, path: str, body: Any, query: dict[str, str], headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._http.closed:  # meanwhile, between two tries
            raise Closed("the client is closed")
        try:
            async with self._http.request(
                method,
                self._base_url + path,
                params=query,
                data=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=TRY_TIMEOUT_S),
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"no answer from {self._base_url}: {error or 'timeout'}") from error


class _Problem(msgspec.Struct):
    """RFC 9457, with the members that AgileIM adds."""

    title: str = ""
    detail: str = ""
    code: str = ""
    field: str = ""
    retry_after_ms: int = 0
    request_id: str = ""


def _problem(status: int, body: bytes) -> Refused:
    try:
        told = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        told = _Problem()
    return refusal(
        told.code or ("not_found" if status == 404 else "internal"),
        told.detail or told.title or f"the server answers {status}",
        field=told.field,
        retry_after_ms=told.retry_after_ms,
        status=status,
        request_id=told.request_id,
    )


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise Unreachable(f"the answer cannot be read: {error}") from error
