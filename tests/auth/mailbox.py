"""A real SMTP server (aiosmtpd) on loopback, and reading what came."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.servers import wait_until


@dataclass
class Mailbox:
    """What was delivered, and how the next deliveries are answered."""

    port: int = 0
    answers: list[str] = field(default_factory=list)  # before "250": refusals, in order
    letters: list[EmailMessage] = field(default_factory=list)
    tries: int = 0

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """aiosmtpd's hook."""
        self.tries += 1
        if self.answers:
            return self.answers.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 OK"

    async def next(self, to: str) -> EmailMessage:
        """The newest letter to an address; waits for the first."""
        await wait_until(lambda: any(letter["To"] == to for letter in self.letters))
        found = [letter for letter in self.letters if letter["To"] == to]
        self.letters.remove(found[-1])
        return found[-1]


def text_of(letter: EmailMessage, kind: str = "plain") -> str:
    """One of its two bodies."""
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def code_of(letter: EmailMessage) -> str:
    """The six digits that it tells."""
    found = re.search(r"^ {4}(\d{6})\r?$", text_of(letter), re.MULTILINE)
    assert found is not None
    return found[1]


def link_of(letter: EmailMessage) -> str:
    """Path and query of the link in it."""
    links = re.findall(r"https?://[^/\s]+(/connect/\S+)", text_of(letter))
    assert len(links) == 1
    return str(links[0])


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """A running server."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, hostname="localhost"), "127.0.0.1", 0
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
