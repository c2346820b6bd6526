"""The two kinds of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.frames import ClientFrame
from tests.access.answers import Answers


@dataclass(frozen=True, kw_only=True)
class _Row:
    note: str = ""  # which case of the route this is, when it has several rows
    place: str = "group"  # or "direct": conversation between the actor and `target`


@dataclass(frozen=True)
class Row(_Row):
    """A call and what everybody is answered.

    ``path`` is the route as the service knows it. Its ``{names}``, and those in the texts of
    ``body`` and ``query``, are filled from the scene: see :class:`tests.access.scene.Scene`;
    ``fill`` gives some of them the value of others.
    """

    method: str
    path: str
    answers: Answers
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)
    scope: str = ""  # internal routes: what the service needs

    def __str__(self) -> str:
        return " ".join(filter(None, (self.method, self.path, self.note)))


@dataclass(frozen=True)
class FrameRow(_Row):
    """A frame and what happens: the type of the answer, an error code, or the word of ``seen``."""

    frame: type[ClientFrame]
    answers: Answers
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        name = str(self.frame.__struct_config__.tag)
        return " ".join(filter(None, (name, self.note)))
