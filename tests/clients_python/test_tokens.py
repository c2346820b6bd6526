"""Profiles and tokens: kept privately, refreshed in time, each refresh token spent once."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest

from agileim import (
    AgileIMError,
    Client,
    MemoryTokens,
    Profile,
    ProfileFile,
    ProfileTokens,
    SignedOut,
    TokenSet,
)
from tests.clients_python.playserver import PlayServer
from tests.support.servers import wait_until


def age(file: ProfileFile, seconds: float) -> None:
    """Make the tokens of a profile look that old."""
    known = file.read()
    assert known is not None
    tokens = msgspec.structs.replace(known.tokens, received_at=known.tokens.received_at - seconds)
    file.write(msgspec.structs.replace(known, tokens=tokens))


async def token(file: ProfileFile, rejected: str = "") -> str:
    async with aiohttp.ClientSession() as http:
        return await ProfileTokens(file, http).access_token(rejected=rejected)


def test_only_the_owner_can_read_a_profile(home: Path, profile: ProfileFile) -> None:
    profile.write(Profile("http://x", "agileim-cli", TokenSet("a", "r", 300)))
    assert stat.S_IMODE(profile.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [file.name for file in home.iterdir()] == ["work.json"]  # no temporary file stays


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\n"])
def test_a_profile_name_cannot_leave_the_folder(home: Path, name: str) -> None:
    with pytest.raises(AgileIMError):
        ProfileFile(name)


def test_a_damaged_profile_is_told(profile: ProfileFile, home: Path) -> None:
    home.mkdir()
    profile.path.write_text("{")
    with pytest.raises(AgileIMError, match="sign in again"):
        profile.read()


async def test_a_fresh_token_is_used_as_it_is(server: PlayServer, signed_in: ProfileFile) -> None:
    assert await token(signed_in) == "token"
    assert server.refreshes == 0


async def test_a_token_about_to_end_is_replaced_and_kept(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    age(signed_in, 280)
    assert await token(signed_in) == "access-1"
    kept = signed_in.read()
    assert kept is not None
    assert (kept.tokens.access_token, kept.tokens.refresh_token) == ("access-1", "refresh-1")
    assert await token(signed_in) == "access-1"
    assert server.refreshes == 1


async def test_after_a_restart_of_the_machine_a_token_is_tried_and_replaced_if_refused(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    known = signed_in.read()
    assert known is not None
    tokens = msgspec.structs.replace(known.tokens, boot="another boot")
    signed_in.write(msgspec.structs.replace(known, tokens=tokens))
    assert await token(signed_in) == "token"
    server.valid_tokens = set()
    async with Client.from_profile(signed_in, live=False) as client:
        assert (await client.me()).handle == "me"
    assert server.refreshes == 1


async def test_many_askers_at_once_spend_the_refresh_token_once(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    age(signed_in, 1000)
    async with aiohttp.ClientSession() as http:
        sources = [ProfileTokens(signed_in, http) for _ in range(5)]
        got = await asyncio.gather(*(s.access_token() for s in sources for _ in range(10)))
    assert set(got) == {"access-1"}
    assert server.refreshes == 1


async def test_two_processes_spend_the_refresh_token_once(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    age(signed_in, 1000)
    code = (
        "import asyncio, aiohttp, agileim\n"
        "async def main():\n"
        "    async with aiohttp.ClientSession() as http:\n"
        "        tokens = agileim.ProfileTokens(agileim.ProfileFile('work'), http)\n"
        "        print(await tokens.access_token())\n"
        "asyncio.run(main())\n"
    )
    server.refresh_gate = asyncio.Event()
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    await wait_until(lambda: "POST /connect/token" in server.requests, timeout_s=20)
    server.refresh_gate.set()
    answers = [(await process.communicate())[0].decode().strip() for process in running]
    assert answers == ["access-1", "access-1"]
    assert server.refreshes == 1


async def test_a_cancelled_refresh_keeps_the_new_tokens(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    age(signed_in, 1000)
    server.refresh_gate = asyncio.Event()
    task = asyncio.create_task(token(signed_in))
    await wait_until(lambda: "POST /connect/token" in server.requests)
    task.cancel()
    await asyncio.sleep(0)
    server.refresh_gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = signed_in.read()
    assert kept is not None
    assert kept.tokens.refresh_token == "refresh-1"


async def test_a_spent_refresh_token_means_signed_out(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    server.refresh_tokens.clear()
    with pytest.raises(SignedOut):
        await token(signed_in, rejected="token")


async def test_a_profile_that_nobody_signed_in(profile: ProfileFile) -> None:
    with pytest.raises(SignedOut):
        Client.from_profile(profile)


async def test_tokens_in_memory_are_refreshed_once(
    server: PlayServer, signed_in: ProfileFile
) -> None:
    known = signed_in.read()
    assert known is not None
    old = msgspec.structs.replace(known.tokens, received_at=known.tokens.received_at - 290)
    source = MemoryTokens(server.url, old)
    assert set(await asyncio.gather(*(source.access_token() for _ in range(10)))) == {"access-1"}
    async with Client(server.url, source, live=False) as client:
        assert (await client.me()).handle == "me"
    assert server.refreshes == 1
