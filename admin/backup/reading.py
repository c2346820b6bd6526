"""Restoring a backup, and verifying one in a scratch place."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from admin.backup import database, programs
from admin.backup.archive import Reader, copy_to
from admin.backup.manifest import DUMP, FILES, KEYS, MANIFEST, Facts, Manifest, read_manifest
from admin.backup.sealing import identities, opened
from admin.errors import AdminError, Misused

MANIFEST_MAX_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What was restored."""

    manifest: Manifest
    files: int
    keys: int


@dataclass(frozen=True)
class Place:
    """Where to: an empty database, and the folders (None: not wanted)."""

    database_url: str
    files_dir: Path | None = None
    keys_dir: Path | None = None
    postgres_bin: Path | None = None


def restore(path: Path, identity: Path | None, place: Place) -> Restored:
    """Restore everything. The database is filled last, in one transaction: when something is
    wrong with the archive, it is still empty. Raises AdminError."""
    keys = identities(identity)
    with database.connected(place.database_url) as connection, connection.cursor() as cursor:
        if names := database.tables(cursor):
            raise Misused(
                f"the database is not empty (it has {', '.join(names[:3])}…): take a new one"
            )
        major = database.server_version(cursor)[0]
    counts = {FILES: 0, KEYS: 0}
    manifest: Manifest | None = None
    with (
        tempfile.TemporaryDirectory(prefix="agileim-restore-") as scratch,
        opened(path, keys) as source,
    ):
        dump = Path(scratch) / DUMP
        for name, content in Reader(source):
            if manifest is None:
                manifest = _manifest(name, content)
            elif name == DUMP:
                _keep_dump(content, dump, manifest)
            else:
                counts[_put(name, content, place)] += 1
        if manifest is None or not dump.exists():
            raise AdminError("this is no backup: it has no dump")
        tools = programs.find(major, place.postgres_bin, at_least=int(manifest.tool.split(".")[0]))
        database.restore(tools, place.database_url, dump)
    database.settle(place.database_url)
    return Restored(manifest, counts[FILES], counts[KEYS])


def _manifest(name: str, content: IO[bytes]) -> Manifest:
    if name != MANIFEST:
        raise AdminError(f"this is no backup: it begins with {name}")
    return read_manifest(content.read(MANIFEST_MAX_BYTES))


def _keep_dump(content: IO[bytes], dump: Path, manifest: Manifest) -> None:
    with dump.open("wb") as file:
        found = copy_to(content, file)
    if found != (manifest.dump_bytes, manifest.dump_sha256):
        raise AdminError("the backup is damaged: the dump is another one than its manifest says")


def _put(name: str, content: IO[bytes], place: Place) -> str:
    """Write a file where it belongs; which kind it is. One that is there is replaced, but for
    signing keys: those of the archive are added."""
    for prefix, folder in ((FILES, place.files_dir), (KEYS, place.keys_dir)):
        if not name.startswith(prefix):
            continue
        if folder is not None:
            target = folder / name.removeprefix(prefix)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = target.with_name(target.name + ".partial")
            with os.fdopen(
                os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
            ) as file:
                shutil.copyfileobj(content, file)
                os.fsync(file.fileno())
            partial.rename(target)
        return prefix
    raise AdminError(f"a backup has no member {name!r}")


# --- verifying ------------------------------------------------------------------------------


def verify(
    path: Path, identity: Path | None, server_url: str, postgres_bin: Path | None
) -> Manifest:
    """Restore into a scratch database of the server at ``server_url`` and compare it with what the
    backup says of itself. Raises AdminError with all differences."""
    with scratch_database(server_url) as url, tempfile.TemporaryDirectory() as files:
        restored = restore(path, identity, Place(url, Path(files), None, postgres_bin))
        with database.connected(url) as connection, database.snapshot(connection) as (cursor, _):
            found = database.facts(cursor, restored.manifest.facts.samples)
            broken = database.broken_logs(cursor)
    faults = differences(restored.manifest.facts, found)
    if broken:
        faults.append(f"{broken} conversations have gaps in their logs")
    if faults:
        raise AdminError(f"the backup is not what it says: {'; '.join(faults)}")
    return restored.manifest


def differences(said: Facts, found: Facts) -> list[str]:
    """A sentence for each."""
    faults = [
        f"{name} has {found.rows.get(name, 0)} rows instead of {rows}"
        for name, rows in said.rows.items()
        if found.rows.get(name) != rows
    ]
    if found.migrations != said.migrations:
        faults.append("other migrations are applied")
    if found.heads_sha256 != said.heads_sha256:
        faults.append("the heads of conversations are others")
    wrong = [
        one.conversation
        for one, other in zip(said.samples, found.samples, strict=True)
        if one != other
    ]
    if wrong:
        faults.append(f"the newest event of {', '.join(wrong[:3])} is another one")
    return faults


@contextmanager
def scratch_database(server_url: str) -> Iterator[str]:
    """A new database on a server, dropped in the end; the role must be allowed to make one."""
    name = f"agileim_verify_{secrets.token_hex(4)}"
    with database.connected(server_url) as connection, connection.cursor() as cursor:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        cursor.execute(made)
    try:
        yield make_dsn(**{**parse_dsn(server_url), "dbname": name})
    finally:
        with database.connected(server_url) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
