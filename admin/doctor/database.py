"""PostgreSQL, as api sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from admin.doctor.finding import Finding, State, judged
from shared.administration import DatabaseState

OLDEST: Final = 150_000
OUTBOX_MAX_S: Final = 10.0
TRANSACTION_MAX_S: Final = 300.0
CONNECTIONS_SHARE: Final = 0.9

_SETTINGS: Final = (
    ("fsync", ("on",), "acknowledged messages can be lost with the power", State.FAIL),
    ("full_page_writes", ("on",), "a torn page loses data", State.FAIL),
    ("synchronous_commit", ("on", "remote_apply", "remote_write", "local"),
     "acknowledged messages can be lost", State.FAIL),
    ("autovacuum", ("on",), "tables grow without end", State.FAIL),
    ("server_encoding", ("UTF8",), "make the database anew with --encoding=UTF8", State.FAIL),
    ("data_checksums", ("on",), "bad disks go unnoticed: pg_checksums --enable", State.WARN),
)  # fmt: skip


def findings(state: DatabaseState, partitions: int) -> Iterator[Finding]:
    """All checks of the database."""
    yield judged(
        "PostgreSQL version",
        state.version_number >= OLDEST,
        state.version,
        "upgrade to 15 or newer",
    )
    yield judged(
        "primary", not state.in_recovery, "standby" if state.in_recovery else "primary",
        "AGILEIM_DATABASE_URL of api names a standby: let it name the primary",
    )  # fmt: skip
    for name, good, why, bad in _SETTINGS:
        value = state.settings.get(name, "?")
        yield judged(f"PostgreSQL {name}", value in good, value, f"set {name}: {why}", bad)
    yield judged(
        "migrations", not state.missing, f"{len(state.applied)} applied",
        f"missing: {', '.join(state.missing)}; restart api, or run services.api --migrate",
    )  # fmt: skip
    yield judged(
        "schema version", not state.unknown, "of this version",
        f"the database is newer than api ({', '.join(state.unknown)}): deploy the newer version",
        State.WARN,
    )  # fmt: skip
    broken = ", ".join(state.invalid_indexes)
    yield judged("indexes", not broken, broken or "all valid", "REINDEX INDEX CONCURRENTLY each")
    lacking = ", ".join(state.missing_privileges[:5])
    yield judged("privileges", not lacking, lacking or "all", "GRANT what is missing to api's role")
    yield judged(
        "partitions", state.partitions == partitions, str(state.partitions),
        f"AGILEIM_PARTITIONS is {partitions} here: set it to {state.partitions} everywhere",
    )  # fmt: skip
    yield judged(
        "outbox", state.outbox_oldest_s <= OUTBOX_MAX_S,
        f"{state.outbox_rows} rows, the oldest {state.outbox_oldest_s:.0f} s",
        "events do not reach Redis: see the runbook AgileIMOutboxOld",
    )  # fmt: skip
    yield judged(
        "long transactions", state.oldest_transaction_s <= TRANSACTION_MAX_S,
        f"the oldest is {state.oldest_transaction_s:.0f} s",
        "find it in pg_stat_activity: it keeps vacuum from cleaning and syncs from moving on",
        State.WARN,
    )  # fmt: skip
    most = int(state.settings.get("max_connections", "0"))
    yield judged(
        "connections", state.connections <= most * CONNECTIONS_SHARE,
        f"{state.connections} of {most}",
        "raise max_connections, or lower AGILEIM_DATABASE_CONNECTIONS", State.WARN,
    )  # fmt: skip
