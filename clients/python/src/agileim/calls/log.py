"""The log, marks in it, and what changed since."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agileim.calls.page import PAGE
from agileim.frames import Event
from agileim.http import Http
from agileim.models import Conversation, EventPage, MessageReceipts, ReceiptPrivacy, SyncPage


class LogCalls:
    """The log, marks in it, and what changed since."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def events(
        self,
        conversation: str,
        *,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int = PAGE,
    ) -> EventPage:
        """A range of the log, ascending: after a seq, or the page just before one."""
        path = f"/v1/conversations/{conversation}/events"
        return await self._http.request(
            "GET", path, EventPage, after_seq=after_seq, before_seq=before_seq, limit=limit
        )

    async def history(self, conversation: str, *, after_seq: int = 0) -> AsyncIterator[Event]:
        """The log from its beginning (or after a seq) to its present end."""
        while True:
            page = await self.events(conversation, after_seq=after_seq)
            for event in page.events:
                yield event
            if not page.events or page.events[-1].seq >= page.head_seq:
                return
            after_seq = page.events[-1].seq

    async def history_backwards(
        self, conversation: str, *, before_seq: int | None = None
    ) -> AsyncIterator[Event]:
        """The log from its end (or before a seq) back to its beginning."""
        if before_seq is None:
            before_seq = (await self._head(conversation)) + 1
        while before_seq > 1:
            page = await self.events(conversation, before_seq=before_seq)
            for event in reversed(page.events):
                yield event
            if not page.events or page.events[0].seq <= page.first_seq:
                return
            before_seq = page.events[0].seq

    async def report(
        self, conversation: str, *, delivered_seq: int | None = None, read_seq: int | None = None
    ) -> None:
        """Tell how far the user has got and read the conversation."""
        marks = {"delivered_seq": delivered_seq, "read_seq": read_seq}
        body = {name: seq for name, seq in marks.items() if seq is not None}
        await self._http.request("POST", f"/v1/conversations/{conversation}/receipts", body=body)

    async def receipts(self, conversation: str, seq: int) -> MessageReceipts:
        """Who has got and read a message, and when."""
        path = f"/v1/conversations/{conversation}/messages/{seq}/receipts"
        return await self._http.request("GET", path, MessageReceipts)

    async def receipts_private(self) -> bool:
        """Whether this user keeps to themselves what they have read."""
        return (await self._http.request("GET", "/v1/me/receipts", ReceiptPrivacy)).private

    async def set_receipts_private(self, private: bool) -> None:
        """Neither tell others nor be told by them what was read."""
        await self._http.request("PUT", "/v1/me/receipts", body={"private": private})

    async def sync(self, cursor: str | None = None, *, limit: int = PAGE) -> SyncPage:
        """One page of the conversations that moved since `cursor`."""
        return await self._http.request("GET", "/v1/sync", SyncPage, cursor=cursor, limit=limit)

    async def _head(self, conversation: str) -> int:
        path = f"/v1/conversations/{conversation}"
        return (await self._http.request("GET", path, Conversation)).head_seq
