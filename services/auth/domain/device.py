"""The device authorization grant (RFC 8628) as a state machine."""

from __future__ import annotations

import secrets
from typing import Literal

import msgspec
from msgspec import Struct

# Section 6.1: no vowels, so no words; nothing that looks like something else. 20^8 codes.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_CHARS = 8
INTERVAL_S = 5  # section 3.2, the default
SLOWER_S = 5  # section 3.5
POLL_TOLERANCE_MS = 500  # a device's timer and the network are not exact
REMEMBER_EXPIRED_MS = 600_000  # so that `expired_token` can be told from nonsense

Outcome = Literal[
    "authorized", "authorization_pending", "slow_down", "access_denied", "expired_token"
]


class DeviceGrant(Struct, frozen=True):
    """A device that waits for its user."""

    client_id: str
    scope: str
    user_code: str
    expires_ms: int  # Unix time, ms
    interval_s: int = INTERVAL_S
    polled_ms: int = 0
    state: Literal["pending", "approved", "denied", "spent"] = "pending"
    user: str = ""
    session: str = ""
    auth_time: int = 0
    amr: tuple[str, ...] = ()


def new_user_code() -> str:
    """A code that a person types."""
    return "".join(secrets.choice(ALPHABET) for _ in range(USER_CODE_CHARS))


def shown(user_code: str) -> str:
    """In two groups: ``WDJB-MJHT``."""
    half = USER_CODE_CHARS // 2
    return f"{user_code[:half]}-{user_code[half:]}"


def typed(text: str) -> str:
    """What a person typed, without what they may add (section 6.1); empty when it cannot be one."""
    code = "".join(char for char in text.upper() if char.isalnum())
    return code if len(code) == USER_CODE_CHARS and set(code) <= set(ALPHABET) else ""


def poll(grant: DeviceGrant, now_ms: int) -> tuple[DeviceGrant, Outcome]:
    """The device asks (section 3.5). Authorized is answered once."""
    if now_ms >= grant.expires_ms or grant.state == "spent":
        return grant, "expired_token"
    if grant.state == "denied":
        return grant, "access_denied"
    if now_ms - grant.polled_ms < grant.interval_s * 1000 - POLL_TOLERANCE_MS:
        slower = msgspec.structs.replace(
            grant, polled_ms=now_ms, interval_s=grant.interval_s + SLOWER_S
        )
        return slower, "slow_down"
    if grant.state == "approved":
        return msgspec.structs.replace(grant, state="spent"), "authorized"
    return msgspec.structs.replace(grant, polled_ms=now_ms), "authorization_pending"


def decide(
    grant: DeviceGrant, now_ms: int, *, approved: bool, user: str, session: str, auth_time: int,
    amr: tuple[str, ...] = (),
) -> DeviceGrant | None:  # fmt: skip
    """The user answers; None when it is too late or was decided before."""
    if grant.state != "pending" or now_ms >= grant.expires_ms:
        return None
    return msgspec.structs.replace(
        grant,
        state="approved" if approved else "denied",
        user=user,
        session=session,
        auth_time=auth_time,
        amr=amr,
    )
