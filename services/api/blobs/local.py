"""Blobs as files of a folder."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar, TypeVarTuple

from services.api.blobs import PIECE_BYTES, BlobError, NoBlob

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class LocalBlobs:
    """A folder, spread over 256 subfolders so that none gets slow.

    A blob is written beside its place, synced, and then renamed: it is there as a whole or not at
    all, also after a power cut. Several replicas may share the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        """Nothing to do: folders are made when they are needed."""

    async def close(self) -> None:
        """Nothing is held open."""

    async def put(self, key: str, source: Path) -> None:
        await self._off_loop(self._put, key, source)

    async def delete(self, keys: Iterable[str]) -> None:
        await self._off_loop(self._delete, list(keys))

    async def read(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes]:
        file: BinaryIO = await self._off_loop(self._open, key, start)
        try:
            while start < stop:
                piece = await self._off_loop(file.read, min(PIECE_BYTES, stop - start))
                if not piece:
                    raise BlobError(f"{key} is shorter than it was")
                start += len(piece)
                yield piece
        finally:
            file.close()

    @staticmethod
    async def _off_loop(call: Callable[[*Ts], T], *arguments: *Ts) -> T:
        try:
            return await asyncio.to_thread(call, *arguments)
        except FileNotFoundError as error:
            raise NoBlob(str(error)) from error
        except OSError as error:
            raise BlobError(f"{error.strerror}: {error.filename}") from error

    def path(self, key: str) -> Path:
        """Where a blob is. Ids begin with the time, so a hash spreads them."""
        kind, _, name = key.partition("/")
        shard = hashlib.blake2s(name.encode(), digest_size=1).hexdigest()
        return self._folder / kind / shard / name.replace("/", "-")

    def _open(self, key: str, start: int) -> BinaryIO:
        file = self.path(key).open("rb")
        file.seek(start)
        return file

    def _put(self, key: str, source: Path) -> None:
        place = self.path(key)
        if not place.parent.is_dir():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(place.parent.parent)
        beside = place.with_name(f".{place.name}.new")
        try:
            source.replace(beside)
        except OSError:  # on another file system
            shutil.copyfile(source, beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(place)
        _sync_folder(place.parent)

    def _delete(self, keys: list[str]) -> None:
        for key in keys:
            with suppress(FileNotFoundError):
                self.path(key).unlink()


def _sync_folder(folder: Path) -> None:
    """A rename is kept through a power cut once its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
