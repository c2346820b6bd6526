"""The WebSocket protocol as an AsyncAPI 3.0 document, made from :mod:`shared.frames`.

``python -m shared.asyncapi > docs/asyncapi.json`` (``make docs``) writes it.
"""

from __future__ import annotations

import inspect
import json
import typing
from typing import Any

import msgspec

from shared import frames

REF = "#/components/schemas/{name}"


def _messages(union: Any) -> dict[str, type[msgspec.Struct]]:
    return {str(each.__struct_config__.tag): each for each in typing.get_args(union)}


def _operation(action: str, channel: str, tags: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{tag}"} for tag in tags],
    }


def document() -> dict[str, Any]:
    """The AsyncAPI document: one channel, what clients send and what they receive."""
    sent = _messages(frames.ClientFrame)
    received = _messages(frames.ServerFrame)
    both = sent | received
    _, schemas = msgspec.json.schema_components(list(both.values()), ref_template=REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "AgileIM WebSocket",
            "version": frames.SUBPROTOCOL.rpartition(".v")[2],
            "description": f"JSON text frames, WebSocket subprotocol {frames.SUBPROTOCOL}. "
            "See protocol.md for phases, order and policies.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws",
                "messages": {tag: {"$ref": f"#/components/messages/{tag}"} for tag in sorted(both)},
                "bindings": {"ws": {"method": "GET"}},
            }
        },
        "operations": {
            "fromClient": _operation("receive", "socket", sorted(sent)),
            "toClient": _operation("send", "socket", sorted(received)),
        },
        "components": {
            "messages": {
                tag: {
                    "name": tag,
                    "description": inspect.cleandoc(frame.__doc__ or ""),
                    "payload": {"$ref": REF.format(name=frame.__name__)},
                }
                for tag, frame in sorted(both.items())
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


def text() -> str:
    """The document as it stands in docs/asyncapi.json."""
    return json.dumps(document(), indent=2, ensure_ascii=False, default=str) + "\n"


if __name__ == "__main__":
    print(text(), end="")
