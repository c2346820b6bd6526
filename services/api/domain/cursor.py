"""Where a client stands with the changes of all its conversations."""

from __future__ import annotations

import base64
import binascii

import msgspec
from msgspec import Struct


class BadCursor(ValueError):
    """Not a cursor that this server has handed out."""


class Cursor(Struct, frozen=True, array_like=True):
    """Everything that transactions before ``since`` did is known to the holder.

    ``since`` is a transaction id: the oldest that was still running when the cursor was made. It
    means something in one database only, hence ``database``. In the middle of a list, ``then``
    is the ``since`` of the next cursor and ``after`` the last conversation handed out.
    """

    database: str = ""
    since: int = 0
    then: int = 0
    after: str = ""

    def text(self) -> str:
        """The opaque form."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """From the opaque form; empty: the beginning. Raises :class:`BadCursor`."""
        if not text:
            return cls()
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            cursor = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=cls)
        except (ValueError, binascii.Error, msgspec.DecodeError) as error:
            raise BadCursor(str(error)) from error
        if not (0 <= cursor.since < 2**63 and 0 <= cursor.then < 2**63):
            raise BadCursor("out of range")
        return cursor
