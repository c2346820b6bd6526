"""The table, a file for each noun. Every module here that has ``ROWS`` is part of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from tests.access.row import FrameRow, Row


def rows() -> Iterator[Row | FrameRow]:
    """All rows."""
    for module in pkgutil.iter_modules(__path__):
        yield from importlib.import_module(f"{__name__}.{module.name}").ROWS
