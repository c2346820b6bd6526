"""Every statement of the table holds, and the threat model lists exactly these."""

from __future__ import annotations

from pathlib import Path

import pytest

from standalone.stack import Stack
from tests.auth.mailbox import Mailbox
from tests.auth.rig import Rig

# Each adds its rows.
from tests.auth.security import (  # noqa: F401
    bots,
    factors,
    headers,
    logs,
    mails,
    oauth,
    outside,
    passwords,
    sessions,
    sockets,
    tokens,
)
from tests.auth.security.statements import GROUPS, STATEMENTS, Scene, Statement, table
from tests.gateway.world import World
from tests.support.signin import Tokens

ROOT = Path(__file__).parents[3]


def _rows(scene: Scene) -> pytest.MarkDecorator:
    rows = [row for row in STATEMENTS if row.scene == scene]
    return pytest.mark.parametrize("statement", rows, ids=[row.id for row in rows])


@_rows("auth")
async def test_auth(statement: Statement, rig: Rig, ada: Tokens) -> None:
    await statement.check(rig, ada)


@_rows("mail")
async def test_mail(statement: Statement, posting: tuple[Rig, Mailbox, Tokens]) -> None:
    await statement.check(*posting)


@_rows("outside")
async def test_outside(statement: Statement, elsewhere: tuple[Rig, Tokens]) -> None:
    await statement.check(*elsewhere)


@_rows("gateway")
async def test_gateway(statement: Statement, world: World) -> None:
    await statement.check(world)


@pytest.mark.slow
@_rows("stack")
async def test_everything_together(statement: Statement, stack: Stack) -> None:
    await statement.check(stack)


def test_there_are_enough_and_each_is_said_once() -> None:
    assert len(STATEMENTS) >= 70
    assert len({row.text for row in STATEMENTS}) == len(STATEMENTS)
    assert len({row.id for row in STATEMENTS}) == len(STATEMENTS)
    assert {row.group for row in STATEMENTS} == set(GROUPS)
    assert all(row.source for row in STATEMENTS)


def test_threat_model_lists_the_statements() -> None:
    document = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    assert table(STATEMENTS) in document
