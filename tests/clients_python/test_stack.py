"""The client, the commands and the demo against the real thing."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agileim
from agileim import Client, MemoryStore, Message, ProfileFile
from standalone.demo import play, through_pages
from standalone.demo_story import CONVERSATIONS, PEOPLE
from standalone.services import PROJECT
from standalone.stack import Options, Stack
from tests.clients_python.test_client import connected, texts
from tests.support import signin
from tests.support.servers import wait_until

pytestmark = pytest.mark.slow

PASSWORD = "correct staple battery"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All services, and two gateways."""
    data = tmp_path_factory.mktemp("stack")
    with Stack(Options(data=data, port=0, durable=False, counts={"gateway": 2})) as running:
        yield running


@pytest.fixture(scope="module")
def demo_home(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Profiles of the demo's people, after the demo has played."""
    folder = tmp_path_factory.mktemp("profiles")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGILEIM_HOME", str(folder))
        asyncio.run(play(stack.url))
        yield folder


@pytest.fixture
def mei(demo_home: Path) -> ProfileFile:
    return ProfileFile("mei", demo_home)


@pytest.fixture
def alex(demo_home: Path) -> ProfileFile:
    return ProfileFile("alex", demo_home)


async def direct(client: Client, handle: str) -> str:
    user = await client.api.user_by_handle(handle)
    assert user is not None
    return (await client.api.create_direct(user.id)).id


async def agileim_command(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agileim", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_the_demo_plays_once_however_often_it_is_run(
    stack: Stack, demo_home: Path, mei: ProfileFile
) -> None:
    async def numbers(client: Client) -> dict[str, int]:
        found = [one async for one in client.api.conversations()]
        return {one.id: one.number for one in found if one.kind != "inbox"}

    async with Client.from_profile(mei, live=False) as client:
        before = await numbers(client)
        await play(stack.url)
        assert await numbers(client) == before
    mine = [script for script in CONVERSATIONS if "mei" in script.people]
    assert sorted(before.values()) == sorted(
        len(script.lines) - len(script.aside) for script in mine
    )
    assert all(ProfileFile(person.handle, demo_home).read() for person in PEOPLE)


async def test_a_message_is_answered_edited_marked_and_recalled(
    mei: ProfileFile, alex: ProfileFile, monkeypatch: pytest.MonkeyPatch, demo_home: Path
) -> None:
    monkeypatch.setenv("AGILEIM_HOME", str(demo_home))
    async with Client.from_profile(mei) as one, Client.from_profile(alex) as two:
        await connected(one)
        await connected(two)
        chat = await direct(one, "alex")
        first = await one.send(chat, "at nien?")
        reply = await two.send(chat, "yes", reply_to=first.seq)
        edited = await one.api.edit_message(chat, first.seq, "at nine?", version=1)
        with pytest.raises(agileim.Refused) as stale:
            await one.api.edit_message(chat, first.seq, "at ten?", version=1)
        assert (stale.value.code, stale.value.status) == ("stale", 412)
        await agileim_command("--profile", "alex", "react", "mei", str(first.seq), "#️⃣")
        await two.api.react(chat, first.seq, "❤")
        await two.api.unreact(chat, first.seq, "#️⃣")
        await two.api.pin(chat, first.seq)
        await two.api.recall_message(chat, reply.seq)
        transcript = agileim.Transcript(two.user)
        async with asyncio.timeout(10):
            async for event in two.events():
                if isinstance(event, agileim.LogEvent) and event.conversation == chat:
                    transcript.apply(event)
                if isinstance(event, agileim.MessageRecalled):
                    break
        page = await two.api.messages(chat, limit=2)
        assert list(transcript.messages.values())[-2:] == page.messages
        shown = page.messages[0]
        assert (shown.text, shown.version, shown.pinned) == ("at nine?", edited.version, True)
        assert [(r.emoji, r.mine) for r in shown.reactions] == [("❤️", True)]
        texts = [version.text for version in await two.api.message_versions(chat, first.seq)]
        assert texts == ["at nien?", "at nine?"]
        assert page.messages[1].recalled


async def test_two_people_talk(mei: ProfileFile, alex: ProfileFile) -> None:
    async with Client.from_profile(mei) as one, Client.from_profile(alex) as two:
        await connected(one)
        await connected(two)
        chat = await direct(one, "alex")
        sent = await one.send(chat, "你好, Alex")
        async with asyncio.timeout(10):
            async for event in two.events():
                if isinstance(event, Message) and event.conversation == chat:
                    assert (event.text, event.seq, event.mine) == ("你好, Alex", sent.seq, False)
                    break
        await two.mark_read(chat, sent.seq)
        async with asyncio.timeout(10):
            async for event in one.events():
                if isinstance(event, agileim.Receipt) and event.read >= sent.seq:
                    break
        again = await one.send(chat, "你好, Alex", client_msg_id=sent.client_msg_id)
        assert (again.seq, again.repeat) == (sent.seq, True)
        with pytest.raises(agileim.Refused) as refused:
            await one.send(chat, "x" * 9000)
        assert refused.value.code in ("invalid", "too_large")


async def test_typing_and_presence_reach_the_other(mei: ProfileFile, alex: ProfileFile) -> None:
    async with Client.from_profile(mei) as one:
        await connected(one)
        chat = await direct(one, "alex")
        one.watch([chat])
        async with Client.from_profile(alex) as two:
            await connected(two)
            async with asyncio.timeout(10):
                async for event in one.events():
                    if isinstance(event, agileim.Presence) and event.user != one.user:
                        assert event.online
                        break
            two.typing(chat)
            async with asyncio.timeout(10):
                async for event in one.events():
                    if isinstance(event, agileim.Typing) and event.active:
                        break
        async with asyncio.timeout(15):
            async for event in one.events():
                if isinstance(event, agileim.Presence) and not event.online:
                    break


async def test_nothing_is_lost_or_repeated_while_gateways_die(
    stack: Stack, mei: ProfileFile, alex: ProfileFile
) -> None:
    """Both gateways are killed in turn in the middle of 300 messages; the rest just happens."""
    store = MemoryStore()
    async with Client.from_profile(alex, store=store) as two:
        await connected(two)
        await wait_until(lambda: store.saved.cursor is not None)
        async with Client.from_profile(mei) as one:
            chat = await direct(one, "alex")
            wanted = [f"{n}" for n in range(300)]

            async def talk() -> None:
                for n, text in enumerate(wanted):
                    if n in (100, 200):
                        await asyncio.to_thread(stack.kill, f"gateway-{n // 100}")
                    await one.send(chat, text)

            talking = asyncio.create_task(talk())
            received = []
            async with asyncio.timeout(60):
                async for event in two.events():
                    if isinstance(event, Message) and event.conversation == chat:
                        received.append(event.text)
                        if len(received) == len(wanted):
                            break
            await talking
    assert received == wanted
    await asyncio.to_thread(stack.wait_ready)


async def test_a_restart_goes_on_where_it_stopped(mei: ProfileFile, alex: ProfileFile) -> None:
    store = MemoryStore()
    async with Client.from_profile(mei, live=False) as one:
        chat = await direct(one, "alex")
        async with Client.from_profile(alex, store=store) as two:
            await connected(two)
            await wait_until(lambda: store.saved.cursor is not None)
            for n in range(5):
                await one.send(chat, f"restart {n}")
            assert await texts(two, 2) == ["restart 0", "restart 1"]
        await one.send(chat, "restart 5")
    async with Client.from_profile(alex, store=store) as two:
        assert await texts(two, 4) == [f"restart {n}" for n in range(2, 6)]


async def test_a_group_from_the_command_line(demo_home: Path, mei: ProfileFile) -> None:
    made = await agileim_command("--profile", "mei", "--json", "new-group", "Choir", "alex", "wei")
    await agileim_command("--profile", "wei", "send", "Choir", "Thursday at seven?")
    lines = (await agileim_command("--profile", "alex", "history", "Choir", "--json")).splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["conversation_created", "message"]
    group = json.loads(made)["id"]
    async with Client.from_profile(mei, live=False) as client:
        await client.api.rename(group, "Quartet")
        wei = await client.api.user_by_handle("wei")
        assert wei is not None
        await client.api.set_role(group, wei.id, "admin")
        await client.api.remove_member(group, wei.id)
        handles = [m.user.handle async for m in client.api.members(group)]
        assert sorted(handles) == ["alex", "mei"]
    async with Client.from_profile(ProfileFile("wei", demo_home), live=False) as removed:
        with pytest.raises(agileim.NotFound):
            await removed.api.conversation(group)


async def test_groups_threads_and_mentions_from_the_command_line(
    demo_home: Path, mei: ProfileFile, alex: ProfileFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGILEIM_HOME", str(demo_home))

    async def by(person: str, *arguments: str) -> list[dict[str, Any]]:
        lines = (await agileim_command("--profile", person, "--json", *arguments)).splitlines()
        return [json.loads(line) for line in lines]

    (room,) = await by("mei", "new-group", "Tea house")
    group = ("group", "#Tea house", "--topic", "Leaves", "--visibility", "public")
    (changed,) = await by("mei", *group, "--joining", "request")
    assert (changed["topic"], changed["joining"]) == ("Leaves", "request")
    (channel,) = await by("alex", "channels", "TEA")
    assert (channel["id"], channel["state"]) == (room["id"], "none")
    (joined,) = await by("alex", "join", "Tea house", "--message", "thirsty")
    assert joined["state"] == "requested"
    async with Client.from_profile(alex) as client:
        await connected(client)
        (asking,) = await by("mei", "requests", "#Tea house")
        assert (asking["user"]["handle"], asking["message"]) == ("alex", "thirsty")
        assert await by("mei", "requests", "#Tea house", "--accept", "alex") == []
        (root,) = await by("mei", "send", "#Tea house", "what about @alex?")
        thread = ("--thread", str(root["seq"]))
        (aside,) = await by("mei", "send", "#Tea house", "aside, @alex", *thread)
        seen: list[agileim.LogEvent] = []
        async with asyncio.timeout(10):
            async for event in client.events():
                if isinstance(event, agileim.LogEvent):
                    seen.append(event)
                if isinstance(event, Message) and event.seq == aside["seq"]:
                    break
        assert any(isinstance(event, agileim.JoinAnswered) and event.accepted for event in seen)
        said = [e for e in seen if isinstance(e, Message) and e.conversation == room["id"]]
        assert [(one.thread, one.mentions) for one in said] == [
            (None, (client.user,)), (root["seq"], (client.user,)),
        ]  # fmt: skip
    (followed,) = await by("alex", "threads", "--unread")
    assert (followed["conversation"], followed["unread"]) == (room["id"], 1)
    (copy,) = await by("alex", "forward", "#Tea house", str(root["seq"]), "--to", "mei")
    shown = await by("mei", "history", "alex", "--limit", "1")
    assert (shown[0]["seq"], shown[0]["forwarded"]["seq"]) == (copy["seq"], root["seq"])
    (told,) = await by("mei", "receipts", "#Tea house", str(root["seq"]))
    assert told["delivered"] == 1
    (mine,) = await by("alex", "settings", "#Tea house", "--pinned", "yes", "--mute-hours", "1")
    assert (mine["pinned"], mine["version"]) == (0, 1)
    assert await by("mei", "ban", "#Tea house", "alex") == []
    async with Client.from_profile(alex, live=False) as banned:
        with pytest.raises(agileim.NotFound):
            await banned.api.channel(room["id"])


async def test_signing_in_without_a_browser(stack: Stack, demo_home: Path) -> None:
    """The device flow: the command shows a code, a person enters it in a browser elsewhere."""
    await signin.register(stack.url, "noor", PASSWORD, "Noor")
    command = ("-m", "agileim", "--profile", "noor", "login", "--no-browser", "--url", stack.url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        shown = ""
        while "Waiting" not in shown:
            shown += (await process.stderr.readline()).decode()
    link = re.search(r"directly: (\S+)", shown)
    assert link is not None
    async with signin.browser(stack.url) as tab:
        page = await tab.open(link[1])
        assert isinstance(page, signin.Page)
        while "password" in page.form.fields or "decision" not in page.text:
            fields = {"handle": "noor", "password": PASSWORD}
            known = {k: v for k, v in fields.items() if k in page.form.fields}
            page = await tab.submit(page.form, **known)
            assert isinstance(page, signin.Page)
        await tab.submit(page.form, decision="allow")
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert f"Signed in to {stack.url} as @noor" in out.decode()
    async with Client.from_profile(ProfileFile("noor", demo_home), live=False) as client:
        assert (await client.me()).display_name == "Noor"


async def test_signing_out_ends_a_live_client(stack: Stack, demo_home: Path) -> None:
    await signin.register(stack.url, "kim", PASSWORD, "Kim")
    file = ProfileFile("kim", demo_home)
    fields = {"handle": "kim", "password": PASSWORD}
    await through_pages(stack.url, file, fields, register=False)
    async with Client.from_profile(file) as client:
        await connected(client)
        copy = ProfileFile("kim2", demo_home)
        known = file.read()
        assert known is not None
        copy.write(known)
        await agileim.sign_out(copy)
        async with asyncio.timeout(10):
            with pytest.raises(agileim.SignedOut):
                await texts(client, 1)


async def test_registering_with_a_browser(
    stack: Stack, demo_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`register` opens a browser on the page for a new account, and is signed in afterwards."""
    fields = {"handle": "lin", "password": PASSWORD, "display_name": "林 Lin"}
    browser = tmp_path / "browser.py"
    browser.write_text(
        "import asyncio, sys\n"
        "from standalone.pages import fill_in\n"
        f"asyncio.run(fill_in(sys.argv[1], {fields!r}))\n"
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {browser} %s")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    url = ("--url", stack.url, "--json", "--profile", "lin")
    signed_in = json.loads(await agileim_command(*url, "register"))
    assert (signed_in["handle"], signed_in["url"]) == ("lin", stack.url)
    # Signing in again replaces the profile's session by a new one.
    before = ProfileFile("lin", demo_home).read()
    assert json.loads(await agileim_command(*url, "login"))["user"] == signed_in["user"]
    assert ProfileFile("lin", demo_home).read() != before
