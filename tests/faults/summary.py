"""The figures of a run, worked out from its history. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.faults.checker import outcomes
from tests.faults.history import History, Outcome

SLOW_S: Final = 1.0  # a send or a delivery that takes longer is felt as disturbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts, and times in seconds."""

    acked: int
    refused: int
    unknown: int
    seen: int  # events handed to devices
    gap_s: float  # the longest time from an event's commit until a device had it
    recovery_s: float  # from the fault until no send and no delivery took longer than SLOW_S
    took_s: float


def summarise(history: History, took_s: float) -> Summary:
    """The figures; times of devices that joined late count from their joining."""
    ends = outcomes(history.sends)
    delays = list(_delays(history))
    slow = [end for end, delay in (*delays, *_answers(history)) if delay > SLOW_S]
    injected_at = history.injected_at
    return Summary(
        acked=ends[Outcome.ACKED],
        refused=ends[Outcome.REFUSED],
        unknown=ends[Outcome.UNKNOWN],
        seen=len(delays),
        gap_s=max((delay for _, delay in delays), default=0.0),
        recovery_s=max((end - injected_at for end in slow if end > injected_at), default=0.0),
        took_s=took_s,
    )


def _delays(history: History) -> Iterator[tuple[float, float]]:
    """When each event was seen by a device, and how long after its commit."""
    stored = {(event.conversation, event.seq): event.at for event in history.stored}
    for device in history.devices:
        for sighting in device.sightings:
            committed_at = stored.get((sighting.conversation, sighting.seq), sighting.at)
            # What happened before the device was there was not late.
            since = max(committed_at, device.since)
            yield sighting.at, max(0.0, sighting.at - since)


def _answers(history: History) -> Iterator[tuple[float, float]]:
    """When each send was answered, and after how long."""
    for send in history.sends:
        yield send.ended_at, send.ended_at - send.started_at
