"""Files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from shared.ids import is_id


class Attachment(Schema):
    """What a message tells about a file that it carries."""

    id = own.identifier(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True, metadata={"description": "by its content"})
    size = fields.Integer(required=True, metadata={"description": "bytes"})
    width = fields.Integer(metadata={"description": "pictures: pixels, upright"})
    height = fields.Integer()
    thumbnail = fields.Boolean(metadata={"description": "there is one"})
    placeholder = fields.String(metadata={"description": "a data: URL of a few pixels"})


class File(Attachment):
    """A file."""

    created_at = fields.DateTime(required=True)


class FilePage(Schema):
    """A page of one's own files."""

    files = fields.List(fields.Nested(File), required=True)
    next = own.next_id()
    used_bytes = fields.Integer(required=True)
    quota_bytes = fields.Integer(required=True)


class FileLinksQuery(Schema):
    """The files that one wants links to."""

    ids = fields.String(
        required=True,
        validate=validate.Length(1, 37 * 100),
        metadata={"description": "up to 100 ids, separated by commas"},
    )

    @validates_schema
    def has_ids(self, data: Mapping[str, Any], **_: Any) -> None:
        ids = data["ids"].split(",")
        if len(ids) > 100 or not all(map(is_id, ids)):
            raise ValidationError("must be at most 100 UUIDs in lower case", "ids")


class FileLink(Schema):
    """Where a file can be fetched without a token."""

    file = own.identifier(required=True)
    url = fields.String(required=True)
    thumbnail_url = fields.String()
    expires_at = fields.DateTime(required=True)


class FileLinks(Schema):
    """Links to those files that one may see."""

    links = fields.List(fields.Nested(FileLink), required=True)
