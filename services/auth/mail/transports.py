"""Ways out for mail: an SMTP server (RFC 5321, with TLS by RFC 8314 or 3207), or a folder."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from shared.ids import new_id
from shared.logs import get_logger

TIMEOUT_S: Final = 20.0
_PORTS: Final = {"smtps": 465, "smtp": 587, "smtp+plain": 25}


class Undelivered(Exception):
    """The letter did not get away. ``final``: trying again would not help."""

    def __init__(self, why: str, *, final: bool) -> None:
        super().__init__(why)
        self.final = final


class Transport(Protocol):
    """Takes one letter."""

    async def deliver(self, message: EmailMessage) -> None:
        """Raises :class:`Undelivered`."""
        ...


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """``smtps://user:password@host`` (TLS from the first byte), ``smtp://…`` (STARTTLS, which must
    succeed), ``smtp+plain://…`` (no TLS: for a relay on this machine)."""

    host: str
    port: int
    scheme: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"SmtpServer({self.scheme}://{self.host}:{self.port})"

    @classmethod
    def parse(cls, url: str) -> SmtpServer:
        """Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(
                "must be smtps://, smtp:// or smtp+plain://[user:password@]host[:port]"
            )
        return cls(
            parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme,
            unquote(parts.username or ""), unquote(parts.password or ""),
        )  # fmt: skip


class SmtpTransport:
    """Hands letters to a server, a connection each: mail is rare."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def deliver(self, message: EmailMessage) -> None:
        """Raises :class:`Undelivered`."""
        server = self._server
        try:
            await aiosmtplib.send(
                message,
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.scheme == "smtps",
                start_tls=server.scheme == "smtp",
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            final = all(500 <= one.code < 600 for one in refused.recipients)
            raise Undelivered("the recipient was refused", final=final) from None
        except aiosmtplib.SMTPResponseException as answer:
            # What the server says may hold the address: only its code is told (RFC 5321, 4.2.1).
            raise Undelivered(f"SMTP {answer.code}", final=500 <= answer.code < 600) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Undelivered(type(error).__name__, final=False) from None


class FolderTransport:
    """Without a server: one file each, for who runs a trial to read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, message: EmailMessage) -> None:
        """Raises :class:`Undelivered`."""
        try:
            path = await asyncio.to_thread(self._write, message.as_bytes(policy=SMTP))
        except OSError as error:
            raise Undelivered(f"{self._folder}: {error.strerror}", final=False) from error
        get_logger().warning("mail_written_to_file", path=str(path), why="no SMTP server is set")

    def _write(self, content: bytes) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{new_id()}.eml"
        draft = path.with_suffix(".part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.rename(path)
        return path
