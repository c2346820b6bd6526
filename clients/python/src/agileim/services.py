"""For an organisation's own servers: acting for people, telling them things, following all.

These calls go over the internal network, with a service client that the operators registered
(``agileim admin client``) with the scope ``internal.service``::

    async with Services("http://api:8080", "http://auth:8080", "shop", secret) as services:
        await services.tell("Your order has shipped.", users=[customer])
        orders = services.acting_as(bot)
        await orders.post_message(conversation, "Order 42 is on its way.")
        async for page in services.feed(cursor):
            ...  # then keep page.cursor
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import aiohttp
from msgspec import Struct

from agileim.backoff import Backoff
from agileim.errors import Closed, Unreachable
from agileim.frames import Event
from agileim.http import TIMEOUT_S, Http
from agileim.rest import Api
from agileim.tokens import BotTokens, TokenSource

FEED_WAIT_S = 8.0  # less than one try of a request may take
FEED_PAGE = 100


class Connection(Struct, frozen=True):
    """A device that is connected; ``away``: nobody sits before it."""

    connection: str
    user: str
    session: str
    gateway: str
    since_ms: int
    away: bool = False


class FeedItem(Struct, frozen=True):
    """One of: an ``event``; connections that ``came``; connections (ids) that ``went``; a
    ``gateway`` that is dead, with all its connections; or ``anew``: ask for the connections, what
    was known of them is of no use any more."""

    event: Event | None = None
    came: list[Connection] = []
    went: list[str] = []
    gateway: str = ""
    anew: bool = False


class FeedPage(Struct, frozen=True):
    """Part of the feed. Keep ``cursor`` when you are done with ``items``; what you had not kept
    comes again. ``lost``: the cursor was older than what the server keeps."""

    items: list[FeedItem]
    cursor: str
    lost: bool = False


class _Connections(Struct, frozen=True):
    connections: list[Connection]
    complete: bool = True


class _Told(Struct, frozen=True):
    told: int


class _SignedOut(Struct, frozen=True):
    sessions: list[str]


class Services:
    """The calls. They raise what those of :class:`~agileim.Api` raise."""

    def __init__(
        self, api_url: str, auth_url: str, client_id: str, secret: str,
        *, tokens: TokenSource | None = None,
    ) -> None:  # fmt: skip
        self._url = api_url.rstrip("/")
        self._tokens = tokens or BotTokens(auth_url, client_id, secret)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def _http(self, base: str = "") -> Http:
        if self._session is None:
            raise Closed("use it inside `async with`")
        return Http(self._url + base, self._tokens, self._session)

    def acting_as(self, user: str) -> Api:
        """All that this person or bot may do."""
        return Api(self._http(f"/internal/v1/as/{user}"))

    async def tell(
        self,
        text: str,
        *,
        users: Sequence[str] = (),
        conversation: str = "",
        online: bool = False,
        tell_id: str | None = None,
    ) -> int:
        """Say something as the system: to people in their inboxes, to everyone who is online, or
        in a conversation. How many were told; those who had been told `tell_id` are not again."""
        body = {
            "id": tell_id or str(uuid.uuid4()), "text": text, "users": list(users),
            "conversation": conversation, "online": online,
        }  # fmt: skip
        return (await self._http().request("POST", "/internal/v1/tell", _Told, body=body)).told

    async def connections(self, users: Sequence[str] = ()) -> list[Connection]:
        """The devices on which these people are connected; without `users`: everybody's."""
        answer = await self._http().request(
            "POST", "/internal/v1/connections", _Connections, body={"users": list(users)}
        )
        return answer.connections

    async def sign_out(self, user: str) -> list[str]:
        """End all sessions of a person, with their sockets. The sessions that ended."""
        path = f"/internal/v1/users/{user}/sign-out"
        return (await self._http().request("POST", path, _SignedOut)).sessions

    async def feed_page(self, cursor: str = "", *, wait_s: float = 0.0) -> FeedPage:
        """What follows `cursor`; waits up to `wait_s` when that is nothing yet."""
        return await self._http().request(
            "GET", "/internal/v1/feed", FeedPage, cursor=cursor, limit=FEED_PAGE,
            wait_s=str(wait_s), timeout_s=wait_s + TIMEOUT_S,
        )  # fmt: skip

    async def feed(self, cursor: str = "") -> AsyncIterator[FeedPage]:
        """Pages with something in them, for ever, across outages. Keep each page's cursor when
        the page is done: from there on nothing is missed."""
        backoff = Backoff(base_s=0.2, cap_s=10.0)
        while True:
            try:
                page = await self.feed_page(cursor, wait_s=FEED_WAIT_S)
            except Unreachable:
                await asyncio.sleep(backoff.next())
                continue
            backoff = Backoff(base_s=0.2, cap_s=10.0)
            if page.items or page.lost:
                yield page
            cursor = page.cursor
