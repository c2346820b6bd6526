"""How somebody has proved who they are (RFC 8176), and how much that is worth.

pwd            the password
otp            a code of the authenticator application, or a recovery code
pop, user      a passkey: a key on a device, and the device has checked the person
fed            at an OpenID provider outside
mfa            more than one kind of proof
"""

from __future__ import annotations

from typing import Final

PASSWORD: Final = ("pwd",)
# At an OpenID provider outside, however that did it. Not registered by RFC 8176, but in wide use.
OUTSIDE: Final = ("fed",)
# The device checks finger, face or PIN (user verification): having it and being it in one.
PASSKEY: Final = ("pop", "user", "mfa")
_CODE: Final = ("otp", "mfa")
_STRONG: Final = "mfa"

# OpenID Connect Core, section 2, `acr`: names are agreed between the parties.
ONE_FACTOR: Final = "urn:agileim:acr:1"
TWO_FACTORS: Final = "urn:agileim:acr:2"
ACR_VALUES: Final = (ONE_FACTOR, TWO_FACTORS)


def with_code(amr: tuple[str, ...]) -> tuple[str, ...]:
    """What a code or a recovery code adds to an earlier proof."""
    return (*amr, *_CODE)


def with_passkey(amr: tuple[str, ...]) -> tuple[str, ...]:
    """What a passkey adds to an earlier proof."""
    return (*amr, *PASSKEY)


def is_strong(amr: tuple[str, ...]) -> bool:
    """Whether more than one kind of proof was given."""
    return _STRONG in amr


def meets(amr: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether the proof is of one of the wanted authentication context classes, if any is wanted
    (OpenID Connect Core, section 3.1.2.1, `acr_values`). Two factors are more than one."""
    reached = ACR_VALUES if is_strong(amr) else (ONE_FACTOR,)
    return not wanted or any(value in reached for value in wanted)


def acr_of(amr: tuple[str, ...]) -> str:
    """The authentication context class."""
    return TWO_FACTORS if is_strong(amr) else ONE_FACTOR
