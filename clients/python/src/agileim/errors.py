"""What can go wrong, as seen by a program that uses the SDK.

::

    AgileIMError
    ├── Refused                  the server understood and said no: code, message, field
    │   ├── NotFound             does not exist, or may not be seen
    │   └── RateLimited          too many requests, still so after the retries
    ├── SignInError              signing in did not succeed (denied, timed out, wrong answer)
    │   └── SignedOut            no usable tokens: sign in (again)
    │       └── SessionRevoked   this session was ended by its user or an operator
    ├── Unreachable              no answer from the server within the time given
    ├── OutcomeUnknown           a message was written, its answer never came
    ├── ProtocolError            the server speaks another protocol than this SDK
    └── Closed                   the client is closed

Every one is raised where it concerns the caller; none ends the client except ``SignedOut``,
``SessionRevoked`` and ``ProtocolError``, which also end ``client.events()``.
"""

from __future__ import annotations


class AgileIMError(Exception):
    """The base of all errors of this package."""


class Refused(AgileIMError):
    """The server refused a request or a message.

    ``code`` is one of the protocol's error codes (``invalid``, ``forbidden``, ``conflict``, …),
    ``field`` names the faulty field if one is at fault, ``retry_after_ms`` is 0 where trying
    again is useless, ``status`` is the HTTP status or 0 for an answer over the socket.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str = "",
        retry_after_ms: int = 0,
        status: int = 0,
        request_id: str = "",
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after_ms = retry_after_ms
        self.status = status
        self.request_id = request_id


class NotFound(Refused):
    """It does not exist, or this user may not see it."""


class RateLimited(Refused):
    """Too many requests, and still so after the retries; see ``retry_after_ms``."""


class SignInError(AgileIMError):
    """Signing in did not succeed."""


class SignedOut(SignInError):
    """There are no usable tokens: sign in."""


class SessionRevoked(SignedOut):
    """The session was ended by its user or by an operator: sign in again."""


class Unreachable(AgileIMError):
    """The server gave no answer within the time given."""


class OutcomeUnknown(AgileIMError):
    """A message was written and its answer did not come: it may be stored or not.

    Sending it again with the same ``client_msg_id`` tells, and never duplicates.
    """

    def __init__(self, client_msg_id: str, why: str) -> None:
        super().__init__(f"{why}: message {client_msg_id} may be stored or not")
        self.client_msg_id = client_msg_id


class ProtocolError(AgileIMError):
    """The server does not speak the protocol of this SDK."""


class Closed(AgileIMError):
    """The client is closed."""


_BY_CODE: dict[str, type[Refused]] = {"not_found": NotFound, "rate_limited": RateLimited}


def refusal(
    code: str,
    message: str,
    *,
    field: str = "",
    retry_after_ms: int = 0,
    status: int = 0,
    request_id: str = "",
) -> Refused:
    """The subclass of :class:`Refused` that fits the code."""
    return _BY_CODE.get(code, Refused)(
        code,
        message,
        field=field,
        retry_after_ms=retry_after_ms,
        status=status,
        request_id=request_id,
    )
