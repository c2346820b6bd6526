"""Links to files for where no token can be sent, such as ``<img src>``.

A link is a statement, signed by the server: until then, this person, by this session, may fetch
this. It grants nothing by itself: whether the person still sees the file is asked at each use.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

import msgspec
from msgspec import Struct

from shared.limits import FILE_LINK_S

_SIGNATURE_BYTES: Final = 16


class Link(Struct, frozen=True, array_like=True):
    """Who may fetch what, and until when (Unix time)."""

    file: str
    user: str
    session: str
    thumbnail: bool
    expires_at: int


class BadLink(ValueError):
    """Not a link that this server has made, or one that has expired."""


def expiry(now: float) -> int:
    """When a link made now ends: the same for all of the same minutes, so that links repeat and
    caches work. Between one and two times FILE_LINK_S."""
    return (int(now) // FILE_LINK_S + 2) * FILE_LINK_S


def signed(link: Link, key: bytes) -> str:
    """The text of a link."""
    content = msgspec.msgpack.encode(link)
    return base64.urlsafe_b64encode(_signature(content, key) + content).rstrip(b"=").decode()


def opened(text: str, key: bytes, now: float) -> Link:
    """The link of a text. Raises :class:`BadLink`."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadLink(str(error)) from error
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(content, key)):
        raise BadLink("signature")
    link = msgspec.msgpack.decode(content, type=Link)
    if link.expires_at <= now:
        raise BadLink("expired")
    return link


def _signature(content: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"agileim file link" + content, hashlib.sha256)[:_SIGNATURE_BYTES]
