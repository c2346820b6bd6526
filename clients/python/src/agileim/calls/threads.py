"""Threads, and messages said again elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence

from agileim.calls.page import PAGE
from agileim.http import Http
from agileim.models import MessagePage, Sent, SentPage, Thread, ThreadPage


class ThreadCalls:
    """Threads, and messages said again elsewhere."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def threads(self, *, unread: bool = False) -> AsyncIterator[Thread]:
        """The threads that this user follows, or those of them with unread replies."""
        after: str | None = None
        after_thread: int | None = None
        while True:
            page = await self._http.request(
                "GET", "/v1/threads", ThreadPage, after=after, after_thread=after_thread,
                unread="true" if unread else None, limit=PAGE,
            )  # fmt: skip
            for thread in page.threads:
                yield thread
            if page.next is None:
                return
            after, after_thread = page.next.after, page.next.after_thread

    async def thread(
        self, conversation: str, root: int, *, before_seq: int | None = None, limit: int = PAGE
    ) -> MessagePage:
        """Replies in the thread that begins with message `root`, as they are now: the last ones,
        or those before a seq."""
        path = f"/v1/conversations/{conversation}/messages/{root}/thread"
        return await self._http.request(
            "GET", path, MessagePage, before_seq=before_seq, limit=limit
        )

    async def follow_thread(
        self, conversation: str, root: int, *, following: bool = True
    ) -> Thread:
        """Follow a thread, or stop."""
        path = f"/v1/conversations/{conversation}/messages/{root}/thread"
        return await self._http.request("PATCH", path, Thread, body={"following": following})

    async def read_thread(self, conversation: str, root: int, seq: int) -> Thread:
        """The user has read a thread up to here. Never goes back."""
        path = f"/v1/conversations/{conversation}/messages/{root}/thread"
        return await self._http.request("PATCH", path, Thread, body={"read_seq": seq})

    async def forward(self, source: str, seqs: Sequence[int], target: str) -> list[Sent]:
        """Say messages of one conversation again in another, with who said them first. Tries of
        one call never make a message twice."""
        messages = [{"seq": seq, "client_msg_id": uuid.uuid4().hex} for seq in seqs]
        path = f"/v1/conversations/{target}/forward"
        body = {"source": source, "messages": messages}
        return (await self._http.request("POST", path, SentPage, body=body)).messages
