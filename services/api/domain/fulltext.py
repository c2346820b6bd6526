"""Words: what of a text can be found, and whether and where a text contains what is looked for.

Scripts that put blanks between words are cut there; each word counts as its stems in several
European languages, so that "houses" finds "house" and "Häuser" finds "Haus", whatever language a
message is in. Chinese, Japanese, Korean, Thai and their like are not cut into words: what is looked
for must stand there as it is, and pairs of neighbouring characters lead to it.

Case, accents, widths and compatibility forms make no difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import regex
import Stemmer

LANGUAGES: Final = ("english", "german", "french", "spanish", "russian")
WORD_MAX_CHARS: Final = 60  # longer ones are links and keys: found by their beginning
TERMS_MAX: Final = 12  # of one query

_UNCUT: Final = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
    "ーｰ々〆ﾞﾟ"
)
# A run of an uncut script, or a word of any other.
_PIECE: Final = regex.compile(
    rf"(?P<run>[{_UNCUT}]+\p{{M}}*(?:[{_UNCUT}]+\p{{M}}*)*)|[[\p{{L}}\p{{N}}\p{{M}}]--[{_UNCUT}]]+"
    r"(?:['’][\p{L}]+)*",
    regex.V1,
)
_ASCII_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)*")  # the same, many times faster
_ACCENTS: Final = regex.compile("[\u0300-\u036f]+")
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "’": "'"}
)
_stemmers: Final = tuple(Stemmer.Stemmer(language, 0) for language in LANGUAGES)


@lru_cache(maxsize=100_000)
def folded(text: str) -> str:
    """A text without differences of case, accent, width and form."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", text).casefold()
    # Accents of Latin, Greek and Cyrillic go; the marks of Japanese and Indian letters stay.
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFKC", bare).translate(_LETTERS)


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The shortest stem of a folded word by the rules of any language: nobody says in which one a
    message is. What has the same is the same word to the search."""
    short = word[:WORD_MAX_CHARS].removesuffix("'s")
    found: list[str] = [stemmer.stemWord(short) for stemmer in _stemmers]
    return min(found, key=lambda one: (len(one), one))


def pairs(run: str) -> frozenset[str]:
    """Neighbouring characters of a folded run; the character itself if there is but one."""
    if len(run) == 1:
        return frozenset(run)
    return frozenset(run[at : at + 2] for at in range(len(run) - 1))


def tokens(text: str) -> frozenset[str]:
    """All by which a text can be found."""
    found: set[str] = set()
    for word, _, _, is_run in _pieces(text):
        if is_run:
            found |= pairs(word)
            found.update(word)
        else:
            found.add(stem(word))
    return frozenset(found)


def _pieces(text: str) -> Iterator[tuple[str, int, int, bool]]:
    """Folded words and runs: (text, start, end, whether it is a run)."""
    if text.isascii():
        for plain in _ASCII_WORD.finditer(text.lower()):
            yield plain[0], plain.start(), plain.end(), False
        return
    for piece in _PIECE.finditer(text):
        yield folded(piece[0]), piece.start(), piece.end(), piece["run"] is not None


@dataclass(frozen=True, slots=True)
class Term:
    """Something that a text must contain: a word in any form, or characters as they are."""

    text: str  # folded
    stem: str  # of a word; empty: characters as they are

    @property
    def keys(self) -> frozenset[str]:
        """Tokens: a text with the term has all of them."""
        return frozenset({self.stem}) if self.stem else pairs(self.text)


@dataclass(frozen=True, slots=True)
class Query:
    """Terms that must all be there, and phrases that must stand as they are."""

    terms: tuple[Term, ...]
    phrases: tuple[str, ...]  # folded, one blank between words


def parsed(text: str) -> Query:
    """What somebody looks for: words, and phrases between quotation marks."""
    terms: dict[Term, None] = {}
    phrases = []
    for index, part in enumerate(regex.split(r'["„“”«»「」]', text)):
        words = [(word, is_run) for word, _, _, is_run in _pieces(part)]
        for word, is_run in words:
            terms[Term(word, "" if is_run else stem(word))] = None
        if index % 2 and len(words) > 1:
            phrases.append(_spaced(part))
    return Query(tuple(terms)[:TERMS_MAX], tuple(phrases))


def _spaced(text: str) -> str:
    return " ".join(word for word, _, _, _ in _pieces(text))


@dataclass(frozen=True, slots=True)
class Match:
    """Where a text has what was looked for: (start, end) in code points; and how well it fits."""

    spans: tuple[tuple[int, int], ...]
    exact: int  # terms that stand there in the very form that was asked for


def matched(query: Query, text: str) -> Match | None:
    """Whether a text contains all that is looked for."""
    spans: list[tuple[int, int]] = []
    found: set[int] = set()
    exact: set[int] = set()
    for word, start, end, is_run in _pieces(text):
        for index, term in enumerate(query.terms):
            if is_run != (not term.stem):
                continue
            if is_run:
                new = list(_within(word, term.text, start, end))
            elif stem(word) == term.stem:
                new = [(start, end)]
            else:
                continue
            if new:
                spans += new
                found.add(index)
                if is_run or word == term.text:
                    exact.add(index)
    if len(found) < len(query.terms):
        return None
    if query.phrases:
        plain = f" {_spaced(text)} "
        if not all(f" {phrase} " in plain for phrase in query.phrases):
            return None
    return Match(tuple(sorted(set(spans))), len(exact))


def _within(run: str, wanted: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where a run contains what is wanted; as a whole if folding has changed its length."""
    at = run.find(wanted)
    if at >= 0 and len(run) != end - start:
        yield start, end
        return
    while at >= 0:
        yield start + at, start + at + len(wanted)
        at = run.find(wanted, at + len(wanted))
