"""``doctor``."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import AsyncIterator
from typing import Any, Final, cast

from redis.exceptions import RedisError

from admin.doctor import database, redis, services
from admin.doctor.finding import Finding, State
from admin.errors import AdminError, Misused
from admin.groups import Groups
from admin.operator import Operator
from admin.output import shown
from shared.administration import DatabaseState

_SIGN: Final = {State.OK: "✓", State.WARN: "!", State.FAIL: "✗", State.SKIPPED: "·"}


class Unwell(AdminError):
    """At least one check has failed."""


def add(groups: Groups) -> None:
    """The commands of this module."""
    groups.command("doctor", doctor, "look at everything, and say how to mend what is wrong")


async def doctor(_: Namespace, operator: Operator) -> None:
    """doctor"""
    count = dict.fromkeys(State, 0)
    async for finding in examine(operator):
        count[finding.state] += 1
        if operator.out.as_json:
            operator.out.record(finding)
        else:
            print(f"{_SIGN[finding.state]} {finding.check}: {shown(finding.found)}")
            if finding.mend:
                print(f"    → {finding.mend}")
    summary = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    if count[State.FAIL]:
        raise Unwell(summary)
    operator.out.remark(summary)


async def examine(operator: Operator) -> AsyncIterator[Finding]:
    """All checks; one that cannot be made is a finding too."""
    async for finding in services.findings(operator):
        yield finding
    async for finding in _database(operator):
        yield finding
    async for finding in _redis(operator):
        yield finding
    for finding in services.keys(operator.settings.keys_dir, time.time()):
        yield finding


async def _database(operator: Operator) -> AsyncIterator[Finding]:
    before = time.time()
    try:
        state = await operator.ask("GET", "/database", DatabaseState)
    except Misused as error:
        yield Finding("database", State.SKIPPED, str(error))
    except AdminError as error:
        yield Finding(
            "database", State.FAIL, str(error), "mend api and auth first: it is asked there"
        )
    else:
        yield services.clock("PostgreSQL", state.time.timestamp(), before, time.time())
        for finding in database.findings(state, operator.settings.partitions):
            yield finding


async def _redis(operator: Operator) -> AsyncIterator[Finding]:
    try:
        client = await operator.redis()
        before = time.time()
        seconds, micros = cast(Any, await client.time())
        yield services.clock("Redis", seconds + micros / 1e6, before, time.time())
        async for finding in redis.findings(operator):
            yield finding
    except Misused as error:
        yield Finding("Redis", State.SKIPPED, str(error))
    except RedisError as error:
        found = f"{type(error).__name__}: {error}"
        yield Finding("Redis", State.FAIL, found, "start it, or mend AGILEIM_REDIS_URL")
