"""Named points at which a process can be made to die, so that tests reach the narrow windows.

Setting ``AGILEIM_CRASH_AT`` (a test's, never a deployment's) to ``api.after_commit:37`` kills the
process with SIGKILL the 37th time it passes that point. Without it :func:`crash_here` does nothing.
The points: ``api.after_commit`` (committed, not yet in the stream), ``dispatcher.after_xadd``
(in the gateways' streams, not yet confirmed), ``gateway.after_write`` (on the socket, not yet
acknowledged by the client).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Final

VARIABLE: Final = "AGILEIM_CRASH_AT"


def _never(_: str) -> None:
    """Nothing was asked for."""


def armed(
    wanted: str, die: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)
) -> Callable[[str], None]:
    """What to call at each point for ``wanted``, written ``name`` or ``name:passes``."""
    if not wanted:
        return _never
    name, _, passes = wanted.partition(":")
    fatal, passed = int(passes or 1), count(1)

    def crash_here(point: str) -> None:
        if point == name and next(passed) == fatal:
            die()

    return crash_here


crash_here: Final[Callable[[str], None]] = armed(os.environ.get(VARIABLE, ""))
