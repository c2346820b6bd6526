"""What commands print: tables for people, JSON lines with ``--json``."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec


class Output:
    """Standard output, in the form that was asked for."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def rows(
        self, columns: Sequence[str], rows: Iterable[Mapping[str, Any] | msgspec.Struct]
    ) -> None:
        """Records: with ``--json`` whole, one a line; else these columns as a table."""
        records = [msgspec.to_builtins(row, builtin_types=(datetime,)) for row in rows]
        if self.as_json:
            for record in records:
                self._line(record)
            return
        table = [
            list(columns),
            *([shown(record.get(name)) for name in columns] for record in records),
        ]
        widths = [max(_width(row[place]) for row in table) for place in range(len(columns))]
        for row in table:
            cells = (
                text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)
            )
            print("  ".join(cells).rstrip())
        if not records:
            print("(none)")

    def record(self, record: Mapping[str, Any] | msgspec.Struct) -> None:
        """One record, a field a line."""
        fields = msgspec.to_builtins(record, builtin_types=(datetime,))
        if self.as_json:
            self._line(fields)
            return
        width = max(map(len, fields), default=0)
        for name, value in fields.items():
            print(f"{name:{width}}  {shown(value)}")

    def done(self, sentence: str, **facts: Any) -> None:
        """What was done: a sentence, or with ``--json`` the facts."""
        if self.as_json:
            self._line({"done": True, **facts})
        else:
            print(sentence)

    def remark(self, sentence: str) -> None:
        """For people only, and not part of the result."""
        print(sentence, file=sys.stderr)

    def _line(self, value: Any) -> None:
        print(msgspec.json.encode(value).decode(), flush=True)


def shown(value: Any) -> str:
    """As a person reads it, without control characters."""
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "-"
    text = "yes" if value is True else "no" if value is False else str(value)
    return "".join(char if char.isprintable() else "�" for char in text)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
