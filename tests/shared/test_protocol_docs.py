"""docs/protocol.md and docs/asyncapi.json say what the code does."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest

from shared import asyncapi, frames, limits
from shared.codes import CloseCode, ErrorCode
from shared.events import EventKind

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, cells stripped of backticks."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def plain(cell: str) -> str:
    return cell.strip("`")


@pytest.mark.parametrize(
    ("heading", "union"),
    [
        ("Frames from the client", frames.ClientFrame),
        ("Frames from the gateway", frames.ServerFrame),
    ],
)
def test_the_page_lists_every_frame_with_its_fields(heading: str, union: object) -> None:
    written = {plain(row[0]): set(re.findall(r"`(\w+)`", row[1])) for row in table(heading)}
    coded = {
        frame.__struct_config__.tag: set(frame.__struct_fields__)
        for frame in typing.get_args(union)
    }
    assert written == coded


def test_the_page_lists_every_kind_of_event() -> None:
    assert {plain(row[0]) for row in table("Kinds of events")} == set(EventKind)


def test_the_page_lists_every_error_code_with_its_status() -> None:
    written = {plain(row[0]): int(row[1]) for row in table("Error codes")}
    assert written == {code.value: int(code.status) for code in ErrorCode}


def test_the_page_lists_every_close_code_with_its_policy() -> None:
    written = {(int(row[0]), plain(row[1]), row[2] == "yes") for row in table("Close codes")}
    assert written == {(int(code), code.name, code.reconnect) for code in CloseCode}


def test_the_page_lists_every_limit() -> None:
    written = {plain(row[0]): float(row[1]) for row in table("Limits")}
    assert written == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_the_asyncapi_document_is_current() -> None:
    assert (DOCS / "asyncapi.json").read_text(encoding="utf-8") == asyncapi.text(), (
        "run `make docs`"
    )


def test_the_asyncapi_document_describes_every_frame() -> None:
    messages = asyncapi.document()["components"]["messages"]
    assert set(messages) == {
        frame.__struct_config__.tag
        for union in (frames.ClientFrame, frames.ServerFrame)
        for frame in typing.get_args(union)
    }
    assert all(message["description"] for message in messages.values())
