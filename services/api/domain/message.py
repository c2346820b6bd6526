"""What a message may contain, and the form in which it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from shared.ids import is_id
from shared.limits import ATTACHMENTS_MAX, CLIENT_MSG_ID_MAX_CHARS, MESSAGE_MAX_CHARS

_encode: Final = msgspec.json.Encoder().encode
# Takes up no room on a screen, and is no white space to Python: zero-width and joining characters.
_UNSEEN: Final = (
    " \t\n\r\v\f\x85\xa0\xad\u1680\u180e\u2028\u2029\u202f\u205f\u3000\ufeff"
    + "".join(map(chr, (*range(0x2000, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070))))
)
_BODY_KEYS: Final = frozenset({"text", "reply_to", "thread", "attachments"})
_SEQ_MAX: Final = 2**53 - 1  # what JavaScript counts exactly


class BadMessage(ValueError):
    """The message cannot be accepted; ``field`` names what is wrong."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


class Draft(Struct, frozen=True):
    """A message that was checked and may be stored, if the sender is a member."""

    conversation: str
    sender: str
    client_msg_id: str
    body: bytes  # JSON as it goes over the wire
    origin: str = ""  # connection that sent it
    trace: str = ""
    reply_to: int = 0  # seq of the message that this one answers; 0: none
    attachments: tuple[str, ...] = ()  # files; described in the body when it is stored
    thread: int = 0  # seq of the message that its thread begins with; 0: none
    mentions: tuple[str, ...] = ()  # users; found when it is stored
    plain: bool = False  # an @ in it mentions nobody: somebody else has said it


def draft(
    conversation: str,
    sender: str,
    client_msg_id: str,
    body: Mapping[str, Any],
    origin: str = "",
    trace: str = "",
) -> Draft:
    """Check a message. Raises :class:`BadMessage`."""
    if not is_id(conversation):
        raise BadMessage("conversation", "must be a UUID in lower case")
    if not is_id(sender):
        raise BadMessage("sender", "must be a UUID in lower case")
    if not 1 <= len(client_msg_id) <= CLIENT_MSG_ID_MAX_CHARS:
        raise BadMessage("id", f"must have 1 to {CLIENT_MSG_ID_MAX_CHARS} characters")
    check_text("id", client_msg_id)
    checked = checked_body(body)
    attachments = tuple(checked.pop("attachments", ()))
    reply_to = checked.get("reply_to", 0)
    return Draft(
        conversation, sender, client_msg_id, _encode(checked), origin, trace, reply_to, attachments,
        checked.get("thread", 0),
    )  # fmt: skip


def checked_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a message. Raises :class:`BadMessage` naming ``body.…``."""
    if len(body) == 1 and "text" in body:  # nearly all
        return {"text": checked_text(body["text"])}
    unknown = sorted(body.keys() - _BODY_KEYS)
    if unknown:
        raise BadMessage(f"body.{unknown[0][:64]}", "is not known")
    attachments = _checked_attachments(body.get("attachments", []))
    if "text" not in body and not attachments:
        raise BadMessage("body.text", "is missing")
    checked: dict[str, Any] = {
        "text": checked_text(body.get("text", ""), or_none=bool(attachments))
    }
    for field in ("reply_to", "thread"):
        if field in body:
            seq = body[field]
            if type(seq) is not int or not 1 <= seq <= _SEQ_MAX:
                raise BadMessage(f"body.{field}", "must be the seq of a message")
            checked[field] = seq
    if attachments:
        checked["attachments"] = attachments
    return checked


def _checked_attachments(files: object) -> list[str]:
    field = "body.attachments"
    if not isinstance(files, list) or not all(
        isinstance(file, str) and is_id(file) for file in files
    ):
        raise BadMessage(field, "must be the ids of files")
    if len(files) > ATTACHMENTS_MAX:
        raise BadMessage(field, f"may be at most {ATTACHMENTS_MAX}")
    if len(set(files)) < len(files):
        raise BadMessage(field, "must be different files")
    return files


def checked_text(text: object, *, or_none: bool = False) -> str:
    """The text of a message, which ``or_none`` may lack. Raises :class:`BadMessage` naming
    ``body.text``."""
    if not isinstance(text, str):
        raise BadMessage("body.text", "must be a text")
    if len(text) > MESSAGE_MAX_CHARS:
        raise BadMessage("body.text", f"may have at most {MESSAGE_MAX_CHARS} characters")
    if not text.strip(_UNSEEN):
        if or_none:
            return ""
        raise BadMessage("body.text", "must not be blank")
    check_text("body.text", text)
    return text


def check_text(field: str, text: str) -> None:
    """Raises :class:`BadMessage` for what is no Unicode text, or what PostgreSQL cannot keep."""
    if text.isascii():
        if "\0" in text:
            raise BadMessage(field, "must not contain the character U+0000")
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadMessage(field, "is not valid Unicode: it has half of a surrogate pair") from None
    if "\0" in text:
        raise BadMessage(field, "must not contain the character U+0000")
