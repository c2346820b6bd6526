"""Codes of an authenticator application (RFC 6238), in the form that all of them know: SHA-1, six
digits, 30 seconds."""

from __future__ import annotations

import hmac
import unicodedata
from typing import Final

import pyotp
import segno

from services.auth.domain.product import PRODUCT

STEP_S: Final = 30
DIGITS: Final = 6
# One step to each side: the clock of a phone, and the time that typing takes (section 5.2).
DRIFT_STEPS: Final = 1


def new_secret() -> str:
    """160 random bits (RFC 4226, section 4, R6) in base32."""
    return pyotp.random_base32(32)


def uri(secret: str, handle: str) -> str:
    """What the QR code says: ``otpauth://totp/AgileIM:ada?secret=…&issuer=AgileIM``."""
    return pyotp.TOTP(secret).provisioning_uri(name=handle, issuer_name=PRODUCT)


def picture(text: str) -> str:
    """A QR code as an SVG element, black on white in any theme: cameras want it so."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_inline(dark="#000", light="#fff", border=3, omitsize=True))


def shown(secret: str) -> str:
    """In groups of four, for those who type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def typed(text: str) -> str:
    """The digits of what a person typed, in any script's digits; empty if it cannot be a code."""
    code = "".join(unicodedata.normalize("NFKC", text[:64]).split())
    if len(code) != DIGITS or not code.isdecimal():
        return ""
    return "".join(str(unicodedata.decimal(char)) for char in code)


def matching_step(secret: str, code: str, now_s: float, used_step: int) -> int | None:
    """The time step that the code belongs to; None if to none that counts. Steps up to
    ``used_step`` are used up (section 5.2)."""
    present = int(now_s) // STEP_S
    generator = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_S)
    found = None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        same = hmac.compare_digest(generator.generate_otp(step).encode(), code.encode())
        if same and step > used_step:
            found = step
    return found
