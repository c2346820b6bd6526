"""Conversations and their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.schemas import fields as own
from services.api.schemas.groups import DETAIL_FIELDS
from services.api.schemas.member_settings import MemberSettings
from services.api.schemas.people import User
from shared.limits import ADD_MEMBERS_MAX


class NewConversation(Schema):
    """Either ``kind: direct`` with ``user``, or ``kind: group`` with ``name`` and ``members``."""

    kind = fields.String(required=True, validate=validate.OneOf(["direct", "group"]))
    user = own.identifier(metadata={"description": "direct: the other one"})
    name = own.name(metadata={"description": "group"})
    members = fields.List(
        own.identifier(),
        validate=validate.Length(max=ADD_MEMBERS_MAX),
        metadata={"description": "group: who else is in it from the start"},
    )

    @validates_schema
    def fits_its_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        direct = data.get("kind") == "direct"
        for field in ("user",) if direct else ("name",):
            if field not in data:
                raise ValidationError("is missing", field)
        for field in ("name", "members") if direct else ("user",):
            if field in data:
                raise ValidationError(f"does not belong to kind {data['kind']}", field)


class NewMembers(Schema):
    """Users to add."""

    users = fields.List(
        own.identifier(), required=True, validate=validate.Length(1, ADD_MEMBERS_MAX)
    )


class NewRole(Schema):
    """A member's new role; ownership is handed over by another call."""

    role = fields.String(required=True, validate=validate.OneOf(["admin", "member"]))


class NewOwner(Schema):
    """Who is to own the group."""

    user = own.identifier(required=True)


class Conversation(Schema.from_dict(DETAIL_FIELDS)):  # type: ignore[misc]  # made at run time
    """A conversation as the caller sees it; topic to version are those of a group."""

    id = own.identifier(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(own.KINDS))
    name = fields.String(required=True, metadata={"description": "group: its name; else empty"})
    head_seq = own.seq(required=True, metadata={"description": "seq of the newest event"})
    number = own.seq(required=True, metadata={"description": "messages so far"})
    first_seq = own.seq(required=True, metadata={"description": "first event that the caller sees"})
    role = fields.String(required=True, validate=validate.OneOf(own.ROLES))
    delivered_seq = own.seq(required=True)
    read_seq = own.seq(required=True)
    unread = own.seq(required=True, metadata={"description": "messages after read_seq"})
    mentions = fields.Integer(
        required=True, metadata={"description": "of the caller, unread; 100: so many or more"}
    )
    threads_unread = fields.Integer(
        required=True, metadata={"description": "followed threads; 100: so many or more"}
    )
    created_at = fields.DateTime(required=True)
    member_count = fields.Integer(required=True)
    silenced_until = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "the caller may not write"}
    )
    settings = fields.Nested(MemberSettings, required=True)
    peer = fields.Nested(User, metadata={"description": "direct: the other one"})
    peer_delivered_seq = own.seq(metadata={"description": "direct"})
    peer_read_seq = own.seq(metadata={"description": "direct"})


class ConversationPage(Schema):
    """A page of the caller's conversations."""

    conversations = fields.List(fields.Nested(Conversation), required=True)
    next = own.next_id()


class Member(Schema):
    """A member of a conversation."""

    user = fields.Nested(User, required=True)
    role = fields.String(required=True, validate=validate.OneOf(own.ROLES))
    delivered_seq = own.seq(required=True)
    read_seq = own.seq(required=True)


class MemberPage(Schema):
    """A page of members."""

    members = fields.List(fields.Nested(Member), required=True)
    next = own.next_id()
