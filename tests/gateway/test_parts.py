"""The small parts: frames on the wire, buckets, wheel, ledger, outbox, faults."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.admission import Admission
from services.gateway.badframe import FaultKind, explain
from services.gateway.bucket import TokenBucket
from services.gateway.deliveries import Fences
from services.gateway.ledger import Ledger
from services.gateway.metrics import Latency
from services.gateway.outbox import COALESCE_S, Flusher, Outbox, OutboxLimits
from services.gateway.wheel import NO_SLOT, Wheel
from services.gateway.wsframe import close_frame, text_frame
from shared.entries import Delivery
from shared.frames import BadFrame, decode_client_frame
from tests.support.servers import wait_until

# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
def test_text_frames_have_the_headers_of_rfc_6455(length: int) -> None:
    payload = b"x" * length
    frame = text_frame(payload)
    assert frame[0] == 0x81  # final, text
    assert frame[1] & 0x80 == 0  # unmasked
    size = frame[1]
    start = 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4]), 4
        assert size > 125  # the shortest form is required
    elif size == 127:
        size, start = int.from_bytes(frame[2:10]), 10
        assert size > 0xFFFF
    assert (size, frame[start:]) == (length, payload)


def test_a_close_frame_fits_a_control_frame_and_stays_utf_8() -> None:
    frame = close_frame(4001, "é" * 200)
    assert frame[0] == 0x88
    assert frame[1] == len(frame) - 2 <= 125
    assert int.from_bytes(frame[2:4]) == 4001
    assert set(frame[4:].decode()) == {"é"}


# --- limits -------------------------------------------------------------------------------------


def test_a_bucket_lets_a_burst_through_and_then_the_rate() -> None:
    bucket = TokenBucket(per_s=10, burst=3)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(100.0) == pytest.approx(0.1)
    assert not bucket.take(100.05)
    assert bucket.take(100.1)
    assert not bucket.take(100.1)
    assert [bucket.take(200.0) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 0.5), max_size=200))
def test_a_bucket_never_lets_more_through_than_rate_and_burst(steps: list[float]) -> None:
    bucket, now, taken = TokenBucket(per_s=10, burst=5), 50.0, 0
    for step in steps:
        now += step
        taken += bucket.take(now)
        assert taken <= 5 + (now - 50.0) * 10 + 1e-6


def test_admission_counts_those_who_have_not_said_hello() -> None:
    welcomed, now = 0, 0.0
    admission = Admission(
        connections_max=5, hellos_max=2, per_s=1, burst=4,
        welcomed=lambda: welcomed, clock=lambda: now,
    )  # fmt: skip
    for _ in range(2):
        assert admission.refusal() == ""
        admission.enter()
    assert admission.refusal() == "hellos"
    welcomed = 2
    assert admission.refusal() == ""
    admission.enter()
    assert admission.refusal() == ""
    assert admission.refusal() == "rate"
    now = 10.0
    admission.enter()
    admission.enter()
    assert admission.refusal() == "full"
    admission.closed = True
    assert admission.refusal() == "stopping"


# --- the wheel ----------------------------------------------------------------------------------


def test_the_wheel_gives_each_item_once_and_never_early() -> None:
    wheel: Wheel[str] = Wheel(0.25)
    slot = wheel.move("a", NO_SLOT, 10.0)
    wheel.move("b", NO_SLOT, 11.0)
    assert wheel.due(9.99) == []
    assert wheel.due(10.24) == []
    assert wheel.due(10.5) == ["a"]
    assert wheel.due(10.9) == []
    slot = wheel.move("a", NO_SLOT, 12.0)
    slot = wheel.move("a", slot, 20.0)  # postponed
    assert wheel.due(15.0) == ["b"]
    wheel.remove("a", slot)
    assert wheel.due(30.0) == []
    late = wheel.move("c", NO_SLOT, 5.0)  # long past: next turn
    assert late >= 0
    assert wheel.due(30.25) == ["c"]


# --- the ledger ---------------------------------------------------------------------------------


def test_an_entry_is_confirmed_when_all_holds_are_gone() -> None:
    ledger = Ledger()
    entry = ledger.open(b"5-0")
    assert entry is not None
    entry.left += 2
    ledger.release(entry)  # the reader's
    ledger.release(entry)
    assert ledger.take_confirmed(10) == []
    ledger.release(entry)
    assert ledger.take_confirmed(10) == [b"5-0"]


def test_an_entry_is_known_until_its_xack_has_succeeded() -> None:
    ledger = Ledger()
    entry = ledger.open(b"5-0")
    assert entry is not None
    assert ledger.open(b"5-0") is None
    ledger.release(entry)
    ids = ledger.take_confirmed(10)
    assert ledger.open(b"5-0") is None  # read again while XACK is under way
    ledger.not_acked(ids)
    assert ledger.take_confirmed(10) == ids
    ledger.acked(ids)
    assert ledger.outstanding == 0


def test_trimming_stops_at_the_oldest_that_matters() -> None:
    ledger = Ledger()
    entries = [ledger.open(each) for each in (b"5-0", b"5-1", b"7-3")]
    assert ledger.trim_below() == b"5-0"
    for entry in entries[:1] + entries[2:]:
        assert entry is not None
        ledger.release(entry)
    ledger.acked(ledger.take_confirmed(10))
    assert ledger.trim_below() == b"5-1"
    assert entries[1] is not None
    ledger.release(entries[1])
    ledger.acked(ledger.take_confirmed(10))
    assert ledger.trim_below() == b"7-4"


def test_a_former_lifes_entry_confirms_nothing_here() -> None:
    former, ledger = Ledger(), Ledger()
    old = former.open(b"5-0")
    new = ledger.open(b"5-0")
    assert old is not None
    assert new is not None
    ledger.release(old)
    assert ledger.take_confirmed(10) == []


def test_fences_are_kept_by_partition_and_forgotten_together() -> None:
    fences = Fences()
    assert fences.admits(Delivery(1, 10, []))
    assert fences.admits(Delivery(1, 10, []))
    assert not fences.admits(Delivery(1, 9, []))
    assert fences.admits(Delivery(2, 3, []))
    fences.forget()
    assert fences.admits(Delivery(1, 9, []))


# --- the outbox ---------------------------------------------------------------------------------


class Pipe:
    """A transport whose peer reads only when the test says so."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.buffered = 0
        self.closing = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.closing


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def outbox(max_frames: int = 100, max_bytes: int = 10_000) -> tuple[Pipe, Flusher, Outbox]:
    pipe, flusher = Pipe(), Flusher(Clock())
    return pipe, flusher, Outbox(pipe, flusher, OutboxLimits(max_frames, max_bytes))


