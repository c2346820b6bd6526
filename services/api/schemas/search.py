"""Searching messages."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from services.api.schemas import fields as own
from services.api.schemas.files import Attachment
from shared.limits import SEARCH_MAX_CHARS, SEARCH_PAGE_MAX


class SearchQuery(Schema):
    """What is looked for, and where. Without ``q``: all messages that fit."""

    q = fields.String(
        load_default="", validate=[validate.Length(max=SEARCH_MAX_CHARS), own.well_formed]
    )
    sender = own.identifier(data_key="from", load_default="")
    conversation = own.identifier(data_key="in", load_default="")
    before = fields.AwareDateTime(format="iso")
    after = fields.AwareDateTime(format="iso")
    has = fields.String(validate=validate.OneOf(["file"]))
    mentions = fields.String(validate=validate.OneOf(["me"]))
    order = fields.String(load_default="time", validate=validate.OneOf(["time", "relevance"]))
    cursor = fields.String(load_default="", validate=validate.Length(max=300))
    limit = fields.Integer(load_default=20, validate=validate.Range(1, SEARCH_PAGE_MAX))


class SearchHit(Schema):
    """A message that was found, as it is now."""

    conversation = own.identifier(required=True)
    seq = own.seq(1, required=True)
    sender = own.identifier(required=True)
    time = fields.DateTime(required=True)
    text = fields.String(required=True)
    version = fields.Integer(required=True)
    attachments = fields.List(fields.Nested(Attachment))
    highlights = fields.List(
        fields.List(fields.Integer(), validate=validate.Length(equal=2)),
        required=True,
        metadata={"description": "where in the text: start and end, in code points"},
    )


class SearchPage(Schema):
    """What was found; there may be more although these are fewer than asked for."""

    hits = fields.List(fields.Nested(SearchHit), required=True)
    next = fields.String(
        required=True, allow_none=True, metadata={"description": "`cursor` of the next page"}
    )
