"""Which dispatcher should own how many partitions.

Everybody computes the same from the same list of living dispatchers: the first ``P mod n`` in the
order of their ids own one more than the others. Nobody takes what another one owns; whoever has
too many lets go, whoever has too few takes what is free.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next."""

    release: list[int]
    acquire: list[int]


def fair_share(me: str, living: Collection[str], partitions: int) -> int:
    """How many partitions ``me`` should own, counted among the living in any case."""
    order = sorted({*living, me})
    share, rest = divmod(partitions, len(order))
    return share + (1 if order.index(me) < rest else 0)


def plan(
    me: str, living: Collection[str], partitions: int, owned: Collection[int], free: Sequence[int]
) -> Plan:
    """Compare what ``me`` owns with its share; ``free`` are the partitions without an owner."""
    order = sorted({*living, me})
    missing = fair_share(me, living, partitions) - len(owned)
    if missing < 0:
        return Plan(sorted(owned)[missing:], [])
    # Start at different places, or all would race for the same ones.
    start = order.index(me) * partitions // len(order)
    by_distance = sorted(free, key=lambda number: (number - start) % partitions)
    return Plan([], by_distance[:missing])
