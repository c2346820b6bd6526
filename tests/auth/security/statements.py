"""The table of security statements: what must hold, who says so, and the check that tries to break
it.

``python -m tests.auth.security`` prints it as the table of docs/threat-model.md. Sources: RFC and
section; ASVS is OWASP's Application Security Verification Standard 4.0.3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

# What a check is given: auth with Ada signed in (with a mail server and its mailbox, or with an
# OpenID provider outside), a gateway, or everything as `make up` runs it.
Scene = Literal["auth", "mail", "outside", "gateway", "stack"]
Check = Callable[..., Awaitable[Any]]
GROUPS: Final = (
    "OAuth", "Tokens", "Passwords", "Second factors", "Mail", "Signing in elsewhere", "Sessions",
    "Bots", "WebSocket", "Headers and CORS", "Logs and audit",
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """A row. ``check`` fails when the statement does not hold."""

    id: str
    group: str
    text: str
    source: str
    scene: Scene
    check: Check


STATEMENTS: Final[list[Statement]] = []


class Group:
    """Adds rows of one group to the table."""

    def __init__(self, name: str, prefix: str, scene: Scene = "auth") -> None:
        assert name in GROUPS
        self._name = name
        self._prefix = prefix
        self._scene: Scene = scene

    def holds(self, text: str, source: str) -> Callable[[Check], Check]:
        """The decorated coroutine checks this statement."""

        def add(check: Check) -> Check:
            self.row(text, source, check)
            return check

        return add

    def row(self, text: str, source: str, check: Check) -> None:
        """One statement."""
        number = sum(row.group == self._name for row in STATEMENTS) + 1
        row = Statement(f"{self._prefix}{number:02}", self._name, text, source, self._scene, check)
        STATEMENTS.append(row)


def table(statements: list[Statement]) -> str:
    """As Markdown, a row each."""
    head = "| | statement | source |\n|---|---|---|\n"
    parts = []
    for group in GROUPS:
        rows = [row for row in statements if row.group == group]
        lines = "".join(f"| {row.id} | {row.text} | {row.source} |\n" for row in rows)
        parts.append(f"### {group}\n{head}{lines}")
    return "\n".join(parts)
