"""Where the content of files is kept: a folder, or an S3-compatible store."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Final, Protocol

PIECE_BYTES: Final = 256 * 1024  # read and sent at a time


class BlobError(Exception):
    """The store did not do it; trying again may help."""


class NoBlob(BlobError):
    """There is nothing under this key."""


class BlobStore(Protocol):
    """Blobs by key: letters, digits, ``-``, and one ``/``. Methods raise :class:`BlobError`."""

    async def put(self, key: str, source: Path) -> None:
        """Keep the content of a local file for good, replacing what was there. ``source`` may be
        gone afterwards."""

    def read(self, key: str, start: int, stop: int) -> AsyncGenerator[bytes]:
        """Bytes from ``start`` up to ``stop``, in pieces. Raises :class:`NoBlob`."""

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete blobs; those that are not there are no fault."""

    async def open(self) -> None:
        """Make ready."""

    async def close(self) -> None:
        """Let go."""
