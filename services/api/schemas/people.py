"""People, as others see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from shared.ids import is_id


class UsersQuery(Schema):
    """Whom to look up, by exactly one of the two."""

    handle = fields.String(validate=[validate.Length(max=100), own.well_formed])
    ids = fields.String(
        validate=validate.Length(max=37 * 100),
        metadata={"description": "up to 100 ids, separated by commas"},
    )

    @validates_schema
    def has_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("either handle or ids is needed", "handle")
        ids = data["ids"].split(",") if "ids" in data else []
        if len(ids) > 100 or not all(map(is_id, ids)):
            raise ValidationError("must be at most 100 UUIDs in lower case", "ids")


class User(Schema):
    """A person, or a bot, as others see them."""

    id = own.identifier(required=True)
    handle = fields.String(required=True)
    display_name = fields.String(required=True)
    kind = fields.String(validate=validate.OneOf(["person", "bot"]))
    avatar = own.identifier(metadata={"description": "a file"})


class UserList(Schema):
    """People that were found."""

    users = fields.List(fields.Nested(User), required=True)
