"""What clients say over the socket."""

from __future__ import annotations

from collections.abc import Mapping

from shared import frames
from shared.codes import CloseCode
from tests.access.answers import (
    FORBIDDEN,
    INVALID,
    PEOPLE,
    UNAUTHENTICATED,
    Actor,
    Answers,
    Expected,
    members,
    signed_in,
)
from tests.access.row import FrameRow

CONVERSATION = {"conversation": "{conversation}"}
SEND = {**CONVERSATION, "id": "{fresh}", "body": {"text": "hi"}}


def live(answers: Answers) -> Answers:
    """After `hello`: nobody without a user's token gets so far."""
    shut: Mapping[Actor, Expected] = {
        Actor.ANONYMOUS: CloseCode.BAD_PHASE.name,
        Actor.NARROW_SERVICE: CloseCode.UNAUTHENTICATED.name,
    }
    return {**answers, **shut}


ROWS = [
    FrameRow(
        frames.Hello, {**dict.fromkeys(PEOPLE, "welcome"),
        Actor.ANONYMOUS: CloseCode.UNAUTHENTICATED.name,
        Actor.NARROW_SERVICE: CloseCode.UNAUTHENTICATED.name},
        {"token": "{token}"},
    ),
    FrameRow(frames.Hello, {**live(signed_in(CloseCode.BAD_PHASE.name)),
        Actor.ANONYMOUS: CloseCode.UNAUTHENTICATED.name}, {"token": "{token}"}, note="again"),
    FrameRow(frames.Refresh, live(signed_in("refreshed")), {"token": "{token}"}),
    FrameRow(frames.Refresh, live(signed_in(FORBIDDEN)), {"token": "{outsider_token}"},
        note="another's token"),
    FrameRow(frames.Refresh, live(signed_in(UNAUTHENTICATED)), {"token": ""}, note="no token"),
    FrameRow(frames.Send, live(members("sent", muted=FORBIDDEN)), SEND),
    FrameRow(frames.Send, live(members("sent", blocked=FORBIDDEN)), SEND, place="direct",
        note="direct"),
    FrameRow(frames.Ack, live(signed_in(INVALID)), {"n": 1}, note="of nothing"),
    FrameRow(frames.Away, live(signed_in("nothing"))),
    FrameRow(frames.Pong, live(signed_in("nothing"))),
    # Who is not a member hears nothing, as if the conversation did not exist; nobody else does.
    FrameRow(frames.Read, live(members("moved", stranger="nothing", former="nothing")),
        {**CONVERSATION, "seq": 1}),
    FrameRow(frames.Typing, live(members("heard", stranger="nothing", former="nothing",
        blocked="nothing")),
        CONVERSATION),
    FrameRow(frames.Typing, live(members("heard", stranger="nothing", former="nothing",
        blocked="nothing")),
        CONVERSATION, place="direct", note="direct"),
    FrameRow(frames.Watch, live(members("presence", stranger="nothing", former="nothing")),
        {"conversations": ["{conversation}"]}),
    FrameRow(frames.Watch, live(members("presence", stranger="nothing", former="nothing")),
        {"conversations": ["{conversation}"]}, place="direct", note="direct"),
]  # fmt: skip
