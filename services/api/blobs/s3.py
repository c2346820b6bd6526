"""Blobs as objects of an S3-compatible store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError

from services.api.blobs import PIECE_BYTES, BlobError, NoBlob

CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 30
CONNECTIONS: Final = 32
_MISSING: Final = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects go, and with whose rights."""

    name: str
    endpoint: str  # https://…; empty: that of AWS
    region: str
    access_key: str
    secret_key: str


class S3Blobs:
    """Objects of one bucket, which must exist. Use between :meth:`open` and :meth:`close`."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._stack = AsyncExitStack()
        self._client: Any = None  # botocore makes its clients' classes at run time

    async def open(self) -> None:
        """Nothing is asked yet: api starts without the store."""
        bucket = self._bucket
        self._client = await self._stack.enter_async_context(
            get_session().create_client(
                "s3",
                endpoint_url=bucket.endpoint or None,
                region_name=bucket.region,
                aws_access_key_id=bucket.access_key,
                aws_secret_access_key=bucket.secret_key,
                config=AioConfig(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    max_pool_connections=CONNECTIONS,
                    retries={"max_attempts": 3, "mode": "standard"},
                    # Stores other than AWS know neither host names per bucket nor newer checksums.
                    s3={"addressing_style": "path"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        )

    async def close(self) -> None:
        await self._stack.aclose()

    async def put(self, key: str, source: Path) -> None:
        file = await asyncio.to_thread(source.open, "rb")
        with file:
            async with _store_errors(key):
                await self._client.put_object(Bucket=self._bucket.name, Key=key, Body=file)

    async def read(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes]:
        async with _store_errors(key):
            answer = await self._client.get_object(
                Bucket=self._bucket.name, Key=key, Range=f"bytes={start}-{stop - 1}"
            )
        left = stop - start
        async with answer["Body"] as body:
            while left:
                async with _store_errors(key):
                    piece: bytes = await body.read(min(PIECE_BYTES, left))
                if not piece:
                    raise BlobError(f"{key} is shorter than it was")
                left -= len(piece)
                yield piece

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            async with _store_errors(key):
                await self._client.delete_object(Bucket=self._bucket.name, Key=key)


@asynccontextmanager
async def _store_errors(key: str) -> AsyncIterator[None]:
    """Raise the store's error for the library's."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise (NoBlob if code in _MISSING else BlobError)(f"{key}: {error}") from error
    except (BotoCoreError, HttpError, OSError, TimeoutError) as error:
        raise BlobError(f"{key}: {type(error).__name__}: {error}") from error
