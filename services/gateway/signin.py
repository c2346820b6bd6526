"""From a token to a live connection: verify, register, welcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from services.gateway.connection import Connection
from services.gateway.registration import NotRegistered
from services.gateway.session import Phase, SessionLimits
from services.gateway.tickets import Tickets, TicketsUnavailable
from services.gateway.timestamp import from_unix
from shared import limits
from shared.codes import CloseCode
from shared.entries import Presence
from shared.frames import Welcome
from shared.tokens import (
    USER_SCOPE,
    AccessToken,
    KeysUnavailable,
    TokenExpired,
    TokenRejected,
    TokenVerifier,
)

if TYPE_CHECKING:
    from services.gateway.parts import Parts

REASON_MAX_CHARS: Final = 100


def told_limits(own: SessionLimits) -> dict[str, float]:
    """The limits that `welcome` tells."""
    return {
        "frame_max_bytes": limits.FRAME_MAX_BYTES,
        "message_max_chars": limits.MESSAGE_MAX_CHARS,
        "sends_per_s": own.sends_per_s,
        "sends_burst": own.sends_burst,
        "sends_in_flight_max": own.sends_in_flight_max,
        "frames_per_s": own.frames_per_s,
        "frames_burst": own.frames_burst,
        "unacked_max_events": own.unacked_max,
        "watch_max_conversations": limits.WATCH_MAX_CONVERSATIONS,
    }


class SignIn:
    """Answers `hello` and `refresh`."""

    def __init__(
        self,
        parts: Parts,
        verifier: TokenVerifier,
        tickets: Tickets,
        *,
        heartbeat_s: float,
        unix_now: Callable[[], float] = time.time,
    ) -> None:
        self._parts = parts
        self._verifier = verifier
        self._tickets = tickets
        self._heartbeat_s = heartbeat_s
        self._limits = told_limits(parts.limits)
        self._unix_now = unix_now

    async def check(self, connection: Connection, token: str, origin: str = "") -> None:
        """Verify ``token`` and go on accordingly. ``origin``: of the page, for a ticket."""
        session = connection.session
        try:
            if session.by_ticket:
                accepted = await self._tickets.redeem(token, origin)
            else:
                accepted = await self._verifier.verify(token)
        except TokenExpired:
            connection.perform(session.rejected(CloseCode.TOKEN_EXPIRED, "the token has expired"))
            return
        except TokenRejected as error:
            reason = str(error)[:REASON_MAX_CHARS]
            connection.perform(session.rejected(CloseCode.UNAUTHENTICATED, reason))
            return
        except (KeysUnavailable, TicketsUnavailable):
            reason = "tokens cannot be checked now"
            connection.perform(session.rejected(CloseCode.UNAVAILABLE, reason))
            return
        if refusal := self._refusal(accepted):
            connection.perform(session.rejected(*refusal))
        elif session.phase is Phase.HELLO:
            await self._enter(connection, accepted)
        else:
            self._accept(connection, accepted)

    def _refusal(self, token: AccessToken) -> tuple[CloseCode, str] | None:
        if USER_SCOPE not in token.scopes or not token.session:
            return CloseCode.UNAUTHENTICATED, f"the token lacks the scope {USER_SCOPE}"
        if token.session in self._parts.revoked:
            return CloseCode.SESSION_REVOKED, "signed out"
        return None

    def _accept(self, connection: Connection, token: AccessToken) -> None:
        expires_in_s = token.expires_at - self._unix_now()
        connection.perform(
            connection.session.accepted(
                token.user, token.session, token.expires_at, expires_in_s, self._parts.clock()
            )
        )
        if connection.session.phase is Phase.LIVE:
            connection.reschedule()

    async def _enter(self, connection: Connection, token: AccessToken) -> None:
        """Register first, then welcome: who is welcomed is routed to. What is committed before
        that reaches the client by the sync that follows `welcome`."""
        parts = self._parts
        since_ms = int(self._unix_now() * 1000)
        try:
            await parts.registration.join(
                connection.id, Presence(token.user, token.session, since_ms)
            )
        except NotRegistered:
            connection.close(CloseCode.UNAVAILABLE, "presence cannot be registered now")
            return
        # Meanwhile the peer may have gone, or the session may have been revoked.
        if connection.session.phase is Phase.HELLO and (refusal := self._refusal(token)):
            connection.perform(connection.session.rejected(*refusal))
        if connection.session.phase is not Phase.HELLO:
            parts.registration.leave(connection.id)
            return
        self._accept(connection, token)
        parts.hub.add(connection)
        connection.reply(
            Welcome(
                connection=connection.id,
                user=token.user,
                session=token.session,
                time=from_unix(self._unix_now()),
                token_expires_at=from_unix(token.expires_at),
                heartbeat_s=self._heartbeat_s,
                limits=self._limits,
            )
        )
