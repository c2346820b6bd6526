"""How a member has set a conversation up for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from shared.limits import MESSAGE_MAX_CHARS

NOTIFY: Final = ("all", "mentions", "none")
PINNED_MAX: Final = 1_000_000_000


class MessageDraft(Schema):
    """What was begun and not sent."""

    text = fields.String(
        required=True, validate=[validate.Length(1, MESSAGE_MAX_CHARS), own.well_formed]
    )
    reply_to = own.seq(1)
    thread = own.seq(1)


class NewMemberSettings(Schema):
    """What is to change; what is not named stays."""

    muted_until = fields.AwareDateTime(allow_none=True)
    notify = fields.String(validate=validate.OneOf(NOTIFY))
    pinned = fields.Integer(
        strict=True, allow_none=True, validate=validate.Range(0, PINNED_MAX),
        metadata={"description": "place among those at the top, the lowest first; null: not there"},
    )  # fmt: skip
    archived = own.Flag()
    hidden = own.Flag(metadata={"description": "until the next message"})
    marked_unread = own.Flag()
    draft = fields.Nested(MessageDraft, allow_none=True)

    @validates_schema
    def names_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("names nothing to change")


class MemberSettings(Schema):
    """One's own settings of a conversation; version 0: never touched."""

    version = fields.Integer(required=True)
    muted_until = fields.DateTime(required=True, allow_none=True)
    notify = fields.String(required=True, validate=validate.OneOf(NOTIFY))
    pinned = fields.Integer(required=True, allow_none=True)
    archived = own.Flag(required=True)
    hidden = own.Flag(required=True)
    marked_unread = own.Flag(required=True)
    draft = fields.Nested(MessageDraft, required=True, allow_none=True)
