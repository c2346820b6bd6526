"""Who has got and read what."""

from __future__ import annotations

from marshmallow import Schema, fields

from services.api.schemas import fields as own


class MessageReceipt(Schema):
    """A member's side; a time is null for what has not happened, or was long ago."""

    user = own.identifier(required=True)
    delivered = own.Flag(required=True)
    delivered_at = fields.DateTime(required=True, allow_none=True)
    read = own.Flag(required=True)
    read_at = fields.DateTime(required=True, allow_none=True)


class MessageReceipts(Schema):
    """Of a message, without its sender; in groups above RECEIPTS_MAX_MEMBERS counted only."""

    delivered = fields.Integer(required=True)
    read = fields.Integer(required=True)
    members = fields.List(fields.Nested(MessageReceipt), required=True, allow_none=True)


class ReceiptPrivacy(Schema):
    """``private``: neither tells others nor is told by them what was read."""

    private = own.Flag(required=True)