async def test_a_quiet_socket_is_written_to_at_once_and_a_busy_one_in_one_go() -> None:
    pipe, flusher, box = outbox()
    assert box.put(b"1", 100.0)
    assert pipe.writes == [b"1"]
    for data in (b"2", b"3", b"4"):
        assert box.put(data, 100.0 + COALESCE_S / 2)
    assert pipe.writes == [b"1"]
    await wait_until(lambda: pipe.writes == [b"1", b"234"])
    flusher.close()


async def test_a_held_batch_goes_out_in_one_write_per_socket() -> None:
    pipe, flusher, box = outbox()
    flusher.hold()
    box.put(b"1", 100.0)
    box.put(b"2", 100.0)
    assert pipe.writes == []
    flusher.release()
    assert pipe.writes == [b"12"]
    flusher.close()


async def test_what_a_full_socket_does_not_take_keeps_its_order() -> None:
    pipe, flusher, box = outbox()
    pipe.buffered = 1_000_000
    box.put(b"1", 100.0)
    pipe.buffered = 0
    box.put(b"2", 200.0)  # must not overtake
    await wait_until(lambda: b"".join(pipe.writes) == b"12")
    flusher.close()


async def test_signals_are_dropped_before_a_slow_socket_is_given_up() -> None:
    pipe, flusher, box = outbox(max_frames=4)
    pipe.buffered = 1_000_000
    box.put(b"s", 100.0, droppable=True)
    box.put(b"s", 100.0, droppable=True)
    assert [box.put(b"e", 100.0) for _ in range(5)] == [True, True, True, True, False]
    box = Outbox(pipe, flusher, OutboxLimits(100, max_bytes=10))
    assert box.put(b"x" * 10, 100.0)
    assert not box.put(b"x", 100.0)
    flusher.close()


async def test_a_large_backlog_is_written_in_parts() -> None:
    pipe, flusher, box = outbox(max_frames=1000, max_bytes=1_000_000)
    pipe.buffered = 1_000_000
    for number in range(20):
        box.put(bytes([number]) * 10_000, 100.0)
    pipe.buffered = 0
    assert not box.flush(101.0)
    assert 60_000 <= len(pipe.writes[0]) <= 80_000
    while not box.flush(101.0):
        pass
    assert b"".join(pipe.writes) == b"".join(bytes([n]) * 10_000 for n in range(20))
    assert box.waiting == 0
    flusher.close()
    await asyncio.sleep(0)


# --- faults -------------------------------------------------------------------------------------

FAULTS = [
    (b"nope", FaultKind.MALFORMED, "", "", ""),
    (b"[1]", FaultKind.MALFORMED, "", "", ""),
    (b"{}", FaultKind.MALFORMED, "", "", ""),
    (b'{"type":3}', FaultKind.MALFORMED, "", "", ""),
    (b'{"type":"sing","id":"x"}', FaultKind.UNKNOWN, "sing", "", ""),
    (b'{"type":"ack","n":0}', FaultKind.INVALID, "ack", "n", ""),
    (b'{"type":"ack"}', FaultKind.INVALID, "ack", "n", ""),
    (b'{"type":"send","id":"m","body":{}}', FaultKind.INVALID, "send", "conversation", "m"),
    (b'{"type":"send","id":7}', FaultKind.INVALID, "send", "id", ""),
]


@pytest.mark.parametrize(("text", "kind", "frame", "field", "sent_id"), FAULTS)
def test_faults_are_told_apart(
    text: bytes, kind: FaultKind, frame: str, field: str, sent_id: str
) -> None:
    with pytest.raises(BadFrame) as error:
        decode_client_frame(text)
    fault = explain(text, error.value)
    assert (fault.kind, fault.frame, fault.field, fault.id) == (kind, frame, field, sent_id)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_frame_or_a_fault(text: bytes) -> None:
    try:
        decode_client_frame(text)
    except BadFrame as error:
        explain(text, error)


def test_a_latency_histogram_is_cumulative() -> None:
    latency = Latency()
    for seconds in (-1.0, 0.0005, 0.02, 99.0):
        latency.observe(seconds)
    buckets = {
        sample.labels["le"]: sample.value
        for sample in latency.family("x", "y").samples
        if sample.name == "x_bucket"
    }
    assert (buckets["0.001"], buckets["0.025"], buckets["30.0"], buckets["+Inf"]) == (2, 3, 3, 4)
