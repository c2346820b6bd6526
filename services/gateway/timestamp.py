"""Unix time to the UTC datetimes that frames carry."""

from __future__ import annotations

from datetime import UTC, datetime


def from_unix(seconds: float) -> datetime:
    """The moment ``seconds`` after the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
