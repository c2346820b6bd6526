"""What must hold against attackers: a table of statements, each of which is tried."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *(
        f"tests.auth.security.{name}"
        for name in ("oauth", "tokens", "passwords", "sessions", "sockets", "headers", "logs")
    )
)
