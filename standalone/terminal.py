"""What people see in the terminal: the services' logs, each line with the coloured name of its
process, and how to call the client."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path
from typing import Final, TextIO

_COLOURS: Final = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # the readable ones of the first 16
_NAME_WIDTH: Final = 12  # "dispatcher-1"
_LOOK_EVERY_S: Final = 0.2


class LogFollower:
    """Prints what is appended to the `*.log` files of a folder, from now on."""

    def __init__(self, folder: Path, out: TextIO = sys.stdout) -> None:
        self._folder = folder
        self._out = out
        self._coloured = out.isatty()
        self._read_up_to = {log: log.stat().st_size for log in folder.glob("*.log")}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def stop(self) -> None:
        """Print what is left and end."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            self._print_new()
        self._print_new()

    def _print_new(self) -> None:
        for number, log in enumerate(sorted(self._folder.glob("*.log"))):
            for line in self._new_lines(log):
                self._out.write(f"{self._label(log.stem, number)} {line}\n")
        self._out.flush()

    def _new_lines(self, log: Path) -> list[str]:
        start = self._read_up_to.get(log, 0)
        with log.open("rb") as file:
            if file.seek(0, 2) < start:
                start = 0  # it was rotated
            file.seek(start)
            text = file.read()
        whole = text.rfind(b"\n") + 1  # the rest of a half-written line comes with the next look
        self._read_up_to[log] = start + whole
        return text[:whole].decode(errors="replace").splitlines()

    def _label(self, name: str, number: int) -> str:
        label = f"{name:<{_NAME_WIDTH}} |"
        return (
            f"\033[{_COLOURS[number % len(_COLOURS)]}m{label}\033[0m" if self._coloured else label
        )


def client_command() -> str:
    """How to call the terminal client from here."""
    beside = Path(sys.executable).with_name("agileim")
    if shutil.which("agileim") or not beside.exists():
        return "agileim"
    folder = Path.cwd()
    return str(beside.relative_to(folder)) if beside.is_relative_to(folder) else str(beside)
