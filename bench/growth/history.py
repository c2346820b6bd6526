"""A made-up history: who talks where, and what they say. The same seed gives the same one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.api.domain.fulltext import tokens

WORDS: Final = 20_000
TEXTS: Final = 20_000  # different ones; messages repeat them
CHINESE_SHARE: Final = 0.15
_SYLLABLES: Final = [first + vowel for first in "bcdfghklmnprstvwz" for vowel in "aeiou"]
_CHARACTERS: Final = "".join(map(chr, range(0x4E00, 0x4E00 + 1500)))


@dataclass(frozen=True, slots=True)
class Size:
    """Of a history; the same conversations at each size, the larger ones begin like the smaller."""

    conversations: int
    people: int
    members: int  # of each conversation
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Saying:
    """Something that people say."""

    text: str
    body: str  # as it stands in an event
    tokens: frozenset[str]


def words(seed: int) -> list[str]:
    """Words from the most to the least frequent; how often is left to `weights`."""
    chance = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < WORDS:
        made["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4)))] = None
    return sorted(made, key=len)


def weights(count: int) -> list[float]:
    """Zipf's: the n-th word comes 1/n as often as the first."""
    return [1 / (rank + 1) for rank in range(count)]


def sayings(seed: int) -> list[Saying]:
    """What messages say: 3 to 20 words, some in Chinese."""
    chance = random.Random(seed + 1)
    vocabulary, frequency = words(seed), weights(WORDS)
    made = []
    for _ in range(TEXTS):
        if chance.random() < CHINESE_SHARE:
            text = "".join(chance.choices(_CHARACTERS, k=chance.randint(4, 24)))
        else:
            text = " ".join(chance.choices(vocabulary, frequency, k=chance.randint(3, 20)))
        body = json.dumps({"text": text}, ensure_ascii=False, separators=(",", ":"))
        made.append(Saying(text, body, tokens(text)))
    return made


def shares(size: Size) -> list[float]:
    """How much of all messages each conversation has: few have many, as in life."""
    chance = random.Random(size.seed + 2)
    raw = [chance.lognormvariate(0, 1) for _ in range(size.conversations)]
    total = sum(raw)
    return [one / total for one in raw]


def membership(size: Size, chance: random.Random) -> Sequence[int]:
    """Indexes of the people of one conversation."""
    return chance.sample(range(size.people), size.members)
