"""Whether a password contains a name that whoever guesses it would try (ASVS 6.1.2): the product's,
or the person's own, also in disguise."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

PART_MIN_CHARS: Final = 3  # shorter ones stand in good passwords by chance
WORD_MIN_CHARS: Final = 4  # a single word of a name with several
_WIDE_MIN_CHARS: Final = 2  # a name of two ideographs is a whole one

# What people put in place of letters, and letters of other scripts that look like Latin ones. i, l
# and 1 are one, or `1` would have to be tried as both.
_LOOKALIKES: Final = str.maketrans(
    "01!|i34@5$7авеѕіјкмнорстухԁԛԝαβεικνορτυχ",
    "olllleaasstabesljkmhopctyxdqwabelkvoptyx",
)


def contains(password: str, name: str) -> bool:
    """Whether the name, or a longer word of it, stands in the password: without regard to case,
    accents, punctuation between the letters, and letters that look alike. Blanks part words: an
    agile imp is not the product."""
    folded = _folded(password)
    return any(part in folded for part in _parts(name))


def _parts(name: str) -> Iterator[str]:
    spaced = _folded(name)
    whole = spaced.replace(" ", "")
    if len(whole) >= PART_MIN_CHARS or (len(whole) >= _WIDE_MIN_CHARS and not whole.isascii()):
        yield spaced
        yield whole
    for word in name.split():
        if len(part := _folded(word)) >= WORD_MIN_CHARS:
            yield part


def _folded(text: str) -> str:
    """Compatible forms and accents are undone first: ``Ａ`` and ``Ä`` are an ``a``."""
    bare = unicodedata.normalize("NFKD", text).casefold()
    alike = bare.translate(_LOOKALIKES)
    plain = "".join(char for char in alike if char.isalnum() or char.isspace())
    return " ".join(plain.split())
