"""JSON about clients and bots, validated with marshmallow. What the fields may hold is decided by
:mod:`services.auth.domain.registration`."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from marshmallow import Schema, ValidationError, fields, validate

from services.auth.domain.registration import URIS_MAX
from shared.codes import ErrorCode
from shared.limits import SECRET_OVERLAP_MAX_S
from shared.problems import Problem

_NAME = validate.Length(max=500)
_URI = validate.Length(min=1, max=2000)


def _texts(limit: int) -> fields.List[str]:
    return fields.List(fields.String(validate=_URI), validate=validate.Length(max=limit))


class ClientChange(Schema):
    """What an operator changes of a client."""

    name = fields.String(validate=_NAME)
    redirect_uris = _texts(URIS_MAX)
    post_logout_redirect_uris = _texts(URIS_MAX)
    grants = _texts(10)
    scopes = _texts(20)
    audiences = _texts(5)
    auth_method = fields.String(validate=_NAME)
    disabled = fields.Boolean()


class NewClient(ClientChange):
    """What an operator registers."""

    client_id = fields.String(required=True, validate=_NAME)
    name = fields.String(required=True, validate=_NAME)
    kind = fields.String(required=True, validate=_NAME)


class SecretChange(Schema):
    """For how long the secret that is replaced stays good, s."""

    overlap_s = fields.Integer(
        load_default=86_400, strict=True, validate=validate.Range(0, SECRET_OVERLAP_MAX_S)
    )


class NewBotForm(Schema):
    """A bot to be."""

    handle = fields.String(required=True, validate=_NAME)
    display_name = fields.String(required=True, validate=_NAME)


class NewOperatorsBot(NewBotForm):
    """A bot that an operator makes, of a person or of nobody."""

    owner = fields.String(load_default="", validate=_NAME)


async def body(request: web.Request, schema: type[Schema]) -> dict[str, Any]:
    """The JSON of a request; no body is an empty one. Raises Problem."""
    try:
        given = await request.json() if request.can_read_body else {}
        loaded: dict[str, Any] = schema().load(given)
    except ValidationError as error:
        name, why = next(iter(error.messages_dict.items()))
        text = why[0] if isinstance(why, list) else "malformed"
        raise Problem(ErrorCode.INVALID, f"{name}: {text}", field=str(name)) from None
    except ValueError:
        raise Problem(ErrorCode.INVALID, "The body is not JSON.", field="body") from None
    return loaded
