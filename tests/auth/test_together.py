"""What auth promises together with the others: real processes, keys on disk, open sockets."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from services.api.store.database import Database
from services.auth import keys
from shared.codes import CloseCode
from standalone.provision import Person, Provision
from standalone.stack import Options, Stack
from tests.e2e.rawsocket import raw_socket
from tests.support.servers import wait_until
from tests.support.signin import CLIENT_ID, Page, Tokens, browser, register

pytestmark = pytest.mark.slow

RELOADED_S = 25.0  # auth looks into its folder every 15 s
LOGINS = 200
REFRESHES = 20


@asynccontextmanager
async def _provision(stack: Stack) -> AsyncIterator[Provision]:
    async with Provision(
        auth_url=stack.service_url("auth-1"),
        api_url=stack.service_url("api-1"),
        client_id="harness",
        client_secret=stack.client_secret("harness"),
    ) as provision:
        yield provision


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Stack]:
    """Two processes of auth that share their keys, and one of everything else."""
    options = Options(
        data=tmp_path / "data", port=0, counts={"auth": 2}, edge=False, auto_restart=False,
        durable=False, harness=True,
    )  # fmt: skip
    with Stack(options) as stack:
        yield stack


def _age(folder: Path, seconds: float) -> None:
    """Let time pass for all keys."""
    for path in folder.glob("*.pem"):
        since = path.stat().st_mtime - seconds
        os.utime(path, (since, since))


async def _published(stack: Stack, http: aiohttp.ClientSession) -> set[int]:
    """How many keys each process of auth publishes."""
    counts = set()
    for name in ("auth-1", "auth-2"):
        async with http.get(f"{stack.service_url(name)}/.well-known/jwks.json") as response:
            counts.add(len((await response.json())["keys"]))
    return counts


async def _fetches(stack: Stack, http: aiohttp.ClientSession) -> int:
    """How often the keys were asked for."""
    found = 0.0
    for name in ("auth-1", "auth-2"):
        async with http.get(f"{stack.service_url(name)}/metrics") as response:
            text = await response.text()
        pattern = r"request_duration_seconds_count\{[^}]*jwks\.json[^}]*\} (\S+)"
        found += sum(float(count) for count in re.findall(pattern, text))
    return int(found)


class Load:
    """People who refresh their tokens, ask api and connect to the gateway, all the time. Any answer
    but a good one ends it with an exception."""

    def __init__(self, stack: Stack, provision: Provision, people: list[Person]) -> None:
        self._stack = stack
        self._provision = provision
        self._people = people
        self.rounds = 0
        self.kids: set[str] = set()

    async def run(self) -> None:
        """For good."""
        async with asyncio.TaskGroup() as group:
            for person in self._people:
                group.create_task(self._go_on(person))

    async def _go_on(self, person: Person) -> None:
        while True:
            await self._provision.renew([person])
            tokens = Tokens(person.access_token, person.refresh_token, 300, "")
            self.kids.add(tokens.access_token.partition(".")[0])
            await self._provision.rest(person, "GET", "/v1/me")
            async with raw_socket(self._stack.service_url("gateway-1")) as socket:
                await socket.hello(person.access_token)
            self.rounds += 1
            await asyncio.sleep(0.05)  # a load, not the most that there can be


async def test_keys_rotate_under_load_and_nobody_is_refused(pair: Stack) -> None:
    folder = pair.folder.path / "keys"
    assert list(folder.glob("*.pem")), "the keys are there"
    await asyncio.to_thread(_age, folder, 1000)
    async with _provision(pair) as provision, aiohttp.ClientSession() as http:
        load = Load(pair, provision, await provision.people(4, "rotation"))
        running = asyncio.create_task(load.run())
        before = await _fetches(pair, http)
        polls = 0

        async def published(count: int) -> bool:
            nonlocal polls
            assert not running.done(), running.exception()
            polls += 2
            return await _published(pair, http) == {count}

        async def signs() -> bool:
            assert not running.done(), running.exception()
            return len(load.kids) == 2

        await wait_until(lambda: load.rounds > 4, timeout_s=20)
        assert len(load.kids) == 1
        await asyncio.to_thread(keys.main, ["rotate", str(folder)], time.time())
        await wait_until(lambda: published(2), timeout_s=RELOADED_S, poll_s=0.5)
        assert len(load.kids) == 1, "published before it signs"
        await asyncio.to_thread(_age, folder, 61)
        await wait_until(signs, timeout_s=RELOADED_S)
        rounds = load.rounds
        await wait_until(lambda: load.rounds > rounds + 20, timeout_s=20)
        assert not running.done(), running.exception()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        fetches = await _fetches(pair, http) - before - polls
    # One for each that verifies: api (people's tokens, services' tokens) and the gateway; a few
    # more where a fetch met the process that had not looked into the folder yet.
    assert 0 < fetches <= 12


async def test_stolen_refresh_token_closes_the_sockets_and_is_audited(stack: Stack) -> None:
    async with _provision(stack) as provision:
        [person] = await provision.people(1, "stolen")
        stolen = person.refresh_token
        await provision.renew([person])
        await provision.renew([person])
        async with raw_socket(stack.url) as socket:
            await socket.hello(person.access_token)
            form = {
                "grant_type": "refresh_token", "refresh_token": stolen, "client_id": CLIENT_ID,
            }  # fmt: skip
            async with aiohttp.ClientSession() as http:
                async with http.post(f"{stack.url}/connect/token", data=form) as response:
                    assert response.status == 400
                async with asyncio.timeout(5):
                    assert await socket.closed() == CloseCode.SESSION_REVOKED
                form["refresh_token"] = person.refresh_token
                async with http.post(f"{stack.url}/connect/token", data=form) as response:
                    assert response.status == 400

    async with Database(stack.database_url, size=1) as database:

        async def audited() -> bool:
            rows = await database.fetch_all(
                "SELECT 1 FROM audit WHERE what = 'refresh_token_reused' AND session_id = %s",
                (person.session,),
            )
            return len(rows) == 1

        await wait_until(audited)


async def test_many_logins_at_once_leave_the_rest_responsive(stack: Stack) -> None:
    """200 sign-ins in parallel: whoever refreshes tokens meanwhile is served before they are."""
    url = stack.service_url("auth-1")
    done: list[int] = []

    async with _provision(stack) as provision, browser(url) as tab:
        [person] = await provision.people(1, "calm")
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)

        async def log_in(number: int) -> None:
            # Each from an address of its own, so that it is not the throttle that helps.
            headers = {"X-Forwarded-For": f"198.51.{number // 250}.{number % 250 + 1}"}
            form = {**page.form.fields, "handle": f"nobody.{number}", "password": "wrong staple 7"}
            async with tab.http.post(
                f"{url}/connect/signin", data=form, headers=headers
            ) as response:
                await response.read()
                done.append(response.status)

        async with asyncio.TaskGroup() as group:
            for number in range(LOGINS):
                group.create_task(log_in(number))
            await wait_until(lambda: len(done) > 0, timeout_s=30)
            for _ in range(REFRESHES):
                await provision.renew([person])
            waiting = LOGINS - len(done)
    assert waiting > 0, "the refreshes did not stand in the same queue"
    assert set(done) == {422, 503}, "made, or told to come again"
    assert await register(url, f"late.{time.monotonic_ns()}", "correct staple battery", "Late")
