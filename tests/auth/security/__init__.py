"""What must hold against attackers: a table of statements, each of which is tried."""

from __future__ import annotations

import pytest

_ROWS = (
    "oauth", "tokens", "passwords", "factors", "mails", "outside", "sessions", "bots", "sockets",
    "headers", "logs",
)  # fmt: skip

pytest.register_assert_rewrite(*(f"tests.auth.security.{name}" for name in _ROWS))
