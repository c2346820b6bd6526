"""Conversations and their members."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence

from agileim.calls.page import PAGE
from agileim.http import Http
from agileim.models import Conversation, ConversationPage, Member, MemberPage


class ConversationCalls:
    """Conversations and their members."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def conversations(self) -> AsyncIterator[Conversation]:
        """All conversations of the user."""
        after: str | None = None
        while True:
            page = await self._http.request(
                "GET", "/v1/conversations", ConversationPage, after=after, limit=PAGE
            )
            for conversation in page.conversations:
                yield conversation
            if not page.next:
                return
            after = page.next

    async def conversation(self, conversation: str) -> Conversation:
        """One conversation."""
        return await self._http.request("GET", f"/v1/conversations/{conversation}", Conversation)

    async def create_direct(self, user: str) -> Conversation:
        """The conversation with `user`, made if there is none."""
        body = {"kind": "direct", "user": user}
        return await self._http.request("POST", "/v1/conversations", Conversation, body=body)

    async def create_group(self, name: str, members: Sequence[str] = ()) -> Conversation:
        """A new group of this user and `members` (user ids)."""
        body = {"kind": "group", "name": name, "members": list(members)}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return await self._http.request(
            "POST", "/v1/conversations", Conversation, body=body, headers=key
        )

    async def rename(self, conversation: str, name: str) -> None:
        """Give a group another name."""
        await self._http.request("PATCH", f"/v1/conversations/{conversation}", body={"name": name})

    async def members(self, conversation: str) -> AsyncIterator[Member]:
        """All members."""
        after: str | None = None
        path = f"/v1/conversations/{conversation}/members"
        while True:
            page = await self._http.request("GET", path, MemberPage, after=after, limit=PAGE)
            for member in page.members:
                yield member
            if not page.next:
                return
            after = page.next

    async def add_members(self, conversation: str, users: Sequence[str]) -> None:
        """Make these users members of a group."""
        path = f"/v1/conversations/{conversation}/members"
        await self._http.request("POST", path, body={"users": list(users)})

    async def remove_member(self, conversation: str, user: str) -> None:
        """Remove a member from a group."""
        await self._http.request("DELETE", f"/v1/conversations/{conversation}/members/{user}")

    async def set_role(self, conversation: str, user: str, role: str) -> None:
        """Make a member ``admin`` or ``member``."""
        path = f"/v1/conversations/{conversation}/members/{user}"
        await self._http.request("PATCH", path, body={"role": role})

    async def hand_over(self, conversation: str, user: str) -> None:
        """Make another member the owner."""
        path = f"/v1/conversations/{conversation}/owner"
        await self._http.request("POST", path, body={"user": user})

    async def leave(self, conversation: str) -> None:
        """Leave a group."""
        await self._http.request("POST", f"/v1/conversations/{conversation}/leave")
