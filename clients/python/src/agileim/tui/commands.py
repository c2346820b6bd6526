"""What can be done to a message from the input line: ``/react 👍``, ``/reply text``, …"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agileim.client import Client
from agileim.models import PresentMessage

HELP = "/react 👍 · /reply TEXT · /thread TEXT · /edit TEXT · /recall · /pin · /unpin · /receipts"


class BadCommand(Exception):
    """It cannot be done, and why."""


@dataclass(frozen=True)
class Target:
    """The message that a command is about, in its conversation."""

    client: Client
    conversation: str
    message: PresentMessage


async def _react(target: Target, emoji: str) -> str:
    mine = any(one.emoji == emoji and one.mine for one in target.message.reactions)
    change = target.client.api.unreact if mine else target.client.api.react
    await change(target.conversation, target.message.seq, emoji)
    return ""


async def _reply(target: Target, text: str) -> str:
    await target.client.send(target.conversation, text, reply_to=target.message.seq)
    return ""


async def _thread(target: Target, text: str) -> str:
    root = target.message.thread or target.message.seq
    await target.client.send(target.conversation, text, thread=root)
    return ""


async def _edit(target: Target, text: str) -> str:
    await target.client.api.edit_message(
        target.conversation, target.message.seq, text, version=target.message.version
    )
    return ""


async def _recall(target: Target, _: str) -> str:
    await target.client.api.recall_message(target.conversation, target.message.seq)
    return ""


async def _pin(target: Target, _: str) -> str:
    await target.client.api.pin(target.conversation, target.message.seq)
    return ""


async def _unpin(target: Target, _: str) -> str:
    await target.client.api.unpin(target.conversation, target.message.seq)
    return ""


async def _receipts(target: Target, _: str) -> str:
    found = await target.client.api.receipts(target.conversation, target.message.seq)
    return f"delivered to {found.delivered}, read by {found.read}"


# name → (what to do, whether it needs a text). Each returns what to tell the user.
COMMANDS: dict[str, tuple[Callable[[Target, str], Awaitable[str]], bool]] = {
    "react": (_react, True),
    "reply": (_reply, True),
    "thread": (_thread, True),
    "edit": (_edit, True),
    "recall": (_recall, False),
    "pin": (_pin, False),
    "unpin": (_unpin, False),
    "receipts": (_receipts, False),
}


def command_in(text: str) -> tuple[str, str] | None:
    """(name, text) of a command; None for a message. ``//`` begins a message with a slash.

    Raises :class:`BadCommand`.
    """
    if not text.startswith("/") or text.startswith("//"):
        return None
    name, _, rest = text[1:].partition(" ")
    rest = rest.strip()
    if name not in COMMANDS:
        raise BadCommand(f"There is no /{name}. {HELP}")
    if COMMANDS[name][1] and not rest:
        raise BadCommand(f"/{name} needs something after it.")
    return name, rest
