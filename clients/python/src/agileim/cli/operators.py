"""``agileim admin`` and ``agileim doctor``: handed to the server's own tool, where there is one.

This package knows no server code; it only looks for the program in the places where a server's
checkout has it: the present folder, and the one that holds our environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

COMMANDS = ("admin", "doctor")
NOT_HERE = 2


def command_line(arguments: Sequence[str], places: Sequence[Path]) -> tuple[Path, list[str]] | None:
    """Where the server's code is, and the arguments of its tool; None: it is not on this machine,
    or in none of these places."""
    rest = list(arguments[1:]) if arguments[0] == "admin" else list(arguments)
    for place in places:
        if (place / "admin" / "__main__.py").is_file() and (place / "services").is_dir():
            return place, [sys.executable, "-m", "admin", *rest]
    return None


def run(arguments: Sequence[str]) -> int:
    """Become the server's tool; returns only when there is none."""
    found = command_line(arguments, [Path.cwd(), Path(sys.prefix).parent])
    if found is None:
        print(
            f"agileim: `agileim {arguments[0]}` is part of the server: run it in its folder, or in"
            " its image as `python -m admin`",
            file=sys.stderr,
        )
        return NOT_HERE
    place, command = found
    path = os.pathsep.join(filter(None, (str(place), os.environ.get("PYTHONPATH"))))
    os.execve(command[0], command, {**os.environ, "PYTHONPATH": path})  # noqa: S606 - no shell
