"""Searching messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

from agileim.file_models import SearchHit, SearchPage
from agileim.http import Http


class SearchCalls:
    """Searching messages."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def search_page(
        self,
        text: str = "",
        *,
        sender: str | None = None,
        conversation: str | None = None,
        before: datetime | None = None,
        after: datetime | None = None,
        has_file: bool = False,
        mentions_me: bool = False,
        order: Literal["time", "relevance"] = "time",
        cursor: str | None = None,
        limit: int = 20,
    ) -> SearchPage:
        """Messages with all of these words, in conversations that the user is in. The times need
        a time zone."""
        query: dict[str, Any] = {
            "q": text or None,
            "from": sender,
            "in": conversation,
            "before": before and before.isoformat(),
            "after": after and after.isoformat(),
            "has": "file" if has_file else None,
            "mentions": "me" if mentions_me else None,
            "order": order,
            "cursor": cursor,
            "limit": limit,
        }
        return await self._http.request("GET", "/v1/search", SearchPage, **query)

    async def search(
        self,
        text: str = "",
        *,
        sender: str | None = None,
        conversation: str | None = None,
        before: datetime | None = None,
        after: datetime | None = None,
        has_file: bool = False,
        mentions_me: bool = False,
        order: Literal["time", "relevance"] = "time",
    ) -> AsyncIterator[SearchHit]:
        """All that is found, page after page."""
        cursor: str | None = None
        while True:
            page = await self.search_page(
                text, sender=sender, conversation=conversation, before=before, after=after,
                has_file=has_file, mentions_me=mentions_me, order=order, cursor=cursor,
            )  # fmt: skip
            for hit in page.hits:
                yield hit
            if not page.next:
                return
            cursor = page.next
