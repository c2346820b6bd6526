"""Runs the recorded sequences of tests/frames against the session (format: its README)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from agileim import effects as fx
from agileim import frames
from agileim.errors import ProtocolError, SessionRevoked, SignedOut
from agileim.logs import Fetch, Position
from agileim.models import EventPage, Sent, SyncPage
from agileim.session import Session

FOLDER = Path(__file__).parents[1] / "frames"


def session_of(story: dict[str, Any]) -> Session:
    """The session that a story begins with."""
    random = story.get("random", 0.5)
    return Session(
        cursor=story.get("cursor"),
        positions={c: Position(*p) for c, p in story.get("positions", {}).items()},
        start=story.get("start", "now"),
        window=story.get("window", 1000),
        rng=lambda: float(random),
    )


def give(session: Session, step: dict[str, Any]) -> list[fx.Effect]:
    """Perform a step's input."""
    now = float(step["at"])
    match step:
        case {"open": token}:
            return session.opened(token, now)
        case {"frame": frame}:
            return session.received(frames.decode(json.dumps(frame)), now)
        case {"closed": code}:
            return session.closed(code, now)
        case {"token": token}:
            return session.token(token)
        case {"sync": None}:
            return session.sync_failed(now)
        case {"sync": "invalid"}:
            return session.sync_failed(now, refused=True)
        case {"sync": page}:
            return session.synced(msgspec.convert(page, SyncPage), now)
        case {"events": {"conversation": name, "page": dict() as page}}:
            return session.fetched(name, msgspec.convert(page, EventPage), now)
        case {"events": {"conversation": name, "page": page}}:
            return session.fetch_failed(name, now, gone=page == "gone")
        case {"taken": count}:
            return session.taken(count, now)
        case {"send": send}:
            body = {"text": send["text"]}
            return session.send(send["id"], send["conversation"], body, now)
        case {"cancel": msg_id}:
            return session.cancel_send(msg_id, now)[1]
        case {"read": read}:
            return session.read(read["conversation"], read["seq"], now)
        case {"typing": typing}:
            return session.typing(typing["conversation"], typing["active"], now)
        case {"watch": watch}:
            return session.watch(watch, now)
        case {"tick": True}:
            return session.tick(now)
    raise AssertionError(f"no known input in {step}")


def shown(effect: fx.Effect) -> dict[str, Any]:
    """An effect in the form of the files."""
    match effect:
        case fx.Write(frame):
            return {"write": json.loads(frames.encode(frame))}
        case fx.Emit(event):
            return {"emit": json.loads(msgspec.json.encode(event))}
        case Fetch():
            return {"fetch": effect._asdict()}
        case fx.Sync(cursor):
            return {"sync": cursor}
        case fx.NeedToken():
            return {"new_token": True}
        case fx.Drop():
            return {"drop": True}
        case fx.Wait():
            return {"wait": {"delay_s": effect.delay_s, "new_token": effect.new_token}}
        case fx.Stop(SessionRevoked()):
            return {"stop": "session_revoked"}
        case fx.Stop(SignedOut()):
            return {"stop": "signed_out"}
        case fx.Stop(ProtocolError()):
            return {"stop": "protocol"}
        case fx.Answered(_, Sent() as sent):
            return {"sent": msgspec.to_builtins(sent)}
        case fx.Answered(_, result):
            return {"refused": msgspec.to_builtins(result)}
        case fx.Save():
            return {"save": effect._asdict()}
        case fx.Delivered():
            return {"delivered": effect._asdict()}
    raise AssertionError(f"{effect} is not in the format")


def agrees(expected: Any, actual: Any) -> bool:
    """Whether all members that the file names are equal."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        if set(expected) & {"save"}:
            return expected == actual
        return all(k in actual and agrees(v, actual[k]) for k, v in expected.items())
    return bool(expected == actual)
