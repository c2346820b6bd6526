"""E-mail addresses (RFC 5321, 6531), as they are written to and as they are compared."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email


class Address(NamedTuple):
    """``key`` is equal for spellings that reach the same mailbox almost everywhere: the local
    part's case does not matter to any provider that matters. Dots and tags do stay: what they mean
    is the provider's business."""

    text: str
    key: str


def parsed(text: str) -> Address | None:
    """The address that somebody typed; None when it is none. The domain is not asked for: whether
    mail arrives is found out by sending some."""
    try:
        found = validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=False, strict=True,
            # Names that exist in no public DNS are refused, but not those of tests and intranets.
            test_environment=True,
        )  # fmt: skip
    except EmailNotValidError:
        return None
    address = found.ascii_email or found.normalized
    return Address(address, unicodedata.normalize("NFKC", address).casefold())


def masked(address: str) -> str:
    """An address for who may know it already, and nobody else: ``a…@example.org``."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
