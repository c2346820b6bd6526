"""People in the SDK and on the command line, against a running api."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import agileim
from agileim import (
    Api,
    BlockChanged,
    ContactChanged,
    Profile,
    ProfileChanged,
    ProfileFile,
    Refused,
    StaticToken,
    TokenSet,
    boot_clock,
    frames,
)
from agileim import effects as fx
from agileim.cli.main import parser
from agileim.cli.output import Output
from agileim.events import PersonChanged, Presence, from_wire
from agileim.http import Http
from agileim.session import Session
from tests.api.conftest import api, issuer, settings
from tests.api.rig import Caller, RunningApi

__all__ = ["api", "issuer", "settings"]


@asynccontextmanager
async def sdk(person: Caller, api: RunningApi) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as http:
        yield Api(Http(api.url, StaticToken(person.token), http))


async def test_a_profile_is_changed_and_seen(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    async with sdk(ada, api) as adas, sdk(bob, api) as bobs:
        me = await adas.own_profile()
        assert (me.version, me.privacy.presence) == (1, "everyone")
        changed = await adas.change_me(
            version=1, display_name="Ada 李", status={"text": "away", "emoji": "🏔️", "until": None},
            privacy={"presence": "contacts"},
        )  # fmt: skip
        assert (changed.version, changed.privacy.presence) == (2, "contacts")
        with pytest.raises(Refused) as refused:
            await adas.change_me(version=1, display_name="Old")
        assert refused.value.code == "stale"
        seen = await bobs.profile(ada.id)
        assert (seen.label, seen.status) == ("Ada 李", agileim.Status("away", "🏔️"))
        assert [user.id for user in await bobs.find_people("李")] == [ada.id]


async def test_contacts_and_blocks(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    async with sdk(ada, api) as adas, sdk(bob, api) as bobs:
        assert (await adas.ask_contact(bob.id, "hi")).state == "asked"
        assert [one.user.id async for one in adas.contact_requests("out")] == [bob.id]
        assert [(one.user.id, one.text) async for one in bobs.contact_requests()] == [
            (ada.id, "hi")
        ]
        assert (await bobs.accept_contact(ada.id)).state == "contact"
        assert (await adas.note_contact(bob.id, "B")).note == "B"
        assert [(one.user.id, one.note) async for one in adas.contacts()] == [(bob.id, "B")]
        await adas.remove_contact(bob.id)
        assert (await bobs.contact(ada.id)).state == "none"
        await bobs.ask_contact(ada.id)
        await adas.refuse_contact(bob.id)
        await adas.block(bob.id)
        assert [one.user.id async for one in adas.blocks()] == [bob.id]
        assert (await adas.contact(bob.id)).blocked
        await adas.unblock(bob.id)
        assert not (await adas.contact(bob.id)).blocked


# --- on the command line ------------------------------------------------------------------------

Run = Callable[..., Awaitable[list[Any]]]


@pytest.fixture
async def run(api: RunningApi, home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as somebody; what it printed as JSON."""

    async def command(person: Caller, *arguments: str) -> list[Any]:
        moment = boot_clock.now()
        tokens = TokenSet(person.token, "none", 300, moment.boot, moment.seconds)
        ProfileFile("work").write(Profile(api.url, "agileim-cli", tokens, person.id, "me"))
        options = parser().parse_args(["--profile", "work", "--json", *arguments])
        await options.run(options, Output(as_json=True))
        lines = capsys.readouterr().out.splitlines()  # api logs there, too
        return [json.loads(line) for line in lines if line.startswith("{")]

    return command


