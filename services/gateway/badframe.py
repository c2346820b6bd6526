"""What was wrong with a frame that could not be read: decides between an answer and a close."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from shared.frames import BadFrame, ClientFrame

KNOWN_TYPES: Final = frozenset(str(kind.__struct_config__.tag) for kind in get_args(ClientFrame))
_FIELD = re.compile(r"`\$\.([A-Za-z_.\[\]0-9…]+)`|required field `([a-z_]+)`")


class FaultKind(Enum):
    """How bad it is."""

    MALFORMED = "malformed"  # not an object with a type: this is no client of ours
    UNKNOWN = "unknown"  # a type from another version
    INVALID = "invalid"  # a known type with a wrong field


class Fault(Struct, frozen=True, gc=False):
    """A wrong frame: as much of it as could be read."""

    kind: FaultKind
    message: str
    frame: str = ""  # its type
    field: str = ""
    id: str = ""  # of a `send`, so that it can be refused by its id


class _Sketch(Struct):
    type: Any = None
    id: Any = None


_sketch = msgspec.json.Decoder(_Sketch)


def explain(text: bytes, error: BadFrame) -> Fault:
    """Tell the faults apart; ``error`` is what decoding ``text`` raised."""
    message = str(error)
    try:
        sketch = _sketch.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Fault(FaultKind.MALFORMED, message)
    if not isinstance(sketch.type, str):
        return Fault(FaultKind.MALFORMED, message)
    if sketch.type not in KNOWN_TYPES:
        return Fault(FaultKind.UNKNOWN, "this frame type is not known", sketch.type[:64])
    found = _FIELD.search(message)
    field = (found[1] or found[2]) if found else ""
    # An id that is itself wrong cannot be answered by id.
    sent_id = sketch.id if isinstance(sketch.id, str) and field != "id" else ""
    return Fault(FaultKind.INVALID, message, sketch.type, field, sent_id)
