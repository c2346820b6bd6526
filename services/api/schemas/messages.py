"""Messages: what is sent, what is changed, and how they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from services.api.schemas.files import Attachment
from shared.limits import ATTACHMENTS_MAX, CLIENT_MSG_ID_MAX_CHARS, MESSAGE_MAX_CHARS


class Text(Schema):
    """The body of a message; ``reply_to`` is the seq of the message that it answers. ``text`` may
    be left out where there are attachments."""

    text = fields.String(validate=[validate.Length(max=MESSAGE_MAX_CHARS), own.well_formed])
    reply_to = own.seq(1)
    thread = own.seq(1, metadata={"description": "the message that its thread begins with"})
    attachments = fields.List(
        own.identifier(),
        validate=validate.Length(max=ATTACHMENTS_MAX),
        metadata={"description": "files"},
    )

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data.get("attachments") and not data.get("text", "").strip():
            raise ValidationError("must not be blank" if "text" in data else "is missing", "text")


class NewText(Schema):
    """Another text for a message."""

    text = fields.String(
        required=True,
        validate=[validate.Length(1, MESSAGE_MAX_CHARS), own.not_blank, own.well_formed],
    )


class NewMessage(Schema):
    """A message; a retry uses the same ``client_msg_id`` and never duplicates."""

    client_msg_id = fields.String(
        required=True, validate=[validate.Length(1, CLIENT_MSG_ID_MAX_CHARS), own.well_formed]
    )
    body = fields.Nested(Text, required=True)


class Sent(Schema):
    """The message is stored as this event."""

    conversation = own.identifier(required=True)
    seq = own.seq(1, required=True)
    number = own.seq(required=True)
    time = fields.DateTime(required=True)
    repeat = fields.Boolean(required=True, metadata={"description": "an earlier try had succeeded"})


class MessageVersion(Schema):
    """One text of a message; version 1 is the first."""

    seq = own.seq(1, required=True)
    version = fields.Integer(required=True, validate=validate.Range(1))
    text = fields.String(required=True)
    time = fields.DateTime(required=True)


class MessageVersions(Schema):
    """All texts of a message, the oldest first; empty when it was recalled."""

    versions = fields.List(fields.Nested(MessageVersion), required=True)


class MessagesQuery(Schema):
    """The last messages before ``before_seq``, or before the end of the log."""

    before_seq = own.seq_parameter(1)
    limit = own.page_limit()


class Reaction(Schema):
    """One emoji on a message."""

    emoji = fields.String(required=True)
    count = fields.Integer(required=True)
    mine = fields.Boolean(required=True)
    users = fields.List(own.identifier(), required=True, metadata={"description": "the first ones"})


class Forwarded(Schema):
    """Where a forwarded message comes from; who is not there does not find it."""

    conversation = own.identifier(required=True)
    seq = own.seq(1, required=True)
    sender = own.identifier(required=True)
    time = fields.DateTime(required=True)


class PresentMessage(Schema):
    """A message as it is now."""

    seq = own.seq(1, required=True)
    sender = own.identifier(required=True)
    time = fields.DateTime(required=True)
    number = own.seq(required=True)
    client_msg_id = fields.String()
    text = fields.String(required=True)
    reply_to = own.seq(1)
    version = fields.Integer(required=True)
    edited_at = fields.DateTime()
    recalled = fields.Boolean(required=True)
    pinned = fields.Boolean(required=True)
    attachments = fields.List(fields.Nested(Attachment))
    thread = own.seq(1, metadata={"description": "the message that its thread begins with"})
    replies = fields.Integer(required=True, metadata={"description": "in the thread it begins"})
    last_reply = own.seq(1)
    mentions = fields.List(own.identifier(), required=True)
    mention_all = fields.Boolean(required=True)
    forwarded = fields.Nested(Forwarded)
    reactions = fields.List(fields.Nested(Reaction), required=True)


class MessagePage(Schema):
    """Messages as of event ``head_seq``, in ascending order."""

    messages = fields.List(fields.Nested(PresentMessage), required=True)
    head_seq = own.seq(required=True)
    first_seq = own.seq(required=True)
    next = own.seq(
        required=True, allow_none=True, metadata={"description": "`before_seq` of the next page"}
    )
