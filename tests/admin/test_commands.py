"""``agileim admin`` against a whole running system, as an operator would use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from admin.command_line import main
from shared.entries import EventBatch, RoutedEvent, packed
from shared.ids import new_id
from shared.keys import Keys
from standalone.provision import Person, Provision
from standalone.services import PARTITIONS
from standalone.stack import Stack
from tests.support.servers import wait_until

Admin = Callable[..., Any]


@pytest.fixture
def admin(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Admin:
    """Run a command in a thread (it has an event loop of its own); its JSON lines."""
    monkeypatch.setenv("AGILEIM_OPERATOR", "olga")

    def run(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert main([*arguments, "--json", "--data", str(stack.folder.path)]) == code
        out, err = capsys.readouterr()
        return [json.loads(line) for line in (out or err).splitlines() if line.startswith("{")]

    return run


@asynccontextmanager
async def people(stack: Stack, count: int) -> AsyncIterator[tuple[Provision, list[Person]]]:
    async with Provision(
        auth_url=stack.service_url("auth-1"), api_url=stack.service_url("api-1"),
        client_id="harness", client_secret=stack.client_secret("harness"),
    ) as provision:  # fmt: skip
        yield provision, await provision.people(count)


@asynccontextmanager
async def redis(stack: Stack) -> AsyncIterator[tuple[Redis, Keys]]:
    client = Redis.from_url(stack.redis_url)
    try:
        yield client, Keys()
    finally:
        await client.aclose()


def test_a_person_is_found_disabled_and_enabled_again(stack: Stack, admin: Admin) -> None:
    async def make() -> Person:
        async with people(stack, 1) as (_, (one,)):
            return one

    person = asyncio.run(make())
    assert [row["user"] for row in admin("users", "find", person.handle)] == [person.user]
    (shown,) = admin("users", "show", f"@{person.handle}")
    assert shown["sessions"] == 1
    (session,) = admin("sessions", "list", person.user)
    assert session["session"] == person.session
    (done,) = admin("users", "disable", person.handle, "--reason", "spam")
    assert done["sessions"] == [person.session]
    assert admin("sessions", "list", person.handle) == []
    admin("users", "enable", person.handle)
    (shown,) = admin("users", "show", person.handle)
    assert shown["disabled_at"] is None
    whats = [row["what"] for row in admin("audit", person.handle)]
    assert whats[:2] == ["admin_user_enabled", "admin_user_disabled"]
    assert "operator=olga reason=spam" in admin("audit", person.handle)[1]["detail"]


def test_what_is_not_there_has_an_exit_code_of_its_own(admin: Admin) -> None:
    (error,) = admin("users", "show", "nobody-of-this-name", code=5)
    assert "nobody-of-this-name" in error["error"]
    admin("sessions", "revoke", new_id(), code=5)
    admin("conversations", "show", new_id(), code=5)


def test_every_partition_has_an_owner_and_nothing_waits(admin: Admin) -> None:
    owners = admin("partitions")
    assert [row["partition"] for row in owners] == list(range(PARTITIONS))
    assert all(row["owner"] and int(row["fence"]) > 0 for row in owners)
    lag = admin("streams", "lag")
    assert {row["dead"] for row in lag} == {0}
    gateways = admin("streams", "gateways")
    assert len([row for row in gateways if row["alive"]]) == 2


async def test_dead_entries_are_shown_retried_and_dropped(stack: Stack, admin: Admin) -> None:
    async def run(*arguments: str, code: int = 0) -> Any:
        return await asyncio.to_thread(admin, *arguments, code=code)

    async with redis(stack) as (client, keys):
        number = 3
        event = RoutedEvent(new_id(), 1, b"{}", 0)
        fields: Any = {"entry": "1-1", "reason": "KeyError", "d": packed(EventBatch([event]))}
        first, second = [await client.xadd(keys.dead(number), fields) for _ in range(2)]
        shown = await run("streams", "dead", str(number))
        assert [row["events"] for row in shown] == [[f"{event.conversation}/1"]] * 2
        assert shown[0]["reason"] == "KeyError"
        before: Any = await client.xinfo_stream(keys.events(number))
        await run("streams", "retry", str(number), first.decode())
        after: Any = await client.xinfo_stream(keys.events(number))
        assert before["last-generated-id"] < after["last-generated-id"]
        await run("streams", "drop", str(number), second.decode(), code=2)  # nobody to ask
        await run("streams", "drop", str(number), second.decode(), "--yes")
        await run("streams", "drop", str(number), second.decode(), "--yes", code=5)
        assert await client.xlen(keys.dead(number)) == 0

        async def routed() -> bool:
            info: Any = await client.xpending(keys.events(number), "dispatch")
            return bool(info["pending"] == 0)

        await wait_until(routed, timeout_s=20)
    whats = [row["what"] for row in (await run("audit"))[:2]]
    assert whats == ["admin_dead_entry_dropped", "admin_dead_entry_retried"]


def test_conversations_are_found(stack: Stack, admin: Admin) -> None:
    async def make() -> tuple[Person, str]:
        async with people(stack, 2) as (provision, (owner, member)):
            return owner, await provision.group(owner, [member], "Ops room 77")

    owner, group = asyncio.run(make())
    assert [row["conversation"] for row in admin("conversations", "find", "room 77")] == [group]
    found = admin("conversations", "find", "--of", owner.handle)
    assert group in [row["conversation"] for row in found]
    (shown,) = admin("conversations", "show", group)
    assert (shown["kind"], shown["members"], shown["name"]) == ("group", 2, "Ops room 77")


def test_without_addresses_it_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["users", "find"]) == 2
    assert "AGILEIM_API_URLS" in capsys.readouterr().err
    assert main(["streams", "lag", "--data", str(tmp_path)]) == 2
    assert "not a data folder" in capsys.readouterr().err
    monkeypatch.setenv("AGILEIM_REDIS_URL", "redis://127.0.0.1:1")
    assert main(["streams", "lag"]) == 4


def test_tables_line_up_for_people(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["partitions", "--data", str(stack.folder.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["partition", "owner", "fence", "lease_s"]
    assert len({line.find("dispatcher-1") for line in lines[1:]}) == 1
