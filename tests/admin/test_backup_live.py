"""A backup taken while people talk, restored beside an empty Redis: why Redis is not backed up."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from admin.command_line import main
from shared.ids import new_id
from standalone.provision import Person, Provision
from standalone.scratch import scratch_postgres
from standalone.stack import Options, Stack

PEOPLE = 4
pytestmark = pytest.mark.timeout(180)


def provision(stack: Stack) -> Provision:
    return Provision(
        auth_url=stack.service_url("auth-1"), api_url=stack.service_url("api-1"),
        client_id="harness", client_secret=stack.client_secret("harness"),
    )  # fmt: skip


def options(folder: Path, **more: Any) -> Options:
    return Options(
        data=folder, port=0, edge=False, auto_restart=False, durable=False, harness=True, **more
    )


class Talk:
    """Everybody sends to the room, one message after the other, until told to stop."""

    def __init__(self, service: Provision, people: list[Person], room: str) -> None:
        self._service = service
        self._people = people
        self._room = room
        self.acknowledged: dict[int, str] = {}  # seq → text
        self.stopping = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for person in self._people:
                group.create_task(self._one(person))

    async def _one(self, person: Person) -> None:
        number = 0
        while not self.stopping:
            number += 1
            text = f"{person.handle} {number}"
            body = {"client_msg_id": new_id(), "body": {"text": text}}
            path = f"/v1/conversations/{self._room}/messages"
            sent = await self._service.rest(person, "POST", path, body)
            self.acknowledged[sent["seq"]] = text


async def admin(folder: Path, *arguments: str, **environment: str) -> None:
    """Run a command as an operator would, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "admin", *arguments, "--data", str(folder), "--json",
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_a_restored_system_goes_on_with_an_empty_redis(tmp_path: Path) -> None:
    backup, key = tmp_path / "backup", tmp_path / "key"
    assert await asyncio.to_thread(main, ["backup-key", str(key)]) == 0
    recipient = key.read_text().split("public key: ")[1].split()[0]
    first = Stack(options(tmp_path / "first"))
    await asyncio.to_thread(first.start)
    try:
        async with provision(first) as service:
            people = await service.people(PEOPLE)
            room = await service.group(people[0], people[1:])
            talk = Talk(service, people, room)
            cursor = (await service.rest(people[0], "GET", "/v1/sync"))["cursor"]
            talking = asyncio.create_task(talk.run())
            before = len(talk.acknowledged)
            await admin(first.folder.path, "backup", str(backup), "--recipient", recipient)
            during = len(talk.acknowledged) - before
            talk.stopping = True
            await talking
            assert during > 0, "nobody spoke while the backup was made"
    finally:
        await asyncio.to_thread(first.stop)
    await admin(first.folder.path, "verify", str(backup), "--identity", str(key))

    with scratch_postgres(tmp_path / "new") as url:
        keys = tmp_path / "keys"
        await admin(
            first.folder.path, "restore", str(backup), "--identity", str(key),
            AGILEIM_DATABASE_URL=url, AGILEIM_KEYS_DIR=str(keys), AGILEIM_REDIS_URL="",
        )  # fmt: skip
        assert list(keys.glob("*.pem"))
        await go_on(tmp_path / "second", keys, url, people, room, talk.acknowledged, cursor)


async def go_on(
    folder: Path, keys: Path, url: str, people: list[Person], room: str,
    acknowledged: dict[int, str], cursor: str,
) -> None:  # fmt: skip
    """What people find on the restored system, whose Redis has never held anything."""
    second = Stack(options(folder, database_url=url))
    second.folder.claim()
    keys.rename(folder / "keys")  # noqa: ASYNC240 - a moment
    second.folder.release()
    await asyncio.to_thread(second.start)
    try:
        async with provision(second) as service:
            await service.renew(people)  # the refresh tokens of before
            anna, ben = people[:2]
            synced = await service.rest(anna, "GET", f"/v1/sync?cursor={cursor}")
            # The cursor is of a database that is gone: everything is told, nothing is assumed.
            assert synced["full"] is True
            (own,) = [one for one in synced["conversations"] if one["id"] == room]
            head = own["head_seq"]
            assert 0 < head <= max(acknowledged)
            log: dict[int, str] = {}
            while max(log, default=0) < head:
                path = f"/v1/conversations/{room}/events?after_seq={max(log, default=0)}&limit=200"
                page = (await service.rest(anna, "GET", path))["events"]
                log |= {event["seq"]: event["body"].get("text", "") for event in page}
            # Every acknowledged message up to the moment of the backup, and none twice.
            said = {seq: text for seq, text in acknowledged.items() if seq <= head}
            assert {seq: log[seq] for seq in said} == said
            assert sorted(log) == list(range(1, head + 1))
            # And it lives: what ben says now reaches anna's socket.
            assert await heard(second, service, anna, ben, room) == head + 1
            again = await service.rest(anna, "GET", f"/v1/sync?cursor={synced['cursor']}")
            assert again["full"] is False
    finally:
        await asyncio.to_thread(second.stop)


async def heard(stack: Stack, service: Provision, anna: Person, ben: Person, room: str) -> int:
    """The seq with which ben's message comes to anna's socket."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            stack.service_url("gateway-1") + "/ws", protocols=("agileim.v1",)
        ) as socket,
    ):
        await socket.send_json({"type": "hello", "token": anna.access_token})
        assert (await socket.receive_json())["type"] == "welcome"
        body = {"client_msg_id": new_id(), "body": {"text": "we are back"}}
        await service.rest(ben, "POST", f"/v1/conversations/{room}/messages", body)
        async with asyncio.timeout(20):
            while True:
                frame = json.loads((await socket.receive()).data)
                if frame["type"] == "event" and frame["conversation"] == room:
                    return int(frame["seq"])
