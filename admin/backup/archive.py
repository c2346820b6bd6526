"""Writing and reading the tar file of a backup, with the SHA-256 of every member."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from admin.backup.manifest import CHECKSUMS
from admin.errors import AdminError

CHUNK: Final = 1024 * 1024


class Writer:
    """Writes members one after the other; the end of its block ends the archive."""

    def __init__(self, target: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._sums: dict[str, str] = {}

    def add_bytes(self, name: str, content: bytes) -> None:
        """A small member."""
        self.add(name, io.BytesIO(content), len(content))

    def add(self, name: str, source: IO[bytes], size: int) -> None:
        """A member of ``size`` bytes."""
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(time.time())
        reader = _Hashing(source)
        self._tar.addfile(info, reader)
        self._sums[name] = reader.hexdigest()

    def add_folder(self, prefix: str, folder: Path) -> int:
        """All regular files below a folder; how many. Links are not followed, and a file that
        vanishes meanwhile is left out. Raises AdminError."""
        count = 0
        for place, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                path = Path(place, name)
                try:
                    if path.is_symlink():
                        continue
                    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                        status = os.fstat(file.fileno())
                        if not stat.S_ISREG(status.st_mode):
                            continue
                        own = prefix + path.relative_to(folder).as_posix()
                        self.add(own, file, status.st_size)
                        count += 1
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise AdminError(f"{path}: {error.strerror}") from error
        return count

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Write the checksums and the end, unless something went wrong."""
        if kind is None:
            self.add_bytes(CHECKSUMS, msgspec.json.encode(self._sums))
            self._tar.close()
        else:
            with suppress(Exception):
                self._tar.close()


class Reader:
    """Reads members in order; at the end every checksum has been compared."""

    def __init__(self, source: IO[bytes]) -> None:
        try:
            self._tar = tarfile.open(fileobj=source, mode="r|")  # noqa: SIM115
        except tarfile.TarError as error:
            raise AdminError(f"this is no backup: {error}") from error
        self._sums: dict[str, str] = {}
        self._promised: dict[str, str] | None = None

    def __iter__(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Name and content of each member; what is not read of one is read and hashed for you.
        Raises AdminError, at the end if something is missing or has changed."""
        try:
            for info in self._tar:
                content = self._tar.extractfile(info) if info.isreg() else None
                if content is None or not _is_safe(info.name):
                    raise AdminError(f"a backup has no member {info.name!r}")
                reader = _Hashing(content)
                if info.name == CHECKSUMS:
                    self._promised = msgspec.json.decode(reader.read(), type=dict[str, str])
                    continue
                yield info.name, reader  # type: ignore[misc]  # it needs read() only
                while reader.read(CHUNK):
                    pass
                self._sums[info.name] = reader.hexdigest()
        except (tarfile.TarError, EOFError, OSError, msgspec.DecodeError) as error:
            raise AdminError(f"the backup is damaged: {error}") from error
        self._compare()

    def _compare(self) -> None:
        if self._promised is None:
            raise AdminError("the backup is cut off: its end is missing")
        wrong = sorted(
            name
            for name in self._promised.keys() | self._sums.keys()
            if self._promised.get(name) != self._sums.get(name)
        )
        if wrong:
            raise AdminError(f"the backup is damaged: {', '.join(wrong[:5])}")


class _Hashing:
    """A reader that knows the SHA-256 of what was read. Raises AdminError."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._source.read(size)
        except tarfile.TarError as error:
            raise AdminError(f"the backup is damaged: {error}") from error
        self._digest.update(data)
        return data

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def copy_to(source: IO[bytes], target: IO[bytes]) -> tuple[int, str]:
    """Copy all; how many bytes, and their SHA-256."""
    reader, size = _Hashing(source), 0
    while chunk := reader.read(CHUNK):
        target.write(chunk)
        size += len(chunk)
    return size, reader.hexdigest()


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    return not name.startswith("/") and all(part not in ("", ".", "..") for part in parts)
