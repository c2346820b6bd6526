"""Profiles: who is signed in where, one file each, readable by its owner only.

They live in ``$AGILEIM_HOME``, else ``$XDG_CONFIG_HOME/agileim``, else ``~/.config/agileim``.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from agileim import boot_clock
from agileim.errors import AgileIMError

DEFAULT_PROFILE = "default"
_NAME = re.compile(r"[^\W_][\w.@-]{0,63}")
_LOCK_POLL_S = 0.05


class TokenSet(Struct, frozen=True):
    """Tokens, and when they were received (see :mod:`agileim.boot_clock`)."""

    access_token: str
    refresh_token: str
    expires_in: float
    boot: str = ""
    received_at: float = 0.0

    def remaining_s(self) -> float | None:
        """Seconds until the access token ends, or None if that cannot be told."""
        age = boot_clock.now().seconds_since(boot_clock.Moment(self.boot, self.received_at))
        return None if age is None else self.expires_in - age


class Profile(Struct, frozen=True):
    """A sign-in: where, as whom, with which tokens."""

    url: str
    client_id: str
    tokens: TokenSet
    user: str = ""
    handle: str = ""


def home() -> Path:
    """The folder of the profiles."""
    if own := os.environ.get("AGILEIM_HOME"):
        return Path(own)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(base) / "agileim"


class ProfileFile:
    """One profile's file. Writes are atomic; `lock` keeps other processes out meanwhile."""

    def __init__(self, name: str = DEFAULT_PROFILE, folder: Path | None = None) -> None:
        if not _NAME.fullmatch(name):
            raise AgileIMError(f"{name!r} is no name for a profile")
        self.name = name
        self.folder = home() if folder is None else folder
        self.path = self.folder / f"{name}.json"

    def read(self) -> Profile | None:
        """The profile, or None. Raises :class:`AgileIMError` if the file is damaged."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Profile)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise AgileIMError(f"{self.path} is damaged ({error}): sign in again") from error

    def write(self, profile: Profile) -> None:
        """Replace the file; after a crash there is the old one or the new one, whole."""
        self._make_folder()
        # mkstemp makes files that only their owner can read.
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{self.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(profile), indent=2))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def remove(self) -> None:
        """Forget the profile."""
        self.path.unlink(missing_ok=True)

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Hold the profile's lock: a refresh token works once, so only one may spend it."""
        self._make_folder()
        with (self.folder / f"{self.name}.lock").open("a") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    # Polled, because a blocking call in a thread could not be cancelled.
                    await asyncio.sleep(_LOCK_POLL_S)
            yield

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
