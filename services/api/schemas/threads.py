"""Threads and forwarded messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from services.api.schemas.messages import Sent
from shared.limits import CLIENT_MSG_ID_MAX_CHARS, FORWARD_MAX


class Thread(Schema):
    """A thread as the caller sees it; ``thread`` is the seq of the message that it begins with."""

    conversation = own.identifier(required=True)
    thread = own.seq(1, required=True)
    replies = fields.Integer(required=True)
    last_seq = own.seq(required=True, metadata={"description": "of the newest reply; 0: none"})
    following = own.Flag(required=True)
    read_seq = own.seq(required=True)
    unread = fields.Integer(required=True, metadata={"description": "replies, if one follows it"})


class ThreadChanges(Schema):
    """Follow a thread or stop; how far one has read it, which never goes back."""

    following = own.Flag()
    read_seq = own.seq(1)

    @validates_schema
    def names_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("names nothing to change")


class ThreadsQuery(Schema):
    """Followed threads, in the order of conversations and seqs, after one of them."""

    after = own.identifier(metadata={"description": "conversation"})
    after_thread = own.seq_parameter(0)
    unread = fields.Boolean(load_default=False)
    limit = own.page_limit()


class ThreadPlace(Schema):
    """Where the next page begins."""

    after = own.identifier(required=True)
    after_thread = own.seq(required=True)


class ThreadPage(Schema):
    """A page of them."""

    threads = fields.List(fields.Nested(Thread), required=True)
    next = fields.Nested(ThreadPlace, required=True, allow_none=True)


class ForwardedOne(Schema):
    """A message to forward, and the id of the new one; a retry uses the same."""

    seq = own.seq(1, required=True)
    client_msg_id = fields.String(
        required=True, validate=[validate.Length(1, CLIENT_MSG_ID_MAX_CHARS), own.well_formed]
    )


class Forward(Schema):
    """Messages of one conversation to another, in this order."""

    source = own.identifier(required=True, metadata={"description": "conversation they are in"})
    messages = fields.List(
        fields.Nested(ForwardedOne), required=True, validate=validate.Length(1, FORWARD_MAX)
    )


class ForwardedPage(Schema):
    """The new messages."""

    messages = fields.List(fields.Nested(Sent), required=True)
