"""Making a backup."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from admin.backup import database, programs
from admin.backup.archive import Writer, copy_to
from admin.backup.manifest import DUMP, FILES, FORMAT, KEYS, MANIFEST, Manifest
from admin.backup.sealing import recipients, sealed
from admin.errors import Misused
from admin.settings import AdminSettings

PARTIAL: Final = ".partial"


@dataclass(frozen=True)
class Made:
    """What was made."""

    path: Path
    manifest: Manifest
    size_bytes: int
    files: int
    keys: int


def make(settings: AdminSettings, path: Path, keys_for: Sequence[str]) -> Made:
    """Write a backup to ``path``, whole or not at all. Raises AdminError.

    The database is taken first: what it refers to was in the files before. Signing keys go into
    sealed archives only.
    """
    settings.need("database_url")
    sealing = recipients(keys_for)
    if path.exists():
        raise Misused(f"{path} is there already")
    partial = path.with_name(path.name + PARTIAL)
    try:
        with _created(partial) as target, tempfile.TemporaryFile(dir=path.parent) as dump:
            manifest = _take(settings, dump, keys=bool(sealing and settings.keys_dir))
            with sealed(target, sealing) as sink, Writer(sink) as writer:
                writer.add_bytes(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
                dump.seek(0)
                writer.add(DUMP, dump, manifest.dump_bytes)
                files = writer.add_folder(FILES, settings.files_dir) if settings.files_dir else 0
                keys = (
                    writer.add_folder(KEYS, settings.keys_dir)
                    if manifest.keys and settings.keys_dir
                    else 0
                )
            target.flush()
            os.fsync(target.fileno())
            size = target.tell()
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    return Made(path, manifest, size, files, keys)


def _created(path: Path) -> IO[bytes]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise Misused(f"{path}: {error.strerror}") from error
    return os.fdopen(descriptor, "wb")


def _take(settings: AdminSettings, dump: Any, *, keys: bool) -> Manifest:
    """Dump one moment, and note what it looked like."""
    url = settings.database_url
    with database.connected(url) as connection, database.snapshot(connection) as (cursor, name):
        major, version, identifier = database.server_version(cursor)
        tools = programs.find(major, settings.postgres_bin)
        made_at = datetime.now(UTC)
        database.dump(tools, url, name, dump)
        facts = database.facts(cursor)
    dump.seek(0)
    with Path(os.devnull).open("wb") as nowhere:
        size, digest = copy_to(dump, nowhere)
    return Manifest(
        format=FORMAT,
        made_at=made_at,
        server=version,
        tool=tools.version,
        system_identifier=identifier,
        facts=facts,
        dump_bytes=size,
        dump_sha256=digest,
        files=settings.files_dir is not None,
        keys=keys,
    )
