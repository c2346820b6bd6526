"""Liveness and readiness, with the name of what is missing.

``/healthz`` answers as long as the event loop turns. ``/readyz`` runs the checks that the
application has named; it answers 503 while one fails, an essential background task has died, or
the process is draining.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

Check = Callable[[], Awaitable[object]]

CHECK_TIMEOUT_S = 2.0


class Health:
    """What this process needs to be of use."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._optional: dict[str, Check] = {}
        self._failed: dict[str, str] = {}
        self.draining = False

    def add(self, name: str, check: Check, *, essential: bool = True) -> None:
        """Name a dependency. ``check`` raises when it is missing. One that is not essential is
        reported, but does not take the process out of service."""
        (self._checks if essential else self._optional)[name] = check

    def fail(self, name: str, why: str) -> None:
        """Mark something as broken for good: the process should be restarted."""
        self._failed[name] = why

    async def report(self) -> tuple[bool, dict[str, str]]:
        """Whether the process is ready, and the state of each dependency."""
        names = [*self._checks, *self._optional]
        results = await asyncio.gather(
            *(_run(check) for check in (*self._checks.values(), *self._optional.values()))
        )
        states = dict(zip(names, results, strict=True)) | self._failed
        if self.draining:
            states["draining"] = "stopping"
        ready = not self.draining and not self._failed
        ready = ready and all(states[name] == "ok" for name in self._checks)
        return ready, states

    async def healthz(self, _: web.Request) -> web.Response:
        """GET /healthz"""
        return web.json_response({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.Response:
        """GET /readyz"""
        ready, states = await self.report()
        body = {"status": "ready" if ready else "not ready", "checks": states}
        return web.json_response(body, status=200 if ready else 503)


async def _run(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_S:g} s"
    except Exception as error:  # whatever a driver raises, it is the answer
        return f"{type(error).__name__}: {error}"[:200]
    return "ok"
