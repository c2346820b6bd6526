"""``doctor``: a healthy installation has nothing to mend, and each illness is named."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from admin.command_line import main
from admin.doctor import database, services
from admin.doctor.finding import Finding, State
from shared.administration import DatabaseState
from standalone.servers.redis import Redis
from standalone.stack import Stack

HEALTHY = DatabaseState(
    version="17.2", version_number=170_002, time=datetime.now(UTC),
    settings={
        "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on",
        "server_encoding": "UTF8", "data_checksums": "on", "max_connections": "100",
    },
    partitions=8, applied=["0001_accounts"], missing=[], unknown=[], invalid_indexes=[],
    missing_privileges=[], connections=10, size_bytes=1, outbox_rows=0, outbox_oldest_s=0.0,
    oldest_transaction_s=0.0, in_recovery=False,
)  # fmt: skip


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["doctor", "--json", *arguments]) == code, capsys.readouterr()
    lines = capsys.readouterr().out.splitlines()
    return {one["check"]: one for one in map(json.loads, lines)}


def ill(findings: Iterator[Finding]) -> dict[str, State]:
    found = [one for one in findings if one.state is not State.OK]
    assert all(one.mend for one in found if one.state is not State.SKIPPED)
    return {one.check: one.state for one in found}


def test_a_running_installation_is_well(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    found = doctor(capsys, "--data", str(stack.folder.path), code=1)
    # The stack of the tests runs without fsync, and that is what is found.
    failed = {name for name, one in found.items() if one["state"] == "fail"}
    assert failed == {"PostgreSQL fsync", "PostgreSQL full_page_writes"}
    assert found["partition owners"]["found"] == "all 8 owned"
    assert found["gateways"]["found"] == "2 alive"
    assert found["migrations"]["state"] == found["signing key age"]["state"] == "ok"
    assert found["issuer"]["found"] == stack.url
    assert len([name for name in found if name.startswith("clock of")]) == 4


@pytest.mark.parametrize(
    ("change", "sick"),
    [
        ({}, {}),
        ({"version_number": 140_009}, {"PostgreSQL version": State.FAIL}),
        ({"missing": ["0042_x"]}, {"migrations": State.FAIL}),
        ({"unknown": ["0099_y"]}, {"schema version": State.WARN}),
        ({"invalid_indexes": ["members_of_user"]}, {"indexes": State.FAIL}),
        ({"missing_privileges": ["INSERT on events"]}, {"privileges": State.FAIL}),
        ({"partitions": 32}, {"partitions": State.FAIL}),
        ({"outbox_oldest_s": 60.0}, {"outbox": State.FAIL}),
        ({"oldest_transaction_s": 4000.0}, {"long transactions": State.WARN}),
        ({"connections": 99}, {"connections": State.WARN}),
        ({"in_recovery": True}, {"primary": State.FAIL}),
    ],
)
def test_each_illness_of_the_database_is_named(
    change: dict[str, Any], sick: dict[str, State]
) -> None:
    assert ill(database.findings(msgspec.structs.replace(HEALTHY, **change), 8)) == sick


def test_lost_power_would_lose_messages() -> None:
    settings = {**HEALTHY.settings, "fsync": "off", "synchronous_commit": "off"}
    found = ill(database.findings(msgspec.structs.replace(HEALTHY, settings=settings), 8))
    assert found == {"PostgreSQL fsync": State.FAIL, "PostgreSQL synchronous_commit": State.FAIL}


def test_clocks_that_differ_are_found() -> None:
    assert services.clock("x", 100.4, 100.0, 101.0).state is State.OK
    assert services.clock("x", 110.0, 100.0, 101.0).state is State.FAIL
    assert services.clock("x", 95.0, 100.0, 101.0).state is State.FAIL


def test_old_and_readable_keys_are_found(tmp_path: Path) -> None:
    now = time.time()
    assert ill(services.keys(None, now)) == {"signing keys": State.SKIPPED}
    assert ill(services.keys(tmp_path, now)) == {"signing keys": State.FAIL}
    key = tmp_path / "1.pem"
    key.touch(mode=0o600)
    assert ill(services.keys(tmp_path, now)) == {}
    os.utime(key, (now - 100 * 86400, now - 100 * 86400))
    key.chmod(0o644)
    assert ill(services.keys(tmp_path, now)) == {
        "signing key age": State.WARN, "signing key files": State.FAIL,
    }  # fmt: skip


def test_what_is_not_there_is_found_and_the_rest_is_looked_at(
    own_redis: Redis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "API_URLS": "http://127.0.0.1:9", "AUTH_URL": "http://127.0.0.1:9",
        "CLIENT_SECRET": "x" * 40, "REDIS_URL": own_redis.url, "PARTITIONS": "3",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"AGILEIM_{name}", value)
    found = doctor(capsys, code=1)
    states = {name: one["state"] for name, one in found.items()}
    assert states["api http://127.0.0.1:9"] == states["auth http://127.0.0.1:9"] == "fail"
    assert states["database"] == states["partition owners"] == states["gateways"] == "fail"
    assert found["partition owners"]["found"] == "without: 0, 1, 2"
    assert states["Redis version"] == states["clock of Redis"] == "ok"
    assert states["signing keys"] == "skipped"
    assert all(one["mend"] for one in found.values() if one["state"] in ("fail", "warn"))


def test_without_settings_everything_is_skipped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctor(capsys, code=0)
    assert {one["state"] for one in found.values()} == {"skipped"}
