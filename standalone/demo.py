"""`python -m standalone.demo`: people, conversations and a history to look at.

Everything goes through the public interface, by the SDK: accounts are made on the real pages,
messages are really sent. Run twice it changes nothing. Each person is signed in as a profile of
the terminal client, so that `agileim --profile mei chat alex` works at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yarl import URL

from agileim import (
    AgileIMError,
    Client,
    Profile,
    ProfileFile,
    Refused,
    SignedOut,
    Unreachable,
    sign_in_with_browser,
)
from standalone import demo_pictures
from standalone.demo_story import CONVERSATIONS, PEOPLE, Person, Script
from standalone.errors import StandaloneError
from standalone.pages import WrongCredentials, fill_in
from standalone.terminal import client_command

PICTURES: Final = {
    "greenhouse.jpg": demo_pictures.greenhouse,
    "readings.jpg": demo_pictures.readings,
}
PASSWORD: Final = "quiet greenhouse 2026"  # noqa: S105 - printed: these accounts are for trying out


@dataclass(frozen=True)
class Signed:
    """A person of the demo and their client."""

    person: Person
    client: Client
    user: str


async def play(url: str) -> None:
    """Make everything, or what is missing of it."""
    profiles = [await _signed_in(url, person) for person in PEOPLE]
    async with AsyncExitStack() as stack:
        cast: dict[str, Signed] = {}
        for person, profile in zip(PEOPLE, profiles, strict=True):
            # REST is enough: nobody waits for answers here.
            client = await stack.enter_async_context(Client.from_profile(profile, live=False))
            cast[person.handle] = Signed(person, client, (await client.me()).id)
        for script in CONVERSATIONS:
            await _perform(script, cast)
    _say_how(url)


async def _signed_in(url: str, person: Person) -> ProfileFile:
    """The person's profile: as it is if it still works, else signed in, else registered."""
    profile = ProfileFile(person.handle)
    known = profile.read()
    if known is not None:
        _refuse_to_replace(known, person, url)
        if known.url == url and await _still_works(profile):
            return profile
    fields = {"handle": person.handle, "password": PASSWORD, "display_name": person.name}
    try:
        await through_pages(url, profile, fields, register=False)
    except WrongCredentials:
        await through_pages(url, profile, fields, register=True)
    return profile


def _refuse_to_replace(known: Profile, person: Person, url: str) -> None:
    """Somebody's own sign-in is not ours to replace; an earlier demo on this machine is."""
    local = URL(known.url).host in ("127.0.0.1", "localhost", "::1")
    if known.handle != person.handle or not (local or known.url == url):
        raise StandaloneError(
            f"the profile {person.handle!r} is @{known.handle} at {known.url}: "
            "set AGILEIM_HOME to another folder for the demo"
        )


async def _still_works(profile: ProfileFile) -> bool:
    """Whether the sign-in is good; not so if the server's data are new since."""
    try:
        async with Client.from_profile(profile, live=False) as client:
            await client.me()
    except (SignedOut, Refused):
        return False
    return True


async def through_pages(
    url: str, profile: ProfileFile, fields: dict[str, str], *, register: bool
) -> None:
    """The terminal client's own sign-in, with our pages instead of a browser."""
    opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def person() -> None:
        await fill_in(await opened, fields)

    client = asyncio.create_task(
        sign_in_with_browser(url, profile, open_url=opened.set_result, register=register)
    )
    browser = asyncio.create_task(person())
    try:
        await asyncio.wait({client, browser}, return_when=asyncio.FIRST_EXCEPTION)
        for task in (browser, client):
            if task.done():
                task.result()
    finally:
        for task in (browser, client):
            task.cancel()
        await asyncio.gather(browser, client, return_exceptions=True)


async def _perform(script: Script, cast: dict[str, Signed]) -> None:
    """Make a conversation and say its lines; those said before are only repeats to the server."""
    owner = cast[script.people[0]]
    conversation = await _conversation(script, owner, cast)
    seqs: dict[int, int] = {}
    for number, (handle, text) in enumerate(script.lines, 1):
        client = cast[handle].client
        # The same id every time: the server stores the line once, however often this runs.
        sent = await client.send(
            conversation,
            text,
            client_msg_id=f"demo-{script.key}-{number}-{conversation[:8]}",
            reply_to=seqs.get(script.answers.get(number, 0)),
            thread=seqs.get(script.aside.get(number, 0)),
            attachments=await _attached(client, script.pictures.get(number, "")),
        )
        seqs[number] = sent.seq
    for number, handle, emoji in script.reactions:
        await cast[handle].client.api.react(conversation, seqs[number], emoji)
    for number in script.pins:
        await owner.client.api.pin(conversation, seqs[number])
    for handle in script.readers:
        await cast[handle].client.mark_read(conversation, max(seqs.values()))


async def _attached(client: Client, picture: str) -> list[str]:
    """The file that a line shows; the one that is there already, if it is."""
    if not picture:
        return []
    async for known in client.api.files():
        if known.name == picture:
            return [known.id]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / picture
        path.write_bytes(PICTURES[picture]())
        return [(await client.api.upload(path)).id]


async def _conversation(script: Script, owner: Signed, cast: dict[str, Signed]) -> str:
    others = [cast[handle].user for handle in script.people[1:]]
    if not script.name:
        return (await owner.client.api.create_direct(others[0])).id
    async for known in owner.client.api.conversations():
        if known.kind == "group" and known.name == script.name:
            return known.id
    return (await owner.client.api.create_group(script.name, others)).id


def _say_how(url: str) -> None:
    print(f"People at {url} (password of all: {PASSWORD})\n")
    for person in PEOPLE:
        print(f"  {person.handle:8} {person.name}")
    command = client_command()
    print(
        "\nTry, in two terminals:\n"
        f"  {command} --profile mei chat alex\n"
        f"  {command} --profile alex chat mei\n"
        f"or look around: {command} --profile mei chats"
    )


def main() -> int:
    """The command; faults that a person can mend are one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m standalone.demo", description=__doc__)
    port = os.environ.get("AGILEIM_PORT") or "8080"
    parser.add_argument("--url", default=f"http://127.0.0.1:{port}")
    url = parser.parse_args().url.rstrip("/")
    try:
        asyncio.run(play(url))
    except (AgileIMError, StandaloneError) as error:
        hint = " (is it running? `make up`)" if isinstance(error, Unreachable) else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
