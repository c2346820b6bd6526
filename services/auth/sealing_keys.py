"""The keys that people's secrets are sealed with: files in the folder of the signing keys.

api stores what is sealed; whoever reads its database alone learns nothing. The newest key by name
seals, all unseal, so a second file replaces the first for what comes. None may be removed while
something is sealed with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.logs import get_logger

FIRST: Final = "sealing-0.key"
_PATTERN: Final = "sealing-*.key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # NIST SP 800-38D, section 5.2.1.1


class SealingFault(Exception):
    """Cannot be sealed or unsealed, and why."""


class SealingKeys:
    """AES-256-GCM. What is sealed for one owner cannot be unsealed as another's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, bytes] = {}

    def open(self) -> None:
        """Load the keys; make the first one when there is none and the folder allows it. Without
        one everything but sealing works. Blocks for some ms."""
        try:
            if not self._paths():
                _create(self._folder / FIRST)
            self._load()
        except (OSError, SealingFault) as error:
            get_logger().error("no_sealing_key", folder=str(self._folder), error=str(error))

    def seal(self, secret: str, owner: str) -> str:
        """``key id.nonce and text``, in base64url. Raises :class:`SealingFault`."""
        if not self._keys:
            self.open()
        if not self._keys:
            raise SealingFault("there is no sealing key")
        kid, key = list(self._keys.items())[-1]
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), owner.encode())
        return f"{kid}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, owner: str) -> str:
        """Raises :class:`SealingFault`."""
        kid, _, text = sealed.partition(".")
        if kid not in self._keys:
            self.open()  # another replica may have made it
        key = self._keys.get(kid)
        if key is None:
            raise SealingFault(f"the sealing key {kid} is missing")
        try:
            raw = base64.urlsafe_b64decode(text)
            clear = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise SealingFault("it was sealed for somebody else, or changed") from None
        return clear.decode()

    def _load(self) -> None:
        keys = {}
        for path in self._paths():
            key = _read(path)
            keys[hashlib.sha256(key).hexdigest()[:12]] = key
        self._keys = keys

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob(_PATTERN)) if self._folder.is_dir() else []


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SealingFault(f"{path} is not {_KEY_BYTES} bytes in base64")
    return key


def _create(path: Path) -> None:
    """Make a key, unless another replica is faster: link(2) is atomic and never overwrites."""
    draft = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    except FileExistsError:
        return  # theirs is as good as ours
    finally:
        draft.unlink()
    get_logger().warning("sealing_key_created", path=str(path))
