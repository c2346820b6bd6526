"""Sending, changing and reading messages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from agileim.calls.page import PAGE
from agileim.http import TIMEOUT_S, Http
from agileim.models import MessagePage, MessageVersion, MessageVersions, Sent


def _reaction_path(conversation: str, seq: int, emoji: str) -> str:
    return f"/v1/conversations/{conversation}/messages/{seq}/reactions/{quote(emoji, safe='')}"


def message_body(
    text: str,
    reply_to: int | None = None,
    thread: int | None = None,
    attachments: Sequence[str] = (),
) -> dict[str, Any]:
    """The body of a message as it is sent."""
    places = {"reply_to": reply_to, "thread": thread, "attachments": list(attachments) or None}
    return {"text": text} | {name: value for name, value in places.items() if value is not None}


class MessageCalls:
    """Sending, changing and reading messages."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def post_message(
        self,
        conversation: str,
        text: str,
        *,
        client_msg_id: str | None = None,
        reply_to: int | None = None,
        thread: int | None = None,
        attachments: Sequence[str] = (),
        timeout_s: float = TIMEOUT_S,
    ) -> Sent:
        """Send a message without a socket; tries of one call share one id. `attachments` are ids
        of files (:meth:`~agileim.Api.upload`)."""
        msg_id = client_msg_id or uuid.uuid4().hex
        path = f"/v1/conversations/{conversation}/messages"
        body = {"client_msg_id": msg_id, "body": message_body(text, reply_to, thread, attachments)}
        sent = await self._http.request("POST", path, Sent, body=body, timeout_s=timeout_s)
        return msgspec.structs.replace(sent, client_msg_id=msg_id)

    async def messages(
        self, conversation: str, *, before_seq: int | None = None, limit: int = PAGE
    ) -> MessagePage:
        """Messages as they are now: the last ones, or those before a seq."""
        path = f"/v1/conversations/{conversation}/messages"
        return await self._http.request(
            "GET", path, MessagePage, before_seq=before_seq, limit=limit
        )

    async def pins(self, conversation: str) -> MessagePage:
        """All pinned messages as they are now."""
        path = f"/v1/conversations/{conversation}/pins"
        return await self._http.request("GET", path, MessagePage)

    async def edit_message(
        self, conversation: str, seq: int, text: str, *, version: int | None = None
    ) -> MessageVersion:
        """Give an own message another text. With `version`, the one that the user has seen, an
        edit from another device in between is refused (code ``stale``)."""
        path = f"/v1/conversations/{conversation}/messages/{seq}"
        match = None if version is None else {"If-Match": f'"{version}"'}
        return await self._http.request(
            "PATCH", path, MessageVersion, body={"text": text}, headers=match
        )

    async def recall_message(self, conversation: str, seq: int) -> None:
        """Take a message's text away: an own one for a day; owner and admins may at any time."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/messages/{seq}")

    async def message_versions(self, conversation: str, seq: int) -> list[MessageVersion]:
        """All texts of a message, the oldest first; none of a recalled one."""
        path = f"/v1/conversations/{conversation}/messages/{seq}/versions"
        return (await self._http.request("GET", path, MessageVersions)).versions

    async def react(self, conversation: str, seq: int, emoji: str) -> None:
        """React to a message with one emoji."""
        await self._http.request("PUT", _reaction_path(conversation, seq, emoji))

    async def unreact(self, conversation: str, seq: int, emoji: str) -> None:
        """Take an own reaction back."""
        await self._http.request("DELETE", _reaction_path(conversation, seq, emoji))

    async def pin(self, conversation: str, seq: int) -> None:
        """Pin a message for all."""
        await self._http.request("PUT", f"/v1/conversations/{conversation}/messages/{seq}/pin")

    async def unpin(self, conversation: str, seq: int) -> None:
        """Take a pin away."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/messages/{seq}/pin")
