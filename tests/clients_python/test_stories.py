"""The recorded sequences that every client's session must live up to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients_python.stories import FOLDER, agrees, give, session_of, shown

FILES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_session_does_what_the_story_says(path: Path) -> None:
    story = json.loads(path.read_text("utf-8"))
    session = session_of(story)
    for number, step in enumerate(story["steps"], 1):
        actual = [shown(effect) for effect in give(session, step)]
        where = f"{story['title']}: step {number} {json.dumps(step)}\nbut: {json.dumps(actual)}"
        assert len(actual) == len(step["effects"]), where
        for expected, effect in zip(step["effects"], actual, strict=True):
            assert agrees(expected, effect), where


def test_there_are_stories() -> None:
    assert len(FILES) >= 25
