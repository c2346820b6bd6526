"""``agileim admin`` and ``agileim doctor`` are handed to the server's own tool."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agileim.cli import operators
from agileim.cli.main import main

ROOT = Path(__file__).parents[2]


def test_the_tool_is_found_beside_the_services(tmp_path: Path) -> None:
    for given, rest in ((["admin", "users", "find"], ["users", "find"]), (["doctor"], ["doctor"])):
        found = operators.command_line(given, [tmp_path, ROOT])
        assert found == (ROOT, [sys.executable, "-m", "admin", *rest])


def test_without_the_server_it_says_where_the_tool_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    assert main(["admin", "users"]) == operators.NOT_HERE
    assert "python -m admin" in capsys.readouterr().err
