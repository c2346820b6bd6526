"""Recovery codes: for those who have lost their other factor. Ten, each good once."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

COUNT: Final = 10
CHARS: Final = 16
_GROUP: Final = 4
# No letter that looks like a digit or another letter; 32 characters, 80 bits a code.
ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_codes() -> list[str]:
    """As they are shown: ``ABCD-EFGH-JKLM-NPQR``."""
    return [_shown("".join(secrets.choice(ALPHABET) for _ in range(CHARS))) for _ in range(COUNT)]


def typed(text: str) -> str:
    """What a person typed, less what they may add or leave out; empty if it cannot be one."""
    code = "".join(char for char in text[:100].upper() if char.isalnum())
    return code if len(code) == CHARS and set(code) <= set(ALPHABET) else ""


def code_hash(user: str, code: str) -> str:
    """How a code is kept: 80 random bits need no slow hash. Bound to the user, so that nobody
    can search all people's codes at once."""
    return hashlib.sha256(f"{user}\n{typed(code)}".encode()).hexdigest()


def _shown(code: str) -> str:
    return "-".join(code[start : start + _GROUP] for start in range(0, CHARS, _GROUP))
