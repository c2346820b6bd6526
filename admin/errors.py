"""What keeps a command from being done, each with its exit code."""

from __future__ import annotations


class AdminError(Exception):
    """Base: refused or failed."""

    exit_code = 1


class Misused(AdminError):
    """Wrong arguments or settings."""

    exit_code = 2


class Unreachable(AdminError):
    """api, auth, Redis or PostgreSQL does not answer."""

    exit_code = 4


class NotFound(AdminError):
    """There is nothing of that name."""

    exit_code = 5
