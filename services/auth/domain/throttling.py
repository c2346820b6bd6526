"""Throttles: a level that rises with each try, sinks with time, and above a burst makes wait.

A try is charged before it is made, so that tries in parallel cannot slip through together; a
success gives the charge back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from msgspec import Struct


@dataclass(frozen=True, slots=True)
class Policy:
    """How much is allowed."""

    burst: int  # tries before the first wait
    recover_ms: int  # the level sinks by one in this time
    base_ms: int  # the first wait, doubled with each further try
    cap_ms: int  # the longest wait


# Guessing one account from one address: after an hour about 14 tries.
PAIR = Policy(burst=5, recover_ms=60_000, base_ms=2_000, cap_ms=900_000)
# One address, any account. Offices share addresses, hence the burst.
ADDRESS = Policy(burst=50, recover_ms=6_000, base_ms=1_000, cap_ms=60_000)
# One account from anywhere. Waits stay short, and who signed in from an address before is not
# held up: a stranger can slow an owner down a little, never lock them out.
ACCOUNT = Policy(burst=30, recover_ms=30_000, base_ms=1_000, cap_ms=5_000)
# Codes of the second step, by who knows the password: three of a million are good at any time.
STEP_PAIR = Policy(burst=5, recover_ms=60_000, base_ms=5_000, cap_ms=900_000)
# From anywhere but where its owner has signed in before: 288 tries a day, 1 in 1,100 gets through.
STEP = Policy(burst=10, recover_ms=300_000, base_ms=5_000, cap_ms=300_000)
# Challenges for passkeys from one address: each is a short record for five minutes.
CHALLENGE = Policy(burst=100, recover_ms=2_000, base_ms=2_000, cap_ms=60_000)
# Device codes typed in: 20^8 codes, and few of them live.
USER_CODE = Policy(burst=10, recover_ms=60_000, base_ms=5_000, cap_ms=300_000)

# Device codes asked for from one address: each holds two short records for some minutes.
DEVICE = Policy(burst=60, recover_ms=5_000, base_ms=5_000, cap_ms=60_000)


# Mail to one address, and mail asked for from one: nobody's mailbox is to be flooded through us.
MAIL_TO = Policy(burst=3, recover_ms=600_000, base_ms=60_000, cap_ms=3_600_000)
MAIL_ASKED = Policy(burst=10, recover_ms=60_000, base_ms=10_000, cap_ms=600_000)


def registrations(per_hour: int) -> Policy:
    """So many new accounts an hour from one address."""
    return Policy(burst=per_hour, recover_ms=3_600_000 // per_hour, base_ms=10_000, cap_ms=600_000)


class Level(Struct, frozen=True):
    """The state of one throttle."""

    value: float = 0.0
    at_ms: int = 0
    blocked_until_ms: int = 0


def charge(level: Level, policy: Policy, now_ms: int) -> tuple[Level, int]:
    """One more try: the new level, and 0 or the ms to wait (then the try is not to be made and
    is not charged)."""
    if now_ms < level.blocked_until_ms:
        return level, level.blocked_until_ms - now_ms
    value = _sunk(level, policy, now_ms) + 1
    # Rounded up, or what sinks while one waits would hold the doubling up.
    excess = math.ceil(value - policy.burst)
    wait = 0
    if excess > 0:
        # 2^40 ms is beyond every cap; the exponent must not overflow.
        wait = min(policy.cap_ms, policy.base_ms << min(excess - 1, 40))
    return Level(value, now_ms, now_ms + wait if wait else 0), 0


def refund(level: Level, policy: Policy, now_ms: int) -> Level:
    """The last try was a good one."""
    return Level(max(0.0, _sunk(level, policy, now_ms) - 1), now_ms, 0)


def kept_ms(level: Level, policy: Policy, now_ms: int) -> int:
    """For how long a level is worth keeping."""
    return max(int(level.value * policy.recover_ms), level.blocked_until_ms - now_ms, 1)


def _sunk(level: Level, policy: Policy, now_ms: int) -> float:
    return max(0.0, level.value - max(0, now_ms - level.at_ms) / policy.recover_ms)
