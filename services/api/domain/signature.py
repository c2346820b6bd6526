"""Signatures of 32 messages: which of them may contain a token. See migrations/0031_search.sql."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

BLOCK: Final = 32  # events to a signature: the bits of an integer
HASHES: Final = 3
ROWS_MIN, ROWS_MAX = 64, 2048
# With 20 rows for each token of a message, a seventh of its bits are set, and of 300 messages
# without a word one seems to have it.
ROWS_PER_TOKEN: Final = 20


@lru_cache(maxsize=200_000)
def hashes(token: str) -> tuple[int, ...]:
    """Of 31 bits each; of each, as many of the lowest are used as the number of rows has."""
    digest = hashlib.blake2s(token.encode(), digest_size=4 * HASHES).digest()
    return tuple(
        int.from_bytes(digest[at : at + 4], "little") & 0x7FFF_FFFF
        for at in range(0, len(digest), 4)
    )


def signature(messages: Mapping[int, Collection[str]]) -> list[int]:
    """The rows, as signed integers of 32 bits, of messages given by place and tokens."""
    count = max(1, len(messages))
    average = sum(map(len, messages.values())) / count
    size = ROWS_MIN
    while size < ROWS_MAX and size < average * ROWS_PER_TOKEN:
        size *= 2
    rows = [0] * size
    for place, tokens in messages.items():
        bit = 1 << place
        for token in tokens:
            for one in hashes(token):
                rows[one & (size - 1)] |= bit
    return [row - (1 << 32) if row >= 1 << 31 else row for row in rows]


def condition(keys: Collection[Collection[str]], column: str) -> str:
    """SQL: the bits of the messages that may have one token of each of the sets."""
    if not keys:
        return "-1"
    return " & ".join(
        "(" + " | ".join(_token(token, column) for token in sorted(tokens)) + ")" for tokens in keys
    )


def _token(token: str, column: str) -> str:
    return "(" + " & ".join(
        f"{column}[1 + ({one} & (cardinality({column}) - 1))]" for one in hashes(token)
    ) + ")"  # fmt: skip
