"""Who is meant in a text: ``@handle``, and ``@all`` for everybody.

The rule, as docs/protocol.md has it: an ``@`` that follows no letter or digit, outside code, and
the longest handle of a member that stands behind it. A handle ends where a word does; in a script
that has no blanks between words, at any character of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from shared.handles import normal_form
from shared.limits import HANDLE_MAX_CHARS, HANDLE_MIN_CHARS

ALL: Final = "all"

# Fenced blocks first, then spans by any number of backticks (CommonMark 0.31, 4.5 and 6.1). An
# unclosed fence reaches to the end of the text; an unclosed span is none.
_CODE: Final = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*(?:\n.*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)|\Z)"
    r"|(?<!`)(?P<span>`+)(?!`).+?(?<!`)(?P=span)(?!`)",
    re.DOTALL | re.MULTILINE,
)
_START: Final = re.compile(r"(?<![\w@])@(?=\w)")


def candidates(text: str) -> list[list[str]]:
    """For each place that may mention somebody: handles in normal form, the longest first."""
    if "@" not in text:
        return []
    plain = _CODE.sub(lambda code: " " * len(code[0]), text) if _has_code(text) else text
    found = []
    for start in _START.finditer(plain):
        handles = list(dict.fromkeys(_handles(plain, start.end())))
        if handles:
            found.append(handles)
    return found


def _has_code(text: str) -> bool:
    return "`" in text or "~~~" in text


def _handles(text: str, start: int) -> Iterator[str]:
    end = start
    while end < len(text) and end - start < HANDLE_MAX_CHARS and _is_handle_like(text[end]):
        end += 1
    while end - start >= HANDLE_MIN_CHARS:
        following = text[end : end + 1]
        if _is_boundary(text[end - 1], following):
            yield normal_form(text[start:end])
        end -= 1


def _is_handle_like(character: str) -> bool:
    return character in "._-" or character.isalnum() or unicodedata.combining(character) > 0


def _is_boundary(last: str, following: str) -> bool:
    """Whether a handle may end between these characters."""
    if not following or not _is_handle_like(following):
        return True
    # After it: punctuation that may also end a sentence, or a letter of a script without case,
    # where words are written together.
    return following in "._-" or _is_caseless(following) or _is_caseless(last)


def _is_caseless(character: str) -> bool:
    return unicodedata.category(character) == "Lo"