async def test_commands_about_people(api: RunningApi, run: Run) -> None:
    ada, bob = await api.person("ada"), await api.person("bob")
    (me,) = await run(ada, "profile", "--display-name", "Ada", "--status", "here", "--emoji", "🏔️",
                      "--for-hours", "2", "--find-by-phone", "yes", "--presence", "contacts",
                      "--phone", "+393331234567")  # fmt: skip
    assert me["status"]["text"] == "here"
    assert me["privacy"]["find_by_phone"] is True
    (found,) = await run(bob, "people", "+393331234567")
    assert found["handle"] == "ada"
    (relation,) = await run(bob, "contact", "ada", "--ask", "it is me")
    assert relation["state"] == "asked"
    (request,) = await run(ada, "contacts", "--requests", "in")
    assert request["text"] == "it is me"
    (relation,) = await run(ada, "contact", "@bob", "--accept")
    assert relation["state"] == "contact"
    (known,) = await run(ada, "contacts")
    assert known["user"]["handle"] == "bob"
    assert (await run(ada, "block", "bob"))[0]["blocked"] is True
    assert len(await run(ada, "block")) == 1
    assert (await run(ada, "block", "bob", "--remove"))[0]["blocked"] is False
    (shown,) = await run(bob, "profile", "ada")
    assert shown["display_name"] == "Ada"
    assert "phone" not in shown


# --- live ---------------------------------------------------------------------------------------


def up() -> Session:
    session = Session(cursor="k")
    session.opened("t", 0.0)
    session.received(frames.Welcome("me"), 0.1)
    return session


def written(effects: list[fx.Effect]) -> list[Any]:
    return [effect.frame for effect in effects if isinstance(effect, fx.Write)]


def emitted(effects: list[fx.Effect]) -> list[Any]:
    return [effect.event for effect in effects if isinstance(effect, fx.Emit)]


def test_away_is_said_once_and_again_after_a_reconnect() -> None:
    session = up()
    assert written(session.away(True)) == [frames.Away(True)]
    assert written(session.away(True)) == []
    session.closed(1006, 1.0)
    session.opened("t", 2.0)
    assert frames.Away(True) in written(session.received(frames.Welcome("me"), 2.1))
    assert written(session.away(False)) == [frames.Away(False)]
    session.closed(1006, 3.0)
    assert session.away(True) == []


def test_others_are_online_away_or_offline() -> None:
    session = up()
    session.watch(["c"], 0.2)

    def told(text: str) -> list[Any]:
        frame = frames.decode(text)
        assert frame is not None
        return emitted(session.received(frame, 1.0))

    start = '{"type":"presence","conversation":"c","users":[{"user":"bob","state":"'
    assert told(start + 'online"}],"full":true}') == [Presence("c", "bob", True)]
    assert told(start + 'away"}]}') == [Presence("c", "bob", True, away=True)]
    assert told(start + 'away"}]}') == []
    assert told(start + 'online"}]}') == [Presence("c", "bob", True)]
    assert told(start + 'offline"}]}') == [Presence("c", "bob", False)]
    person = '{"type":"person","user":"bob","display_name":"B","status":{"text":"hi","emoji":"👋"}}'
    assert told(person) == [PersonChanged("bob", "B", None, agileim.Status("hi", "👋"))]


async def test_what_stands_in_the_inbox_is_typed(api: RunningApi) -> None:
    ada, bob = await api.people(2)
    async with sdk(ada, api) as adas:
        await adas.change_me(display_name="A")
        await adas.ask_contact(bob.id, "hi")
        await adas.block(bob.id)
        (inbox,) = [one.id async for one in adas.conversations() if one.kind == "inbox"]
        page = await adas.events(inbox, after_seq=0)
        events = [from_wire(event, ada.id) for event in page.events]
    assert [type(event) for event in events] == [
        ProfileChanged, ContactChanged, BlockChanged, ContactChanged,
    ]  # fmt: skip
    profile, asked, blocked, ended = events
    assert isinstance(profile, ProfileChanged)
    assert profile.changes == {"display_name": "A"}
    assert isinstance(asked, ContactChanged)
    assert (asked.user, asked.state, asked.text) == (bob.id, "asked", "hi")
    assert isinstance(blocked, BlockChanged)
    assert (blocked.user, blocked.blocked) == (bob.id, True)
    assert isinstance(ended, ContactChanged)
    assert ended.state == "none"
