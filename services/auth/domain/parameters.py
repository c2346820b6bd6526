"""Parameters of OAuth requests (RFC 6749, sections 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Iterable


class Duplicated(Exception):
    """A parameter was given more than once. ``rest`` has those that were given once."""

    def __init__(self, names: set[str], rest: dict[str, str]) -> None:
        super().__init__(f"{', '.join(sorted(names))} given more than once"[:200])
        self.names = names
        self.rest = rest


def single_valued(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Name → value; a parameter without a value counts as omitted.

    Raises :class:`Duplicated`.
    """
    values: dict[str, str] = {}
    repeated: set[str] = set()
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            repeated.add(name)
        seen.add(name)
        if value:
            values[name] = value
    if repeated:
        rest = {name: value for name, value in values.items() if name not in repeated}
        raise Duplicated(repeated, rest)
    return values
