"""Groups beside their members: what they are about, who may enter, who may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from marshmallow.fields import Field

from services.api.schemas import fields as own
from services.api.schemas.people import User
from shared.limits import DESCRIPTION_MAX_CHARS, INVITE_MAX_S, TOPIC_MAX_CHARS

VISIBILITIES: Final = ("private", "public")
JOININGS: Final = ("invited", "request", "open")
REASON_MAX_CHARS: Final = 500
TOKEN_MAX_CHARS: Final = 100

# Of a group only, hence not required.
DETAIL_FIELDS: Final[dict[str, Field[Any]]] = {
    "version": fields.Integer(metadata={"description": "of topic to announcement; for If-Match"}),
    "topic": fields.String(),
    "description": fields.String(),
    "avatar": own.identifier(allow_none=True, metadata={"description": "a file"}),
    "visibility": fields.String(validate=validate.OneOf(VISIBILITIES)),
    "joining": fields.String(validate=validate.OneOf(JOININGS)),
    "announcement": own.Flag(metadata={"description": "only owner and admins write"}),
}


def _line(most: int, **options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(0, most), own.well_formed], **options)


class GroupChanges(Schema):
    """What is to change; what is not named stays. Who may enter a public group: anybody (``open``),
    or whom owner or admins let in (``request``)."""

    name = own.name()
    topic = _line(TOPIC_MAX_CHARS)
    description = _line(DESCRIPTION_MAX_CHARS)
    avatar = own.identifier(allow_none=True)
    visibility = fields.String(validate=validate.OneOf(VISIBILITIES))
    joining = fields.String(validate=validate.OneOf(JOININGS))
    announcement = own.Flag()

    @validates_schema
    def names_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("names nothing to change")


class Silence(Schema):
    """Until when a member may not write."""

    until = fields.AwareDateTime(required=True)


class NewBan(Schema):
    """Why somebody is banned; only those see it who may ban."""

    reason = _line(REASON_MAX_CHARS, load_default="")


class Ban(Schema):
    """Somebody who may not be in the group."""

    user = fields.Nested(User, required=True)
    banned_by = own.identifier(required=True)
    reason = fields.String(required=True)
    created_at = fields.DateTime(required=True)


class BanPage(Schema):
    """A page of them."""

    bans = fields.List(fields.Nested(Ban), required=True)
    next = own.next_id()


class Join(Schema):
    """A word to those who decide."""

    message = _line(REASON_MAX_CHARS, load_default="")


class Joined(Schema):
    """Whether one is in, or has to wait for an answer."""

    conversation = own.identifier(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["member", "requested"]))


class JoinRequest(Schema):
    """Somebody who asks to come in."""

    user = fields.Nested(User, required=True)
    message = fields.String(required=True)
    created_at = fields.DateTime(required=True)


class JoinRequestPage(Schema):
    """A page of them."""

    requests = fields.List(fields.Nested(JoinRequest), required=True)
    next = own.next_id()


class JoinAnswer(Schema):
    """Whether they come in."""

    accept = own.Flag(required=True)


class NewInvite(Schema):
    """How long and how often an invitation is good; not named: without end."""

    expires_in_s = fields.Integer(strict=True, validate=validate.Range(1, INVITE_MAX_S))
    uses_max = fields.Integer(strict=True, validate=validate.Range(1, 1_000_000))
    approval = own.Flag(
        load_default=False, metadata={"description": "who comes by it has to ask first"}
    )


class Invite(Schema):
    """An invitation; ``token`` is told once, when it is made."""

    id = own.identifier(required=True)
    token = fields.String()
    created_by = own.identifier(required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True, allow_none=True)
    uses_max = fields.Integer(required=True, allow_none=True)
    uses = fields.Integer(required=True)
    approval = own.Flag(required=True)


class InvitePage(Schema):
    """A page of them."""

    invites = fields.List(fields.Nested(Invite), required=True)
    next = own.next_id()


class InviteToken(Schema):
    """An invitation; it stands in no address, and so in no log."""

    token = fields.String(
        required=True, validate=[validate.Length(1, TOKEN_MAX_CHARS), own.well_formed]
    )


class InviteAcceptance(InviteToken):
    """An invitation, and a word to those who decide."""

    message = _line(REASON_MAX_CHARS, load_default="")


class InvitePreview(Schema):
    """What an invitation leads to."""

    id = own.identifier(required=True)
    name = fields.String(required=True)
    topic = fields.String(required=True)
    description = fields.String(required=True)
    avatar = own.identifier(required=True, allow_none=True)
    member_count = fields.Integer(required=True)
    approval = own.Flag(required=True)
    expires_at = fields.DateTime(required=True, allow_none=True)


class ChannelsQuery(Schema):
    """Public groups whose names contain all words of ``q``."""

    q = fields.String(load_default="", validate=[validate.Length(max=100), own.well_formed])
    after = own.identifier(load_default="")
    limit = own.page_limit()


class Channel(Schema):
    """A public group, as anybody sees it."""

    id = own.identifier(required=True)
    name = fields.String(required=True)
    topic = fields.String(required=True)
    description = fields.String(required=True)
    avatar = own.identifier(required=True, allow_none=True)
    member_count = fields.Integer(required=True)
    joining = fields.String(required=True, validate=validate.OneOf(JOININGS))
    announcement = own.Flag(required=True)
    state = fields.String(
        required=True, validate=validate.OneOf(["none", "requested", "member"]),
        metadata={"description": "of the caller"},
    )  # fmt: skip


class ChannelPage(Schema):
    """A page of them."""

    channels = fields.List(fields.Nested(Channel), required=True)
    next = own.next_id()
