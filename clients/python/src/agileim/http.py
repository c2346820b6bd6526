"""Typed HTTP requests with a token. What fails in passing is repeated until `timeout_s`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, overload

import aiohttp
import msgspec

from agileim.backoff import Backoff
from agileim.errors import AgileIMError, Closed, Refused, Unreachable, refusal
from agileim.tokens import TokenSource

TIMEOUT_S = 30.0
TRY_TIMEOUT_S = 10.0
CONTENT_TIMEOUT_S = 60.0  # without a byte of content
CHUNK_BYTES = 256 * 1024
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

    async def exchange(
        self, method: str, path: str, *, headers: dict[str, str], data: bytes | None = None
    ) -> tuple[Mapping[str, str], bytes]:
        """One request with a body of bytes, tried once; the answer's headers and body. Errors as
        with :meth:`request`."""
        async with self._answer(method, path, headers, data) as answer:
            return answer.headers, await answer.read()

    async def save(
        self, path: str, target: Path, on_progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Append to a local file what it lacks of an answer's content. Errors as with
        :meth:`request`; what has come until then is kept."""
        had = (await asyncio.to_thread(target.stat)).st_size
        headers = {"Range": f"bytes={had}-"} if had else {}
        try:
            async with self._answer("GET", path, headers) as answer:
                if answer.status == 416:  # nothing is missing
                    return
                mode = "ab" if answer.status == 206 else "wb"
                so_far = had if answer.status == 206 else 0
                size = so_far + (answer.content_length or 0)
                with await asyncio.to_thread(target.open, mode) as file:
                    async for piece in answer.content.iter_chunked(CHUNK_BYTES):
                        await asyncio.to_thread(file.write, piece)
                        so_far += len(piece)
                        if on_progress is not None:
                            on_progress(so_far, size)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"the connection broke: {error or 'timeout'}") from error

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, headers: dict[str, str], data: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to one request; with a fresh token if the first one was not accepted."""
        rejected = ""
        while True:
            token = await self._tokens.access_token(rejected=rejected)
            if self._http.closed:
                raise Closed("the client is closed")
            try:
                answer = await self._http.request(
                    method,
                    self._base_url + path,
                    data=None if data is None else io.BytesIO(data),
                    headers={**headers, "Authorization": f"Bearer {token}"},
                    timeout=aiohttp.ClientTimeout(
                        sock_connect=TRY_TIMEOUT_S, sock_read=CONTENT_TIMEOUT_S
                    ),
                    allow_redirects=False,
                )
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                why = error or "timeout"
                raise Unreachable(f"no answer from {self._base_url}: {why}") from error
            async with answer:
                if answer.status == 401 and not rejected:
                    rejected = token
                    continue
                if answer.status >= 300 and answer.status != 416:
                    raise _problem(answer.status, await answer.read())
                yield answer
                return

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
