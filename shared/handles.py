"""Handles: the names by which people are found."""

from __future__ import annotations

import unicodedata
from typing import Final

import regex

from shared.limits import HANDLE_MAX_CHARS, HANDLE_MIN_CHARS

_PUNCTUATION = "._-"
# What a handle may mix (UTS #39, section 5.2, "highly restrictive"); else letters of another script
# would pass for familiar ones. Common and Inherited belong to every script.
_SCRIPTS: Final = tuple(
    regex.compile(rf"[{scripts}\p{{Common}}\p{{Inherited}}]*+")
    for scripts in (
        r"\p{Latin}\p{Han}\p{Hiragana}\p{Katakana}",
        r"\p{Latin}\p{Han}\p{Bopomofo}",
        r"\p{Latin}\p{Han}\p{Hangul}",
    )
)
_SCRIPT_OF: Final = regex.compile(r"[^\p{Common}\p{Inherited}]")


def normal_form(text: str) -> str:
    """How a handle is stored and looked for: NFKC, lower case, without surrounding blanks.

    NFKC twice around the change of case, because either may undo the other's work (RFC 8264,
    section 7).
    """
    folded = unicodedata.normalize("NFKC", text.strip()).lower()
    return unicodedata.normalize("NFKC", folded).removeprefix("@")


def is_handle(text: str) -> bool:
    """Whether ``text`` is a handle in normal form: letters and digits of any script, ``._-``,
    beginning with a letter or digit, of one script or of those that are written together."""
    return (
        HANDLE_MIN_CHARS <= len(text) <= HANDLE_MAX_CHARS
        and text == normal_form(text)
        and text[0].isalnum()
        and all(char.isalnum() or char in _PUNCTUATION for char in text)
        and (text.isascii() or _is_of_one_writing(text))
    )


def _is_of_one_writing(text: str) -> bool:
    if any(scripts.fullmatch(text) for scripts in _SCRIPTS):
        return True
    found = {unicodedata.name(char, "").split()[0] for char in _SCRIPT_OF.findall(text)}
    return len(found) == 1
