"""Devices: SDK clients that write down what they are handed and how their sends end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

from agileim import boot_clock
from agileim.client import Client
from agileim.effects import Effect
from agileim.errors import AgileIMError, Refused, Unreachable
from agileim.events import ConnectionState, Event, LogEvent, Message, OtherEvent, Presence
from agileim.frames import Event as EventFrame
from agileim.frames import ServerFrame
from agileim.profiles import Profile, ProfileFile, TokenSet
from agileim.stores import MemoryStore
from agileim.tokens import ProfileTokens
from standalone.provision import CLIENT_ID, Person
from tests.faults.deeds import EMOJI, Deed, DeedRecord
from tests.faults.history import DeviceLog, Outcome, SendRecord, Sighting, text_hash

# A refusal with one of these codes leaves open whether an earlier try was stored.
_OPEN_CODES = frozenset({"unavailable", "internal", "rate_limited", "unauthenticated"})
SEND_TIMEOUT_S = 45.0


class Device:
    """One device of a person, from sign-in to sign-out; may crash and start again meanwhile."""

    def __init__(
        self,
        name: str,
        person: Person,
        *,
        url: str,
        issuer: str,
        folder: Path,
        http: aiohttp.ClientSession,
        token_life_s: float,
    ) -> None:
        self.log = DeviceLog(name=name, user=person.user, session=person.session)
        self.sends: list[SendRecord] = []
        self.deeds: list[DeedRecord] = []
        self.online: dict[str, set[str]] = {}  # conversation → who is, as we are told
        self.connected = False
        self.connects: list[float] = []  # when, on the clock of histories
        self.ended = ""  # why the SDK gave up, if it did
        self._url = url
        self._store = MemoryStore()
        profile = ProfileFile(name, folder)
        profile.write(_profile(person, issuer, token_life_s))
        self._tokens = ProfileTokens(profile, http)
        self._watched: list[str] = []
        self._client: Client | None = None
        self._reading: asyncio.Task[None] | None = None
        self._on = asyncio.Event()

    async def running(self) -> Client:
        """The client; waits while the device is off."""
        await self._on.wait()
        assert self._client is not None
        return self._client

    async def start(self) -> None:
        """Switch it on; it goes on where it was."""
        self._client = Client(self._url, self._tokens, store=self._store, start="beginning")
        await self._client.__aenter__()
        self._tap(self._client)
        self._reading = asyncio.create_task(self._read(self._client), name=self.log.name)
        if self._watched:
            self._client.watch(self._watched)
        self._on.set()

    async def stop(self) -> None:
        """Switch it off in good order."""
        self._on.clear()
        client, self._client = self._client, None
        if client is not None:
            await client.__aexit__(None, None, None)
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        self.connected = False

    async def crash(self) -> None:
        """End it without a word: nothing is acknowledged any more, the store keeps what it has.

        The socket must have been cut before, or the SDK would still say goodbye.
        """
        self._on.clear()
        client, self._client = self._client, None
        assert client is not None
        assert self._reading is not None
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        self.connected = False
        error = RuntimeError("crashed")
        await client.__aexit__(RuntimeError, error, None)
        self._forget_unhandled()

    def watch(self, conversations: list[str]) -> None:
        """Follow presence there."""
        self._watched = conversations
        if self._client is not None:
            self._client.watch(conversations)

    async def send(
        self, conversation: str, text: str, msg_id: str, *, rest: bool, thread: int | None = None
    ) -> int:
        """Send a message and write down how that ended; its seq, if it was acknowledged."""
        client = await self.running()
        started_at = time.time()
        outcome, code, seq = Outcome.UNKNOWN, "", 0
        try:
            if rest:
                sent = await client.api.post_message(
                    conversation, text, client_msg_id=msg_id, thread=thread,
                    timeout_s=SEND_TIMEOUT_S,
                )  # fmt: skip
            else:
                sent = await client.send(
                    conversation, text, client_msg_id=msg_id, thread=thread,
                    timeout_s=SEND_TIMEOUT_S,
                )  # fmt: skip
            outcome, seq = Outcome.ACKED, sent.seq
        except Refused as error:
            code = error.code
            if code not in _OPEN_CODES:
                outcome = Outcome.REFUSED
        except Unreachable:
            # Over REST a try that was cut off counts as unreachable too.
            code = "unreachable"
        except AgileIMError as error:
            code = type(error).__name__
        self.sends.append(
            SendRecord(
                sender=self.log.user,
                device=self.log.name,
                conversation=conversation,
                client_msg_id=msg_id,
                text=text_hash(text),
                outcome=outcome,
                started_at=started_at,
                ended_at=time.time(),
                seq=seq,
                code=code,
                thread=thread or 0,
            )
        )
        return seq

    async def do(self, deed: Deed, conversation: str, seq: int, text: str) -> str:
        """Change a message, and write it down if that was acknowledged; how it ended."""
        api, detail = (await self.running()).api, ""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                match deed:
                    case Deed.EDIT:
                        detail = str((await api.edit_message(conversation, seq, text)).version)
                    case Deed.REACT:
                        await api.react(conversation, seq, EMOJI)
                    case Deed.UNREACT:
                        await api.react(conversation, seq, EMOJI)
                        await api.unreact(conversation, seq, EMOJI)
                    case Deed.PIN:
                        await api.pin(conversation, seq)
                    case Deed.RECALL:
                        await api.recall_message(conversation, seq)
        except (AgileIMError, TimeoutError) as error:
            return type(error).__name__
        if deed in (Deed.REACT, Deed.UNREACT):
            detail = EMOJI
        self.deeds.append(DeedRecord(self.log.user, conversation, deed, seq, detail))
        return "done"

    def _tap(self, client: Client) -> None:
        """Note which events come over the socket, below what the SDK makes of them."""
        assert client._driver is not None
        session, wire = client._driver.session, self.log.wire
        received = session.received

        def noting(frame: ServerFrame | None, now: float) -> list[Effect]:
            if isinstance(frame, EventFrame):
                wire.add((frame.conversation, frame.seq))
            return received(frame, now)

        session.received = noting  # type: ignore[method-assign]  # this instance only

    async def _read(self, client: Client) -> None:
        try:
            async for event in client.events():
                self._note(event)
        except AgileIMError as error:
            self.ended = f"{type(error).__name__}: {error}"
        finally:
            self.connected = False

    def _note(self, event: Event) -> None:
        if isinstance(event, LogEvent):
            self.log.sightings.append(_sighting(event))
        elif isinstance(event, ConnectionState):
            self.connected = event.state == "connected"
            if self.connected:
                self.connects.append(time.time())
            if self.connected and not self.log.since:
                self.log.since = time.time()
        elif isinstance(event, Presence):
            online = self.online.setdefault(event.conversation, set())
            (online.add if event.online else online.discard)(event.user)

    def _forget_unhandled(self) -> None:
        """What was handed out and not yet done with will come again, by the SDK's promise."""
        if not self.log.sightings:
            return
        last = self.log.sightings[-1]
        position = self._store.saved.positions.get(last.conversation)
        if position is not None and position.seq < last.seq:
            self.log.sightings.pop()


def _profile(person: Person, issuer: str, token_life_s: float) -> Profile:
    """A sign-in whose access token ends when the plan says, to have it refreshed meanwhile."""
    now = boot_clock.now()
    tokens = TokenSet(
        person.access_token, person.refresh_token, token_life_s, now.boot, now.seconds
    )
    return Profile(issuer, CLIENT_ID, tokens, person.user, person.handle)


def _sighting(event: LogEvent) -> Sighting:
    kind = event.kind if isinstance(event, OtherEvent) else str(event.__struct_config__.tag)
    client_msg_id = text = ""
    target = getattr(event, "target", 0)
    if isinstance(event, Message):
        client_msg_id, text = event.client_msg_id, text_hash(event.text)
        target = event.thread or 0
    return Sighting(
        conversation=event.conversation,
        seq=event.seq,
        kind=kind,
        at=time.time(),
        client_msg_id=client_msg_id,
        text=text,
        target=target,
        detail=str(getattr(event, "emoji", getattr(event, "version", ""))),
    )
