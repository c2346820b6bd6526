"""Signing in with an OpenID provider outside: there and back.

Who comes back is somebody who is linked to an account (and signs in), somebody whose verified
address is that of an account (and is asked whether to link them), or somebody new (and chooses a
handle). A second factor is asked for as after a password.
"""

from __future__ import annotations

import secrets
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from services.auth import audit
from services.auth.domain import authentication, continuation
from services.auth.domain.outside import Identity, WrongIdentity
from services.auth.domain.parameters import Duplicated, single_valued
from services.auth.errors import PageError, answers_html
from services.auth.handlers.browser import is_fresh, person_of, see_other, sign_in
from services.auth.handlers.setting_up import to_sign_in
from services.auth.mail import addresses
from services.auth.outside import OutsideProvider, ProviderAway, Request
from services.auth.records.journeys import Arrival, Journey, digest
from services.auth.resources import AUTH
from shared.internal import Account
from shared.logs import get_logger

BASE: Final = "/connect/outside"
LINKS: Final = "/connect/account/outside"


@answers_html
async def start(request: web.Request) -> web.Response:
    """GET /connect/outside/{provider}?next=: to the provider. With ``link=true``, by who has just
    signed in, to link it to their account."""
    auth = request.app[AUTH]
    provider = _provider(request)
    user = ""
    if request.query.get("link") == "true":
        person = await person_of(request)
        if person is None or not is_fresh(request, person):
            return to_sign_in(LINKS)
        user = person.account.user
    mark = auth.pages.cookies.browser(request)
    if not mark:
        raise PageError(403, "form_expired")
    asked = Request("", secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    state = await auth.journeys.begin(
        Journey(
            provider=provider.settings.id,
            browser=digest(mark),
            nonce=asked.nonce,
            verifier=asked.verifier,
            next_path=continuation.safe(request.query.get("next", "")),
            user=user,
        )
    )
    try:
        return see_other(await provider.authorize_url(asked._replace(state=state)))
    except ProviderAway as away:
        raise _away(away) from None


@answers_html
async def callback(request: web.Request) -> web.Response:
    """GET /connect/outside/{provider}/callback: back, with a code or an error."""
    auth = request.app[AUTH]
    provider = _provider(request)
    try:
        answer = single_valued(request.query.items())
    except Duplicated:
        raise PageError(400, "bad_form") from None
    mark = auth.pages.cookies.browser(request)
    journey = await auth.journeys.end(answer.get("state", ""), mark)
    if journey is None or journey.provider != provider.settings.id:
        raise PageError(400, "outside_expired")
    try:
        await provider.check_issuer(answer)
        if "error" in answer or "code" not in answer:
            get_logger().info("outside_error", provider=journey.provider)
            raise PageError(400, "outside_denied")
        identity = await provider.identity(
            answer["code"], Request(answer["state"], journey.nonce, journey.verifier)
        )
    except ProviderAway as away:
        raise _away(away) from None
    except WrongIdentity as wrong:
        auth.audit.note(request, audit.OUTSIDE_REFUSED, detail=f"{journey.provider}: {wrong}")
        raise PageError(400, "outside_wrong") from None
    return await _arrive(request, journey, identity)


async def _arrive(request: web.Request, journey: Journey, identity: Identity) -> web.Response:
    auth = request.app[AUTH]
    owner = await auth.outside_records.owner(identity)
    if journey.user:
        if owner is not None:
            mine = owner.user == journey.user
            if not mine:
                raise PageError(409, "outside_taken")
            return see_other(LINKS)
        return await _ask(request, journey, identity, journey.user)
    if owner is not None:
        if owner.disabled:
            auth.audit.note(request, audit.SIGN_IN_REFUSED, user=owner.user)
            raise PageError(403, "outside_disabled")
        return await sign_in(request, owner, journey.next_path, authentication.OUTSIDE)
    same = await _with_address(request, identity)
    return await _ask(request, journey, identity, same.user if same is not None else "")


async def _ask(
    request: web.Request, journey: Journey, identity: Identity, user: str
) -> web.Response:
    """To the page that asks how to go on."""
    auth = request.app[AUTH]
    token = await auth.journeys.arrive(
        Arrival(
            browser=journey.browser,
            provider=journey.provider,
            issuer=identity.issuer,
            subject=identity.subject,
            email=identity.email,
            name=identity.name,
            handle=identity.handle,
            next_path=journey.next_path,
            user=user,
            linking=bool(journey.user),
        )
    )
    page = "link" if user else "new"
    return see_other(f"{BASE}/{page}?{urlencode({'at': token})}")


async def _with_address(request: web.Request, identity: Identity) -> Account | None:
    """The account whose proved address the provider has verified too."""
    address = addresses.parsed(identity.email) if identity.email else None
    if address is None:
        return None
    account = await request.app[AUTH].accounts.by_email(address.key)
    return account if account is not None and not account.disabled else None


def _provider(request: web.Request) -> OutsideProvider:
    found = request.app[AUTH].outside.get(request.match_info["provider"])
    if found is None:
        raise PageError(404, "outside_unknown")
    return found


def _away(error: ProviderAway) -> PageError:
    get_logger().warning("outside_provider_away", why=str(error))
    return PageError(502, "outside_away")
