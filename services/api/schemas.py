"""The public HTTP edge: what goes in is checked by these schemas, and OpenAPI is made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.api.domain.message import BadMessage, check_text
from shared.events import ConversationKind, Role
from shared.ids import is_id
from shared.limits import (
    ADD_MEMBERS_MAX,
    CLIENT_MSG_ID_MAX_CHARS,
    MESSAGE_MAX_CHARS,
    NAME_MAX_CHARS,
    PAGE_DEFAULT,
    PAGE_MAX,
)

_KINDS = [kind.value for kind in ConversationKind]
_ROLES = [role.value for role in Role]
SEQ_MAX = 2**53 - 1  # what JavaScript counts exactly


def _well_formed(text: str) -> None:
    try:
        check_text("", text)
    except BadMessage as error:
        raise ValidationError(str(error)) from None


def _identifier(value: str) -> None:
    if not is_id(value):
        raise ValidationError("must be a UUID in lower case")


def _not_blank(text: str) -> None:
    if not text or text.isspace():
        raise ValidationError("must not be blank")


def identifier(**options: Any) -> fields.String:
    """An id of this server."""
    metadata = {"format": "uuid", **options.pop("metadata", {})}
    return fields.String(validate=_identifier, metadata=metadata, **options)


def _seq(least: int = 0, **options: Any) -> fields.Integer:
    """An event's place in its conversation's log."""
    return fields.Integer(strict=True, validate=validate.Range(least, SEQ_MAX), **options)


def _limit() -> fields.Integer:
    return fields.Integer(load_default=PAGE_DEFAULT, validate=validate.Range(1, PAGE_MAX))


def _name(**options: Any) -> fields.String:
    rules: list[Callable[[Any], Any]] = [
        validate.Length(1, NAME_MAX_CHARS),
        _not_blank,
        _well_formed,
    ]
    return fields.String(validate=rules, **options)


# --- requests -----------------------------------------------------------------------------------


class NewConversation(Schema):
    """Either ``kind: direct`` with ``user``, or ``kind: group`` with ``name`` and ``members``."""

    kind = fields.String(required=True, validate=validate.OneOf(["direct", "group"]))
    user = identifier(metadata={"description": "direct: the other one"})
    name = _name(metadata={"description": "group"})
    members = fields.List(
        identifier(),
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


class Rename(Schema):
    """A group's new name."""

    name = _name(required=True)


class NewMembers(Schema):
    """Users to add."""

    users = fields.List(identifier(), required=True, validate=validate.Length(1, ADD_MEMBERS_MAX))


class NewRole(Schema):
    """A member's new role; ownership is handed over by another call."""

    role = fields.String(required=True, validate=validate.OneOf(["admin", "member"]))


class NewOwner(Schema):
    """Who is to own the group."""

    user = identifier(required=True)


class Text(Schema):
    """The body of a message; ``reply_to`` is the seq of the message that it answers."""

    text = fields.String(
        required=True,
        validate=[validate.Length(1, MESSAGE_MAX_CHARS), _not_blank, _well_formed],
    )
    reply_to = _seq(1)


class NewText(Schema):
    """Another text for a message."""

    text = fields.String(
        required=True,
        validate=[validate.Length(1, MESSAGE_MAX_CHARS), _not_blank, _well_formed],
    )


class NewMessage(Schema):
    """A message; a retry uses the same ``client_msg_id`` and never duplicates."""

    client_msg_id = fields.String(
        required=True, validate=[validate.Length(1, CLIENT_MSG_ID_MAX_CHARS), _well_formed]
    )
    body = fields.Nested(Text, required=True)


