"""Starting again what crashed, and saying so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from standalone.errors import StandaloneError
from standalone.process import Process

LOOK_EVERY_S: Final = 0.2
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0  # after running this long, a crash counts as the first again


@dataclass
class _Watch:
    """What is remembered of one process between two looks."""

    pause_s: float = FIRST_PAUSE_S
    due: float | None = None  # when to start it again, time.monotonic()
    returning: bool = False  # started again, not ready yet


class Supervisor:
    """Watches processes from a thread of its own, from `start` to `stop`.

    Only processes that are `wanted` are started: a stopped one stays stopped.
    """

    def __init__(
        self,
        processes: Mapping[str, Process],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._processes = processes
        self._say = say
        self._clock = clock
        self._watches = {name: _Watch() for name in processes}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the last look is over."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """One look at every process."""
        for name, process in self._processes.items():
            if process.wanted:
                self._look_at(process, self._watches[name])

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.look()

    def _look_at(self, process: Process, watch: _Watch) -> None:
        now = self._clock()
        if process.alive:
            if watch.returning and process.ready:
                watch.returning = False
                self._say(f"{process.name} is back")
            return
        if watch.due is None:
            if now - process.started_at > STEADY_S:
                watch.pause_s = FIRST_PAUSE_S
            watch.due = now + watch.pause_s
            how = process.how_it_ended()
            self._say(f"{process.name} {how}; starting it again in {watch.pause_s:g} s")
            watch.pause_s = min(watch.pause_s * 2, LONGEST_PAUSE_S)
        if now >= watch.due:
            watch.due = None
            watch.returning = True
            try:
                process.start()
            except (OSError, StandaloneError) as fault:
                self._say(f"{process.name} could not be started: {fault}")
