"""Whether each refused message was refused for a reason that the log tells. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.faults.history import History, Outcome, SendRecord
from tests.faults.membership import Interval, intervals

# From the time that an event bears until it is committed: the longest that a statement may take.
COMMIT_S: Final = 5.0


def unexplained(history: History) -> Iterator[str]:
    """Refusals that neither membership nor the thread's beginning accounts for.

    `not_found` is for who was no member at some moment of the send; `invalid` for a reply in a
    thread that began before the sender came (again), and may not be seen by them.
    """
    at = {(event.conversation, event.seq): event.at for event in history.stored}
    spells = intervals(history)
    for send in history.sends:
        if send.outcome is not Outcome.REFUSED:
            continue
        own = [
            (spell, at[send.conversation, spell.first], _end(spell, send.conversation, at))
            for spell in spells.get((send.conversation, send.sender), [])
        ]
        if send.code == "not_found":
            told = not any(
                since + COMMIT_S < send.started_at and send.ended_at < until
                for _, since, until in own
            )
        else:
            told = send.code == "invalid" and any(
                0 < send.thread < spell.first and since <= send.ended_at for spell, since, _ in own
            )
        if not told:
            yield _named(send)


def _end(spell: Interval, conversation: str, at: dict[tuple[str, int], float]) -> float:
    return float("inf") if spell.last is None else at[conversation, spell.last]


def _named(send: SendRecord) -> str:
    thread = f" in the thread of seq {send.thread}" if send.thread else ""
    return f"{send.client_msg_id} of {send.device}{thread}: {send.code} without a reason"
