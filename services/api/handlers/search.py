"""``/v1/search``: messages by what they say."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from services.api.domain.fulltext import Query, parsed
from services.api.endpoint import Call, Endpoint, Reply
from services.api.rates import Rate
from services.api.schemas import search as schemas
from services.api.store.search import Filters, Hit, Place, Search
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.problems import Problem

_MONTH_MICROS: Final = 30 * 86_400 * 1_000_000


class Cursor(Struct, frozen=True, array_like=True):
    """Where a page ended. By relevance: from where on messages are compared, and how many of the
    best were told."""

    place: Place = Place()
    told: int = 0


class SearchHandlers:
    """Searching what the caller may see."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def endpoints(self) -> Sequence[Endpoint]:
        """The operation of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/search", name="search",
                summary="Messages that contain all of these words, as they are now",
                handler=self.find, query=schemas.SearchQuery, answer=schemas.SearchPage,
                rate=Rate.SEARCH,
            ),
        ]  # fmt: skip

    async def find(self, call: Call) -> Reply:
        """GET /v1/search"""
        asked = call.query
        query, cursor = parsed(asked["q"]), _cursor(asked["cursor"])
        if asked["q"].strip() and not query.terms:
            raise Problem(ErrorCode.INVALID, "q: has no word to look for", field="q")
        filters = _filters(asked)
        if asked["order"] == "time":
            hits, end = await self._search.newest(
                call.user, query, filters, cursor.place, asked["limit"]
            )
            following = None if end is None else Cursor(end)
        else:
            hits, following = await self._best(call.user, query, filters, cursor, asked["limit"])
        return Reply(
            {
                "hits": [hit_json(hit) for hit in hits],
                "next": None if following is None else _text(following),
            }
        )

    async def _best(
        self, user: str, query: Query, filters: Filters, cursor: Cursor, limit: int
    ) -> tuple[list[Hit], Cursor | None]:
        pool = await self._search.pool(user, query, filters, cursor.place)
        if not pool:
            return [], None
        newest = pool[0].place.micros
        pool.sort(key=lambda hit: (_score(hit, query, newest), hit.place.micros), reverse=True)
        told = cursor.told + limit
        # What comes in the meantime must not move the pages.
        first = cursor.place if cursor.told else Place(newest + 1)
        return pool[cursor.told : told], Cursor(first, told) if told < len(pool) else None


def hit_json(hit: Hit) -> dict[str, Any]:
    """As schema SearchHit."""
    told: dict[str, Any] = {
        "conversation": hit.conversation, "seq": hit.seq, "sender": hit.sender, "time": hit.time,
        "text": hit.text, "version": hit.version, "highlights": hit.match.spans,
    }  # fmt: skip
    return told | ({"attachments": hit.attachments} if hit.attachments else {})


def _score(hit: Hit, query: Query, newest: int) -> float:
    """How well a message fits: the form of its words, how much of it they are, its age."""
    exact = hit.match.exact / max(1, len(query.terms))
    covered = sum(end - start for start, end in hit.match.spans) / max(1, len(hit.text))
    age = math.exp((hit.place.micros - newest) / _MONTH_MICROS)
    return exact + min(covered, 1.0) + age


def _filters(asked: Mapping[str, Any]) -> Filters:
    return Filters(
        sender=asked["sender"],
        conversation=asked["conversation"],
        before=asked.get("before"),
        after=asked.get("after"),
        has_file="has" in asked,
        mentions_me="mentions" in asked,
    )


def _text(cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def _cursor(text: str) -> Cursor:
    if not text:
        return Cursor()
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
        cursor = msgspec.msgpack.decode(raw, type=Cursor)
    except (ValueError, msgspec.DecodeError):
        cursor = Cursor(told=-1)
    if not is_id(cursor.place.conversation) or not (
        0 <= cursor.told < 2**31
        and 0 <= cursor.place.seq < 2**62
        and -(2**62) <= cursor.place.micros <= 2**62
    ):
        raise Problem(ErrorCode.INVALID, "This is no cursor.", field="cursor")
    return cursor
