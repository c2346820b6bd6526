"""The JSON and form edges of auth, validated with marshmallow.

Client authentication is not part of them: see :mod:`services.auth.client_authentication`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from services.auth.errors import OAuthError

_TOKEN = validate.Length(min=1, max=4096)  # longer than any token or code of ours
_SCOPE = validate.Length(max=500)


class _Form(Schema):
    class Meta:
        unknown = EXCLUDE  # RFC 6749, section 3.2: unrecognised parameters are ignored


class TokenForm(_Form):
    """What every token request has (RFC 6749, section 3.2)."""

    grant_type = fields.String(required=True)


class AuthorizationCodeForm(_Form):
    """RFC 6749, section 4.1.3, and RFC 7636, section 4.5."""

    code = fields.String(required=True, validate=_TOKEN)
    redirect_uri = fields.String(required=True, validate=_TOKEN)
    code_verifier = fields.String(required=True, validate=_TOKEN)


class RefreshForm(_Form):
    """RFC 6749, section 6."""

    refresh_token = fields.String(required=True, validate=_TOKEN)
    scope = fields.String(load_default="", validate=_SCOPE)


class DeviceCodeForm(_Form):
    """RFC 8628, section 3.4."""

    device_code = fields.String(required=True, validate=_TOKEN)


class ClientCredentialsForm(_Form):
    """RFC 6749, section 4.4.2."""

    scope = fields.String(load_default="", validate=_SCOPE)


class DeviceAuthorizationForm(_Form):
    """RFC 8628, section 3.1."""

    scope = fields.String(load_default="", validate=_SCOPE)


class RevocationForm(_Form):
    """RFC 7009, section 2.1. The hint is not needed: our two kinds of token look different."""

    token = fields.String(required=True, validate=_TOKEN)
    token_type_hint = fields.String(load_default="")


class IntrospectionForm(_Form):
    """RFC 7662, section 2.1. The hint is not needed, as with revocation."""

    token = fields.String(required=True, validate=_TOKEN)
    token_type_hint = fields.String(load_default="")


def load(schema: type[Schema], given: dict[str, str]) -> dict[str, Any]:
    """The form's fields. Raises :class:`OAuthError` ``invalid_request`` naming what is wrong."""
    try:
        loaded: dict[str, Any] = _made(schema).load(given)
    except ValidationError as error:
        names = ", ".join(sorted(map(str, error.messages_dict)))
        raise OAuthError("invalid_request", f"missing or malformed: {names}") from None
    return loaded


@cache
def _made(schema: type[Schema]) -> Schema:
    """Made once: that costs more than loading a form, and an instance keeps nothing of it."""
    return schema()