class NewReceipts(Schema):
    """How far one has got and read; marks never go back."""

    delivered_seq = _seq(1)
    read_seq = _seq(1)

    @validates_schema
    def has_one(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("delivered_seq or read_seq is needed", "read_seq")


# --- queries ------------------------------------------------------------------------------------


class UsersQuery(Schema):
    """Whom to look up, by exactly one of the two."""

    handle = fields.String(validate=[validate.Length(max=100), _well_formed])
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


class ListQuery(Schema):
    """A page of a list: the ``limit`` items after the id ``after``."""

    after = identifier(load_default="")
    limit = _limit()


class EventsQuery(Schema):
    """Events after ``after_seq``, else the last ones before ``before_seq``, else the newest."""

    after_seq = fields.Integer(validate=validate.Range(0, SEQ_MAX))
    before_seq = fields.Integer(validate=validate.Range(1, SEQ_MAX))
    limit = _limit()

    @validates_schema
    def has_one_end(self, data: Mapping[str, Any], **_: Any) -> None:
        if "after_seq" in data and "before_seq" in data:
            raise ValidationError("cannot be combined with after_seq", "before_seq")


class MessagesQuery(Schema):
    """The last messages before ``before_seq``, or before the end of the log."""

    before_seq = fields.Integer(validate=validate.Range(1, SEQ_MAX))
    limit = _limit()


class SyncQuery(Schema):
    """Where one stands; without a cursor: everything."""

    cursor = fields.String(load_default="", validate=validate.Length(max=300))
    limit = _limit()


# --- answers ------------------------------------------------------------------------------------


class User(Schema):
    """A person as others see them."""

    id = identifier(required=True)
    handle = fields.String(required=True)
    display_name = fields.String(required=True)


class UserList(Schema):
    """People that were found."""

    users = fields.List(fields.Nested(User), required=True)


class Conversation(Schema):
    """A conversation as the caller sees it."""

    id = identifier(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(_KINDS))
    name = fields.String(required=True, metadata={"description": "group: its name; else empty"})
    head_seq = _seq(required=True, metadata={"description": "seq of the newest event"})
    number = _seq(required=True, metadata={"description": "messages so far"})
    first_seq = _seq(required=True, metadata={"description": "first event that the caller sees"})
    role = fields.String(required=True, validate=validate.OneOf(_ROLES))
    delivered_seq = _seq(required=True)
    read_seq = _seq(required=True)
    unread = _seq(required=True, metadata={"description": "messages after read_seq"})
    created_at = fields.DateTime(required=True)
    member_count = fields.Integer(required=True)
    peer = fields.Nested(User, metadata={"description": "direct: the other one"})
    peer_delivered_seq = _seq(metadata={"description": "direct"})
    peer_read_seq = _seq(metadata={"description": "direct"})


class ConversationPage(Schema):
    """A page of the caller's conversations."""

    conversations = fields.List(fields.Nested(Conversation), required=True)
    next = identifier(
        required=True, allow_none=True, metadata={"description": "`after` of the next page"}
    )


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


class Member(Schema):
    """A member of a conversation."""

    user = fields.Nested(User, required=True)
    role = fields.String(required=True, validate=validate.OneOf(_ROLES))
    delivered_seq = _seq(required=True)
    read_seq = _seq(required=True)


class MemberPage(Schema):
    """A page of members."""

    members = fields.List(fields.Nested(Member), required=True)
    next = identifier(
        required=True, allow_none=True, metadata={"description": "`after` of the next page"}
    )


class Event(Schema):
    """An event of a conversation's log; the shape of ``body`` depends on ``kind``."""

    conversation = identifier(required=True)
    seq = _seq(1, required=True)
    kind = fields.String(required=True)
    sender = identifier(required=True)
    time = fields.DateTime(required=True)
    number = _seq(required=True, metadata={"description": "messages so far, this one included"})
    body = fields.Dict(keys=fields.String(), required=True)
    client_msg_id = fields.String()


class EventPage(Schema):
    """Part of a log, in ascending order."""

    events = fields.List(fields.Nested(Event), required=True)
    head_seq = _seq(required=True)
    first_seq = _seq(required=True, metadata={"description": "first event that the caller sees"})


class Sent(Schema):
    """The message is stored as this event."""

    conversation = identifier(required=True)
    seq = _seq(1, required=True)
    number = _seq(required=True)
    time = fields.DateTime(required=True)
    repeat = fields.Boolean(required=True, metadata={"description": "an earlier try had succeeded"})


class MessageVersion(Schema):
    """One text of a message; version 1 is the first."""

    seq = _seq(1, required=True)
    version = fields.Integer(required=True, validate=validate.Range(1))
    text = fields.String(required=True)
    time = fields.DateTime(required=True)


class MessageVersions(Schema):
    """All texts of a message, the oldest first; empty when it was recalled."""

    versions = fields.List(fields.Nested(MessageVersion), required=True)


class Reaction(Schema):
    """One emoji on a message."""

    emoji = fields.String(required=True)
    count = fields.Integer(required=True)
    mine = fields.Boolean(required=True)
    users = fields.List(identifier(), required=True, metadata={"description": "the first ones"})


class PresentMessage(Schema):
    """A message as it is now."""

    seq = _seq(1, required=True)
    sender = identifier(required=True)
    time = fields.DateTime(required=True)
    number = _seq(required=True)
    client_msg_id = fields.String()
    text = fields.String(required=True)
    reply_to = _seq(1)
    version = fields.Integer(required=True)
    edited_at = fields.DateTime()
    recalled = fields.Boolean(required=True)
    pinned = fields.Boolean(required=True)
    reactions = fields.List(fields.Nested(Reaction), required=True)


class MessagePage(Schema):
    """Messages as of event ``head_seq``, in ascending order."""

    messages = fields.List(fields.Nested(PresentMessage), required=True)
    head_seq = _seq(required=True)
    first_seq = _seq(required=True)
    next = _seq(
        required=True, allow_none=True, metadata={"description": "`before_seq` of the next page"}
    )


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
