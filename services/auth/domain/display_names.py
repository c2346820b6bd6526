"""Display names: what people are called, any script."""

from __future__ import annotations

import unicodedata

from shared.limits import NAME_MAX_CHARS

# Joiners are part of words and emoji; other format characters turn or hide what stands around.
_JOINERS = "\u200c\u200d"
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def prepared(text: str) -> str:
    """NFC, without blanks at the ends or runs of them."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def is_display_name(text: str) -> bool:
    """Whether a prepared text will do."""
    return 1 <= len(text) <= NAME_MAX_CHARS and all(
        char in _JOINERS or unicodedata.category(char) not in _REFUSED for char in text
    )
