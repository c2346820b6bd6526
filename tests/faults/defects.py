"""Planted defects: the check must find each of them, or its passes mean nothing.

They live here and are put into a running service by starting it through this module
(``python -m tests.faults.defects DEFECT SERVICE``); the shipped services know nothing of them.
Those of the client are put into this process for the time of the run.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from unittest.mock import patch

from agileim.frames import Event
from agileim.log import ConversationLog
from tests.faults.injections import BY_NAME, Fault
from tests.faults.scene import Scene

EVERY: Final = 100


def _ack_what_is_not_stored() -> None:
    """api answers every hundredth message with success and forgets it."""
    from services.api.batcher import Batcher
    from shared.internal import Appended

    store, passed = Batcher._store, count(1)

    async def forgetful(self: Batcher, drafts: Sequence[Any]) -> list[Any]:
        keep = [next(passed) % EVERY != 0 for _ in drafts]
        kept = [draft for draft, is_kept in zip(drafts, keep, strict=True) if is_kept]
        results = iter(await store(self, kept) if kept else [])
        return [
            next(results) if is_kept else Appended(draft.conversation, 1, 1, datetime.now(UTC))
            for draft, is_kept in zip(drafts, keep, strict=True)
        ]

    Batcher._store = forgetful  # type: ignore[method-assign]  # the defect


def _lose_deliveries() -> None:
    """The gateway loses every hundredth event."""
    from services.gateway.hub import Hub

    deliver, passed = Hub._deliver_event, count(1)

    def lossy(self: Hub, *what: Any) -> None:
        if next(passed) % EVERY:
            deliver(self, *what)

    Hub._deliver_event = lossy  # type: ignore[method-assign,assignment]  # the defect


def _keep_telling_the_removed() -> None:
    """The dispatcher never takes anybody off a conversation's list."""
    from services.dispatcher.domain.membership import Members

    apply = Members.apply

    def blind(self: Members, seq: int, joined: Iterable[str], left: Iterable[str]) -> Any:
        return apply(self, seq, joined, [])

    Members.apply = blind  # type: ignore[method-assign]  # the defect


def _leave_ghosts() -> None:
    """The gateway never takes anybody off its roster."""
    from services.gateway.registration import Registration

    Registration.leave = lambda self, connection: None  # type: ignore[method-assign]  # the defect


_IN_SERVICES: Final[dict[str, Callable[[], None]]] = {
    "acks-unstored": _ack_what_is_not_stored,
    "loses-deliveries": _lose_deliveries,
    "tells-removed": _keep_telling_the_removed,
    "leaves-ghosts": _leave_ghosts,
}


@contextmanager
def sdk_repeats() -> Iterator[None]:
    """The SDK hands on every event as often as it comes."""
    offer = ConversationLog.offer

    def repeating(self: ConversationLog, event: Event, room: int) -> list[Event]:
        known = self.position is not None and event.seq <= self.position
        return [event] if known else offer(self, event, room)

    with patch.object(ConversationLog, "offer", repeating):
        yield


@contextmanager
def sdk_takes_gaps() -> Iterator[None]:
    """The SDK hands on whatever comes next, and never looks for what is missing."""
    offer = ConversationLog.offer

    def gullible(self: ConversationLog, event: Event, room: int) -> list[Event]:
        if self.position is not None and event.seq > self.position:
            self.position = event.seq - 1
        return offer(self, event, room)

    with patch.object(ConversationLog, "offer", gullible):
        yield


def _planted(
    defect: str, kind: str, what: str, expects: str, *, fault: str = "none", **more: Any
) -> Fault:
    async def prepare(scene: Scene) -> None:
        argv = [sys.executable, "-m", "tests.faults.defects", defect, kind]
        for name in scene.of(kind):
            process = scene.stack.processes[name]
            process.launch = replace(process.launch, argv=argv)
        await asyncio.gather(*(scene.restart(name) for name in scene.of(kind)))

    return replace(
        BY_NAME[fault], name=f"defect-{defect}", what=what, prepare=prepare, expects=expects, **more
    )


DEFECTS: Final[tuple[Fault, ...]] = (
    _planted("acks-unstored", "api", "planted: acknowledges what is not stored", "lost"),
    _planted(
        "loses-deliveries", "gateway",
        "planted: the gateway loses events and the SDK takes gaps", "lost", within=sdk_takes_gaps,
    ),
    _planted("tells-removed", "dispatcher", "planted: removed members still get events", "leaked"),
    _planted("leaves-ghosts", "gateway", "planted: rosters keep who has gone", "presence"),
    replace(
        BY_NAME["crash-dispatcher.after_xadd"], name="defect-sdk-repeats",
        what="planted: the SDK hands on repeats", expects="repeated", within=sdk_repeats,
    ),
)  # fmt: skip


if __name__ == "__main__":
    _IN_SERVICES[sys.argv[1]]()
    runpy.run_module(f"services.{sys.argv[2]}", run_name="__main__")
