"""One to one: pairs of clients that write to each other.

Closed loop: each of the two directions of a pair has one message in flight. The next one is sent
at the moment when the last one is acknowledged to its sender (`sent`) *and* has arrived at the
other side (`event`). 100 pairs keep 200 messages in flight, so that rate × latency = 200.

Open loop: all directions in turn at a fixed rate, for latencies below the limit.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from bench.connections import signed_in
from bench.pace import at_rate
from bench.target import Target
from bench.window import Window, result
from bench.wire import Socket, message_frame

TEXT = "A line of chat of ordinary length, as people write them all day long, with no attachments."
RUN_OUT_TURN_S, RUN_OUT_TURNS = 0.02, 250  # a refused or lost message takes all of it


class Direction:
    """Messages from one client of a pair to the other."""

    __slots__ = ("_arrived", "_build", "_closed", "_confirmed", "_last", "_sender", "_window")

    def __init__(
        self, sender: Socket, receiver: Socket, conversation: str, window: Window, closed: bool
    ) -> None:
        self._sender = sender
        self._window = window
        self._closed = closed
        self._build = message_frame(conversation, TEXT)
        self._last = 0
        self._arrived = self._confirmed = True
        sender.on_sent = self._on_sent
        receiver.on_event = self._on_event

    @property
    def finished(self) -> bool:
        """Whether its last message is acknowledged and has arrived."""
        return self._arrived and self._confirmed

    def stop(self) -> None:
        """Send no next message."""
        self._closed = False

    def send(self, sent_ns: int) -> None:
        """Send a message whose clock starts at `sent_ns` (unique per sender: it is its id)."""
        self._last = sent_ns
        self._arrived = self._confirmed = False
        self._sender.transport.write(self._build(sent_ns))

    def _on_sent(self, _: Socket, message: int) -> None:
        if self._window.open:
            self._window.acked += 1
        if message == self._last:
            self._confirmed = True
            self._next()

    def _on_event(self, _: Socket, message: int) -> None:
        if self._window.open:
            self._window.delivered += 1
            self._window.latencies_ns.append(time.perf_counter_ns() - message)
        if message == self._last:
            self._arrived = True
            self._next()

    def _next(self) -> None:
        if self._closed and self.finished:
            self.send(time.perf_counter_ns())


@dataclass(frozen=True, slots=True)
class Pairs:
    """Signed-in clients, two and two, each pair with its conversation."""

    sockets: list[Socket]
    conversations: list[str]

    def directions(self, window: Window, *, closed: bool) -> list[Direction]:
        """Both directions of each pair; takes over the sockets' listeners."""
        found = []
        for index, conversation in enumerate(self.conversations):
            one, other = self.sockets[2 * index], self.sockets[2 * index + 1]
            found.append(Direction(one, other, conversation, window, closed))
            found.append(Direction(other, one, conversation, window, closed))
        return found


async def closed_loop(
    target: Target, pairs: Pairs, warm_up_s: float, measured_s: float
) -> dict[str, Any]:
    """As many messages as go through with one in flight per direction."""
    window = Window()
    directions = pairs.directions(window, closed=True)
    for direction in directions:
        direction.send(time.perf_counter_ns())
    spent = await window.run(target.meter, warm_up_s, measured_s)
    for direction in directions:
        direction.stop()
    unfinished = await _run_out(directions)
    in_flight = len(directions)
    return result(window, spent, window.acked, in_flight=in_flight, unfinished=unfinished)


async def open_loop(
    target: Target, pairs: Pairs, per_s: float, warm_up_s: float, measured_s: float
) -> dict[str, Any]:
    """`per_s` messages a second, all directions in turn."""
    window = Window()
    directions = pairs.directions(window, closed=False)

    def act(index: int, due_ns: int) -> None:
        directions[index % len(directions)].send(due_ns)

    load = asyncio.create_task(at_rate(per_s, act))
    try:
        spent = await window.run(target.meter, warm_up_s, measured_s)
    finally:
        load.cancel()
    unfinished = await _run_out(directions)
    return result(window, spent, window.acked, offered_per_s=per_s, unfinished=unfinished)


async def _run_out(directions: list[Direction]) -> int:
    """Wait for what is in flight; how many directions' last messages are still under way."""
    for _ in range(RUN_OUT_TURNS):
        if all(each.finished for each in directions):
            break
        await asyncio.sleep(RUN_OUT_TURN_S)
    return sum(not each.finished for each in directions)


async def run(target: Target, pairs: int, warm_up_s: float, measured_s: float) -> dict[str, Any]:
    """Both loops: closed, then open at half of what the closed one reached."""
    people = await target.provision.people(2 * pairs, "direct")
    couples = [(people[2 * index], people[2 * index + 1]) for index in range(pairs)]
    conversations = await target.provision.directs(couples)
    async with signed_in(target, people) as sockets:
        ready = Pairs(sockets, conversations)
        closed = await closed_loop(target, ready, warm_up_s, measured_s)
        half = max(1.0, round(closed["acked_per_s"] / 2, 1))
        halved = await open_loop(target, ready, half, warm_up_s, measured_s)
        refused = sum(len(socket.refused) for socket in sockets)
    return {"direct_closed": closed, "direct_half": halved | {"refused": refused}}
