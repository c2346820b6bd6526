"""Files and search through the SDK and the commands, against a real api."""

from __future__ import annotations

import asyncio
import hashlib
import re
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import agileim
from agileim.cli.main import parser
from agileim.cli.output import Output
from agileim.printable import size_text
from tests.api.conftest import api, issuer, settings
from tests.api.rig import Caller, RunningApi

__all__ = ["api", "issuer", "settings"]

MIB = 1024 * 1024


def client_of(caller: Caller, url: str) -> agileim.Client:
    return agileim.Client(url, caller.token, live=False)


@asynccontextmanager
async def cutting(url: str, after_bytes: list[int]) -> AsyncIterator[str]:
    """A way to the server that breaks: each connection after so many bytes, the later ones not."""
    host = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = after_bytes.pop(0) if after_bytes else 2**62
        inner, outer = await asyncio.open_connection(host.hostname, host.port)

        async def back() -> None:
            while piece := await inner.read(65536):
                writer.write(piece)
            writer.close()

        answers = asyncio.create_task(back())
        while left > 0 and (piece := await reader.read(65536)):
            left -= len(piece)
            outer.write(piece)
            await outer.drain()
        outer.close()
        if left <= 0:
            writer.transport.abort()
        await asyncio.wait([answers], timeout=1)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def test_an_upload_survives_a_connection_that_breaks(api: RunningApi, tmp_path: Path) -> None:
    ada, bob = await api.people(2)
    content = hashlib.shake_128(b"sdk").digest(9 * MIB)
    source = tmp_path / "größe 資料.bin"
    source.write_bytes(content)
    moved: list[tuple[int, int]] = []
    async with cutting(api.url, [3 * MIB, 5 * MIB]) as url, client_of(ada, url) as client:
        file = await client.api.upload(source, on_progress=lambda *now: moved.append(now))
        assert (file.name, file.size) == ("größe 資料.bin", len(content))
        assert moved[-1] == (len(content), len(content))
        room = await client.api.create_direct(bob.id)
        await client.send(room.id, "", attachments=[file.id])
        target = tmp_path / "got"
    async with cutting(api.url, []) as url, client_of(bob, url) as client:
        page = await client.api.messages(room.id)
        assert [one.id for one in page.messages[-1].attachments] == [file.id]
        await client.api.download(file.id, target)
        assert target.read_bytes() == content
        (event,) = (await client.api.events(room.id, after_seq=1)).events
        message = agileim.events.from_wire(event, bob.id)
        assert isinstance(message, agileim.Message)
        assert message.attachments[0].size == len(content)
        (link,) = await client.api.file_links([file.id])
        assert link.url.startswith("/v1/linked-files/")


async def test_a_download_goes_on_where_it_stopped(api: RunningApi, tmp_path: Path) -> None:
    (ada,) = await api.people(1)
    source, target = tmp_path / "a.bin", tmp_path / "b.bin"
    source.write_bytes(bytes(range(256)) * 100)
    async with client_of(ada, api.url) as client:
        file = await client.api.upload(source)
        (tmp_path / ".b.bin.part").write_bytes(source.read_bytes()[:1000])
        seen: list[int] = []
        await client.api.download(file.id, target, on_progress=lambda now, _: seen.append(now))
        assert target.read_bytes() == source.read_bytes()
        assert seen[0] > 1000
        assert [one.id async for one in client.api.files()] == [file.id]
        await client.api.give_up_upload(file.id)
        with pytest.raises(agileim.NotFound):
            await client.api.download(file.id, tmp_path / "c")


async def test_what_is_not_taken_is_an_error_at_once(api: RunningApi, tmp_path: Path) -> None:
    (ada,) = await api.people(1)
    source = tmp_path / "cat.jpg"
    source.write_bytes(b"no picture")
    async with client_of(ada, api.url) as client:
        with pytest.raises(agileim.Refused) as refused:
            await client.api.upload(source)
    assert refused.value.code == "unsupported_type"


async def test_searching(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    room = await ada.direct_with(bob)
    for number in range(45):
        await ada.say(room, f"find me {number}")
    async with client_of(bob, api.url) as client:
        hits = [hit async for hit in client.api.search("FINDS")]
        assert [hit.text for hit in hits] == [f"find me {number}" for number in range(44, -1, -1)]
        assert [hits[0].text[start:end] for start, end in hits[0].highlights] == ["find"]
        best = [hit async for hit in client.api.search('"me 7"', order="relevance")]
        assert [hit.text for hit in best] == ["find me 7"]
        assert [hit async for hit in client.api.search("find", sender=bob.id)] == []


async def test_the_commands(
    api: RunningApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ada, bob = await api.people(2)
    await ada.say(await ada.direct_with(bob), "the plan is ready")
    handle = (await bob.get("/v1/me"))["handle"]
    monkeypatch.setattr("agileim.cli.talk.quiet_client", lambda _: client_of(ada, api.url))
    monkeypatch.setattr("agileim.cli.files.quiet_client", lambda _: client_of(ada, api.url))
    source = tmp_path / "plan.txt"
    source.write_text("first this, then that")

    async def run(*words: str) -> str:
        options: Namespace = parser().parse_args(words)
        await options.run(options, Output(as_json=options.json))
        return capsys.readouterr().out

    assert "sent ✓" in await run("send", handle, "--file", str(source))
    listed = await run("files")
    assert "📎 plan.txt (21 B)" in listed
    assert "used" in listed
    (file,) = re.findall(r"^([0-9a-f-]{36})  📎", listed, re.MULTILINE)
    saved = tmp_path / "saved.txt"
    await run("download", file, str(saved))
    assert saved.read_text() == source.read_text()
    with pytest.raises(agileim.AgileIMError, match="already there"):
        await run("download", file, str(saved))
    assert "the plan is ready" in await run("search", "plans")
    assert "Nothing was found" in await run("search", "plan", "--mentions")
    assert "📎 plan.txt" in await run("history", handle)
    assert size_text(1_234_567) == "1.2 MB"
