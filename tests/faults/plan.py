"""What will happen in a run: a pure function of the seed and the size."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

CLOSING_S: Final = 4.0  # shared by all conversations, half of which get a message
CHURN_EVERY_S: Final = 0.6
REST_SHARE: Final = 0.05  # of the messages, sent over REST
GROUP_SHARE: Final = 0.35  # of the messages, sent to groups: they make most deliveries
WATCHERS: Final = 6
LONG_TEXT_CHARS: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    users: int = 50
    second_devices: int = 14
    groups: int = 6
    duration_s: float = 12.0  # of sending
    rate: float = 60.0  # messages a second, of all together


@dataclass(frozen=True, slots=True)
class Group:
    """People by index; the owner adds and removes the guests while messages fly."""

    owner: int
    members: tuple[int, ...]  # stay, the owner not among them
    guests: tuple[int, ...]  # come and go; not members at first


@dataclass(frozen=True, slots=True)
class Send:
    """A message: when, by which device, where to."""

    at_s: float
    device: int  # index into Plan.devices
    kind: Literal["direct", "group"]
    conversation: int  # index into Plan.pairs or Plan.groups
    chars: int
    rest: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A guest is added to or removed from a group by its owner."""

    at_s: float
    group: int
    guest: int
    add: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run. All choices are made here, so that a seed repeats them."""

    seed: int
    size: Size
    devices: tuple[int, ...]  # each one's user; a user's second device comes later in the list
    pairs: tuple[tuple[int, int], ...]
    groups: tuple[Group, ...]
    watchers: tuple[int, ...]  # devices
    sends: tuple[Send, ...]
    closing: tuple[Send, ...]  # when the fault has healed, to every second conversation
    changes: tuple[Change, ...]
    fault_at_s: float
    down_s: float  # until a killed process is started again
    victim: int  # which replica, modulo their number
    passes: int  # of a crash point, until it kills
    token_lives_s: tuple[float, ...]  # per device: when its access token is taken to have expired


def make(seed: int, size: Size) -> Plan:
    """The plan of this seed."""
    rng = random.Random(f"faults {seed}")
    seconds = rng.sample(range(size.users), min(size.second_devices, size.users))
    devices = (*range(size.users), *seconds)
    pairs = _pairs(rng, size)
    groups = tuple(_group(rng, size) for _ in range(size.groups))
    return Plan(
        seed=seed,
        size=size,
        devices=devices,
        pairs=pairs,
        groups=groups,
        watchers=tuple(rng.sample(range(len(devices)), min(WATCHERS, len(devices)))),
        sends=tuple(_sends(rng, size, devices, pairs, groups)),
        closing=tuple(_closing(devices, pairs, groups)),
        changes=tuple(_changes(rng, size, groups)),
        fault_at_s=size.duration_s * rng.uniform(0.15, 0.3),
        down_s=rng.uniform(1.5, 4.0),
        victim=rng.randrange(1000),
        passes=int(size.rate * size.duration_s * rng.uniform(0.05, 0.2)),
        token_lives_s=tuple(rng.uniform(5.0, 4 * size.duration_s) for _ in devices),
    )


def _pairs(rng: random.Random, size: Size) -> tuple[tuple[int, int], ...]:
    """Everybody has two direct conversations: a ring through all users, shuffled."""
    ring = rng.sample(range(size.users), size.users)
    return tuple(pairwise([*ring, ring[0]])) if size.users > 2 else ((ring[0], ring[-1]),)


def _group(rng: random.Random, size: Size) -> Group:
    count = min(size.users, rng.randint(6, 14))
    owner, *others = rng.sample(range(size.users), count)
    guests = len(others) // 3
    return Group(owner, tuple(others[guests:]), tuple(others[:guests]))


def _sends(
    rng: random.Random,
    size: Size,
    devices: tuple[int, ...],
    pairs: tuple[tuple[int, int], ...],
    groups: tuple[Group, ...],
) -> list[Send]:
    of_user: dict[int, list[int]] = {}
    for index, user in enumerate(devices):
        of_user.setdefault(user, []).append(index)
    sends: list[Send] = []
    at_s = 0.0
    while (at_s := at_s + rng.expovariate(size.rate)) < size.duration_s:
        kind: Literal["direct", "group"]
        if groups and rng.random() < GROUP_SHARE:
            kind, place = "group", rng.randrange(len(groups))
            group = groups[place]
            # Guests send too, members or not: what they may not must be refused.
            user = rng.choice((group.owner, *group.members, *group.guests))
        else:
            kind, place = "direct", rng.randrange(len(pairs))
            user = rng.choice(pairs[place])
        chars = LONG_TEXT_CHARS if rng.random() < 0.02 else rng.randint(5, 120)
        rest = rng.random() < REST_SHARE
        sends.append(Send(at_s, rng.choice(of_user[user]), kind, place, chars, rest))
    return sends


def _closing(
    devices: tuple[int, ...], pairs: tuple[tuple[int, int], ...], groups: tuple[Group, ...]
) -> list[Send]:
    """The others get none: there the last message before or during the fault stays the last, and
    no later one tells that it is missing."""
    pause_s = CLOSING_S / (len(pairs) + len(groups))
    sends: list[Send] = []
    for index in range(0, len(pairs), 2):
        device = devices.index(pairs[index][0])
        sends.append(Send(len(sends) * pause_s, device, "direct", index, 20, rest=False))
    for index in range(0, len(groups), 2):
        device = devices.index(groups[index].owner)
        sends.append(Send(len(sends) * pause_s, device, "group", index, 20, rest=False))
    return sends


def _changes(rng: random.Random, size: Size, groups: tuple[Group, ...]) -> list[Change]:
    inside: set[tuple[int, int]] = set()
    guests = [(index, guest) for index, group in enumerate(groups) for guest in group.guests]
    changes = []
    at_s = 0.0
    while guests and (at_s := at_s + rng.expovariate(1 / CHURN_EVERY_S)) < size.duration_s:
        place = rng.choice(guests)
        changes.append(Change(at_s, *place, add=place not in inside))
        inside ^= {place}
    return changes
