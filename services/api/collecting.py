"""Deletes files that nothing refers to any more."""

from __future__ import annotations

import asyncio
from typing import Final

from services.api.blobs import BlobError, BlobStore
from services.api.store.errors import StoreError
from services.api.store.files import Files
from services.api.uploads import file_key, part_key, thumbnail_key
from shared.logs import get_logger

INTERVAL_S: Final = 60.0
BATCH: Final = 100


async def collect_files(files: Files, blobs: BlobStore, interval_s: float = INTERVAL_S) -> None:
    """Collect every ``interval_s``, for good. Every replica may: they skip each other's rows."""
    while True:
        await asyncio.sleep(interval_s)
        try:
            while await collect(files, blobs) >= BATCH:
                pass
        except (StoreError, BlobError) as error:
            get_logger().warning("files_not_collected", error=str(error))


async def collect(files: Files, blobs: BlobStore) -> int:
    """Delete some files that are due; how many there were. First the content, then the row: when
    this breaks in between, the row is found again."""
    doomed = await files.doom(BATCH)
    if doomed:
        await blobs.delete(
            key
            for file, parts in doomed
            for key in (
                file_key(file),
                thumbnail_key(file),
                *(part_key(file, start) for start in parts),
            )
        )
        await files.forget([file for file, _ in doomed])
        get_logger().info("files_collected", files=len(doomed))
    return len(doomed)
