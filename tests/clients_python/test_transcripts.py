"""What messages become: the recorded transcripts, which every client runs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from agileim import Transcript
from agileim.events import from_wire
from agileim.frames import Event

FILES = sorted((Path(__file__).parents[1] / "frames" / "transcripts").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_message_becomes_what_the_transcript_says(path: Path) -> None:
    story = json.loads(path.read_text())
    transcript = Transcript(story["me"])
    for step in story["steps"]:
        transcript.apply(from_wire(msgspec.convert(step["event"], Event), story["me"]))
        assert transcript.outdated == set(step.get("outdated", [])), step
        for seq, expected in step["messages"].items():
            actual = msgspec.to_builtins(transcript.messages[int(seq)])
            assert {name: actual[name] for name in expected} == expected, step


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 4
