"""The log, marks in it, and what changed since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from services.api.schemas.conversations import Conversation


class NewReceipts(Schema):
    """How far one has got and read; marks never go back."""

    delivered_seq = own.seq(1)
    read_seq = own.seq(1)

    @validates_schema
    def has_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("delivered_seq or read_seq is needed", "read_seq")


class EventsQuery(Schema):
    """Events after ``after_seq``, else the last ones before ``before_seq``, else the newest."""

    after_seq = own.seq_parameter(0)
    before_seq = own.seq_parameter(1)
    limit = own.page_limit()

    @validates_schema
    def has_one_end(self, data: Mapping[str, Any], **_: Any) -> None:
        if "after_seq" in data and "before_seq" in data:
            raise ValidationError("cannot be combined with after_seq", "before_seq")


class Event(Schema):
    """An event of a conversation's log; the shape of ``body`` depends on ``kind``."""

    conversation = own.identifier(required=True)
    seq = own.seq(1, required=True)
    kind = fields.String(required=True)
    sender = own.identifier(required=True)
    time = fields.DateTime(required=True)
    number = own.seq(required=True, metadata={"description": "messages so far, this one included"})
    body = fields.Dict(keys=fields.String(), required=True)
    client_msg_id = fields.String()


class EventPage(Schema):
    """Part of a log, in ascending order."""

    events = fields.List(fields.Nested(Event), required=True)
    head_seq = own.seq(required=True)
    first_seq = own.seq(required=True, metadata={"description": "first event that the caller sees"})


class SyncQuery(Schema):
    """Where one stands; without a cursor: everything."""

    cursor = fields.String(load_default="", validate=validate.Length(max=300))
    limit = own.page_limit()


class SyncedConversation(Conversation):
    """A conversation that changed; one that the caller is no longer in has ``id`` and ``state``."""

    state = fields.String(required=True, validate=validate.OneOf(["member", "left"]))

    class Meta:
        """All but these two are absent for ``left``."""

        partial = True


class SyncPage(Schema):
    """What has changed since the cursor."""

    cursor = fields.String(required=True, metadata={"description": "for the next call"})
    more = fields.Boolean(
        required=True, metadata={"description": "call again at once with this cursor"}
    )
    full = fields.Boolean(
        required=True,
        metadata={"description": "these are all conversations: forget what is not listed"},
    )
    conversations = fields.List(fields.Nested(SyncedConversation), required=True)
