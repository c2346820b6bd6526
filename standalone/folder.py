"""The data folder of one installation: whose it is, its format, its secrets and ports."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from standalone.errors import StandaloneError
from standalone.ports import free_port, is_free

FORMAT: Final = 1  # raised when an older program could no longer use the folder
_OURS_BEFORE_FORMAT: Final = {
    "lock",
    "lock.format",
}  # all that a start may leave before it notes the format


class DataFolder:
    """A folder that one running instance owns at a time; only its owner can enter it.

    Layout: `lock`, `format`, `ports.json`, `secrets/`, `logs/`, and a folder per server or service
    that keeps something.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = -1
        self._ports: dict[str, int] = {}

    def claim(self) -> None:
        """Make the folder ours until `release`.

        Raises StandaloneError when it cannot be written, belongs to a running instance, holds
        something else, or was written by a newer version.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            self._take_lock()
            self._check_format()
            self.path.chmod(0o700)
            for name in ("secrets", "logs"):
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
            self._ports = self._read_ports()
        except OSError as fault:
            self.release()
            raise StandaloneError(
                f"cannot write in the data folder {self.path} ({fault.strerror}): "
                "change its owner or set AGILEIM_DATA to another folder"
            ) from fault
        except StandaloneError:
            self.release()
            raise

    def note_address(self, url: str) -> None:
        """Tell those who find the folder in use where its instance answers."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"process {os.getpid()} at {url}\n".encode(), 0)

    def release(self) -> None:
        """Let others have the folder; harmless when it is not ours."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.path / "logs" / f"{name}.log"

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_hex(24)) -> str:
        """A secret that is made once and kept."""
        kept = self.secret_file(name)
        if not kept.exists():
            self.write_secret(name, make())
        return kept.read_text()

    def secret_file(self, name: str) -> Path:
        """Where the secret of this name is or will be."""
        return self.path / "secrets" / name

    def write_secret(self, name: str, text: str) -> Path:
        """Write a file that only we can read, whole or not at all; returns its path."""
        partial = self.secret_file(name + ".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(text)
        return partial.replace(self.secret_file(name))

    def port(self, name: str) -> int:
        """The port that the process of this name had last time, or a new one if that is taken."""
        port = self._ports.get(name, 0)
        taken = {other for owner, other in self._ports.items() if owner != name}
        if port in taken or not port or not is_free(port):
            while (port := free_port()) in taken:
                pass
            self.reserve_port(name, port)
        return port

    def reserve_port(self, name: str, port: int) -> None:
        """Give a process the port that was chosen for it; no other name gets it."""
        self._ports[name] = port
        (self.path / "ports.json").write_text(json.dumps(self._ports, indent=1) + "\n")

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 200, 0).decode(errors="replace").strip()
            raise StandaloneError(
                f"the data folder {self.path} is in use by {owner or 'another start'}: "
                "stop that one first or set AGILEIM_DATA to another folder"
            ) from None

    def _check_format(self) -> None:
        note = self.path / "format"
        if note.exists():
            self._check_owner(note)
        else:
            foreign = {entry.name for entry in self.path.iterdir()} - _OURS_BEFORE_FORMAT
            if foreign:
                raise StandaloneError(
                    f"the folder {self.path} holds other things ({min(foreign)}): "
                    "set AGILEIM_DATA to an empty folder"
                )
            partial = self.path / "lock.format"
            partial.write_text(f"{FORMAT}\n")
            partial.replace(note)
        text = note.read_text().strip()
        if not text.isdigit() or int(text) > FORMAT:
            raise StandaloneError(
                f"the data folder {self.path} was written by a newer version (format {text}, "
                f"this one reads up to {FORMAT}): use that version or another AGILEIM_DATA"
            )

    def _check_owner(self, note: Path) -> None:
        owner = note.stat().st_uid
        if owner != os.geteuid():
            # As root we could write there, and its owner could not start it any more.
            raise StandaloneError(
                f"the data folder {self.path} belongs to user {owner}: run as that user or set "
                "AGILEIM_DATA to another folder"
            )

    def _read_ports(self) -> dict[str, int]:
        try:
            ports = json.loads((self.path / "ports.json").read_text())
            return {str(name): int(port) for name, port in ports.items()}
        except (FileNotFoundError, ValueError, AttributeError):
            return {}  # only a convenience: new ones are chosen
