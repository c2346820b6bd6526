"""What people tell of themselves."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate

from services.api.domain import emoji
from services.api.schemas import fields as own
from shared.limits import NAME_MAX_CHARS, STATUS_MAX_CHARS

PRESENCE_TO: Final = ["everyone", "contacts", "nobody"]
REACHED_BY: Final = ["everyone", "contacts"]
_ZONES: Final = available_timezones()
# A well-formed tag (RFC 5646, section 2.1), without extensions: nobody's language needs one.
_LANGUAGE: Final = re.compile(
    r"([A-Za-z]{2,3})(-[A-Za-z]{4})?(-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"((?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)\Z"
)
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")  # E.164


def _zone(value: str) -> None:
    if value and value not in _ZONES:
        raise ValidationError('must be a name of the IANA time zone database, as "Asia/Shanghai"')


def _language(value: str) -> None:
    if value and not _LANGUAGE.match(value):
        raise ValidationError('must be a language tag (BCP 47), as "en" or "zh-Hans"')


def _phone(value: str) -> None:
    if value and not _PHONE.match(value):
        raise ValidationError('must be in international form (E.164), as "+8613800000000"')


def _one_emoji(value: str) -> None:
    if value and emoji.normal_form(value) is None:
        raise ValidationError("must be exactly one emoji")


def _with_zone(value: datetime) -> None:
    if value.tzinfo is None:
        raise ValidationError("must have a time zone (RFC 3339)")


class Status(Schema):
    """What one is up to, until then; without an end, what one signs with."""

    text = own.line(STATUS_MAX_CHARS, blank=True, load_default="")
    emoji = fields.String(load_default="", validate=_one_emoji)
    until = fields.DateTime(load_default=None, allow_none=True, validate=_with_zone)


class ChangedPrivacy(Schema):
    """Who may see and reach one. What is absent stays."""

    presence = fields.String(validate=validate.OneOf(PRESENCE_TO))
    messages = fields.String(validate=validate.OneOf(REACHED_BY))
    groups = fields.String(validate=validate.OneOf(REACHED_BY))
    find_by_name = own.Flag()
    find_by_email = own.Flag()
    find_by_phone = own.Flag()


class ChangedProfile(Schema):
    """What is absent stays as it is; null or "" takes something away."""

    display_name = own.line(NAME_MAX_CHARS)
    avatar = own.identifier(allow_none=True, metadata={"description": "a finished picture file"})
    status = fields.Nested(Status, allow_none=True)
    time_zone = fields.String(validate=[validate.Length(max=64), _zone])
    language = fields.String(validate=[validate.Length(max=35), _language])
    phone = fields.String(validate=_phone)
    privacy = fields.Nested(ChangedPrivacy)


class Privacy(Schema):
    """Who may see and reach one."""

    presence = fields.String(required=True, validate=validate.OneOf(PRESENCE_TO))
    messages = fields.String(required=True, validate=validate.OneOf(REACHED_BY))
    groups = fields.String(required=True, validate=validate.OneOf(REACHED_BY))
    find_by_name = own.Flag(required=True)
    find_by_email = own.Flag(required=True)
    find_by_phone = own.Flag(required=True)


class Profile(Schema):
    """A person as the caller sees them. What they have not told or do not show is absent."""

    id = own.identifier(required=True)
    handle = fields.String(required=True)
    display_name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(["person", "bot"]))
    avatar = own.identifier()
    status = fields.Nested(Status)
    time_zone = fields.String()
    language = fields.String()
    last_seen_at = fields.DateTime()


class Me(Profile):
    """One's own profile."""

    version = fields.Integer(required=True)
    phone = fields.String()
    privacy = fields.Nested(Privacy, required=True)


def language_form(tag: str) -> str:
    """A tag in its usual case: "ZH-hans-cn" → "zh-Hans-CN"."""
    match = _LANGUAGE.match(tag)
    if match is None:
        return tag
    language, script, region, rest = match.groups(default="")
    return language.lower() + script.title() + region.upper() + rest.lower()


def flat(changes: Any) -> dict[str, Any]:
    """A validated ChangedProfile as columns of the store."""
    columns = {
        name: value for name, value in changes.items() if name not in ("status", "privacy")
    } | dict(changes.get("privacy", {}))
    if "language" in columns:
        columns["language"] = language_form(columns["language"])
    if "status" in changes:
        status = changes["status"] or {"text": "", "emoji": "", "until": None}
        columns["status_text"] = status["text"]
        columns["status_emoji"] = emoji.normal_form(status["emoji"]) or ""
        columns["status_until"] = status["until"]
    return columns
