"""The life of an authorization code (RFC 6749, section 4.1.2): issued, then spent, once."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

# A replay is recognised this long after the code could have been used.
REMEMBER_SPENT_MS = 600_000

Outcome = Literal["redeemed", "replayed", "expired"]


class CodeGrant(Struct, frozen=True):
    """What a code stands for."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    user: str
    session: str  # id of the session that it will begin
    scope: str
    nonce: str
    auth_time: int  # Unix time of the sign-in, s
    expires_ms: int  # Unix time, ms
    state: Literal["issued", "spent", "burned"] = "issued"
    amr: tuple[str, ...] = ()  # how the user had proved who they are


def redeem(grant: CodeGrant, now_ms: int) -> tuple[CodeGrant, Outcome]:
    """Spend a code. A second try burns it: the session made from it must end (RFC 6749,
    section 4.1.2; RFC 9700, section 4.5)."""
    if grant.state != "issued":
        return msgspec.structs.replace(grant, state="burned"), "replayed"
    spent = msgspec.structs.replace(grant, state="spent")
    return spent, "redeemed" if now_ms < grant.expires_ms else "expired"
