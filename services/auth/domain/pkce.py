"""Proof Key for Code Exchange (RFC 7636). Only ``S256``: ``plain`` protects against nothing that
can read the request (RFC 9700, section 2.1.1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # base64url of 32 bytes
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")  # section 4.1


def is_challenge(text: str) -> bool:
    """Whether ``text`` can be an S256 code challenge."""
    return _CHALLENGE.match(text) is not None


def is_verifier(text: str) -> bool:
    """Whether ``text`` has the form of a code verifier."""
    return _VERIFIER.match(text) is not None


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (section 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier belongs to the challenge (section 4.6)."""
    return is_verifier(verifier) and hmac.compare_digest(challenge_of(verifier), challenge)
