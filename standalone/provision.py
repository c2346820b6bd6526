"""People, tokens and conversations by the thousand, for load and fault tests.

Accounts and sessions are written through api's internal HTTP (skipping the password hash that
would cost 0.1 s each); access tokens then come from auth's real refresh grant (RFC 6749, section
6), and conversations from the public REST, so that what runs under load is the real thing.

The service client must have the scope `internal.auth`; only test set-ups have one besides auth.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, TypeVar

import aiohttp

from shared.ids import new_id
from shared.internal import Account, NewAccount, NewSession
from shared.limits import ADD_MEMBERS_MAX
from shared.service_client import ApiClient, ServiceTokens

CLIENT_ID: Final = "agileim-cli"
SCOPE: Final = "openid chat offline_access"
SESSION_LIFE: Final = timedelta(days=1)
CALL_TIMEOUT_S: Final = 30.0
IN_FLIGHT: Final = 16  # more does not make two cores faster

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Person:
    """A user with one session (one device) and its tokens."""

    user: str
    handle: str
    session: str
    refresh_token: str
    access_token: str = ""
    expires_at: float = 0.0  # time.monotonic(), end of the access token


class ProvisionError(Exception):
    """A request was not answered as it should be; the text has method, path, status and body."""


class Provision:
    """Creates what a test needs; use as an async context manager.

    `api_url` and `auth_url` are the services' origins, or the edge's for both if it lets
    `/internal` through (it should not).
    """

    def __init__(self, *, auth_url: str, api_url: str, client_id: str, client_secret: str) -> None:
        self._auth_url = auth_url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._client = (client_id, client_secret)
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def __aenter__(self) -> Provision:
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S),
            connector=aiohttp.TCPConnector(limit=IN_FLIGHT),
        )
        tokens = ServiceTokens(self._auth_url, *self._client, self._http)
        self._api = ApiClient([self._api_url], tokens, self._http)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def people(self, count: int, prefix: str = "user") -> list[Person]:
        """`count` new users, each with a session and an access token."""
        run = secrets.token_hex(4)  # handles are unique for good
        return await self._each(self._person, [f"{prefix}-{run}-{index}" for index in range(count)])

    async def device(self, person: Person) -> Person:
        """Another session of the same user, as on a second device."""
        return await self._sign_in(person.user, person.handle)

    async def renew(self, people: Iterable[Person]) -> None:
        """Fresh access tokens for all, by their refresh tokens (which rotate)."""
        await self._each(self._renew, list(people))

    async def directs(self, pairs: Sequence[tuple[Person, Person]]) -> list[str]:
        """The direct conversations of these pairs, by id."""

        async def direct(pair: tuple[Person, Person]) -> str:
            one, other = pair
            body = {"kind": "direct", "user": other.user}
            return str((await self.rest(one, "POST", "/v1/conversations", body))["id"])

        return await self._each(direct, list(pairs))

    async def group(self, owner: Person, members: Sequence[Person], name: str = "Room") -> str:
        """A group of the owner and the members, whatever their number; its id."""
        users = [member.user for member in members]
        first, rest = users[:ADD_MEMBERS_MAX], users[ADD_MEMBERS_MAX:]
        body = {"kind": "group", "name": name, "members": first}
        conversation = str((await self.rest(owner, "POST", "/v1/conversations", body))["id"])
        while rest:
            added, rest = rest[:ADD_MEMBERS_MAX], rest[ADD_MEMBERS_MAX:]
            path = f"/v1/conversations/{conversation}/members"
            await self.rest(owner, "POST", path, {"users": added})
        return conversation

    async def rest(
        self, person: Person, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One call of the public REST as this person, answered 2xx; the answer's JSON.

        Raises :class:`ProvisionError`.
        """
        headers = {"Authorization": f"Bearer {person.access_token}"}
        async with self._http.request(
            method, self._api_url + path, json=body, headers=headers
        ) as response:
            return await _json(response, f"{method} {path}")

    async def _person(self, handle: str) -> Person:
        # Nobody can sign in with this password: it is no argon2 hash.
        account = await self._api.call(
            "POST", "/internal/v1/accounts", NewAccount(handle, handle, "!"), Account
        )
        return await self._sign_in(account.user, handle)

    async def _sign_in(self, user: str, handle: str) -> Person:
        person = Person(user, handle, new_id(), secrets.token_urlsafe(32))
        session = NewSession(
            session=person.session,
            user=user,
            client_id=CLIENT_ID,
            scope=SCOPE,
            device="harness",
            refresh_hash=hashlib.sha256(person.refresh_token.encode()).hexdigest(),
            expires_at=datetime.now(UTC) + SESSION_LIFE,
        )
        await self._api.call("POST", "/internal/v1/sessions", session, bytes)
        await self._renew(person)
        return person

    async def _renew(self, person: Person) -> None:
        form = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "refresh_token": person.refresh_token,
        }
        async with self._http.post(self._auth_url + "/connect/token", data=form) as response:
            reply = await _json(response, "POST /connect/token")
        person.access_token = reply["access_token"]
        person.refresh_token = reply["refresh_token"]
        person.expires_at = time.monotonic() + reply["expires_in"]

    async def _each(self, call: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
        async def one(item: T) -> R:
            async with self._slots:
                return await call(item)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
        return [task.result() for task in tasks]


async def _json(response: aiohttp.ClientResponse, what: str) -> dict[str, Any]:
    if response.status >= 300:
        text = (await response.text())[:500]
        raise ProvisionError(f"{what} answered {response.status}: {text}")
    reply: dict[str, Any] = await response.json(content_type=None)
    return reply
