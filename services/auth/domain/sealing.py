"""A refresh token's successor, kept so that only who holds the token itself can read it.

When the answer to a refresh gets lost, the client asks again with the token it has, and must be
given the same successor: a second one would be a second live token. What is stored is the
successor combined with a keystream made from the token, of which only a hash is stored: whoever
reads the database learns neither. One token has one successor, so a keystream is used once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

TOKEN_BYTES = 32  # as many as the keystream has
_LABEL = b"agileim successor of a refresh token"


def seal(successor: str, token: str) -> str:
    """``successor`` (TOKEN_BYTES in base64url) in hex, readable with ``token``."""
    clear = base64.urlsafe_b64decode(successor + "=")
    assert len(clear) == TOKEN_BYTES
    return _combined(clear, token).hex()


def unseal(sealed: str, token: str) -> str:
    """The successor that was sealed with ``token``."""
    return base64.urlsafe_b64encode(_combined(bytes.fromhex(sealed), token)).rstrip(b"=").decode()


def _combined(data: bytes, token: str) -> bytes:
    keystream = hmac.new(token.encode(), _LABEL, hashlib.sha256).digest()
    return bytes(left ^ right for left, right in zip(data, keystream, strict=True))
