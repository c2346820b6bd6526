"""``/internal/v1/people`` (scope ``internal.dispatcher``): who shows what to whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web

from services.api.handlers.internal_accounts import body_of
from services.api.store.profiles import Profiles
from services.api.store.visibility import Visibilities
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.internal import SCOPE_DISPATCHER, SeenReport, VisibilityReply, VisibilityRequest
from shared.problems import Problem

Guard = Callable[[web.Request, str], Awaitable[object]]

ASKED_MAX: Final = 200
SEEN_MAX: Final = 1_000
_MS_MAX: Final = 4_102_444_800_000  # the year 2100


class InternalPeopleHandlers:
    """What dispatchers ask and tell about people."""

    def __init__(self, guard: Guard, visibilities: Visibilities, profiles: Profiles) -> None:
        self._guard = guard
        self._visibilities = visibilities
        self._profiles = profiles

    def routes(self) -> list[web.RouteDef]:
        """The routes of this module."""
        base = "/internal/v1/people"
        return [
            web.post(f"{base}/visibility", self.visibility),
            web.post(f"{base}/seen", self.seen),
        ]

    async def visibility(self, request: web.Request) -> web.Response:
        """POST /internal/v1/people/visibility: VisibilityRequest → VisibilityReply."""
        await self._guard(request, SCOPE_DISPATCHER)
        asked = await body_of(request, VisibilityRequest)
        _at_most("users", len(asked.users), ASKED_MAX)
        reply = VisibilityReply(await self._visibilities.of(asked.users))
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    async def seen(self, request: web.Request) -> web.Response:
        """POST /internal/v1/people/seen: SeenReport → 204."""
        await self._guard(request, SCOPE_DISPATCHER)
        report = await body_of(request, SeenReport)
        _at_most("times_ms", len(report.times_ms), SEEN_MAX)
        times = {
            user: datetime.fromtimestamp(ms / 1000, UTC)
            for user, ms in report.times_ms.items()
            if is_id(user) and 0 < ms < _MS_MAX
        }
        if times:
            await self._profiles.seen(times)
        return web.Response(status=204)


def _at_most(field: str, count: int, most: int) -> None:
    if count > most:
        raise Problem(ErrorCode.TOO_LARGE, f"At most {most} at once.", field=field)
