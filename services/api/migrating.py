"""``python -m services.api --migrate``: bring the database to this version, and end.

For a job that runs before the new version is rolled out; api does the same at its start.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.api.store.migrate import MigrationError, apply
from shared.settings import Secret, SettingsError, load

RETRY_S: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class MigrationSettings:
    """What migrating needs; under the same names as api's."""

    database_url: Secret
    database_wait_s: float = 60.0

    def faults(self) -> list[str]:
        return []


def main(environ: Mapping[str, str]) -> int:
    """The exit code: 0 done, 1 PostgreSQL refuses or does not answer in time, 2 wrong settings."""
    try:
        settings = load(MigrationSettings, environ)
    except SettingsError as error:
        for fault in error.faults:
            print(f"api: {fault}", file=sys.stderr)
        return 2
    deadline = time.monotonic() + settings.database_wait_s
    while True:
        try:
            applied = apply(settings.database_url)
        except MigrationError as error:
            if error.transient and time.monotonic() < deadline:
                time.sleep(RETRY_S)
                continue
            print(f"api: {error}", file=sys.stderr)
            return 1
        print(f"applied: {', '.join(applied) or 'nothing, all was'}")
        return 0
