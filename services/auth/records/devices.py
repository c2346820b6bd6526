"""Devices that wait for their user (RFC 8628)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from msgspec import Struct
from redis.asyncio import Redis

from services.auth.domain import device
from services.auth.domain.device import REMEMBER_EXPIRED_MS, DeviceGrant, Outcome
from services.auth.records.cell import Cells, Change
from shared.keys import Keys


class _Pointer(Struct, frozen=True):
    """From what the person types to what the device holds, which is kept hashed only."""

    device: str


class Devices:
    """Grants by device code, found by user code."""

    def __init__(self, redis: Redis, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._grants = Cells(redis, keys, "device", DeviceGrant)
        self._pointers = Cells(redis, keys, "user-code", _Pointer)
        self._now_ms = now_ms

    async def begin(self, client_id: str, scope: str, lives_s: int) -> tuple[str, DeviceGrant]:
        """A new device code and its grant. Raises RedisError."""
        code = secrets.token_urlsafe(32)
        lives_ms = lives_s * 1000
        while True:
            user_code = device.new_user_code()
            pointer = _Pointer(_name(code))
            if await self._pointers.put(user_code, pointer, lives_ms, new=True):
                break
        grant = DeviceGrant(
            client_id=client_id,
            scope=scope,
            user_code=user_code,
            expires_ms=self._now_ms() + lives_ms,
        )
        await self._grants.put(_name(code), grant, lives_ms + REMEMBER_EXPIRED_MS)
        return code, grant

    async def poll(self, code: str, client_id: str) -> tuple[Outcome, DeviceGrant] | None:
        """The device asks; None when the code is nobody's or another client's.

        Raises RedisError, Contended.
        """
        now_ms = self._now_ms()

        def step(
            grant: DeviceGrant | None,
        ) -> Change[DeviceGrant, tuple[Outcome, DeviceGrant] | None]:
            if grant is None or grant.client_id != client_id:
                return Change(None, 0, None)
            after, outcome = device.poll(grant, now_ms)
            changed = after if after is not grant else None
            return Change(changed, self._lives_ms(grant), (outcome, after))

        return await self._grants.change(_name(code), step)

    async def waiting(self, user_code: str) -> DeviceGrant | None:
        """The grant that waits for this user code's answer. Raises RedisError."""
        pointer = await self._pointers.get(user_code)
        grant = await self._grants.get(pointer.device) if pointer is not None else None
        if grant is None or grant.state != "pending" or self._now_ms() >= grant.expires_ms:
            return None
        return grant

    async def decide(
        self, user_code: str, *, approved: bool, user: str, session: str, auth_time: int,
        amr: tuple[str, ...] = (),
    ) -> bool:  # fmt: skip
        """The user's answer; False when it came too late. Raises RedisError, Contended."""
        pointer = await self._pointers.get(user_code)
        if pointer is None:
            return False
        now_ms = self._now_ms()

        def step(grant: DeviceGrant | None) -> Change[DeviceGrant, bool]:
            after = None
            if grant is not None:
                after = device.decide(
                    grant, now_ms, approved=approved, user=user, session=session,
                    auth_time=auth_time, amr=amr,
                )  # fmt: skip
            if grant is None or after is None:
                return Change(None, 0, False)
            return Change(after, self._lives_ms(grant), True)

        decided = await self._grants.change(pointer.device, step)
        if decided:
            await self._pointers.delete(user_code)
        return decided

    def _lives_ms(self, grant: DeviceGrant) -> int:
        return grant.expires_ms - self._now_ms() + REMEMBER_EXPIRED_MS


def _name(code: str) -> str:
    """What stands for a device code in Redis."""
    return "d" + hashlib.sha256(code.encode()).hexdigest()
