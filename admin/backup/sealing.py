"""Sealing an archive for those who hold a key, with age (https://age-encryption.org/v1).

Whoever makes backups needs the recipients' public keys only; the tool ``age`` opens them, too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import pyrage

from admin.errors import AdminError, Misused

MAGIC: Final = b"age-encryption.org/v1"


def recipients(keys: Sequence[str]) -> list[pyrage.x25519.Recipient]:
    """Public keys, ``age1…``. Raises Misused."""
    try:
        return [pyrage.x25519.Recipient.from_str(key.strip()) for key in keys]
    except pyrage.RecipientError as error:
        raise Misused(f"a recipient is an age public key, age1…: {error}") from error


def identities(path: Path | None) -> list[pyrage.x25519.Identity]:
    """The private keys of a file as age-keygen writes it. Raises Misused."""
    if path is None:
        return []
    try:
        lines = path.read_text().splitlines()
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        return [pyrage.x25519.Identity.from_str(key) for key in keys]
    except OSError as error:
        raise Misused(f"{path}: {error.strerror}") from error
    except pyrage.IdentityError as error:
        raise Misused(f"{path} holds no age private key: {error}") from error


def make_identity(path: Path) -> str:
    """Write a new private key to a file that only we can read; returns its public key."""
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Misused(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# public key: {public}\n{identity}\n")
    return public


@contextmanager
def sealed(target: IO[bytes], keys: Sequence[pyrage.x25519.Recipient]) -> Iterator[IO[bytes]]:
    """A file to write to whose content reaches ``target`` sealed, or as it is without keys."""
    if not keys:
        yield target
        return
    reading, writing = os.pipe()
    worker = _Worker(reading, "rb", lambda source: pyrage.encrypt_io(source, target, list(keys)))
    try:
        with os.fdopen(writing, "wb") as pipe:
            yield pipe
    finally:
        worker.join()
    if worker.error is not None:
        raise AdminError(f"sealing failed: {worker.error}") from worker.error


@contextmanager
def opened(path: Path, keys: Sequence[pyrage.x25519.Identity]) -> Iterator[IO[bytes]]:
    """A stream of what an archive holds, sealed or not. Raises AdminError."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise Misused(f"{path}: {error.strerror}") from error
    with file:
        magic = file.read(len(MAGIC))
        file.seek(0)
        if magic != MAGIC:
            yield file
            return
        if not keys:
            raise Misused(f"{path} is sealed: name the file with the private key, --identity")
        reading, writing = os.pipe()
        worker = _Worker(writing, "wb", lambda sink: pyrage.decrypt_io(file, sink, list(keys)))
        pipe = os.fdopen(reading, "rb")
        try:
            yield pipe
        except Exception as fault:
            # What could not be opened looks like a torn archive to the reader.
            if worker.error is not None:
                raise AdminError(f"the backup cannot be opened: {worker.error}") from fault
            raise
        finally:
            pipe.close()
            worker.join()


class _Worker:
    """Runs ``work`` on one end of a pipe, in a thread: age's library reads or writes till the end.

    ``error`` is known before the other end can see the pipe closed.
    """

    def __init__(self, end: int, mode: str, work: Callable[[IO[bytes]], object]) -> None:
        self.error: Exception | None = None
        self._thread = threading.Thread(
            target=self._run, args=(end, mode, work), name="age", daemon=True
        )
        self._thread.start()

    def _run(self, end: int, mode: str, work: Callable[[IO[bytes]], object]) -> None:
        with suppress(BrokenPipeError), os.fdopen(end, mode) as pipe:
            try:
                work(pipe)
            except Exception as error:  # told in the caller's thread
                self.error = error

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()
