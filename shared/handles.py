"""Handles: the names by which people are found."""

from __future__ import annotations

import unicodedata

from shared.limits import HANDLE_MAX_CHARS, HANDLE_MIN_CHARS

_PUNCTUATION = "._-"


def normal_form(text: str) -> str:
    """How a handle is stored and looked for: NFKC, lower case, without surrounding blanks.

    NFKC twice around the change of case, because either may undo the other's work (RFC 8264,
    section 7).
    """
    folded = unicodedata.normalize("NFKC", text.strip()).lower()
    return unicodedata.normalize("NFKC", folded).removeprefix("@")


def is_handle(text: str) -> bool:
    """Whether ``text`` is a handle in normal form: letters and digits of any script, ``._-``,
    beginning with a letter or digit."""
    return (
        HANDLE_MIN_CHARS <= len(text) <= HANDLE_MAX_CHARS
        and text == normal_form(text)
        and text[0].isalnum()
        and all(char.isalnum() or char in _PUNCTUATION for char in text)
    )
