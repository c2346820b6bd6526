"""Which client asks (RFC 6749, sections 2.3 and 3.2.1)."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from urllib.parse import unquote_plus

from aiohttp import web

from services.auth import forms
from services.auth.audit import CLIENT_REFUSED
from services.auth.domain.clients import BASIC, POST, Client
from services.auth.domain.parameters import Duplicated, single_valued
from services.auth.errors import OAuthError
from services.auth.resources import AUTH

_CHALLENGE = 'Basic realm="AgileIM", charset="UTF-8"'


async def client_form(request: web.Request) -> tuple[Client, dict[str, str]]:
    """The client, authenticated if it has a secret, and the parameters of its request. Of its
    secrets, the client has only the one that it used.

    Raises :class:`OAuthError`, ApiUnavailable.
    """
    try:
        given = single_valued(await forms.pairs(request))
    except (forms.BadForm, Duplicated) as fault:
        raise OAuthError("invalid_request", str(fault)) from None
    header = request.headers.get("Authorization", "")
    client_id, secret = given.get("client_id", ""), given.get("client_secret", "")
    if header:
        if secret:
            raise OAuthError("invalid_request", "more than one way of client authentication")
        basic_id, secret = _basic(header)
        if client_id not in ("", basic_id):
            raise OAuthError("invalid_request", "client_id differs from the authenticated client")
        client_id = basic_id
    auth = request.app[AUTH]
    client = await auth.clients.asking(client_id)
    proven = _proven(client, secret, BASIC if header else POST, auth.now())
    if proven is None:
        known = client.client_id if client is not None else ""
        auth.audit.note(request, CLIENT_REFUSED, client_id=known)
        raise OAuthError(
            "invalid_client", "client authentication failed", status=401, challenge=_CHALLENGE
        )
    return proven, given


def _proven(client: Client | None, secret: str, method: str, now: float) -> Client | None:
    """The client, with the one secret that it has shown, if it has to."""
    if client is None:
        return None
    if client.public:
        return client if not secret else None
    shown = client.secret_like(secret, now) if method in client.auth_methods else None
    return dataclasses.replace(client, secrets=(shown,)) if shown is not None else None


def _basic(header: str) -> tuple[str, str]:
    """Client id and secret from HTTP Basic, each form-encoded (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (ValueError, binascii.Error):
        raise OAuthError(
            "invalid_client", "the Authorization header is not HTTP Basic",
            status=401, challenge=_CHALLENGE,
        ) from None  # fmt: skip
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
