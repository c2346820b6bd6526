"""The README's examples, run as they stand."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import msgspec

import agileim
from agileim import ProfileFile
from tests.clients_python.playserver import PlayServer
from tests.support.servers import wait_until

README = Path(agileim.__file__).parents[2] / "README.md"
BOT, ARCHIVE, SCRIPT = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def as_bot(profile: ProfileFile) -> None:
    known = profile.read()
    assert known is not None
    ProfileFile("bot", profile.folder).write(msgspec.structs.replace(known, handle="bot"))


async def start(code: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=folder, stdout=asyncio.subprocess.PIPE
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        await process.communicate()


async def test_the_bot_answers(signed_in: ProfileFile, server: PlayServer, tmp_path: Path) -> None:
    as_bot(signed_in)
    server.append("team", "before the bot")
    bot = await start(BOT, tmp_path)
    await wait_until(lambda: any("/v1/sync" in r for r in server.requests), timeout_s=20)
    await server.say("team", "hello")
    await wait_until(lambda: len(server.logs["team"]) == 3)
    assert server.logs["team"][-1]["body"]["text"] == "You said: hello"
    await stop(bot)


async def test_the_archive_resumes(
    signed_in: ProfileFile, server: PlayServer, tmp_path: Path
) -> None:
    as_bot(signed_in)
    for text in ("one", "two"):
        server.append("team", text)
    for expected in (["one", "two"], ["three"]):
        archive = await start(ARCHIVE, tmp_path)
        assert archive.stdout is not None
        async with asyncio.timeout(20):
            lines = [(await archive.stdout.readline()).decode() for _ in expected]
        assert [line.split()[-1] for line in lines] == expected
        # The last one counts as done once the loop waits for the next.
        await wait_until(lambda: bool(server.sockets))
        await server.write({"type": "typing", "conversation": "team", "user": "bob"})
        await stop(archive)
        server.append("team", "three")


async def test_the_script_sends(signed_in: ProfileFile, server: PlayServer, tmp_path: Path) -> None:
    as_bot(signed_in)
    server.users["mei"] = {"id": "mei", "handle": "mei", "display_name": "Mei"}
    script = await start(SCRIPT, tmp_path)
    out, _ = await script.communicate()
    assert out.decode() == "stored as 1\n"
