"""``agileim admin client`` against a whole running system."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from admin.command_line import main
from agileim import Client, Message, SignedOut
from shared.ids import new_id
from standalone.stack import Stack

URI = "https://wiki.example/back"


class Admin:
    """Runs commands and reads their JSON lines."""

    def __init__(self, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
        self._data = str(stack.folder.path)
        self._capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        self._capsys.readouterr()
        assert main([*arguments, "--json", "--data", self._data]) == code
        out, err = self._capsys.readouterr()
        return [json.loads(line) for line in (out or err).splitlines() if line.startswith("{")]


@pytest.fixture
def admin(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Admin:
    """The operators' tool."""
    monkeypatch.setenv("AGILEIM_OPERATOR", "olga")
    return Admin(stack, capsys)


def _name() -> str:
    return f"c-{new_id()[-12:]}"


async def _service_token(stack: Stack, client: str, secret: str) -> int:
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{stack.service_url('auth-1')}/connect/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": aiohttp.encode_basic_auth(client, secret)},
        ) as answer,
    ):
        return answer.status


def test_a_service_is_registered_and_its_secret_replaced(stack: Stack, admin: Admin) -> None:
    name = _name()
    (made,) = admin("client", "create", name, "--kind", "service", "--name", "Indexer",
                    "--scope", "internal.gateway")  # fmt: skip
    assert asyncio.run(_service_token(stack, name, made["secret"])) == 200
    (second,) = admin("client", "rotate-secret", name, "--overlap", "0")
    assert asyncio.run(_service_token(stack, name, made["secret"])) == 401
    assert asyncio.run(_service_token(stack, name, second["secret"])) == 200
    admin("client", "disable", name, "--reason", "not needed")
    assert asyncio.run(_service_token(stack, name, second["secret"])) == 401
    (shown,) = admin("client", "show", name)
    assert shown["disabled"] is True
    admin("client", "delete", name, "--yes")
    admin("client", "show", name, code=5)


def test_an_application_is_listed_and_changed(admin: Admin) -> None:
    name = _name()
    admin("client", "create", name, "--kind", "third_party", "--name", "Wiki",
          "--redirect-uri", URI, "--scope", "openid", "--scope", "chat")  # fmt: skip
    (changed,) = admin("client", "update", name, "--name", "Our wiki", "--scope", "openid")
    assert (changed["name"], changed["scopes"]) == ("Our wiki", ["openid"])
    listed = {one["client_id"]: one["source"] for one in admin("client", "list")}
    assert (listed[name], listed["agileim-web"], listed["gateway"]) == ("table", "built-in", "file")
    (refused,) = admin("client", "create", _name(), "--kind", "service", "--name", "X",
                       "--scope", "chat", code=1)  # fmt: skip
    assert "scopes" in refused["error"]


def test_a_bot_chats_until_it_is_ended(stack: Stack, admin: Admin) -> None:
    (first,) = admin("client", "create-bot", _name(), "Build bot")
    (second,) = admin("client", "create-bot", _name(), "Deploy bot")

    async def talk() -> None:
        one = Client.as_bot(stack.url, first["id"], first["secret"])
        other = Client.as_bot(stack.url, second["id"], second["secret"])
        async with one, other:
            me = await other.api.me()
            assert (me.display_name, me.is_bot) == ("Deploy bot", True)
            direct = await one.api.create_direct(me.id)
            assert direct.peer is not None
            assert direct.peer.is_bot
            await one.send(direct.id, "green")
            async for event in other.events():
                if isinstance(event, Message):
                    assert event.text == "green"
                    break

    asyncio.run(talk())
    admin("client", "delete", first["id"], "--yes")

    async def again() -> None:
        async with Client.as_bot(stack.url, first["id"], first["secret"], live=False) as client:
            await client.api.me()

    with pytest.raises(SignedOut):
        asyncio.run(again())
