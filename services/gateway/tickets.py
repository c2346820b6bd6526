"""Tickets: each signs one socket in, once, for the page that asked auth for it.

What a ticket says is believed for auth's signature; Redis only remembers which have been used. A
Redis that was wiped within the 30 s that a ticket lives would let it in again: that is the price
of not asking a database.
"""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from shared.keys import Keys
from shared.redis_client import RedisError
from shared.tokens import (
    LEEWAY_S,
    TICKET_AUDIENCE,
    TICKET_S,
    TICKET_TYPE,
    AccessToken,
    TokenRejected,
    TokenVerifier,
)

_TYPES: Final = frozenset({TICKET_TYPE})
_REMEMBERED_S: Final = TICKET_S + 2 * int(LEEWAY_S) + 1  # longer than it could be accepted


class TicketsUnavailable(Exception):
    """Whether a ticket was used before cannot be told."""


class Tickets:
    """Takes tickets, each once, whichever gateway it is shown to."""

    def __init__(self, verifier: TokenVerifier, redis: Redis, keys: Keys) -> None:
        self._verifier = verifier
        self._redis = redis
        self._keys = keys

    async def redeem(self, ticket: str, origin: str) -> AccessToken:
        """What the access token said that the ticket was asked for with.

        Raises TokenRejected, KeysUnavailable, :class:`TicketsUnavailable`.
        """
        claims = await self._verifier.claims(ticket, _TYPES, TICKET_AUDIENCE)
        if claims.get("origin") != origin:
            raise TokenRejected("the ticket was given to a page of another origin")
        jti = str(claims["jti"])
        try:
            first = await self._redis.set(self._keys.ticket(jti), b"", ex=_REMEMBERED_S, nx=True)
        except RedisError as error:
            raise TicketsUnavailable from error
        if not first:
            raise TokenRejected("the ticket was used before")
        return AccessToken(
            user=str(claims["sub"]),
            client=str(claims["client_id"]),
            session=str(claims.get("sid", "")),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            expires_at=float(claims["token_exp"]),
            jti=jti,
        )
