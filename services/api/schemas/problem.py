"""What every refusal looks like."""

from __future__ import annotations

from marshmallow import Schema, fields


class Problem(Schema):
    """What went wrong (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    field = fields.String(metadata={"description": "the input that was wrong"})
    retry_after_ms = fields.Integer()
    request_id = fields.String()
