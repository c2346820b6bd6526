"""Programs in Node that tests talk to, a line of JSON at a time."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

ANSWER_S: Final = 60.0
_OLDEST: Final = (20, 19)


def packages(folder: Path) -> Path:
    """``folder`` with the packages of its lock file installed. Skips the test without Node."""
    version = _node_version()
    if version < _OLDEST:
        pytest.skip(f"needs Node {_OLDEST[0]}.{_OLDEST[1]} or newer with npm")
    lock = (folder / "package-lock.json").read_bytes()
    wanted = hashlib.sha256(lock + (folder / "package.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".made-of"
    with (folder / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # several test runs may share the folder
        if not stamp.is_file() or stamp.read_text() != wanted:
            subprocess.run(
                ["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries", "1"],  # noqa: S607
                cwd=folder, check=True, capture_output=True, timeout=100,
            )  # fmt: skip
            stamp.write_text(wanted)
    return folder


def _node_version() -> tuple[int, ...]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return (0,)
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    return tuple(int(part) for part in told.stdout.strip().removeprefix("v").split(".")[:2])


class Program:
    """A running script: it says and is told one JSON value a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self) -> Any:
        """The next thing it says. Raises AssertionError with its errors when it ends instead."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        async with asyncio.timeout(ANSWER_S):
            line = await self._process.stdout.readline()
            if line:
                return json.loads(line)
            errors = (await self._process.stderr.read()).decode(errors="replace")
        raise AssertionError(f"the program ended:\n{errors}")

    def tell(self, value: Any) -> None:
        """Answer it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")


@asynccontextmanager
async def running(
    script: Path, given: Any, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run a script; the first thing that it is told is ``given``."""
    process = await asyncio.create_subprocess_exec(
        "node", script.name, cwd=script.parent, env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    try:
        program = Program(process)
        program.tell(given)
        yield program
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # closes the pipes too
