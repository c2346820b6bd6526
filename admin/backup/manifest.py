"""What an archive says about itself."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from admin.errors import AdminError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"
CHECKSUMS: Final = "checksums.json"
FILES: Final = "files/"
KEYS: Final = "keys/"


class Sample(Struct, frozen=True):
    """The newest event of some conversation, to be found again."""

    conversation: str
    seq: int
    sha256: str  # of its kind, sender, time and body


class Facts(Struct, frozen=True):
    """What a database says about itself."""

    migrations: list[str]
    rows: dict[str, int]  # by table
    heads_sha256: str  # of every conversation's id, head seq and number of messages, by id
    samples: list[Sample]


class Manifest(Struct, frozen=True):
    """The first member of an archive."""

    format: int
    made_at: datetime
    server: str  # version of PostgreSQL
    tool: str  # version of pg_dump
    system_identifier: str
    facts: Facts
    dump_bytes: int
    dump_sha256: str
    files: bool  # whether the folder of files is part of it
    keys: bool


def read_manifest(content: bytes) -> Manifest:
    """Raises AdminError."""
    try:
        known = msgspec.json.decode(content, type=dict)
        if known.get("format", 0) > FORMAT:
            raise AdminError(
                f"the backup has format {known['format']}, this program reads up to {FORMAT}:"
                " use the version that made it"
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise AdminError(f"this is no backup: {error}") from error
