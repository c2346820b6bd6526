"""The command `agileim`, run as a process against a server."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

from agileim import ProfileFile
from tests.clients_python.playserver import PlayServer
from tests.support.servers import wait_until


class Result(NamedTuple):
    code: int
    out: str
    error: str

    @property
    def json(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agileim",
        "--profile",
        "work",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(*arguments: str, given: str = "") -> Result:
    process = await start(*arguments)
    async with asyncio.timeout(30):
        out, error = await process.communicate(given.encode())
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), error.decode())


async def test_nobody_signed_in(home: Path) -> None:
    result = await run("chats")
    assert result.code == 3
    assert "agileim --profile work login" in result.error


async def test_no_server(signed_in: ProfileFile, server: PlayServer) -> None:
    # A port on which nobody listens: the address of a listener that is closed again.
    listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    result = await run("login", "--no-browser", "--url", f"http://127.0.0.1:{port}")
    assert result.code == 4
    assert "no answer from" in result.error


async def test_wrong_usage(home: Path) -> None:
    assert (await run("dance")).code == 2


async def test_sending_and_reading(signed_in: ProfileFile, server: PlayServer) -> None:
    sent = await run("send", "bob", "Hello,", "Bob", "--json")
    assert sent.code == 0
    assert sent.json[0]["seq"] == 1
    again = await run("send", "bob", "-", "--id", "m-1", given="two\nlines\n")
    assert (again.code, again.out) == (0, "sent ✓ to Direct-Bob\n")
    repeat = await run("send", "bob", "two\nlines", "--id", "m-1", "--json")
    assert repeat.json[0]["repeat"] is True
    server.append("direct-bob", "你好 \x1b[31mred", "bob")
    shown = await run("history", "bob")
    assert "Me: Hello, Bob" in shown.out
    assert "Bob: 你好 [31mred" in shown.out  # the escape character is gone
    objects = (await run("history", "bob", "--json", "--limit", "2")).json
    assert [o["seq"] for o in objects] == [2, 3]
    assert objects[1]["text"] == "你好 \x1b[31mred"
    assert objects[0]["mine"] is True


async def test_lists(signed_in: ProfileFile, server: PlayServer) -> None:
    server.append("garden", "hi")
    chats = await run("chats", "--json")
    assert [(c["id"], c["head_seq"]) for c in chats.json] == [("garden", 1)]
    assert "Garden" in (await run("chats")).out
    members = (await run("members", "#garden", "--json")).json
    assert [m["user"]["handle"] for m in members] == ["bob", "me"]
    assert "@bob" in (await run("members", "garden")).out
    group = await run("--json", "new-group", "Tea", "bob")
    assert group.json[0]["kind"] == "group"
    who = await run("whoami", "--json")
    assert who.json[0]["handle"] == "me"


async def test_names_that_mean_nothing_or_too_much(
    signed_in: ProfileFile, server: PlayServer
) -> None:
    missing = await run("history", "nobody")
    assert missing.code == 5
    assert "no user and no group 'nobody'" in missing.error
    server.append("bob", "a group with a user's name")
    both = await run("history", "bob")
    assert both.code == 1
    assert "'@bob' or '#bob'" in both.error
    assert (await run("history", "#bob", "--json")).json[0]["conversation"] == "bob"
    server.append("garden", "part of the name is enough")
    assert (await run("history", "Gard", "--json")).json[0]["conversation"] == "garden"
    server.append("garage", "but not of two")
    two = await run("history", "#gar")
    assert two.code == 1
    assert "Garden (garden)" in two.error
    assert "Garage (garage)" in two.error
    fault = await run("send", "nobody", "hi", "--json")
    assert json.loads(fault.error)["error"] == "not_found"


async def test_tail_resumes_exactly_where_it_was_killed(
    signed_in: ProfileFile, server: PlayServer
) -> None:
    for n in range(5):
        server.append("team", str(n))
    first = await run("tail", "--all", "--count", "3", "--json")
    assert [e["text"] for e in first.json] == ["0", "1", "2"]
    process = await start("tail", "--json")
    assert process.stdout is not None
    lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
    assert [e["text"] for e in lines] == ["3", "4"]
    await wait_until(lambda: bool(server.sockets))
    await server.say("team", "5")
    assert json.loads(await process.stdout.readline())["text"] == "5"
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 130
    server.append("team", "6")
    last = await run("tail", "--count", "1", "--json")
    assert [e["text"] for e in last.json] == ["6"]


async def test_signing_out_ends_the_session(signed_in: ProfileFile, server: PlayServer) -> None:
    assert (await run("logout")).code == 0
    assert not server.refresh_tokens
    assert signed_in.read() is None
    assert (await run("logout")).code == 3


async def test_chat_wants_a_terminal(signed_in: ProfileFile) -> None:
    result = await run("chat", "bob")
    assert result.code == 1
    assert "needs a terminal" in result.error


async def test_the_client_needs_no_server_code() -> None:
    code = (
        "import sys, agileim, agileim.cli.main, agileim.tui.app\n"
        "own = {'shared', 'services', 'standalone'}\n"
        "print([m for m in sys.modules if m.split('.')[0] in own])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
