"""Print the table of docs/threat-model.md."""

from __future__ import annotations

from tests.auth.security.test_statements import STATEMENTS, table

if __name__ == "__main__":
    print(table(STATEMENTS), end="")
