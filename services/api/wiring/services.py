"""What an organisation's own services use, and how it hangs together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from redis.asyncio import Redis

from services.api.endpoint import Endpoint, Identity, route
from services.api.feeding import Feeding
from services.api.handlers.internal_admin import Revoker
from services.api.handlers.internal_services import ServiceHandlers
from services.api.publisher import Publisher
from services.api.rosters import Rosters
from services.api.store.announcements import Announcements
from services.api.store.database import Database
from services.api.store.feed import Feed
from services.api.store.sessions import SessionStore
from services.api.store.users import Users
from shared.codes import ErrorCode
from shared.keys import Keys
from shared.problems import Problem
from shared.services import SCOPE_SERVICE
from shared.tasks import Background

Guard = Callable[[web.Request, str], Awaitable[object]]

ON_BEHALF = "/internal/v1/as/{acting_user}"


class Serving:
    """All of it."""

    def __init__(self, database: Database, redis: Redis, keys: Keys, *, feed_days: int) -> None:
        self._database = database
        self._redis = redis
        self._keys = keys
        self._feed_days = feed_days
        self._feed = Feed(database)
        self._users = Users(database)

    def routes(
        self, guard: Guard, endpoints: Sequence[Endpoint], publisher: Publisher
    ) -> list[web.RouteDef]:
        """What services may do as themselves, and all that people may do, on their behalf."""

        async def acting(request: web.Request) -> Identity:
            await guard(request, SCOPE_SERVICE)
            user = request.match_info["acting_user"]
            if await self._users.unknown([user]):
                raise Problem(ErrorCode.NOT_FOUND, "There is no such user.")
            return Identity(user)

        own = ServiceHandlers(
            guard,
            Announcements(self._database),
            self._users,
            Rosters(self._redis, self._keys),
            SessionStore(self._database),
            Revoker(self._redis, self._keys),
            self._feed if self._feed_days else None,
            publisher,
        )
        return [
            *own.routes(),
            *(
                route(endpoint, acting, prefix=ON_BEHALF)
                for endpoint in endpoints
                if not endpoint.public
            ),
        ]

    async def start(self, tasks: Background) -> None:
        """Turn the feed on or off, and fill it."""
        await self._feed.enable(enabled=bool(self._feed_days))
        if self._feed_days:
            feeding = Feeding(self._feed, self._redis, self._keys, days=self._feed_days)
            tasks.spawn("feed", feeding.run())
            tasks.spawn("prune_feed", feeding.prune())
