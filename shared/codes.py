"""Error codes and WebSocket close codes: one place, because they state policy.

An :class:`ErrorCode` names what was wrong, in HTTP problem documents (member ``code``) as in
WebSocket ``refused`` and ``error`` frames. A :class:`CloseCode` tells the client what to do next:
4000-4499 reconnect (with backoff), 4500-4999 do not reconnect by yourself (RFC 6455, section
7.4.2 leaves 4000-4999 to applications).
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from http import HTTPStatus


class ErrorCode(StrEnum):
    """What was wrong with a request or a frame."""

    INVALID = "invalid"  # a field is missing, malformed or out of range; `field` names it
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"  # content of a kind that is not taken
    UNAUTHENTICATED = "unauthenticated"  # no token, or one that is not accepted
    FORBIDDEN = "forbidden"  # known to exist, not allowed
    NOT_FOUND = "not_found"  # does not exist, or may not be seen
    CONFLICT = "conflict"  # the present state does not allow it
    STALE = "stale"  # it has changed since the version that If-Match names
    REUSED_CLIENT_MSG_ID = "reused_client_msg_id"  # same id, other conversation
    RATE_LIMITED = "rate_limited"  # `retry_after_ms` says when to try again
    UNAVAILABLE = "unavailable"  # a dependency is down: try again
    UNKNOWN_FRAME = "unknown_frame"
    INTERNAL = "internal"

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that carries this code."""
        return _STATUS[self]


_STATUS = {
    ErrorCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.UNSUPPORTED_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.STALE: HTTPStatus.PRECONDITION_FAILED,
    ErrorCode.REUSED_CLIENT_MSG_ID: HTTPStatus.CONFLICT,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.UNKNOWN_FRAME: HTTPStatus.BAD_REQUEST,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class CloseCode(IntEnum):
    """Why the gateway closed a socket. Below 4500: reconnect. From 4500: do not."""

    GOING_AWAY = 4000  # the gateway is stopping; another one will take you
    SLOW_CONSUMER = 4001  # frames piled up: reconnect and sync
    HEARTBEAT_LOST = 4002
    TOKEN_EXPIRED = 4003  # get a fresh token, then reconnect
    OVERLOADED = 4004  # too many connects: reconnect later
    UNAVAILABLE = 4005  # a dependency is down
    FLOOD = 4006  # too many frames: reconnect with backoff
    INTERNAL = 4007

    BAD_FRAME = 4500  # not JSON, not UTF-8, too large, or a type that nobody knows
    BAD_PHASE = 4501  # a frame before `hello`, or a second `hello`
    HELLO_TIMEOUT = 4502
    UNAUTHENTICATED = 4503  # the token is not accepted: sign in again
    SESSION_REVOKED = 4504  # signed out or banned
    UNSUPPORTED_PROTOCOL = 4505

    @property
    def reconnect(self) -> bool:
        return self < 4500
