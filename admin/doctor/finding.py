"""What a check has found."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """Only ``fail`` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"  # works, and will not for ever
    FAIL = "fail"
    SKIPPED = "skipped"  # could not be looked at, and why


class Finding(Struct, frozen=True):
    """One check."""

    check: str
    state: State
    found: str
    mend: str = ""


def judged(check: str, good: bool, found: str, mend: str, bad: State = State.FAIL) -> Finding:
    """``mend`` is said only when it is not good."""
    return Finding(check, State.OK if good else bad, found, "" if good else mend)
