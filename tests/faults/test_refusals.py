"""Refusals are told apart from defects."""

from __future__ import annotations

import pytest

from tests.faults.history import History, Outcome, SendRecord, StoredEvent
from tests.faults.refusals import unexplained


def refused(code: str, at: float, thread: int = 0) -> SendRecord:
    return SendRecord(
        sender="guest", device="guest.1", conversation="room", client_msg_id="m", text="",
        outcome=Outcome.REFUSED, started_at=at, ended_at=at + 0.1, code=code, thread=thread,
    )  # fmt: skip


def event(seq: int, kind: str, at: float, **more: tuple[str, ...]) -> StoredEvent:
    return StoredEvent(
        conversation="room", seq=seq, kind=kind, sender="owner", at=at,
        joined=more.get("joined", ()), left=more.get("left", ()),
    )  # fmt: skip


LOG = [
    event(1, "conversation_created", 0.0, joined=("owner",)),
    event(2, "message", 10.0),
    event(3, "members_added", 20.0, joined=("guest",)),
    event(4, "message", 30.0),
    event(5, "member_removed", 60.0, left=("guest",)),
]


@pytest.mark.parametrize(
    "send",
    [
        refused("not_found", 5.0),
        refused("not_found", 70.0),
        refused("not_found", 59.95),  # removed meanwhile
        refused("invalid", 40.0, thread=2),
    ],
)
def test_what_the_log_explains(send: SendRecord) -> None:
    assert not list(unexplained(History(sends=[send], stored=LOG)))


@pytest.mark.parametrize(
    "send",
    [
        refused("not_found", 40.0),
        refused("invalid", 40.0),
        refused("invalid", 40.0, thread=4),
        refused("invalid", 5.0, thread=2),
        refused("forbidden", 70.0),
    ],
)
def test_what_it_does_not(send: SendRecord) -> None:
    assert len(list(unexplained(History(sends=[send], stored=LOG)))) == 1
