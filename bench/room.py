"""A room: one group conversation, all of its members connected, a few of them writing.

A delivery is a message's `event` at one client other than its sender: a message in a room of 500
makes 499. Open loop at a fixed rate of deliveries; closed loop with a fixed number of messages in
flight per sender, where the next is sent when the last has arrived everywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from bench.connections import signed_in
from bench.direct import TEXT
from bench.pace import at_rate
from bench.target import Target
from bench.window import Window, result
from bench.wire import Socket, message_frame

IN_FLIGHT = 4  # per sender, in the closed loop
RATES = (10_000.0, 60_000.0)  # deliveries/s


class Room:
    """The connected members; the first `senders` of them write."""

    def __init__(self, sockets: list[Socket], conversation: str, senders: int) -> None:
        self.sockets = sockets
        self.writers = sockets[:senders]
        self.audience = len(sockets) - 1
        self._build = message_frame(conversation, TEXT)

    def write(self, writer: int, sent_ns: int) -> None:
        """Have a member write a message whose clock starts at `sent_ns`."""
        self.writers[writer].transport.write(self._build(sent_ns))

    def listen(self, window: Window, on_everywhere: Callable[[int], None] | None = None) -> None:
        """Count into `window`; tell when a message has arrived at all clients."""
        latencies = window.latencies_ns
        waiting: dict[int, int] = {}  # message → arrivals still to come
        clock = time.perf_counter_ns

        def on_event(_: Socket, message: int) -> None:
            if window.open:
                window.delivered += 1
                latencies.append(clock() - message)
            if on_everywhere is not None:
                left = waiting.get(message, self.audience) - 1
                waiting[message] = left
                if not left:
                    del waiting[message]
                    on_everywhere(message)

        def on_sent(_: Socket, __: int) -> None:
            if window.open:
                window.acked += 1

        for socket in self.sockets:
            socket.on_event, socket.on_sent = on_event, on_sent


async def open_loop(
    target: Target, room: Room, deliveries_per_s: float, warm_up_s: float, measured_s: float
) -> dict[str, Any]:
    """A fixed rate of deliveries, the writers in turn."""
    window = Window()
    room.listen(window)
    per_s = deliveries_per_s / room.audience

    def act(index: int, due_ns: int) -> None:
        room.write(index % len(room.writers), due_ns)

    load = asyncio.create_task(at_rate(per_s, act))
    try:
        spent = await window.run(target.meter, warm_up_s, measured_s)
    finally:
        load.cancel()
    return result(window, spent, window.delivered, offered_per_s=deliveries_per_s)


async def closed_loop(
    target: Target, room: Room, warm_up_s: float, measured_s: float
) -> dict[str, Any]:
    """As many deliveries as go through with IN_FLIGHT messages of each writer under way."""
    window = Window()
    writer_of: dict[int, int] = {}

    def send(writer: int) -> None:
        now = time.perf_counter_ns()
        writer_of[now] = writer
        room.write(writer, now)

    def on_everywhere(message: int) -> None:
        send(writer_of.pop(message))

    room.listen(window, on_everywhere)
    for _ in range(IN_FLIGHT):
        for writer in range(len(room.writers)):
            send(writer)
    spent = await window.run(target.meter, warm_up_s, measured_s)
    room.listen(Window())
    return result(window, spent, window.delivered, in_flight=IN_FLIGHT * len(room.writers))


async def run(
    target: Target,
    members: int,
    senders: int,
    rates: tuple[float, ...],
    warm_up_s: float,
    measured_s: float,
) -> dict[str, Any]:
    """Each of the rates, then as fast as it goes."""
    people = await target.provision.people(members, "room")
    conversation = await target.provision.group(people[0], people[1:])
    results = {}
    async with signed_in(target, people) as sockets:
        room = Room(sockets, conversation, senders)
        for rate in rates:
            results[f"room_{rate:.0f}"] = await open_loop(target, room, rate, warm_up_s, measured_s)
            await asyncio.sleep(1.0)  # what was in flight
        results["room_max"] = await closed_loop(target, room, warm_up_s, measured_s)
        await asyncio.sleep(1.0)
        lost = [socket for socket in sockets if socket.closed]
        refused = sum(len(socket.refused) for socket in sockets)
    for figures in results.values():
        figures |= {"members": members, "refused": refused, "sockets_lost": len(lost)}
    return results
