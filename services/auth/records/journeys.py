"""People on their way to a provider outside, and back with an identity but no account yet."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from msgspec import Struct
from redis.asyncio import Redis

from services.auth.domain.outside import Identity
from services.auth.records.cell import Cells, Change
from shared.keys import Keys

JOURNEY_S: Final = 900
ARRIVAL_S: Final = 1_800


class Journey(Struct, frozen=True):
    """What was sent along. ``browser``: digest of the mark of the browser that went."""

    provider: str
    browser: str
    nonce: str
    verifier: str
    next_path: str
    user: str = ""  # who links an identity to their account; empty: somebody signs in
    used: bool = False


class Arrival(Struct, frozen=True):
    """An identity that was proved, in which browser. ``user``: whose account it shall be linked to,
    if they agree; empty: there is none, and one can be made."""

    browser: str
    provider: str
    issuer: str
    subject: str
    email: str
    name: str
    handle: str
    next_path: str
    user: str = ""
    linking: bool = False  # by who is signed in, from the pages of their account
    used: bool = False

    @property
    def identity(self) -> Identity:
        """Who it is."""
        return Identity(self.issuer, self.subject, self.email, self.name, self.handle)


class Journeys:
    """Each is used once, by the browser that it belongs to. Methods raise RedisError, Contended."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._journeys = Cells(redis, keys, "journey", Journey)
        self._arrivals = Cells(redis, keys, "arrival", Arrival)

    async def begin(self, journey: Journey) -> str:
        """The state to send along."""
        state = secrets.token_urlsafe(32)
        await self._journeys.put(state, journey, JOURNEY_S * 1000)
        return state

    async def end(self, state: str, mark: str) -> Journey | None:
        """Who comes back, once."""

        def step(found: Journey | None) -> Change[Journey, Journey | None]:
            if found is None or found.used or found.browser != digest(mark):
                return Change(None, 0, None)
            return Change(Journey("", "", "", "", "", used=True), 1000, found)

        return await self._journeys.change(state, step) if state and mark else None

    async def arrive(self, arrival: Arrival) -> str:
        """What stands for an arrival in the page that asks how to go on."""
        token = secrets.token_urlsafe(32)
        await self._arrivals.put(token, arrival, ARRIVAL_S * 1000)
        return token

    async def arrived(self, token: str, mark: str) -> Arrival | None:
        """Look at an arrival."""
        found = await self._arrivals.get(token) if token and mark else None
        if found is None or found.used or found.browser != digest(mark):
            return None
        return found

    async def settle(self, token: str) -> bool:
        """It is dealt with; False when it was before."""

        def step(found: Arrival | None) -> Change[Arrival, bool]:
            if found is None or found.used:
                return Change(None, 0, False)
            return Change(Arrival("", "", "", "", "", "", "", "", used=True), 1000, True)

        return await self._arrivals.change(token, step)


def digest(mark: str) -> str:
    """What stands for a browser's mark in Redis."""
    return hashlib.sha256(mark.encode()).hexdigest()
