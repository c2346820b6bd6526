"""Receiving files: bytes come in requests that may break at any time, and become a file.

Nothing is held in memory: what comes goes to a file of this machine first, and from there, in parts
of PART_BYTES or when the request ends, to the blob store, where any replica finds it. How far an
upload got stands in PostgreSQL alone; of two requests that bring the same bytes one wins.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from aiohttp import ClientError, StreamReader, web

from services.api.blobs import PIECE_BYTES, BlobStore
from services.api.domain.files import HEAD_BYTES, PICTURE_TYPES, WrongType, checked_type
from services.api.pictures import Pictures
from services.api.store.files import Files, Finish, Upload
from shared.codes import ErrorCode
from shared.logs import get_logger
from shared.problems import Problem

PART_BYTES: Final = 8 * 1024 * 1024  # what a crash of this process can cost an uploader
PIECE_TIMEOUT_S: Final = 30.0  # a sender that says nothing for so long has gone

CHECKSUMS: Final = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}


class ChecksumMismatch(Exception):
    """The bytes are not those that were announced."""


class _Cut(ConnectionResetError):
    """The connection broke while the sender was sending: nobody reads an answer."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the body of one request must hash to."""

    algorithm: str  # of CHECKSUMS
    digest: bytes


def file_key(file: str) -> str:
    """Where a file's content is."""
    return f"files/{file}"


def thumbnail_key(file: str) -> str:
    """Where a file's thumbnail is."""
    return f"thumbnails/{file}"


def part_key(file: str, start: int) -> str:
    """Where a part of an unfinished file is."""
    return f"uploads/{file}-{start}"


class Uploads:
    """Methods raise Problem, StoreError, and BlobError."""

    def __init__(
        self,
        files: Files,
        blobs: BlobStore,
        pictures: Pictures,
        spool: Path,
        refused_types: tuple[str, ...],
    ) -> None:
        self._files = files
        self._blobs = blobs
        self._pictures = pictures
        self._spool = spool
        self._refused_types = refused_types

    async def receive(
        self, upload: Upload, body: StreamReader, checksum: Checksum | None
    ) -> Upload:
        """Take the bytes of one request; where the upload stands then.

        What came of a request that breaks is kept, unless it had a checksum. Raises
        :class:`ChecksumMismatch`, and Problem when there are too many bytes.
        """
        hasher = CHECKSUMS[checksum.algorithm](usedforsecurity=False) if checksum else None
        pieces = _pieces(body)
        cut: BaseException | None = None
        while True:
            async with self._spooled() as (file, path):
                length, ended = 0, False
                try:
                    while checksum is not None or length < PART_BYTES:
                        piece = await anext(pieces, b"")
                        if not piece:
                            ended = True
                            break
                        length += len(piece)
                        if upload.received + length > upload.size:
                            raise Problem(
                                ErrorCode.TOO_LARGE,
                                f"More bytes than the {upload.size} that were announced.",
                                field="Upload-Length",
                            )
                        file.write(piece)
                        if hasher:
                            hasher.update(piece)
                except (_Cut, asyncio.CancelledError) as error:
                    # Cancelled at a stop of this process: what came is kept all the same.
                    ended, cut = True, error
                file.flush()
                if checksum and hasher:
                    if cut:
                        raise cut
                    if not hmac.compare_digest(hasher.digest(), checksum.digest):
                        raise ChecksumMismatch
                if upload.received + length == upload.size:
                    if not ended and await anext(pieces, b"") != b"":
                        raise Problem(ErrorCode.TOO_LARGE, "More bytes than were announced.")
                    return await self.complete(upload, path)
                if length:
                    upload = await self._keep(upload, path, length)
            if cut:
                raise cut
            if ended:
                return upload

    async def _keep(self, upload: Upload, path: Path, length: int) -> Upload:
        key = part_key(upload.id, upload.received)
        await self._blobs.put(key, path)
        advanced = await self._files.advance(upload, length)
        if advanced is None:
            raise Problem(
                ErrorCode.CONFLICT,
                "Another request was faster, or there are too many parts: ask where it stands.",
                field="Upload-Offset",
            )
        return advanced

    async def complete(self, upload: Upload, rest: Path) -> Upload:
        """Make a file of the parts that are stored and the rest that is here."""
        async with self._spooled() as (whole, path):
            if upload.parts:
                for start, stop in _ranges(upload):
                    part = self._blobs.read(part_key(upload.id, start), 0, stop - start)
                    async for piece in part:
                        whole.write(piece)
                await asyncio.to_thread(_append, rest, whole)
                whole.flush()
            else:
                path = rest
            digest, head = await asyncio.to_thread(_digest, path)
            try:
                kind = checked_type(head, upload.name, upload.claimed_type, self._refused_types)
            except WrongType as error:
                await self._files.give_up(upload.id, upload.user)
                raise Problem(ErrorCode.UNSUPPORTED_TYPE, str(error)) from None
            found = await self._examined(upload, path, kind, digest)
            await self._blobs.put(file_key(upload.id), path)
        if not await self._files.finish(upload, found):
            raise Problem(ErrorCode.CONFLICT, "The upload was finished or given up meanwhile.")
        await self._blobs.delete(part_key(upload.id, start) for start in upload.parts)
        get_logger().info("file_uploaded", type=kind, bytes=upload.size)
        return await self._files.upload(upload.id, upload.user)

    async def empty(self, upload: Upload) -> None:
        """A file of no bytes is complete at once."""
        async with self._spooled() as (_, path):
            await self.complete(upload, path)

    async def _examined(self, upload: Upload, path: Path, kind: str, digest: bytes) -> Finish:
        if kind not in PICTURE_TYPES:
            return Finish(kind, digest)
        async with self._spooled() as (_, thumbnail):
            picture = await self._pictures.look(path, thumbnail)
            if picture is None:
                return Finish(kind, digest)
            size = thumbnail.stat().st_size
            await self._blobs.put(thumbnail_key(upload.id), thumbnail)
        return Finish(
            kind, digest, picture.width, picture.height, picture.placeholder, size
        )  # fmt: skip

    @asynccontextmanager
    async def _spooled(self) -> AsyncIterator[tuple[IO[bytes], Path]]:
        """A file of this machine, gone at the end unless it went to the store."""
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._spool, prefix="upload-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file, Path(name)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108 - as fast as asking another thread to do it


def _ranges(upload: Upload) -> list[tuple[int, int]]:
    return list(zip(upload.parts, [*upload.parts[1:], upload.received], strict=True))


async def _pieces(body: StreamReader) -> AsyncGenerator[bytes]:
    """The body as it comes. Raises _Cut when it does not come to its end."""
    while True:
        try:
            async with asyncio.timeout(PIECE_TIMEOUT_S):
                piece = await body.readany()
        except (ClientError, web.RequestPayloadError, ConnectionError, TimeoutError) as error:
            raise _Cut from error
        if not piece:
            return
        yield piece


def _append(source: Path, target: IO[bytes]) -> None:
    with source.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            target.write(piece)


def _digest(path: Path) -> tuple[bytes, bytes]:
    """(SHA-256, the beginning)."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").digest(), head
