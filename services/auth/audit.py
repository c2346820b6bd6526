"""Security events on their way to api's append-only table.

Nobody who signs in waits for the record of it: events queue here and go in batches, again and
again until api has taken them. Each is in the log at once as well; what a killed process had not
sent yet is only there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from services.auth.accounts import Accounts
from services.auth.addresses import Addresses
from services.auth.metrics import AuthMetrics
from shared.ids import new_id
from shared.internal import AuditEvent
from shared.logs import get_logger
from shared.problems import TRACE_ID
from shared.service_client import ApiRefused, ApiUnavailable

WAITING_MAX: Final = 20_000  # some MB; at 100 sign-ins a second it is minutes without api
BATCH_MAX: Final = 200
RETRY_S: Final = 1.0
LAST_TRY_S: Final = 2.0  # at the end of the process

SIGNED_IN: Final = "signed_in"
SIGN_IN_REFUSED: Final = "sign_in_refused"
SIGN_IN_THROTTLED: Final = "sign_in_throttled"
SIGNED_OUT: Final = "signed_out"
REGISTERED: Final = "registered"
CONSENT_GIVEN: Final = "consent_given"
DEVICE_ALLOWED: Final = "device_allowed"
DEVICE_DENIED: Final = "device_denied"
SESSION_BEGUN: Final = "session_begun"
SESSION_ENDED: Final = "session_ended"
TOKEN_REUSED: Final = "refresh_token_reused"  # noqa: S105 - no password
CODE_REPLAYED: Final = "code_replayed"
PASSWORD_CHANGED: Final = "password_changed"  # noqa: S105 - no password
PASSWORD_REFUSED: Final = "password_refused"  # noqa: S105 - no password
SECOND_STEP_REFUSED: Final = "second_step_refused"
RECOVERY_CODE_USED: Final = "recovery_code_used"
RECOVERY_CODES_MADE: Final = "recovery_codes_made"
PASSKEY_COPIED: Final = "passkey_copied"
FACTOR_ADDED: Final = "factor_added"
FACTOR_REMOVED: Final = "factor_removed"
FACTORS_RESET: Final = "factors_reset"
ADMINISTRATOR_CHANGED: Final = "administrator_changed"
CLIENT_REFUSED: Final = "client_refused"
KEYS_CHANGED: Final = "signing_keys_changed"
OUTSIDE_LINKED: Final = "outside_identity_linked"
OUTSIDE_UNLINKED: Final = "outside_identity_unlinked"
OUTSIDE_REFUSED: Final = "outside_sign_in_refused"
EMAIL_ASKED: Final = "email_proof_asked"
EMAIL_PROVED: Final = "email_proved"
EMAIL_REMOVED: Final = "email_removed"
RESET_ASKED: Final = "password_reset_asked"
RESET_SENT: Final = "password_reset_sent"
PASSWORD_RESET: Final = "password_reset"  # noqa: S105 - no password
CLIENT_CREATED: Final = "client_created"
CLIENT_CHANGED: Final = "client_changed"
CLIENT_DELETED: Final = "client_deleted"
SECRET_CREATED: Final = "client_secret_created"  # noqa: S105 - no password
SECRET_REVOKED: Final = "client_secret_revoked"  # noqa: S105 - no password
BOT_CREATED: Final = "bot_created"
BOT_ENDED: Final = "bot_ended"


class Audit:
    """Takes events at any time; :meth:`run` carries them away."""

    def __init__(
        self,
        accounts: Accounts,
        addresses: Addresses,
        metrics: AuthMetrics,
        now: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._addresses = addresses
        self._metrics = metrics
        self._now = now
        self._waiting: deque[AuditEvent] = deque()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def note(
        self, request: web.Request | None, what: str, *, user: str = "", client_id: str = "",
        session: str = "", detail: str = "",
    ) -> None:  # fmt: skip
        """Something happened. ``detail`` never holds what somebody typed: people type passwords
        into any field."""
        event = AuditEvent(
            id=new_id(),
            at=datetime.fromtimestamp(self._now(), UTC),
            what=what,
            user=user,
            client_id=client_id,
            session=session,
            address=self._addresses.of(request) if request is not None else "",
            request_id=request[TRACE_ID] if request is not None else "",
            detail=detail,
        )
        get_logger().info(
            what, user_id=user, client_id=client_id, session=session, address=event.address,
            detail=detail,
        )  # fmt: skip
        if len(self._waiting) >= WAITING_MAX:
            self._metrics.audit_lost.inc()
            get_logger().error("audit_queue_full", what=what)
            return
        self._waiting.append(event)
        self._some.set()
        self._none.clear()

    async def run(self) -> None:
        """Carry events to api, in order, for good."""
        while True:
            await self._some.wait()
            batch = [self._waiting[i] for i in range(min(BATCH_MAX, len(self._waiting)))]
            try:
                await self._accounts.audit(batch)
            except (ApiUnavailable, ApiRefused) as error:  # an older api refuses: it will be newer
                get_logger().warning("audit_waits", events=len(self._waiting), error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            for _ in batch:
                self._waiting.popleft()
            if not self._waiting:
                self._some.clear()
                self._none.set()

    async def drained(self, timeout_s: float = LAST_TRY_S) -> bool:
        """Wait until all is written, but not for long."""
        try:
            await asyncio.wait_for(self._none.wait(), timeout_s)
        except TimeoutError:
            get_logger().error("audit_not_written", events=len(self._waiting))
            return False
        return True
