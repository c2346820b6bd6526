"""Identifiers: UUIDs in canonical text form, time-ordered where the server makes them."""

from __future__ import annotations

import os
import re
import time
import uuid
from typing import Final

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")

# Stands for all members where an id is expected, and for the system.
EVERYBODY: Final = "00000000-0000-0000-0000-000000000000"


def new_id() -> str:
    """A UUID version 7 (RFC 9562, section 5.7): time-ordered, so that indexes stay dense."""
    now_ms = time.time_ns() // 1_000_000
    rand = int.from_bytes(os.urandom(10), "big")
    value = (now_ms & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (rand >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | rand & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether ``text`` is a UUID in canonical lower-case form."""
    return _CANONICAL.match(text) is not None
