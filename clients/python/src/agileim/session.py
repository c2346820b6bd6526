"""The session: everything the client decides, without input or output.

``(state, what happened, now) → effects``. It outlives connections; the shell (:mod:`.client`)
moves bytes and calls REST as the effects say. Times are seconds of any monotonic clock, so a
wrong wall clock does not matter. tests/frames/*.json runs it, and other languages' clients,
through recorded sequences.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from agileim import effects as fx
from agileim import frames, policy
from agileim.acks import AckWindow
from agileim.backoff import Backoff
from agileim.errors import AgileIMError
from agileim.events import ConnectionState, ConversationChanged, Receipt, from_wire, person_changed
from agileim.logs import WINDOW, Logs, Position
from agileim.models import EventPage, Sent, SyncPage
from agileim.outbox import Outbox
from agileim.presence import WATCH_RENEW_S, PresenceBoard, TypingBoard
from agileim.reads import ReadMarks

WELCOME_TIMEOUT_S = 15.0
SILENCE_HEARTBEATS = 2.5  # no frame for that many heartbeats: the line is dead
STABLE_AFTER_S = 10.0  # a connection that lasted so long ends a row of failures

Phase = Literal["down", "hello", "up", "stopped"]


class Session:
    """See the module. Every method returns the effects to perform, in order."""

    def __init__(
        self,
        *,
        cursor: str | None = None,
        positions: Mapping[str, Position] | None = None,
        start: Literal["now", "beginning"] = "now",
        window: int = WINDOW,
        agent: str = "agileim-python/0.1",
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.phase: Phase = "down"
        self.user = ""
        self._agent = agent
        self._rng = rng
        self._cursor = cursor
        self._logs = Logs(positions, fresh=cursor is None, start=start, window=window, rng=rng)
        self._outbox = Outbox(rng=rng)
        self._typing = TypingBoard()
        self._presence = PresenceBoard()
        self._reads = ReadMarks()
        self._acks = AckWindow()
        self._backoff = Backoff(rng=rng)
        self._sync_backoff = Backoff(rng=rng)
        self._sync_at: float | None = None
        self._syncing = False
        self._deadline: float | None = None  # for the next frame
        self._heartbeat_s = 25.0
        self._up_since = 0.0
        self._watch_at: float | None = None
        self._reconnect_after_s: float | None = None
        self._token_doubtful = False  # refused once: a newer one gets one more try

    # --- the connection ---------------------------------------------------------------------

    def connecting(self) -> list[fx.Effect]:
        """The shell opens a socket."""
        return [fx.Emit(ConnectionState("connecting"))]

    def opened(self, token: str, now: float) -> list[fx.Effect]:
        """The socket is open."""
        self.phase = "hello"
        self._deadline = now + WELCOME_TIMEOUT_S
        return [fx.Write(frames.Hello(token, self._agent))]

    def closed(self, code: int, now: float, why: str = "") -> list[fx.Effect]:
        """The socket has ended, or did not open (code 1006)."""
        if self.phase == "stopped":
            return []
        if self.phase == "up" and now - self._up_since >= STABLE_AFTER_S:
            self._backoff.reset()
        self.phase = "down"
        self._deadline = self._watch_at = None
        self._outbox.disconnected()
        self._reads.disconnected()
        gone: list[fx.Effect] = [fx.Emit(change) for change in self._presence.unknown()]
        return gone + self._after_close(code, now, why or policy.reason(code))

    def stop(self, error: AgileIMError) -> list[fx.Effect]:
        """Do not connect again."""
        self.phase = "stopped"
        self._deadline = self._sync_at = self._watch_at = None
        return [fx.Emit(ConnectionState("closed", reason=str(error))), fx.Stop(error)]

    def farewell(self) -> list[fx.Effect]:
        """The program closes the client: say what would else have waited for a timer."""
        if self.phase != "up":
            return []
        acked = self._acks.due(float("inf"))
        result: list[fx.Effect] = [] if acked is None else [fx.Write(frames.Ack(acked))]
        return result + [fx.Write(frame) for frame in self._reads.due(float("inf"))]

    def token(self, token: str) -> list[fx.Effect]:
        """A newer token, as asked for by :class:`~agileim.effects.NeedToken`."""
        return [fx.Write(frames.Refresh(token))] if self.phase == "up" else []

    def received(self, frame: frames.ServerFrame | None, now: float) -> list[fx.Effect]:
        """A frame came; None: one that was not understood."""
        if self.phase == "up":
            self._deadline = now + SILENCE_HEARTBEATS * self._heartbeat_s
        result = self._handle(frame, now)
        return result + self._pump(now)

    # --- answers of REST ----------------------------------------------------------------------

    def synced(self, page: SyncPage, now: float) -> list[fx.Effect]:
        """One page of a sync."""
        self._cursor = page.cursor
        merged = self._logs.synced(page, now)
        # Not before the last page: a first sync that was interrupted must start anew.
        cursor = None if page.more else page.cursor
        result: list[fx.Effect] = [fx.Save(cursor, merged.placed, merged.heads, merged.left)]
        result += [fx.Emit(ConversationChanged(c)) for c in page.conversations]
        result += self._emit(merged.events)
        if page.more:
            return [*result, fx.Sync(self._cursor), *self._pump(now)]
        self._syncing = False
        self._sync_backoff.reset()
        return result + self._pump(now)

    def sync_failed(self, now: float, *, refused: bool = False) -> list[fx.Effect]:
        """The sync got no answer; or the server does not take this cursor: ask for everything."""
        self._syncing = False
        if refused:
            self._cursor = None
        self._sync_at = now + self._sync_backoff.next()
        return self._pump(now)

    def fetched(self, conversation: str, page: EventPage, now: float) -> list[fx.Effect]:
        """The answer to a fetch."""
        result = self._emit(self._logs.fetched(conversation, page, now))
        if page.events:
            result.append(fx.Delivered(conversation, page.events[-1].seq))
        return result + self._pump(now)

    def fetch_failed(self, conversation: str, now: float, *, gone: bool) -> list[fx.Effect]:
        """A fetch got no answer, or (`gone`) the user may no longer see the conversation."""
        self._logs.fetch_failed(conversation, now)
        if not gone:
            return self._pump(now)
        self._logs.forget(conversation)
        return [fx.Save(None, {}, {}, [conversation]), *self._pump(now)]

    # --- wishes of the program ----------------------------------------------------------------

    def taken(self, count: int, now: float) -> list[fx.Effect]:
        """The consumer took `count` log events."""
        return self._emit(self._logs.taken(count)) + self._pump(now)

    def send(
        self, msg_id: str, conversation: str, body: dict[str, Any], now: float
    ) -> list[fx.Effect]:
        """Send a message, again and again until answered or cancelled."""
        self._outbox.add(msg_id, conversation, body)
        return self._pump(now)

    def cancel_send(self, msg_id: str, now: float) -> tuple[bool, list[fx.Effect]]:
        """Nobody waits for it any more; whether it was ever written."""
        pending = self._outbox.drop(msg_id)
        return (pending is not None and pending.tries > 0), self._pump(now)

    def read(self, conversation: str, seq: int, now: float) -> list[fx.Effect]:
        """The user has read up to `seq`."""
        self._reads.mark(conversation, seq)
        return self._pump(now)

    def typing(self, conversation: str, active: bool, now: float) -> list[fx.Effect]:
        """The user types, or has stopped. Lost while there is no connection."""
        if self.phase != "up":
            return []
        frame = self._typing.own(conversation, active, now)
        return [fx.Write(frame)] if frame else []

    def watch(self, conversations: list[str], now: float) -> list[fx.Effect]:
        """Follow the presence of these conversations' members."""
        frame = self._presence.watch(conversations)
        if self.phase != "up":
            return []
        self._watch_at = now + WATCH_RENEW_S
        return [fx.Write(frame)]

    def away(self, away: bool) -> list[fx.Effect]:
        """This device lies idle, or is in use again; told again after each reconnect."""
        frame = self._presence.own(away)
        return [fx.Write(frame)] if frame and self.phase == "up" else []

    # --- time ---------------------------------------------------------------------------------

    def tick(self, now: float) -> list[fx.Effect]:
        """Do what has become due."""
        result: list[fx.Effect] = [fx.Emit(ended) for ended in self._typing.expired(now)]
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            what = "no answer" if self.phase == "hello" else "the line went silent"
            return [*result, fx.Drop(what)]
        return result + self._pump(now)

    def next_at(self) -> float | None:
        """When to call `tick`; None: not before something else happens."""
        times: Iterable[float | None] = (self._typing.next_at(),)
        if self.phase in ("hello", "up"):
            times = (*times, self._deadline)
        if self.phase == "up":
            times = (
                *times,
                self._logs.next_at(),
                self._acks.due_at,
                self._watch_at,
                self._outbox.next_at(),
                self._reads.next_at(),
                None if self._syncing else self._sync_at,
            )
        return min((at for at in times if at is not None), default=None)

    # --- inside -------------------------------------------------------------------------------

    def _handle(self, frame: frames.ServerFrame | None, now: float) -> list[fx.Effect]:
        match frame:
            case frames.Event():
                return self._event(frame, now)
            case frames.Sent():
                return self._sent(frame, now)
            case frames.Refused():
                refused = self._outbox.refused(frame, now)
                return [fx.Answered(frame.id, frame)] if refused else []
            case frames.Ping():
                for head in frame.heads:
                    self._logs.head(head.conversation, head.seq, now)
                return [fx.Write(frames.Pong())]
            case frames.Receipt():
                fields = (frame.conversation, frame.user, frame.delivered, frame.read)
                return [fx.Emit(Receipt(*fields))]
            case frames.Typing():
                return [fx.Emit(news) for news in self._typing.received(frame, now)]
            case frames.Presence():
                return [fx.Emit(change) for change in self._presence.received(frame)]
            case frames.Person():
                return [fx.Emit(person_changed(frame))]
            case frames.Expiring():
                return [fx.NeedToken()]
            case frames.Resync():
                self._sync_at = now + self._rng() * frame.within_ms / 1000
                if self._presence.watched:  # what we had asked for may be lost as well
                    self._watch_at = self._sync_at
                return []
            case frames.Reconnect():
                self._reconnect_after_s = frame.after_ms / 1000
                return [fx.Drop(policy.reason(4000))]
            case frames.Welcome():
                return self._welcome(frame, now)
            case _:
                return []

    def _welcome(self, frame: frames.Welcome, now: float) -> list[fx.Effect]:
        if self.phase != "hello":
            return []
        self.phase = "up"
        self.user = frame.user
        self._up_since = now
        self._heartbeat_s = frame.heartbeat_s
        self._deadline = now + SILENCE_HEARTBEATS * frame.heartbeat_s
        self._acks = AckWindow()
        self._token_doubtful = False
        # Subscribed from now on: what the sync does not show yet will come as an event.
        self._sync_at = now
        result: list[fx.Effect] = [fx.Emit(ConnectionState("connected"))]
        if self._presence.watched:
            self._watch_at = now + WATCH_RENEW_S
            result.append(fx.Write(frames.Watch(self._presence.watched)))
        if (away := self._presence.welcomed()) is not None:
            result.append(fx.Write(away))
        return result

    def _event(self, frame: frames.Event, now: float) -> list[fx.Effect]:
        self._acks.received(now)
        result: list[fx.Effect] = [
            fx.Emit(news) for news in self._typing.spoke(frame.conversation, frame.sender)
        ]
        return result + self._emit(self._logs.live(frame, now))

    def _sent(self, frame: frames.Sent, now: float) -> list[fx.Effect]:
        pending = self._outbox.drop(frame.id)
        if pending is None:
            # Nobody waits: the text is gone, but the seq exists and will be fetched.
            self._logs.head(frame.conversation, frame.seq, now)
            return []
        sent = Sent(frame.conversation, frame.seq, frame.number, frame.time, frame.repeat, frame.id)
        own = frames.Event(
            frame.conversation,
            frame.seq,
            "message",
            self.user,
            frame.time,
            frame.number,
            pending.body,
            frame.id,
        )
        return [fx.Answered(frame.id, sent), *self._emit(self._logs.live(own, now))]

    def _emit(self, ready: list[frames.Event]) -> list[fx.Effect]:
        result: list[fx.Effect] = []
        for event in ready:
            result.append(fx.Emit(from_wire(event, self.user)))
            ends = event.kind in ("member_removed", "member_left")
            if ends and event.body.get("user") == self.user:
                self._logs.forget(event.conversation)
        return result

    def _pump(self, now: float) -> list[fx.Effect]:
        """What is due now, whatever happened."""
        if self.phase != "up":
            return []
        result: list[fx.Effect] = list(self._logs.due(now))
        if self._sync_at is None and not self._syncing and self._logs.unplaced:
            self._sync_at = now
        if self._sync_at is not None and self._sync_at <= now and not self._syncing:
            self._sync_at = None
            self._syncing = True
            self._logs.sync_asked()
            result.append(fx.Sync(self._cursor))
        acked = self._acks.due(now)
        if acked is not None:
            result.append(fx.Write(frames.Ack(acked)))
        if self._watch_at is not None and self._watch_at <= now:
            self._watch_at = now + WATCH_RENEW_S
            result.append(fx.Write(frames.Watch(self._presence.watched)))
        result += [fx.Write(frame) for frame in self._reads.due(now)]
        result += [fx.Write(frame) for frame in self._outbox.due(now)]
        return result

    def _after_close(self, code: int, now: float, why: str) -> list[fx.Effect]:
        new_token = code in (policy.TOKEN_EXPIRED, policy.UNAUTHENTICATED)
        if code == policy.UNAUTHENTICATED and not self._token_doubtful:
            self._token_doubtful = True
        elif not policy.may_reconnect(code):
            return self.stop(policy.final_error(code))
        if self._reconnect_after_s is not None:
            delay_s, self._reconnect_after_s = self._reconnect_after_s, None
        else:
            delay_s = self._backoff.next(at_least_failures=policy.least_failures(code))
        return [
            fx.Emit(ConnectionState("waiting", retry_in_s=delay_s, reason=why)),
            fx.Wait(delay_s, new_token, why),
        ]
