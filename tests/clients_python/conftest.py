"""Fixtures of the client's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agileim import Profile, ProfileFile, TokenSet, backoff, boot_clock, logs
from tests.clients_python.playserver import PlayServer, play_server


@pytest.fixture
async def server(short_waits: None) -> AsyncIterator[PlayServer]:
    """A server that plays the protocol."""
    async with play_server() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for profiles."""
    monkeypatch.setenv("AGILEIM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def profile(home: Path) -> ProfileFile:
    """The file of a profile that is not signed in yet."""
    return ProfileFile("work")


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnects and retries within milliseconds; their true length is tested in the stories."""
    original = backoff.Backoff.next

    def quick(self: backoff.Backoff, *, at_least_failures: int = 0) -> float:
        return original(self, at_least_failures=at_least_failures) / 50

    monkeypatch.setattr(backoff.Backoff, "next", quick)
    monkeypatch.setattr(logs, "GAP_HOLD_S", 0.05)


@pytest.fixture
def signed_in(server: PlayServer, profile: ProfileFile) -> ProfileFile:
    """The profile `work`, signed in at the play server."""
    moment = boot_clock.now()
    tokens = TokenSet("token", "refresh-0", 300, moment.boot, moment.seconds)
    profile.write(Profile(server.url, "agileim-cli", tokens, "me", "me"))
    return profile
