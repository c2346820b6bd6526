"""Who is online, as the SDK keeps it."""

from __future__ import annotations

import json

from agileim import frames
from agileim.effects import Effect, Emit
from agileim.events import Presence
from agileim.logs import Position
from agileim.session import Session

TOKEN = "token"


def _frame(type_: str, /, **fields: object) -> frames.ServerFrame | None:
    return frames.decode(json.dumps({"type": type_, **fields}))


def _event(seq: int, kind: str, body: dict[str, object]) -> frames.ServerFrame | None:
    return _frame(
        "event", conversation="team", seq=seq, kind=kind, sender="ann",
        time="2026-01-01T00:00:00Z", number=0, body=body,
    )  # fmt: skip


def _told(effects: list[Effect]) -> list[Presence]:
    emitted = [effect.event for effect in effects if isinstance(effect, Emit)]
    return [event for event in emitted if isinstance(event, Presence)]


def test_a_member_who_is_removed_is_no_longer_shown_online() -> None:
    session = Session(cursor="c", positions={"team": Position(0, 0)})
    session.opened(TOKEN, 0.0)
    session.received(
        _frame(
            "welcome", connection="c", user="ann", session="s", heartbeat_s=25, limits={},
            time="2026-01-01T00:00:00Z", token_expires_at="2026-01-01T00:05:00Z",
        ),
        0.0,
    )  # fmt: skip
    session.watch(["team"], 0.0)
    shown = [{"user": "bob", "state": "online"}]
    session.received(_frame("presence", conversation="team", users=shown, full=True), 1.0)
    session.received(_event(1, "conversation_created", {"kind": "group"}), 1.0)
    effects = session.received(_event(2, "member_removed", {"user": "bob"}), 2.0)
    told = _told(effects)
    assert told == [Presence("team", "bob", False)]
    # Back and offline: the server sends nothing, and nothing stale is left over.
    later = session.received(_event(3, "members_added", {"users": ["bob"]}), 3.0)
    assert _told(later) == []
