"""Throttles against guessing, shared by all replicas. The rules are in domain.throttling."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from redis.asyncio import Redis

from services.auth.domain import throttling
from services.auth.domain.throttling import (
    ACCOUNT,
    ADDRESS,
    PAIR,
    STEP,
    STEP_PAIR,
    Level,
    Policy,
)
from services.auth.records.cell import Cells, Change, Contended
from shared.keys import Keys

CONTENDED_WAIT_MS = 1000
FAMILIAR_S = 30 * 86_400


class Throttled(Exception):
    """Too many tries: the next one no earlier than in ``retry_after_ms``."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"retry after {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


class _Familiar(Struct, frozen=True):
    """An address from which the account's owner has signed in."""

    since_ms: int


class Throttles:
    """Counts tries. Every method raises RedisError."""

    def __init__(self, redis: Redis, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._levels = Cells(redis, keys, "throttle", Level)
        self._familiar = Cells(redis, keys, "familiar", _Familiar)
        self._now_ms = now_ms

    async def charge(self, name: str, policy: Policy) -> None:
        """One try of ``name``. Raises :class:`Throttled`."""
        now_ms = self._now_ms()

        def step(level: Level | None) -> Change[Level, int]:
            after, wait_ms = throttling.charge(level or Level(), policy, now_ms)
            if wait_ms:
                return Change(None, 0, wait_ms)
            return Change(after, throttling.kept_ms(after, policy, now_ms), 0)

        try:
            wait_ms = await self._levels.change(name, step)
        except Contended:  # whoever tries so much at once can wait
            wait_ms = CONTENDED_WAIT_MS
        if wait_ms:
            raise Throttled(wait_ms)

    async def refund(self, name: str, policy: Policy) -> None:
        """The try was a good one."""
        now_ms = self._now_ms()

        def step(level: Level | None) -> Change[Level, None]:
            if level is None:
                return Change(None, 0, None)
            after = throttling.refund(level, policy, now_ms)
            return Change(after, throttling.kept_ms(after, policy, now_ms), None)

        try:
            await self._levels.change(name, step)
        except Contended:
            return  # the charge stands, and sinks with time

    async def charge_sign_in(self, handle: str, address: str) -> None:
        """One try to sign in. Raises :class:`Throttled`."""
        charges = await self._sign_in_charges(handle, address)
        for done, (name, policy) in enumerate(charges):
            try:
                await self.charge(name, policy)
            except Throttled:
                for earlier in charges[:done]:
                    await self.refund(*earlier)
                raise

    async def not_tried(self, handle: str, address: str) -> None:
        """The try could not be made after all, by no fault of the person."""
        for charge in await self._sign_in_charges(handle, address):
            await self.refund(*charge)

    async def signed_in(self, handle: str, address: str) -> None:
        """The try succeeded: the address becomes familiar and the pair's tries are forgotten."""
        (pair, _), *others = await self._sign_in_charges(handle, address)
        await self._levels.delete(pair)
        for name, policy in others:
            await self.refund(name, policy)
        await self._familiar.put(pair, _Familiar(self._now_ms()), FAMILIAR_S * 1000)

    async def became_familiar(self, handle: str, address: str) -> None:
        """The owner has signed in from here; the pair's tries are forgotten."""
        pair = _pair(handle, address)
        await self._levels.delete(pair)
        await self._familiar.put(pair, _Familiar(self._now_ms()), FAMILIAR_S * 1000)

    async def charge_second_step(self, user: str, handle: str, address: str) -> None:
        """One try of a code. Raises :class:`Throttled`."""
        charges = await self._second_step_charges(user, handle, address)
        for done, (name, policy) in enumerate(charges):
            try:
                await self.charge(name, policy)
            except Throttled:
                for earlier in charges[:done]:
                    await self.refund(*earlier)
                raise

    async def second_step_done(self, user: str, handle: str, address: str) -> None:
        """The try succeeded."""
        for charge in await self._second_step_charges(user, handle, address):
            await self.refund(*charge)

    async def _second_step_charges(
        self, user: str, handle: str, address: str
    ) -> list[tuple[str, Policy]]:
        charges = [(f"step\n{user}\n{address}", STEP_PAIR)]
        if await self._familiar.get(_pair(handle, address)) is None:
            charges.append((f"step\n{user}", STEP))
        return charges

    async def _sign_in_charges(self, handle: str, address: str) -> list[tuple[str, Policy]]:
        pair = _pair(handle, address)
        charges = [(pair, PAIR), (f"address\n{address}", ADDRESS)]
        if await self._familiar.get(pair) is None:
            charges.append((f"account\n{handle}", ACCOUNT))
        return charges


def _pair(handle: str, address: str) -> str:
    return f"pair\n{handle}\n{address}"
