"""What to do after a connection has ended, by its close code.

Codes 4000-4499 say reconnect, 4500-4999 say do not (docs/protocol.md); those below 4000 are
RFC 6455's own and mean that the line or a proxy failed: reconnect.
"""

from __future__ import annotations

from agileim.errors import AgileIMError, ProtocolError, SessionRevoked, SignedOut

LOST = 1006  # no close frame came (RFC 6455, section 7.1.5)
TOKEN_EXPIRED = 4003
OVERLOADED = 4004
FLOOD = 4006
UNAUTHENTICATED = 4503
SESSION_REVOKED = 4504

_NAMES = {
    4000: "the server is restarting",
    4001: "this client was too slow",
    4002: "the server missed our heartbeat",
    4003: "the token has expired",
    4004: "the server is overloaded",
    4005: "the server is not available",
    4006: "too many frames",
    4007: "the server had an internal error",
    4500: "the server could not read a frame",
    4501: "a frame came out of turn",
    4502: "signing in took too long",
    4503: "the token is not accepted",
    4504: "the session was ended",
    4505: "the server does not speak agileim.v1",
}


def reason(code: int) -> str:
    """The code in words."""
    return _NAMES.get(code, f"connection lost ({code})" if code != LOST else "connection lost")


def may_reconnect(code: int) -> bool:
    """Whether the client reconnects by itself."""
    return code < 4500


def least_failures(code: int) -> int:
    """Backoff starts from here: who is told of overload waits longer (up to 8 s at once)."""
    return 4 if code in (OVERLOADED, FLOOD) else 0


def final_error(code: int) -> AgileIMError:
    """Why the client stops after this code."""
    match code:
        case 4503:
            return SignedOut(reason(code))
        case 4504:
            return SessionRevoked(reason(code))
        case _:
            return ProtocolError(f"{reason(code)} ({code})")
