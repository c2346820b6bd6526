"""Fixtures of the statements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.auth.mailbox import Mailbox, mailbox
from tests.auth.rig import PASSWORD, Rig
from tests.auth.test_mail import with_mail
from tests.auth.test_outside import with_acme
from tests.gateway.world import World
from tests.support.signin import Tokens, register


@pytest.fixture
async def world(redis_url: str, key_prefix: str) -> AsyncIterator[World]:
    """Parts for a gateway; the check starts it."""
    made = World(redis_url, key_prefix)
    yield made
    await made.close()


@pytest.fixture
async def posting(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> AsyncIterator[tuple[Rig, Mailbox, Tokens]]:
    """auth with a mail server, and Ada, who is signed in."""
    async with (
        mailbox() as box,
        with_mail(tmp_path, postgres_url, redis_url, key_prefix, box) as rig,
    ):
        yield rig, box, await register(rig.url, "ada", PASSWORD, "Ada Lovelace")


@pytest.fixture
async def elsewhere(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> AsyncIterator[tuple[Rig, Tokens]]:
    """auth with a provider outside, and Ada, who is signed in."""
    async with with_acme(tmp_path, postgres_url, redis_url, key_prefix) as rig:
        yield rig, await register(rig.url, "ada", PASSWORD, "Ada Lovelace")
