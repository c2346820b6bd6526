"""What goes wrong at auth's edges, and how it is told: JSON to programs, pages to people.

    OAuthError   to a client, as JSON (RFC 6749, section 5.2)
    PageError    to a person, as a page

An authorization request's faults that the client is told by redirect are
:class:`services.auth.domain.authorization.Refused`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from services.auth.factor_records import NoSuchPerson
from services.auth.hashing import RETRY_AFTER_MS, HashingBusy
from services.auth.records.cell import Contended
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.sealing_keys import SealingFault
from shared.logs import get_logger
from shared.redis_client import RedisError
from shared.service_client import ApiRefused, ApiUnavailable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER_S = 2
# The last two: an api that is older than this auth, in the middle of an update.
_MISSING = (ApiUnavailable, RedisError, Contended, SealingFault, ApiRefused, NoSuchPerson)
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749, section 5.1


class OAuthError(Exception):
    """``error`` is a code of the RFC at hand, ``description`` is for its client's developers."""

    def __init__(
        self, error: str, description: str, *, status: int = 400, challenge: str = "",
        retry_after_s: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.challenge = challenge  # for WWW-Authenticate
        self.retry_after_s = retry_after_s


class PageError(Exception):
    """``reason`` is a key of the texts."""

    def __init__(self, status: int, reason: str, *, retry_after_ms: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_ms = retry_after_ms


def answers_json(handler: Handler) -> Handler:
    """For endpoints that programs call."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except OAuthError as fault:
            error = fault
        except (ApiUnavailable, RedisError, Contended) as missing:
            _log_missing(missing)
            error = OAuthError(
                "temporarily_unavailable", "a dependency is down, try again",
                status=503, retry_after_s=RETRY_AFTER_S,
            )  # fmt: skip
        request.app[AUTH].metrics.refusals.labels(error.error).inc()
        headers = dict(NO_STORE)
        if error.challenge:
            headers["WWW-Authenticate"] = error.challenge
        if error.retry_after_s:
            headers["Retry-After"] = str(error.retry_after_s)
        body = {"error": error.error, "error_description": error.description}
        return web.json_response(body, status=error.status, headers=headers)

    return wrapped


def answers_html(handler: Handler) -> Handler:
    """For pages."""

    @wraps(handler)
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except PageError as fault:
            error = fault
        except Throttled as throttled:
            error = PageError(429, "throttled", retry_after_ms=throttled.retry_after_ms)
        except HashingBusy:
            error = PageError(503, "busy", retry_after_ms=RETRY_AFTER_MS)
        except _MISSING as missing:
            _log_missing(missing)
            error = PageError(503, "unavailable", retry_after_ms=RETRY_AFTER_S * 1000)
        auth = request.app[AUTH]
        auth.metrics.refusals.labels(error.reason).inc()
        return auth.pages.error(request, error.status, error.reason, error.retry_after_ms)

    return wrapped


def _log_missing(error: Exception) -> None:
    get_logger().warning("dependency_missing", error=f"{type(error).__name__}: {error}"[:200])
