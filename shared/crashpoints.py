"""Named points at which a process can be made to die, so that tests reach the narrow windows.

Setting ``AGILEIM_CRASH_AT`` (a test's, never a deployment's) to ``api.after_commit:37`` kills the
process with SIGKILL the 37th time it passes that point; of several processes with the same
``api.after_commit:37:FILE``, only the first that comes so far. Without the setting
:func:`crash_here` does nothing.

The points: ``api.after_commit`` (committed, not yet in the stream), ``dispatcher.after_xadd``
(in the gateways' streams, not yet confirmed), ``gateway.after_write`` (on the socket, not yet
acknowledged by the client).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

VARIABLE: Final = "AGILEIM_CRASH_AT"


def _never(_: str) -> None:
    """Nothing was asked for."""


def armed(
    wanted: str, die: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGKILL)
) -> Callable[[str], None]:
    """What to call at each point for ``wanted``: ``name``, ``name:passes`` or
    ``name:passes:file``."""
    if not wanted:
        return _never
    name, _, rest = wanted.partition(":")
    passes, _, claim = rest.partition(":")
    fatal, passed = int(passes or 1), count(1)

    def crash_here(point: str) -> None:
        if point == name and next(passed) == fatal and _first(claim):
            die()

    return crash_here


def _first(claim: str) -> bool:
    """Whether no other process has come first."""
    if not claim:
        return True
    try:
        Path(claim).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


crash_here: Final[Callable[[str], None]] = armed(os.environ.get(VARIABLE, ""))
