"""Every security statement has a test that exists, and the threat model lists exactly these."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.auth.statements import STATEMENTS, Statement, table

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda row: row.test)
def test_statement_has_its_test(statement: Statement) -> None:
    module, function = statement.test.split("::")
    tree = ast.parse((ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8"))
    names = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert function in names
    assert statement.source


def test_statements_are_said_once() -> None:
    assert len({row.text for row in STATEMENTS}) == len(STATEMENTS)


def test_threat_model_lists_the_statements() -> None:
    document = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    assert table(STATEMENTS) in document
