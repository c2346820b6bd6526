"""Writes a history into the database by COPY, as the service would have left it.

Rows come in the order of their keys and go into the real tables with all their indexes.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Final

import psycopg2

from bench.growth.history import Saying, Size, membership, sayings, shares
from services.api.domain.signature import BLOCK, signature
from services.api.store.search import sender_token
from shared.ids import new_id

WORKERS: Final = 2
CHUNK: Final = 250  # conversations of one COPY
SPAN_US: Final = 365 * 86_400 * 1_000_000  # the history takes a year, however many messages


@dataclass(frozen=True, slots=True)
class _Room:
    """A conversation, and from how many messages to how many it grows."""

    id: str
    users: Sequence[str]
    had: int
    wanted: int
    step_us: int  # between two messages


class Loader:
    """Loads one history in steps; ``final`` is how many messages the last one leads to."""

    def __init__(self, url: str, size: Size, people: Sequence[str], final: int) -> None:
        self._url = url
        self._size = size
        self._ids = [new_id() for _ in range(size.conversations)]
        chance = random.Random(size.seed + 3)
        self._members = [[people[index] for index in membership(size, chance)] for _ in self._ids]
        self._counts = [0] * size.conversations
        self._steps = [SPAN_US // count for count in self._wanted(final)]
        self._begin_us = time.time_ns() // 1000 - SPAN_US - 60_000_000

    def _wanted(self, total: int) -> list[int]:
        return [max(1, round(share * total)) for share in shares(self._size)]

    def begin(self) -> None:
        """Conversations and members; each conversation has its first event."""
        rooms = list(zip(self._ids, self._members, strict=True))
        with closing(psycopg2.connect(self._url)) as connection, connection:
            cursor = connection.cursor()
            _copy(
                cursor,
                "conversations (id, kind, name, head_seq, member_count)",
                (f"{room}\tgroup\tRoom\t1\t{len(users)}" for room, users in rooms),
            )
            _copy(
                cursor,
                "members (conversation_id, user_id, role, first_seq)",
                (f"{room}\t{user}\tmember\t1" for room, users in rooms for user in users),
            )
            _copy(
                cursor,
                "events (conversation_id, seq, number, kind, sender_id, created_at, body)",
                (
                    f"{room}\t1\t0\tconversation_created\t{users[0]}\t{_time(self._begin_us)}\t"
                    f'{{"kind":"group","name":"Room","members":[]}}'
                    for room, users in rooms
                ),
            )

    def grow(self, total: int) -> int:
        """Until there are about ``total`` messages; how many there are."""
        wanted = self._wanted(total)
        rooms = [
            _Room(*one)
            for one in zip(self._ids, self._members, self._counts, wanted, self._steps, strict=True)
        ]
        jobs = [
            (self._url, self._size.seed, self._begin_us, rooms[start : start + CHUNK])
            for start in range(0, len(rooms), CHUNK)
        ]
        with ProcessPoolExecutor(
            WORKERS,
            mp_context=get_context("spawn"),
            initializer=_prepare,
            initargs=(self._size.seed,),
        ) as pool:
            list(pool.map(_load, *zip(*jobs, strict=True)))
        self._counts = wanted
        self._tidy()
        return sum(wanted)

    def _tidy(self) -> None:
        """As it would be after a quiet night: nothing is left to do for the autovacuum."""
        with closing(psycopg2.connect(self._url)) as connection:
            connection.autocommit = True
            for table in ("conversations", "members", "events", "sends", "search_blocks"):
                connection.cursor().execute(f"VACUUM (ANALYZE) {table}")


_sayings: list[Saying] = []


def _prepare(seed: int) -> None:
    _sayings[:] = sayings(seed)


def _load(url: str, seed: int, begin_us: int, rooms: Sequence[_Room]) -> None:
    """In another process."""
    rows = _Rows()
    for room in rooms:
        if room.wanted > room.had:
            rows.add(room, seed, begin_us)
    rows.write(url)


class _Rows:
    """The new rows of some conversations."""

    def __init__(self) -> None:
        self._events: list[str] = []
        self._sends: list[str] = []
        self._blocks: list[str] = []
        self._rooms: list[_Room] = []

    def add(self, room: _Room, seed: int, begin_us: int) -> None:
        """Message number n is event n + 1: the first event is that of the conversation."""
        # The same seeds give the same beginning, however many messages are asked for.
        count = room.wanted
        said = random.Random(f"{seed} {room.id} said").choices(_sayings, k=count)
        senders = random.Random(f"{seed} {room.id} by").choices(room.users, k=count)
        block: dict[int, frozenset[str]] = {}
        times = [0] * BLOCK
        # The last block of the step before was half full: it is made again.
        first_block = (room.had + 2) // BLOCK
        for number in range(max(1, first_block * BLOCK - 1), count + 1):
            seq, at = number + 1, begin_us + number * room.step_us
            saying, sender = said[number - 1], senders[number - 1]
            if number > room.had:
                key = f"{room.id[-12:]}-{number}"
                self._events.append(
                    f"{room.id}\t{seq}\t{number}\tmessage\t{sender}\t{_time(at)}\t{key}\t"
                    f"{saying.body}"
                )
                self._sends.append(f"{sender}\t{key}\t{room.id}\t{seq}")
            block[seq % BLOCK] = saying.tokens | {sender_token(sender)}
            times[seq % BLOCK] = at
            if seq % BLOCK == BLOCK - 1 or number == count:
                self._blocks.append(_block(room.id, seq, times, block))
                block, times = {}, [0] * BLOCK
        self._rooms.append(room)

    def write(self, url: str) -> None:
        """In one transaction."""
        with closing(psycopg2.connect(url)) as connection, connection:
            cursor = connection.cursor()
            cursor.execute("SET LOCAL synchronous_commit = off")
            ids = [room.id for room in self._rooms]
            # What was sent to measure the step before does not belong to this history.
            cursor.execute(
                "DELETE FROM events e USING unnest(%s::uuid[], %s::bigint[]) h (id, number)"
                " WHERE e.conversation_id = h.id AND e.seq > h.number + 1",
                (ids, [room.had for room in self._rooms]),
            )
            _copy(
                cursor,
                "events (conversation_id, seq, number, kind, sender_id, created_at,"
                " client_msg_id, body)",
                self._events,
            )
            _copy(cursor, "sends (sender_id, client_msg_id, conversation_id, seq)", self._sends)
            cursor.execute(
                "DELETE FROM search_blocks b USING unnest(%s::uuid[], %s::bigint[]) h (id, block)"
                " WHERE b.conversation_id = h.id AND b.block >= h.block",
                (ids, [(room.had + 2) // BLOCK for room in self._rooms]),
            )
            _copy(
                cursor,
                "search_blocks (conversation_id, block, upto_seq, times, first_us, last_us, bits)",
                self._blocks,
            )
            counts = [room.wanted for room in self._rooms]
            cursor.execute(
                "UPDATE conversations c SET head_seq = h.number + 1, number = h.number"
                " FROM unnest(%s::uuid[], %s::bigint[]) h (id, number) WHERE c.id = h.id",
                (ids, counts),
            )
            cursor.execute(
                "UPDATE members m SET delivered_seq = h.number + 1, read_seq = h.number - 1,"
                " read_number = greatest(h.number - 2, 0)"
                " FROM unnest(%s::uuid[], %s::bigint[]) h (id, number)"
                " WHERE m.conversation_id = h.id AND h.number > 2",
                (ids, counts),
            )


def _block(room: str, upto: int, times: list[int], block: dict[int, frozenset[str]]) -> str:
    bits = ",".join(map(str, signature(block)))
    spread = f"{{{','.join(map(str, times))}}}\t{min(filter(None, times))}\t{max(times)}"
    return f"{room}\t{upto // BLOCK}\t{upto}\t{spread}\t{{{bits}}}"


def _time(micros: int) -> str:
    seconds, rest = divmod(micros, 1_000_000)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}+00"


class _Lines(io.RawIOBase):
    """Rows as a file for COPY."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size:
            many = [line for _, line in zip(range(500), self._lines, strict=False)]
            if not many:
                break
            self._rest += ("\n".join(many) + "\n").encode()
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def _copy(cursor: Any, table: str, lines: Iterable[str]) -> None:
    cursor.copy_expert(f"COPY {table} FROM STDIN", _Lines(iter(lines)))
