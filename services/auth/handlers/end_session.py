"""Signing out at a client's wish (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from typing import Any

import jwt
from aiohttp import web

from services.auth import audit, forms
from services.auth.domain import redirects
from services.auth.domain.clients import Client
from services.auth.domain.parameters import Duplicated, single_valued
from services.auth.errors import PageError, answers_html
from services.auth.handlers.browser import forget_browser, see_other, sign_browser_out
from services.auth.resources import AUTH
from shared.entries import Revocation
from shared.internal import SessionEnd

_CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@answers_html
async def show(request: web.Request) -> web.Response:
    """GET and POST /connect/endsession: asks the person, always (section 6): whoever can make a
    browser open a page must not be able to sign people out."""
    try:
        pairs = (
            list(request.query.items()) if request.method == "GET" else await forms.pairs(request)
        )
        given = single_valued(pairs)
    except (forms.BadForm, Duplicated):
        raise PageError(400, "bad_form") from None
    await request.app[AUTH].clients.ready(given.get("client_id", ""))
    client, _ = _read(request, given)
    carried = {name: given[name] for name in _CARRIED if name in given}
    target = carried.get("post_logout_redirect_uri", "")
    return request.app[AUTH].pages.page(
        request,
        "endsession",
        client=client.name if client is not None else "",
        carried=carried,
        form_action=redirects.form_action_source(target) if target else "",
    )


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/endsession/confirm: the person agreed."""
    given = await forms.of_page(request)
    await request.app[AUTH].clients.ready(given.get("client_id", ""))
    client, hint = _read(request, given)
    await sign_browser_out(request)
    if client is not None and hint.get("sid"):
        await _end(request, client, hint)
    auth = request.app[AUTH]
    if target := given.get("post_logout_redirect_uri", ""):
        response = see_other(redirects.with_parameters(target, {"state": given.get("state", "")}))
    else:
        response = auth.pages.page(request, "done", title="signedout_title", message="signedout")
    forget_browser(request, response)
    return response


def _read(request: web.Request, given: dict[str, str]) -> tuple[Client | None, dict[str, Any]]:
    """The client, and the claims of its hint. Raises :class:`PageError`."""
    auth = request.app[AUTH]
    hint: dict[str, Any] = {}
    if token := given.get("id_token_hint", ""):
        try:
            hint = auth.keys.verify(
                token, "JWT", issuer=auth.settings.issuer,
                # An expired one is as good a hint (section 2).
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )  # fmt: skip
        except jwt.PyJWTError:
            raise PageError(400, "bad_form") from None
    client_id = given.get("client_id", "") or str(hint.get("aud", ""))
    if hint and client_id != hint.get("aud"):
        raise PageError(400, "bad_form")
    client = auth.clients.get(client_id) if client_id else None
    if client_id and client is None:
        raise PageError(400, "unknown_client")
    if target := given.get("post_logout_redirect_uri", ""):
        registered = client.post_logout_redirect_uris if client is not None else ()
        if not redirects.matches(target, registered):
            raise PageError(400, "wrong_redirect_uri")
    return client, hint


async def _end(request: web.Request, client: Client, hint: dict[str, Any]) -> None:
    """The session that the hint belongs to. Raises ApiUnavailable."""
    auth = request.app[AUTH]
    ended = await auth.accounts.end(SessionEnd(session=str(hint["sid"])))
    for session in ended.sessions:
        auth.audit.note(
            request, audit.SESSION_ENDED, user=ended.user, client_id=client.client_id,
            session=session, detail="signed_out",
        )  # fmt: skip
    told = Revocation(ended.sessions, user=ended.user, reason="signed_out")
    await auth.revocations.publish(told)
