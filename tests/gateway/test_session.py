"""The protocol as a table of states, frames, times and effects: no sockets here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.gateway.badframe import Fault, FaultKind
from services.gateway.session import (
    CheckToken,
    Close,
    Confirm,
    Effect,
    Effects,
    Follow,
    MarkRead,
    Phase,
    Reply,
    Session,
    SessionLimits,
    SignalTyping,
    Submit,
)
from shared.codes import CloseCode, ErrorCode
from shared.frames import (
    Ack,
    ClientFrame,
    Error,
    Expiring,
    Hello,
    Pong,
    Read,
    Refresh,
    Refreshed,
    Refused,
    Send,
    Typing,
    Watch,
)
from shared.ids import new_id

USER, DEVICE, ROOM = new_id(), new_id(), new_id()
SEND = Send("m1", ROOM, {"text": "hi"})
LIMITS = SessionLimits(
    hello_timeout_s=10, sends_per_s=1, sends_burst=3, sends_in_flight_max=2, frames_per_s=10,
    frames_burst=20, unacked_max=4, heartbeats_missed_max=2, token_grace_s=10,
)  # fmt: skip
T0 = 1000.0


def fresh() -> Session:
    return Session(T0, LIMITS)


def live(expires_in_s: float = 300.0) -> Session:
    session = fresh()
    session.on_frame(Hello("t"), T0)
    session.accepted(USER, DEVICE, 5000.0 + expires_in_s, expires_in_s, T0)
    return session


def closing() -> Session:
    session = live()
    session.close(CloseCode.GOING_AWAY, "")
    return session


def codes(effects: Effects) -> list[CloseCode]:
    return [effect.code for effect in effects if isinstance(effect, Close)]


PERFORMED: list[tuple[Callable[[], Session], ClientFrame, Effect | CloseCode | None]] = [
    (fresh, Hello("t"), CheckToken("t")),
    (fresh, SEND, CloseCode.BAD_PHASE),
    (fresh, Pong(), CloseCode.BAD_PHASE),
    (fresh, Refresh("t"), CloseCode.BAD_PHASE),
    (live, Hello("t"), CloseCode.BAD_PHASE),
    (live, Refresh("t2"), CheckToken("t2")),
    (live, SEND, Submit(SEND)),
    (live, Read(ROOM, 3), MarkRead(ROOM, 3)),
    (live, Typing(ROOM, True, "someone else"), SignalTyping(ROOM, True)),
    (live, Typing(ROOM, False), SignalTyping(ROOM, False)),
    (live, Watch([ROOM]), Follow([ROOM])),
    (live, Pong(), None),
    (live, Ack(1), Reply(Error(ErrorCode.INVALID, "only 0 events were sent", "ack", "n"))),
    (closing, SEND, None),
    (closing, Hello("t"), None),
    (closing, Ack(9), None),
]


@pytest.mark.parametrize(("state", "frame", "expected"), PERFORMED)
def test_each_frame_in_each_phase(
    state: Callable[[], Session], frame: ClientFrame, expected: Effect | CloseCode | None
) -> None:
    session = state()
    effects = session.on_frame(frame, T0)
    if isinstance(expected, CloseCode):
        assert codes(effects) == [expected]
        assert session.phase is Phase.CLOSING
    else:
        assert effects == (() if expected is None else (expected,))


@pytest.mark.parametrize("phase", [fresh, live, closing])
def test_what_is_no_frame_at_all_closes(phase: Callable[[], Session]) -> None:
    session = phase()
    was = session.phase
    effects = session.on_bad_frame(Fault(FaultKind.MALFORMED, "no"), T0)
    assert codes(effects) == ([] if was is Phase.CLOSING else [CloseCode.BAD_FRAME])


def test_a_send_with_wrong_fields_is_refused_by_its_id() -> None:
    fault = Fault(FaultKind.INVALID, "bad", "send", "conversation", "m7")
    refused = Refused("m7", ErrorCode.INVALID, "bad", "conversation")
    assert live().on_bad_frame(fault, T0) == (Reply(refused),)


def test_three_unknown_frames_are_too_many() -> None:
    session, fault = live(), Fault(FaultKind.UNKNOWN, "?", "sing")
    for _ in range(2):
        (effect,) = session.on_bad_frame(fault, T0)
        assert effect == Reply(Error(ErrorCode.UNKNOWN_FRAME, "?", "sing"))
    assert codes(session.on_bad_frame(fault, T0)) == [CloseCode.BAD_FRAME]


def test_a_flood_of_frames_closes_but_a_burst_does_not() -> None:
    session = live()  # hello has taken one of the 20
    assert all(session.on_frame(Pong(), T0) == () for _ in range(19))
    assert codes(session.on_frame(Pong(), T0)) == [CloseCode.FLOOD]
    session = live()
    assert all(session.on_frame(Pong(), T0 + n / 10) == () for n in range(500))


def test_pings_count_as_frames() -> None:
    session = live()
    assert all(session.on_ping(T0) == () for _ in range(19))
    assert codes(session.on_ping(T0)) == [CloseCode.FLOOD]
    assert session.on_ping(T0) == ()


def test_bad_frames_count_as_frames() -> None:
    session, fault = live(), Fault(FaultKind.INVALID, "bad", "read", "seq")
    for _ in range(19):
        session.on_bad_frame(fault, T0)
    assert codes(session.on_bad_frame(fault, T0)) == [CloseCode.FLOOD]


def test_sends_beyond_the_rate_are_refused_with_a_time() -> None:
    session = live()
    for _ in range(3):
        assert session.on_frame(SEND, T0) == (Submit(SEND),)
        session.answered()
    (effect,) = session.on_frame(SEND, T0)
    assert isinstance(effect, Reply)
    assert isinstance(effect.frame, Refused)
    assert (effect.frame.id, effect.frame.code) == ("m1", ErrorCode.RATE_LIMITED)
    assert 0 < effect.frame.retry_after_ms <= 1001
    later = T0 + effect.frame.retry_after_ms / 1000
    assert session.on_frame(SEND, later) == (Submit(SEND),)


def test_sends_without_an_answer_are_bounded() -> None:
    session = live()
    session.on_frame(SEND, T0)
    session.on_frame(SEND, T0)
    (effect,) = session.on_frame(SEND, T0)
    assert isinstance(effect, Reply)
    session.answered()
    assert session.on_frame(SEND, T0) == (Submit(SEND),)


def test_acks_are_cumulative() -> None:
    session = live()
    for _ in range(4):
        assert session.event_written()
    assert session.on_frame(Ack(3), T0) == (Confirm(3),)
    assert session.on_frame(Ack(3), T0) == ()
    assert session.on_frame(Ack(2), T0) == ()
    assert session.on_frame(Ack(4), T0) == (Confirm(1),)
    (effect,) = session.on_frame(Ack(5), T0)
    assert isinstance(effect, Reply)


def test_unacknowledged_events_are_bounded() -> None:
    session = live()
    assert all(session.event_written() for _ in range(4))
    assert not session.event_written()


# --- time ---------------------------------------------------------------------------------------


def test_no_hello_in_time() -> None:
    session = fresh()
    assert session.next_due == T0 + 10
    assert session.due(T0 + 9.9) == ()
    assert codes(session.due(T0 + 10)) == [CloseCode.HELLO_TIMEOUT]


def test_a_token_that_ends_is_announced_then_closes_after_the_grace() -> None:
    session = live(expires_in_s=300)
    assert session.due(session.next_due - 0.1) == ()
    assert session.next_due == T0 + 270
    (effect,) = session.due(T0 + 270)
    assert isinstance(effect, Reply)
    assert isinstance(effect.frame, Expiring)
    assert session.next_due == T0 + 310
    assert session.due(T0 + 309) == ()
    assert codes(session.due(T0 + 310)) == [CloseCode.TOKEN_EXPIRED]


def test_a_token_that_has_little_left_still_ends_on_time() -> None:
    session = live(expires_in_s=5)
    assert session.next_due == T0
    session.due(T0)
    assert codes(session.due(T0 + 14.9)) == []
    assert codes(session.due(T0 + 15)) == [CloseCode.TOKEN_EXPIRED]


def test_a_refresh_of_the_same_session_counts_and_no_other() -> None:
    session = live(expires_in_s=300)
    (effect,) = session.accepted(USER, DEVICE, 9000.0, 900, T0 + 100)
    assert isinstance(effect, Reply)
    assert isinstance(effect.frame, Refreshed)
    assert session.next_due == T0 + 970
    for user, device in ((new_id(), DEVICE), (USER, new_id())):
        (effect,) = session.accepted(user, device, 9999.0, 9999, T0 + 100)
        assert isinstance(effect, Reply)
        assert isinstance(effect.frame, Error)
        assert effect.frame.code is ErrorCode.FORBIDDEN
    assert session.next_due == T0 + 970
    assert (session.user, session.session) == (USER, DEVICE)


def test_a_bad_refresh_leaves_the_old_token_in_force() -> None:
    session = live()
    due = session.next_due
    (effect,) = session.rejected(CloseCode.UNAUTHENTICATED, "no")
    assert isinstance(effect, Reply)
    assert (session.phase, session.next_due) == (Phase.LIVE, due)
    assert codes(fresh().rejected(CloseCode.UNAUTHENTICATED, "no")) == [CloseCode.UNAUTHENTICATED]
    assert closing().rejected(CloseCode.UNAUTHENTICATED, "no") == ()


def test_missed_pings_close_and_any_frame_is_a_sign_of_life() -> None:
    session = live()
    assert session.beat() == session.beat() == ()
    session.on_frame(Pong(), T0)
    assert session.beat() == session.beat() == ()
    assert codes(session.beat()) == [CloseCode.HEARTBEAT_LOST]
    assert session.beat() == ()


def test_a_close_happens_once() -> None:
    session = live()
    assert codes(session.close(CloseCode.GOING_AWAY, "")) == [CloseCode.GOING_AWAY]
    assert session.close(CloseCode.FLOOD, "") == ()
    assert session.due(T0 + 10_000) == ()
    assert session.accepted(USER, DEVICE, 1.0, 1, T0) == ()
