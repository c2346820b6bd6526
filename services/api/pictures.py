"""Pictures are looked at in other processes: a decoder that breaks, or is broken into, is not ours.

A process for each picture rather than a pool: its memory and time are limited from its first
moment, it can be killed without a thought for others, and nothing of one picture meets the next.
Starting it costs about a tenth of a second of CPU.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from services.api import picture_worker
from shared.logs import get_logger

TIMEOUT_S: Final = 20.0
_WORKER: Final = Path(picture_worker.__file__)


class Picture(Struct, frozen=True):
    """What there is to know about a picture, upright."""

    width: int
    height: int
    placeholder: str  # a data: URL of a few pixels


class Pictures:
    """At most one at work for each processor."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._free = asyncio.Semaphore(os.cpu_count() or 1)
        self._timeout_s = timeout_s

    async def look(self, source: Path, thumbnail: Path) -> Picture | None:
        """Write a thumbnail of a picture; None for what cannot be shown."""
        async with self._free:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_WORKER), str(source), str(thumbnail),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={"PATH": os.defpath},
            )  # fmt: skip
            try:
                async with asyncio.timeout(self._timeout_s):
                    told, complaint = await process.communicate()
            except TimeoutError:
                told, complaint = b"", b"timeout"
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if process.returncode != 0:
            get_logger().info("picture_not_shown", why=complaint.decode(errors="replace")[:200])
            return None
        return msgspec.json.decode(told, type=Picture)
