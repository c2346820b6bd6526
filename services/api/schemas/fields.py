"""The fields that many schemas share, with their rules."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from services.api.domain.message import BadMessage, check_text
from services.api.domain.names import GRAPHEME_MAX_CHARS, why_not_short_text
from shared.events import ConversationKind, Role
from shared.ids import is_id
from shared.limits import NAME_MAX_CHARS, PAGE_DEFAULT, PAGE_MAX

KINDS: Final = [kind.value for kind in ConversationKind]
ROLES: Final = [role.value for role in Role]
SEQ_MAX: Final = 2**53 - 1  # what JavaScript counts exactly


def well_formed(text: str) -> None:
    """Refuses text that cannot be stored or shown."""
    try:
        check_text("", text)
    except BadMessage as error:
        raise ValidationError(str(error)) from None


def not_blank(text: str) -> None:
    """Refuses text of nothing but white space."""
    if not text or text.isspace():
        raise ValidationError("must not be blank")


def _identifier(value: str) -> None:
    if not is_id(value):
        raise ValidationError("must be a UUID in lower case")


def identifier(**options: Any) -> fields.String:
    """An id of this server."""
    metadata = {"format": "uuid", **options.pop("metadata", {})}
    return fields.String(validate=_identifier, metadata=metadata, **options)


def seq(least: int = 0, **options: Any) -> fields.Integer:
    """An event's place in its conversation's log."""
    return fields.Integer(strict=True, validate=validate.Range(least, SEQ_MAX), **options)


def seq_parameter(least: int) -> fields.Integer:
    """A seq in a query, where everything is text."""
    return fields.Integer(validate=validate.Range(least, SEQ_MAX))


class Flag(fields.Boolean):
    """true or false; neither 1 nor "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


def page_limit() -> fields.Integer:
    """How many items of a list one wants."""
    return fields.Integer(load_default=PAGE_DEFAULT, validate=validate.Range(1, PAGE_MAX))


def line(most: int, *, blank: bool = False, **options: Any) -> fields.String:
    """A short text for people to read, of at most ``most`` characters as they see them."""

    def fits(text: str) -> None:
        why = why_not_short_text(text, most, blank=blank)
        if why is not None:
            raise ValidationError(why)

    # JSON Schema counts code points: of those a character may have several.
    metadata = {"maxLength": most * GRAPHEME_MAX_CHARS, **options.pop("metadata", {})}
    return fields.String(validate=fits, metadata=metadata, **options)


def name(**options: Any) -> fields.String:
    """A name that people give to themselves or to a conversation."""
    return line(NAME_MAX_CHARS, **options)


def next_id() -> fields.String:
    """Where the next page of a list begins; null: this was the last one."""
    return identifier(
        required=True, allow_none=True, metadata={"description": "`after` of the next page"}
    )
