"""Others' text made safe for a terminal."""

from __future__ import annotations

from agileim.file_models import Attachment

# Marks that reorder the text around them: U+202A-U+202E, U+2066-U+2069.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """The text without control characters: others' messages must not steer this terminal."""
    return "".join(c for c in text if c in "\n\t" or not _is_control(c))


def _is_control(character: str) -> bool:
    code = ord(character)
    return code < 32 or 127 <= code < 160 or character in _REORDERING


def size_text(size: int) -> str:
    """Bytes as people write them."""
    if size < 1000:
        return f"{size} B"
    amount, unit = size / 1000, "kB"
    for larger in ("MB", "GB"):
        if amount >= 1000:
            amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}"


def file_line(file: Attachment) -> str:
    """A file in a line."""
    return f"📎 {printable(file.name)} ({size_text(file.size)})"
