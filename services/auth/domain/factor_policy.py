"""From whom more than a password is demanded."""

from __future__ import annotations

from enum import StrEnum

from shared.factor_records import Factors


class FactorPolicy(StrEnum):
    """The setting ``AGILEIM_SECOND_FACTOR``."""

    OPTIONAL = "optional"  # from those who have set one up
    ADMINISTRATORS = "administrators"  # from administrators too
    EVERYBODY = "everybody"

    def requires(self, factors: Factors) -> bool:
        """Whether this person must have a factor."""
        if self is FactorPolicy.ADMINISTRATORS:
            return factors.administrator
        return self is FactorPolicy.EVERYBODY


def has_any(factors: Factors) -> bool:
    """Whether the person has set one up. Recovery codes are none: they stand in for one."""
    return factors.authenticator is not None or bool(factors.passkeys)


def is_enough(policy: FactorPolicy, factors: Factors) -> bool:
    """Whether this person's password alone lets them in."""
    return not has_any(factors) and not policy.requires(factors)
