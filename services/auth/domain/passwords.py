"""Which passwords are accepted (after NIST SP 800-63B, section 5.1.1.2: long, any character, no
rules of composition, but not those that everybody tries first)."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from services.auth.domain import names_in_passwords
from services.auth.domain.product import PRODUCT

MIN_CHARS = 8
MAX_BYTES = 1024  # in UTF-8; beyond it the hash's cost would be the sender's to choose
MIN_DISTINCT_CHARS = 4

_COMMON = Path(__file__).parent / "common_passwords.txt"


def prepared(password: str) -> str:
    """The form that is hashed: NFC, so that the same keys on different systems give the same
    password. Not NFKC: it would make different passwords equal (RFC 8265, section 4.2.2)."""
    return unicodedata.normalize("NFC", password)


def is_hashable(prepared_password: str) -> bool:
    """Whether a password of a sign-in is worth comparing."""
    try:
        return 0 < len(prepared_password.encode()) <= MAX_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def fault(prepared_password: str, handle: str, display_name: str = "") -> str:
    """Why a new password is refused, as a key of the texts; empty when it is accepted."""
    if len(prepared_password) < MIN_CHARS:
        return "password_short"
    if not is_hashable(prepared_password):
        return "password_long"
    folded = prepared_password.casefold()
    if names_in_passwords.contains(prepared_password, handle):
        return "password_has_handle"
    if names_in_passwords.contains(prepared_password, display_name):
        return "password_has_name"
    if names_in_passwords.contains(prepared_password, PRODUCT):
        return "password_has_product"
    if len(set(folded)) < MIN_DISTINCT_CHARS or folded in _common():
        return "password_common"
    return ""


@cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").split("\n")
    return frozenset(line.casefold() for line in lines if line and not line.startswith("#"))
