"""A PostgreSQL for a moment, to look into a backup."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standalone.ports import free_port
from standalone.servers.postgres import Postgres


@contextmanager
def scratch_postgres(folder: Path) -> Iterator[str]:
    """The administrator's url of a new, empty server; gone in the end."""
    server = Postgres(
        folder / "postgres",
        port=free_port(),
        password=secrets.token_hex(16),
        log=folder / "postgres.log",
        durable=False,
    )
    try:
        server.initialise()
        server.start()
        yield server.url("postgres")
    finally:
        server.stop()
