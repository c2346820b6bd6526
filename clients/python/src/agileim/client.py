"""The client: ``async with Client(...)``."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

import aiohttp

from agileim.calls.messages import message_body
from agileim.driver import Driver
from agileim.errors import AgileIMError, Closed, OutcomeUnknown, SignedOut, Unreachable
from agileim.events import Event, LogEvent
from agileim.http import Http
from agileim.logs import WINDOW
from agileim.models import Sent, User
from agileim.profiles import DEFAULT_PROFILE, ProfileFile
from agileim.rest import Api
from agileim.session import Session
from agileim.stores import MemoryStore, Store
from agileim.tokens import BotTokens, ProfileTokens, StaticToken, TokenSource

SEND_TIMEOUT_S = 60.0
SENDS_WAITING_MAX = 256


class Client:
    """A signed-in user's connection.

    ::

        async with Client.from_profile("bot") as client:
            async for event in client.events():
                if isinstance(event, Message) and not event.mine:
                    await client.send(event.conversation, f"You said: {event.text}")

    ``api`` has the REST calls. With ``live=False`` there is no socket: ``send`` and ``mark_read``
    go over REST, and ``events`` cannot be used. ``start`` matters when the store is empty: "now"
    yields what happens from here on, "beginning" all history first. A conversation that the user
    comes into later is always yielded from its first visible event. ``window`` bounds the log
    events kept in memory.
    """

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource | str,
        *,
        store: Store | None = None,
        start: Literal["now", "beginning"] = "now",
        live: bool = True,
        window: int = WINDOW,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._tokens: TokenSource | ProfileFile = (
            StaticToken(tokens) if isinstance(tokens, str) else tokens
        )
        self._store = store or MemoryStore()
        self._start: Literal["now", "beginning"] = start
        self._live = live
        self._window = window
        self._http: aiohttp.ClientSession | None = None
        self._api: Api | None = None
        self._driver: Driver | None = None
        self._events: EventStream | None = None
        self._slots = asyncio.Semaphore(SENDS_WAITING_MAX)

    @classmethod
    def as_bot(
        cls,
        base_url: str,
        bot: str,
        secret: str,
        *,
        store: Store | None = None,
        start: Literal["now", "beginning"] = "now",
        live: bool = True,
        window: int = WINDOW,
    ) -> Self:
        """The client of a bot, which signs in with its user id and a secret that its owner made
        (``agileim bot create``)."""
        tokens = BotTokens(base_url, bot, secret)
        return cls(base_url, tokens, store=store, start=start, live=live, window=window)

    @classmethod
    def from_profile(
        cls,
        profile: str | ProfileFile = DEFAULT_PROFILE,
        *,
        store: Store | None = None,
        start: Literal["now", "beginning"] = "now",
        live: bool = True,
        window: int = WINDOW,
    ) -> Self:
        """The client of a profile that was signed in before (``agileim login``, or
        :func:`~agileim.sign_in_with_browser`). Raises :class:`~agileim.SignedOut`."""
        file = ProfileFile(profile) if isinstance(profile, str) else profile
        known = file.read()
        if known is None:
            raise SignedOut(f"nobody is signed in as profile {file.name!r}")
        client = cls(known.url, "", store=store, start=start, live=live, window=window)
        client._tokens = file
        return client

    @property
    def api(self) -> Api:
        """The REST calls."""
        if self._api is None:
            raise Closed("use the client inside `async with`")
        return self._api

    @property
    def user(self) -> str:
        """The id of the signed-in user; empty before the first connection."""
        return self._driver.session.user if self._driver else ""

    @property
    def now(self) -> float:
        """The client's clock, in monotonic seconds."""
        return asyncio.get_running_loop().time()

    async def me(self) -> User:
        """The signed-in user."""
        return await self.api.me()

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        tokens = self._tokens
        if isinstance(tokens, ProfileFile):
            tokens = ProfileTokens(tokens, self._http)
        self._api = Api(Http(self.base_url, tokens, self._http))
        if self._live:
            try:
                self._driver = await self._make_driver(tokens, self._http, self._api)
            except BaseException:
                await self._http.close()
                raise
            self._driver.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._driver is not None:
                if self._events is not None and error is None:
                    await self._events.done()
                await self._driver.close()
        finally:
            await self._store.close()
            if self._http is not None:
                await self._http.close()
            self._api = None

    def events(self) -> EventStream:
        """Everything that happens, in order per conversation: ``async for event in …``.

        An event counts as handled when the next one is asked for, or when the client is left
        without an error: after that a restart with the same store does not yield it again.
        There is one stream per client. It ends when the client closes, and raises
        :class:`~agileim.SignedOut` or :class:`~agileim.ProtocolError` when there will be no
        more connections.
        """
        if self._events is None:
            self._events = EventStream(self._running())
        return self._events

    async def send(
        self,
        conversation: str,
        text: str,
        *,
        client_msg_id: str | None = None,
        reply_to: int | None = None,
        thread: int | None = None,
        attachments: Sequence[str] = (),
        timeout_s: float = SEND_TIMEOUT_S,
    ) -> Sent:
        """Send a message (``reply_to``: seq of the one it answers; ``thread``: of the one that its
        thread begins with; ``attachments``: ids of files, see :meth:`Api.upload`); returns when it
        is stored.

        Tries again over any number of reconnects, always with the same id, so it is never stored
        twice. Messages of one conversation keep their order if each is awaited before the next.

        Raises :class:`~agileim.Refused`; :class:`~agileim.OutcomeUnknown` when the time is over
        (or the client closed) after it was written; :class:`~agileim.Unreachable` when it never
        was; the error that ended the client, or :class:`~agileim.Closed`. After a cancellation
        the outcome is unknown as well: send again with the same ``client_msg_id`` to find out.
        """
        msg_id = client_msg_id or uuid.uuid4().hex
        if not self._live:
            return await self.api.post_message(
                conversation, text, client_msg_id=msg_id, reply_to=reply_to, thread=thread,
                attachments=attachments, timeout_s=timeout_s,
            )  # fmt: skip
        driver = self._running()
        if msg_id in driver.answers:
            raise ValueError(f"message {msg_id} is already being sent")
        answer: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        driver.answers[msg_id] = answer
        try:
            async with asyncio.timeout(timeout_s), self._slots:
                body = message_body(text, reply_to, thread, attachments)
                driver.perform(driver.session.send(msg_id, conversation, body, driver.now))
                return await answer
        except TimeoutError:
            written, effects = driver.session.cancel_send(msg_id, driver.now)
            driver.perform(effects)
            why = f"no answer within {timeout_s:g} s"
            if written:
                raise OutcomeUnknown(msg_id, why) from None
            raise Unreachable(f"{why}: the message was not sent") from None
        finally:
            del driver.answers[msg_id]
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen: a cancelled caller does not ask for it any more
            driver.perform(driver.session.cancel_send(msg_id, driver.now)[1])

    async def mark_read(self, conversation: str, seq: int) -> None:
        """The user has read the conversation up to `seq`. Never goes back."""
        if not self._live:
            await self.api.report(conversation, read_seq=seq)
            return
        driver = self._running()
        driver.perform(driver.session.read(conversation, seq, driver.now))

    def typing(self, conversation: str, active: bool = True) -> None:
        """The user types (call at every key: it is sent at most every 4 s), or has stopped."""
        driver = self._running()
        driver.perform(driver.session.typing(conversation, active, driver.now))

    def watch(self, conversations: Sequence[str]) -> None:
        """Follow the presence of these conversations' members (at most 200), until replaced.

        :class:`~agileim.Presence` events follow, now and after each reconnect.
        """
        driver = self._running()
        driver.perform(driver.session.watch(list(conversations), driver.now))

    def away(self, away: bool = True) -> None:
        """This device lies idle, or (`away` False) is in use again. Someone whose devices all lie
        idle is shown as away."""
        driver = self._running()
        driver.perform(driver.session.away(away))

    async def _make_driver(
        self, tokens: TokenSource, http: aiohttp.ClientSession, api: Api
    ) -> Driver:
        saved = await self._store.load()
        session = Session(
            cursor=saved.cursor,
            positions=saved.positions,
            start=self._start,
            window=self._window,
        )
        return Driver(
            session,
            base_url=self.base_url,
            http=http,
            tokens=tokens,
            api=api,
            store=self._store,
            handed_out={name: position.seq for name, position in saved.positions.items()},
        )

    def _running(self) -> Driver:
        if self._driver is None or self._api is None:
            raise Closed("not inside `async with`, or the client was made with live=False")
        if self._driver.error is not None:
            raise self._driver.error
        return self._driver


class EventStream:
    """The asynchronous iterator behind :meth:`Client.events`."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._given: Event | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await self.done()
        event = await self._driver.feed.get()
        self._given = event
        return event

    async def done(self) -> None:
        """The program is done with the event that it was given last."""
        given, self._given = self._given, None
        if not isinstance(given, LogEvent):
            return
        try:
            await self._driver.done_with(given.conversation, given.seq)
        except Exception as error:
            raise AgileIMError(f"the store failed: {error}") from error
        self._driver.perform(self._driver.session.taken(1, self._driver.now))
