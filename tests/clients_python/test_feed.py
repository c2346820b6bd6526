"""The queue between the session and the program."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agileim import ConnectionState, Message, Presence, Receipt, Typing
from agileim.feed import NEWS_MAX, Feed


def message(seq: int) -> Message:
    time = datetime(2026, 1, 5, tzinfo=UTC)
    return Message(conversation="c", seq=seq, sender="b", time=time, number=seq, text=str(seq))


async def rest(feed: Feed) -> list[object]:
    return [await feed.get() for _ in range(len(feed))]


async def test_news_on_one_subject_are_replaced_by_newer_ones() -> None:
    feed = Feed()
    feed.put(Receipt("c", "bob", 1, 0))
    feed.put(message(1))
    feed.put(Receipt("c", "bob", 1, 1))
    feed.put(ConnectionState("waiting", 3.0))
    feed.put(ConnectionState("connected"))
    assert await rest(feed) == [message(1), Receipt("c", "bob", 1, 1), ConnectionState("connected")]


async def test_news_never_push_out_messages_and_never_pile_up() -> None:
    feed = Feed()
    feed.put(message(1))
    for n in range(3 * NEWS_MAX):
        feed.put(Typing("c", f"u{n}", True))
        feed.put(Presence("c", f"u{n}", True))
        feed.put(Receipt("c", f"u{n}", 1, 1))
    assert len(feed) <= 2 * NEWS_MAX + 1
    assert (await feed.get()) == message(1)


async def test_the_error_comes_after_the_last_event_and_every_time() -> None:
    feed = Feed()
    feed.put(message(1))
    feed.end(ValueError("over"))
    feed.end(None)  # the first end counts
    assert await feed.get() == message(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="over"):
            await feed.get()
