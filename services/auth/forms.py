"""Form bodies (application/x-www-form-urlencoded), strictly."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

from services.auth import csrf
from services.auth.domain.parameters import Duplicated, single_valued
from services.auth.errors import PageError
from services.auth.resources import AUTH

_FIELDS_MAX = 40
_CONTENT_TYPE = "application/x-www-form-urlencoded"


class BadForm(ValueError):
    """The body is not a form."""


async def pairs(request: web.Request) -> list[tuple[str, str]]:
    """Names and values in order. Raises :class:`BadForm`."""
    if request.content_type != _CONTENT_TYPE:
        raise BadForm(f"the content type must be {_CONTENT_TYPE}")
    body = await request.read()
    try:
        found = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX
        )
    except ValueError as error:
        raise BadForm("the body is not a form in UTF-8") from error
    if any("\0" in name or "\0" in value for name, value in found):
        raise BadForm("the body contains NUL")
    return found


async def of_page(request: web.Request) -> dict[str, str]:
    """The fields of a form of ours, sent by a browser that was shown it.

    Raises :class:`PageError`.
    """
    auth = request.app[AUTH]
    try:
        fields = single_valued(await pairs(request))
    except (BadForm, Duplicated):
        raise PageError(400, "bad_form") from None
    cookies = auth.pages.cookies
    genuine = csrf.is_genuine(
        fields.get(csrf.FIELD, ""), cookies.browser(request), cookies.signin(request)
    )
    origin = request.headers.get("Origin")
    if not genuine or not csrf.is_same_origin(origin, auth.settings.issuer):
        raise PageError(403, "form_expired")
    return fields
