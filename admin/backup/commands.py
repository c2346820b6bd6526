"""``backup``, ``restore``, ``verify`` and ``backup-key``."""

from __future__ import annotations

import asyncio
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis

from admin.backup.making import make
from admin.backup.reading import Place, restore, verify
from admin.backup.sealing import make_identity
from admin.errors import AdminError, Misused
from admin.groups import Groups
from admin.operator import Operator
from admin.streams import registered
from shared.keys import Keys

DELETE_PAGE = 1000


def add(groups: Groups) -> None:
    """The commands of this module."""
    one = groups.command("backup", backup, "write database and files to one file, while all runs")
    one.add_argument("path", type=Path)
    one.add_argument(
        "--recipient", action="append", default=[], metavar="age1…",
        help="seal it for who holds this key (again for more of them)",
    )  # fmt: skip
    one = groups.command("verify", run_verify, "restore a backup into a scratch place and compare")
    _add_source(one)
    one.add_argument(
        "--server", default="", metavar="URL",
        help="a PostgreSQL where a scratch database may be made; without: one is started here",
    )  # fmt: skip
    one = groups.command(
        "restore", run_restore, "restore into the empty database of AGILEIM_DATABASE_URL"
    )
    _add_source(one)
    one = groups.command("backup-key", backup_key, "make a key to seal backups with")
    one.add_argument("path", type=Path, help="where to write the private key")


def _add_source(parser: ArgumentParser) -> None:
    parser.add_argument("path", type=Path)
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the private key, if sealed")


async def backup(options: Namespace, operator: Operator) -> None:
    """backup"""
    made = await asyncio.to_thread(make, operator.settings, options.path, options.recipient)
    rows = made.manifest.facts.rows
    if operator.settings.keys_dir and not made.manifest.keys:
        operator.out.remark("auth's signing keys are not in it: they go into sealed backups only")
    operator.out.done(
        f"{made.path}: {made.size_bytes:,} bytes; {rows.get('users', 0)} people,"
        f" {rows['conversations']} conversations, {rows['events']} events, {made.files} files,"
        f" {made.keys} keys",
        path=str(made.path), bytes=made.size_bytes, rows=rows, files=made.files, keys=made.keys,
    )  # fmt: skip


async def run_verify(options: Namespace, operator: Operator) -> None:
    """verify"""

    def work() -> str:
        with _server(options.server) as url:
            found = verify(options.path, options.identity, url, operator.settings.postgres_bin)
        rows = found.facts.rows
        return (
            f"{options.path} is good: of {found.made_at:%Y-%m-%d %H:%M:%SZ}, {rows['events']}"
            f" events, {rows['conversations']} heads and {len(found.facts.samples)} sample messages"
            " agree"
        )

    operator.out.done(await asyncio.to_thread(work), path=str(options.path))


@contextmanager
def _server(url: str) -> Iterator[str]:
    """A PostgreSQL to work in: the one named, or one of our own for a moment."""
    if url:
        yield url
        return
    try:
        from standalone.scratch import scratch_postgres  # not part of the image
    except ImportError:
        raise Misused("name a PostgreSQL where a scratch database may be made: --server") from None
    with (
        tempfile.TemporaryDirectory(prefix="agileim-verify-") as folder,
        scratch_postgres(Path(folder)) as own,
    ):
        yield own


async def run_restore(options: Namespace, operator: Operator) -> None:
    """restore"""
    own = operator.settings
    own.need("database_url")
    if own.redis_url:
        await _nobody_runs(await operator.redis(), operator.keys)
    place = Place(own.database_url, own.files_dir, own.keys_dir, own.postgres_bin)
    restored = await asyncio.to_thread(restore, options.path, options.identity, place)
    emptied = 0
    if own.redis_url:
        emptied = await _empty(await operator.redis(), own.key_prefix)
    else:
        operator.out.remark("empty Redis before you start the services (FLUSHDB)")
    rows = restored.manifest.facts.rows
    operator.out.done(
        f"restored the state of {restored.manifest.made_at:%Y-%m-%d %H:%M:%SZ}: {rows['events']}"
        f" events, {restored.files} files, {restored.keys} keys; {emptied} keys of Redis removed",
        rows=rows, files=restored.files, keys=restored.keys, redis_keys_removed=emptied,
    )  # fmt: skip


async def _nobody_runs(redis: Redis, keys: Keys) -> None:
    alive = [
        one for one in await registered(redis, keys) if await redis.exists(keys.gateway_lease(one))
    ]
    if alive:
        raise AdminError(f"services are running (gateway {alive[0]}): stop all of them first")


async def _empty(redis: Redis, prefix: str) -> int:
    """What Redis holds belongs to the state that was lost: all of it goes."""
    count, batch = 0, []
    async for key in redis.scan_iter(match=f"{prefix}:*", count=DELETE_PAGE):
        batch.append(key)
        if len(batch) == DELETE_PAGE:
            count += await redis.unlink(*batch)
            batch = []
    return count + (await redis.unlink(*batch) if batch else 0)


async def backup_key(options: Namespace, operator: Operator) -> None:
    """backup-key"""
    public = make_identity(options.path)
    operator.out.done(
        f"{public}\nThe private key is in {options.path}: keep it away from the backups. Seal with"
        f" `backup FILE --recipient {public}`.",
        recipient=public, identity=str(options.path),
    )  # fmt: skip
