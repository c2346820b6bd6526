"""Handles that look alike (UTS #39): two of them must not both exist, and none may mix scripts.

The table is Unicode's confusables.txt as the package confusable-homoglyphs carries it.
"""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from importlib import resources
from typing import Final

_MARKS: Final = str.maketrans("", "", "\u200e\u200f")  # written into the table around RTL letters


def skeleton(handle: str) -> str:
    """What a handle in normal form looks like (UTS #39, section 4): equal for those that can be
    taken for each other."""
    prototypes = _prototypes()
    shape = unicodedata.normalize("NFD", handle)
    return unicodedata.normalize("NFD", "".join(prototypes.get(char, char) for char in shape))


@cache
def _prototypes() -> dict[str, str]:
    """Character → what stands for all that look like it: one of them, or a sequence such as "rn".

    The package's table does not tell prototypes from the rest, so one is chosen for each class; any
    choice makes the same classes.
    """
    file = resources.files("confusable_homoglyphs") / "confusables.json"
    table: dict[str, list[dict[str, str]]] = json.loads(file.read_text(encoding="utf-8"))
    pairs = [
        (one.translate(_MARKS), other["c"].translate(_MARKS))
        for one, others in table.items()
        for other in others
    ]
    parents: dict[str, str] = {}

    def root(sign: str) -> str:
        while (parent := parents.setdefault(sign, sign)) != sign:
            parents[sign] = parents[parent]
            sign = parent
        return sign

    for one, other in pairs:
        if len(one) == len(other) == 1:
            first, second = sorted((root(one), root(other)))
            parents[second] = first  # the lowest stands for all: ASCII where there is one
    sequences = {
        root(one): other
        for one, other in pairs
        if len(one) == 1 and len(other) > 1 and other.isascii()
    }
    singles = {sign: root(sign) for sign in list(parents)}
    return {
        sign: "".join(singles.get(char, char) for char in sequences.get(prototype, prototype))
        for sign, prototype in singles.items()
    }
