"""``agileim admin GROUP VERB``. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or
settings, 4 something does not answer, 5 not found, 130 interrupted."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from redis.exceptions import RedisError

from admin import (
    clients,
    conversations,
    everybody,
    factors,
    history,
    keys,
    presence,
    sessions,
    streams,
    users,
)
from admin.backup import commands as backup
from admin.doctor import commands as doctor
from admin.errors import AdminError, Misused, Unreachable
from admin.groups import Groups
from admin.operator import operator
from admin.output import Output
from admin.settings import read

INTERRUPTED: Final = 130
# Each adds its commands; they are listed in this order.
PARTS: Final = (
    users, factors, sessions, clients, keys, conversations, everybody, streams, presence, history,
    backup, doctor,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """All commands."""
    top = argparse.ArgumentParser(
        prog="agileim admin",
        description="Run an AgileIM installation. Addresses and secrets come from the environment,"
        " as for the services, or from the data folder of `make up`.",
    )
    groups = Groups(top)
    for part in PARTS:
        part.add(groups)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["admin"]:  # `agileim admin` of the image
        given = given[1:]
    options = parser().parse_args(given)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        asyncio.run(_run(options))
    except AdminError as error:
        return _fail(str(error), error.exit_code, as_json=options.json)
    except RedisError as error:
        why = f"Redis: {type(error).__name__}: {error}"
        return _fail(why, Unreachable.exit_code, as_json=options.json)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


async def _run(options: argparse.Namespace) -> None:
    settings = read(os.environ, options.data)
    reason = getattr(options, "reason", "")
    if getattr(options, "confirm", "") and not options.yes:
        _confirm(options.confirm)
    async with operator(settings, Output(as_json=options.json), reason) as one:
        await options.run(options, one)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise Misused("this needs --yes where nobody can be asked")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise AdminError("not done")


def _fail(why: str, code: int, *, as_json: bool) -> int:
    print(json.dumps({"error": why}) if as_json else f"agileim admin: {why}", file=sys.stderr)
    return code
