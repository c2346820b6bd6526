"""The shell around :mod:`.session`: moves bytes and calls REST as its effects say.

All tasks are started and ended here. At most: one connection (a reader and a writer), four
fetches, one sync, one token refresh, one report of deliveries.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

import aiohttp

from agileim import effects as fx
from agileim import frames, policy
from agileim.errors import (
    AgileIMError,
    Closed,
    NotFound,
    OutcomeUnknown,
    ProtocolError,
    Refused,
    SignedOut,
    Unreachable,
    refusal,
)
from agileim.feed import Feed
from agileim.logs import Fetch, Position
from agileim.models import Sent
from agileim.rest import Api
from agileim.session import Session
from agileim.stores import Store
from agileim.tokens import TokenSource

OPEN_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 2.0
FRAME_MAX_BYTES = 4 * 1024 * 1024
WRITES_MAX = 1_000  # frames waiting for a socket that takes none: the line is dead
REPORT_AFTER_S = 0.5
YIELD_EVERY = 64  # frames; a fast room must not starve the program's own tasks

_log = logging.getLogger("agileim")


class Driver:
    """Runs one session until it is stopped or closed."""

    def __init__(
        self,
        session: Session,
        *,
        base_url: str,
        http: aiohttp.ClientSession,
        tokens: TokenSource,
        api: Api,
        store: Store,
        handed_out: dict[str, int],
    ) -> None:
        self.session = session
        self.feed = Feed()
        self.answers: dict[str, asyncio.Future[Sent]] = {}
        self.error: AgileIMError | None = None
        self._url = base_url.rstrip("/") + "/ws"
        self._http = http
        self._tokens = tokens
        self._api = api
        self._store = store
        self._store_lock = asyncio.Lock()
        self._handed_out = handed_out
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connection: asyncio.Task[None] | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._token = ""
        self._dropped = ""
        self._writes: deque[str] = deque()
        self._to_write = asyncio.Event()
        self._all_written = asyncio.Event()
        self._closed = False
        self._deliveries: dict[str, int] = {}
        self._reporting = False

    @property
    def now(self) -> float:
        """The session's clock: monotonic seconds."""
        return self._loop.time()

    def start(self) -> None:
        """Begin to connect."""
        self._connection = self._spawn(self._run())

    async def close(self) -> None:
        """Say goodbye, end every task, close the socket."""
        if self.error is None:
            self.perform(self.session.farewell())
        if self._ws is not None and self._writes:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._all_written.wait()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fail_answers(Closed("the client was closed"))
        self.feed.end(None)

    async def done_with(self, conversation: str, seq: int) -> None:
        """The program is done with this event: the next one may come, and restarts skip it."""
        self._handed_out[conversation] = seq
        async with self._store_lock:
            await self._store.handed_out(conversation, seq)

    def perform(self, effects: Sequence[fx.Effect]) -> None:
        """Carry out effects, then see that the timer is set. Nothing once closed."""
        if self._closed:
            return
        for effect in effects:
            self._perform_one(effect)
        at = self.session.next_at()
        if at is None or (self._timer is not None and self._timer.when() <= at):
            return  # a timer that comes too early finds nothing due, and sets the next one
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.perform(self.session.tick(self.now))

    def _perform_one(self, effect: fx.Effect) -> None:
        match effect:
            case fx.Emit(event):
                self.feed.put(event)
            case fx.Write(frame):
                self._writes.append(frames.encode(frame))
                self._all_written.clear()
                self._to_write.set()
                if len(self._writes) > WRITES_MAX:
                    self._drop("the line takes nothing")
            case fx.Answered(msg_id, result):
                self._answer(msg_id, result)
            case Fetch():
                self._spawn(self._fetch(effect))
            case fx.Sync(cursor):
                self._spawn(self._sync(cursor))
            case fx.Save():
                self._handed_out.update(effect.placed)
                self._spawn(self._save(effect))
            case fx.NeedToken():
                self._spawn(self._new_token())
            case fx.Delivered(conversation, seq):
                self._deliveries[conversation] = seq
                if not self._reporting:
                    self._reporting = True
                    self._spawn(self._report())
            case fx.Drop(reason):
                self._drop(reason)
            case fx.Wait():
                pass  # _run does it
            case fx.Stop(error):
                self.error = error
                self._fail_answers(error)
                self.feed.end(error)
                self._drop(str(error))

    # --- the connection -----------------------------------------------------------------------

    async def _run(self) -> None:
        new_token = False
        while self.session.phase != "stopped":
            self.perform(self.session.connecting())
            code, why = await self._connect(new_token)
            effects = self.session.closed(code, self.now, why)
            self.perform(effects)
            for wait in effects:
                if isinstance(wait, fx.Wait):
                    new_token = wait.new_token
                    await asyncio.sleep(wait.delay_s)

    async def _connect(self, new_token: bool) -> tuple[int, str]:
        """One connection from opening to its end: the close code, and why in words."""
        try:
            rejected = self._token if new_token else ""
            self._token = await self._tokens.access_token(rejected=rejected)
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                ws = await self._http.ws_connect(
                    self._url,
                    protocols=(frames.SUBPROTOCOL,),
                    max_msg_size=FRAME_MAX_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
                )
        except SignedOut as error:
            self.perform(self.session.stop(error))
            return policy.LOST, ""
        except (aiohttp.ClientError, Unreachable, OSError, TimeoutError) as error:
            return policy.LOST, f"cannot connect: {error or 'timeout'}"
        try:
            if ws.protocol != frames.SUBPROTOCOL:
                what = f"the server does not speak {frames.SUBPROTOCOL}"
                self.perform(self.session.stop(ProtocolError(what)))
                return policy.LOST, ""
            return await self._converse(ws)
        finally:
            self._ws = None
            await ws.close()

    async def _converse(self, ws: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
        self._ws = ws
        self._dropped = ""
        self._writes.clear()
        self.perform(self.session.opened(self._token, self.now))
        both = [asyncio.create_task(self._read(ws)), asyncio.create_task(self._write(ws))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            results = await asyncio.gather(*both, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError):
                _log.warning("connection ended by an error", exc_info=result)
        if self._dropped:
            return policy.LOST, self._dropped
        return ws.close_code or policy.LOST, ""

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        count = 0
        while not self._dropped:
            message = await ws.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                self.perform(self.session.received(frames.decode(message.data), self.now))
            elif message.type is not aiohttp.WSMsgType.BINARY:
                return
            count += 1
            if count % YIELD_EVERY == 0:
                await asyncio.sleep(0)

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        while not self._dropped:
            while self._writes:
                await ws.send_str(self._writes[0])
                self._writes.popleft()
            self._all_written.set()
            self._to_write.clear()
            await self._to_write.wait()

    def _drop(self, reason: str) -> None:
        self._dropped = reason
        self._to_write.set()  # the writer ends, and with it the connection

    # --- REST ---------------------------------------------------------------------------------

    async def _fetch(self, fetch: Fetch) -> None:
        try:
            page = await self._api.events(
                fetch.conversation, after_seq=fetch.after_seq, limit=fetch.limit
            )
        except SignedOut as error:
            self.perform(self.session.stop(error))
        except AgileIMError as error:
            gone = isinstance(error, NotFound)
            self.perform(self.session.fetch_failed(fetch.conversation, self.now, gone=gone))
        else:
            self.perform(self.session.fetched(fetch.conversation, page, self.now))

    async def _sync(self, cursor: str | None) -> None:
        try:
            page = await self._api.sync(cursor)
        except SignedOut as error:
            self.perform(self.session.stop(error))
        except AgileIMError as error:
            _log.info("sync failed: %s", error)
            refused = isinstance(error, Refused) and error.code == "invalid"
            self.perform(self.session.sync_failed(self.now, refused=refused))
        else:
            self.perform(self.session.synced(page, self.now))

    async def _save(self, save: fx.Save) -> None:
        async with self._store_lock:
            positions = {
                name: Position(self._handed_out.get(name, 0), head)
                for name, head in save.heads.items()
            }
            for name in save.left:
                self._handed_out.pop(name, None)
            await self._store.synced(save.cursor, positions, save.left)

    async def _new_token(self) -> None:
        try:
            self._token = await self._tokens.access_token(rejected=self._token)
        except SignedOut as error:
            self.perform(self.session.stop(error))
        except AgileIMError as error:
            _log.info("no new token: %s", error)  # the gateway closes with 4003, we try again
        else:
            self.perform(self.session.token(self._token))

    async def _report(self) -> None:
        await asyncio.sleep(REPORT_AFTER_S)
        deliveries, self._deliveries = self._deliveries, {}
        self._reporting = False
        for conversation, seq in deliveries.items():
            try:
                await self._api.report(conversation, delivered_seq=seq)
            except AgileIMError as error:
                _log.info("delivery not reported: %s", error)  # the next one covers it

    # --- answers and tasks ----------------------------------------------------------------------

    def _answer(self, msg_id: str, result: Sent | frames.Refused) -> None:
        waiting = self.answers.get(msg_id)
        if waiting is None or waiting.done():
            return
        if isinstance(result, Sent):
            waiting.set_result(result)
        else:
            waiting.set_exception(_refusal(result))

    def _fail_answers(self, error: AgileIMError) -> None:
        for msg_id, waiting in self.answers.items():
            written, _ = self.session.cancel_send(msg_id, self.now)
            if not waiting.done():
                waiting.set_exception(OutcomeUnknown(msg_id, str(error)) if written else error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        # A bug, or a store that failed: the program must hear of it.
        _log.error("the client stops", exc_info=error)
        if isinstance(error, AgileIMError):
            self.perform(self.session.stop(error))
        else:
            self.error = AgileIMError(f"the client failed: {error!r}")
            self.error.__cause__ = error
            self.perform(self.session.stop(self.error))


def _refusal(frame: frames.Refused) -> Refused:
    return refusal(
        frame.code, frame.message, field=frame.field, retry_after_ms=frame.retry_after_ms
    )
