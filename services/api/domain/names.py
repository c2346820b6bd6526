"""Names and short texts that people give themselves: what they may contain, how they are found.

Lengths count what a reader sees as one character: extended grapheme clusters (UAX #29, section 3).
A family of four is one; so is a letter with its accents, as long as they are not a tower.
"""

from __future__ import annotations

from typing import Any, Final

import regex

from services.api.domain.folding import folded

GRAPHEME_MAX_CHARS: Final = 8  # code points on average; emoji sequences have up to 10
PREFIX_MAX: Final = 20  # of a word, in the index of names
TOKENS_MAX: Final = 200

_GRAPHEME: Final = regex.compile(r"\X")
# Embeddings, overrides and isolates (UAX #9, section 2): one that is left open turns the text
# after the name around.
_TURNING: Final = regex.compile(r"[\u202a-\u202e\u2066-\u2069]")
_VISIBLE: Final = regex.compile(r"[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}]")
_CONTROL: Final = regex.compile(r"[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}]")
_WORD: Final = regex.compile(r"[\p{L}\p{N}\p{M}]+")
# Scripts that are written without spaces, and Korean, whose words grow endings.
_UNSPACED: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_RUN: Final = regex.compile(rf"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_SPACELESS: Final = regex.compile(rf"[{_UNSPACED}]")


def graphemes(text: str) -> int:
    """How many characters a reader sees."""
    return len(text) if text.isascii() else len(_GRAPHEME.findall(text))


def why_not_short_text(text: str, most: int, *, blank: bool = False) -> str | None:
    """What is wrong with a name or a line of text; None: nothing."""
    if len(text) > most * GRAPHEME_MAX_CHARS or graphemes(text) > most:
        return f"may have at most {most} characters"
    if _CONTROL.search(text):
        return "must not contain control characters"
    if _TURNING.search(text):
        return "must not contain characters that turn the direction of text"
    if (text and not _VISIBLE.search(text)) or not (text or blank):
        return "must not be blank"
    return None


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Words of a folded text, and whether each is written without spaces between words."""
    return [
        (run, bool(_SPACELESS.match(run)))
        for word in _WORD.findall(text)
        for run in _RUN.findall(word)
    ]


def search_name(handle: str, display_name: str) -> str:
    """The text that a search compares with."""
    return folded(f"{display_name} {handle}")


def search_tokens(name: str) -> list[str]:
    """What the index of names has for a folded text: beginnings of words; of scripts without
    spaces every character and every pair."""
    tokens: dict[str, Any] = {}
    for piece, spaceless in _pieces(name):
        if spaceless:
            tokens |= dict.fromkeys(piece)
            tokens |= dict.fromkeys(piece[at : at + 2] for at in range(len(piece) - 1))
        else:
            tokens |= dict.fromkeys(
                piece[:end] for end in range(1, min(len(piece), PREFIX_MAX) + 1)
            )
    return list(tokens)[:TOKENS_MAX]


def asked_tokens(question: str) -> tuple[list[str], list[str]]:
    """(tokens that a name must all have, pieces that it must contain), of what somebody typed."""
    tokens: dict[str, Any] = {}
    pieces = []
    for piece, spaceless in _pieces(folded(question)):
        if not spaceless:
            tokens[piece[:PREFIX_MAX]] = None
        elif len(piece) == 1:
            tokens[piece] = None
        else:
            tokens |= dict.fromkeys(piece[at : at + 2] for at in range(len(piece) - 1))
        if len(piece) > (2 if spaceless else PREFIX_MAX):
            pieces.append(piece)
    return list(tokens)[:TOKENS_MAX], pieces
