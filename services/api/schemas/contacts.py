"""Contacts, requests, blocks, and people that were found."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, fields, validate

from services.api.schemas import fields as own
from services.api.schemas.lists import ListQuery
from services.api.schemas.people import User
from shared.events import ContactState
from shared.limits import NAME_MAX_CHARS, NOTE_MAX_CHARS, REQUEST_TEXT_MAX_CHARS

STATES: Final = [state.value for state in ContactState]


class NewRequest(Schema):
    """Words to somebody who may not know one."""

    text = own.line(REQUEST_TEXT_MAX_CHARS, blank=True, load_default="")


class NewNote(Schema):
    """What one calls a contact for oneself; "" takes it away."""

    note = own.line(NOTE_MAX_CHARS, blank=True, required=True)


class RequestsQuery(ListQuery):
    """Which requests: those one has got, or those one has made."""

    direction = fields.String(load_default="in", validate=validate.OneOf(["in", "out"]))


class Relation(Schema):
    """What another person is to the caller."""

    user = own.identifier(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    note = fields.String()
    text = fields.String(metadata={"description": "of the request that waits"})
    blocked = fields.Boolean(required=True, metadata={"description": "by the caller"})


class Contact(Schema):
    """Somebody one knows."""

    user = fields.Nested(User, required=True)
    note = fields.String(required=True)
    since = fields.DateTime(required=True)


class ContactPage(Schema):
    """A page of contacts."""

    contacts = fields.List(fields.Nested(Contact), required=True)
    next = own.next_id()


class ContactRequest(Schema):
    """Somebody who asks, or is asked."""

    user = fields.Nested(User, required=True)
    text = fields.String(required=True)
    time = fields.DateTime(required=True)


class ContactRequestPage(Schema):
    """A page of requests."""

    requests = fields.List(fields.Nested(ContactRequest), required=True)
    next = own.next_id()


class Block(Schema):
    """Somebody whom one has blocked."""

    user = fields.Nested(User, required=True)
    since = fields.DateTime(required=True)


class BlockPage(Schema):
    """A page of blocks."""

    blocks = fields.List(fields.Nested(Block), required=True)
    next = own.next_id()


class PeopleQuery(Schema):
    """What somebody typed: parts of names, a handle, or a whole phone number."""

    q = own.line(NAME_MAX_CHARS, required=True)
    after = fields.String(load_default="", validate=validate.Length(max=2000))
    limit = own.page_limit()


class PeoplePage(Schema):
    """People that were found: who fits exactly comes first."""

    people = fields.List(fields.Nested(User), required=True)
    next = fields.String(
        required=True, allow_none=True, metadata={"description": "`after` of the next page"}
    )
