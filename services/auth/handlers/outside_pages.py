"""The pages around identities outside: linking one to an account, making an account for one, and
the list of one's own."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from services.auth import audit, forms
from services.auth.accounts import EmailTaken, HandleTaken
from services.auth.domain import authentication, display_names, throttling
from services.auth.errors import PageError, answers_html
from services.auth.handlers.account_pages import for_person
from services.auth.handlers.browser import (
    Person,
    authorization_of,
    form_action_of,
    person_of,
    see_other,
    sign_in,
)
from services.auth.handlers.outside import LINKS
from services.auth.mail import addresses
from services.auth.outside_records import AlreadyLinked
from services.auth.records.journeys import Arrival
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.handles import is_handle, normal_form
from shared.ids import new_id
from shared.internal import Account, NewAccount

_HANDLE_TRIED: Final = 32


@answers_html
async def show_link(request: web.Request) -> web.Response:
    """GET /connect/outside/link?at=: link this identity to that account?"""
    token = request.query.get("at", "")[:100]
    arrival, account = await _linking(request, token)
    return request.app[AUTH].pages.page(
        request,
        "outside_link",
        form_action=form_action_of(authorization_of(request, arrival.next_path)),
        at=token,
        provider=_name(request, arrival),
        identity=arrival.email or arrival.handle or arrival.name,
        person=account,
    )


@answers_html
async def submit_link(request: web.Request) -> web.Response:
    """POST /connect/outside/link: the person agrees."""
    fields = await forms.of_page(request)
    token = fields.get("at", "")[:100]
    arrival, account = await _linking(request, token)
    auth = request.app[AUTH]
    if not await auth.journeys.settle(token):
        raise PageError(400, "outside_expired")
    if fields.get("decision") != "allow":
        return see_other(LINKS if arrival.linking else "/connect/signin")
    await _link(request, account, arrival)
    if arrival.linking:
        return see_other(LINKS)
    return await sign_in(request, account, arrival.next_path, authentication.OUTSIDE)


@answers_html
async def show_new(request: web.Request) -> web.Response:
    """GET /connect/outside/new?at=: choose a handle."""
    token = request.query.get("at", "")[:100]
    arrival = await _arrived(request, token)
    handle = normal_form(arrival.handle)[:_HANDLE_TRIED]
    return _new_page(request, token, arrival, handle if is_handle(handle) else "", arrival.name, {})


@answers_html
async def submit_new(request: web.Request) -> web.Response:
    """POST /connect/outside/new: an account without a password, linked to the identity."""
    fields = await forms.of_page(request)
    token = fields.get("at", "")[:100]
    arrival = await _arrived(request, token)
    handle = normal_form(fields.get("handle", ""))
    name = display_names.prepared(fields.get("display_name", ""))
    faults = {}
    if not is_handle(handle):
        faults["handle"] = "handle_invalid"
    if not display_names.is_display_name(name):
        faults["display_name"] = "display_name_invalid"
    if faults:
        return _new_page(request, token, arrival, handle, name, faults)
    try:
        account = await _create(request, token, arrival, NewAccount(handle, name, "", new_id()))
    except HandleTaken:
        return _new_page(request, token, arrival, handle, name, {"handle": "handle_taken"})
    return await sign_in(request, account, arrival.next_path, authentication.OUTSIDE)


@for_person(LINKS, fresh=True)
async def show_links(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """GET /connect/account/outside: one's own identities, and providers that could be added."""
    return await _links_page(request, person, "")


@for_person(LINKS, fresh=True)
async def unlink(request: web.Request, person: Person, fields: dict[str, str]) -> web.Response:
    """POST /connect/account/outside: forget one, unless nothing else would be left to sign in."""
    auth = request.app[AUTH]
    user = person.account.user
    links = await auth.outside_records.of(user)
    factors = await auth.factors.of(user)
    issuer = fields.get("issuer", "")
    if issuer not in [one.issuer for one in links]:
        return await _links_page(request, person, "outside_unknown")
    usable = [one for one in links if auth.outside.by_issuer(one.issuer) and one.issuer != issuer]
    if not (person.account.password_hash or factors.passkeys or usable):
        return await _links_page(request, person, "outside_last")
    await auth.outside_records.unlink(user, issuer)
    auth.audit.note(request, audit.OUTSIDE_UNLINKED, user=user, detail=issuer)
    return see_other(LINKS)


async def _create(request: web.Request, token: str, arrival: Arrival, new: NewAccount) -> Account:
    """Raises HandleTaken, Throttled, PageError."""
    auth = request.app[AUTH]
    if not auth.settings.registration_open:
        raise PageError(403, "registration_closed")
    if auth.settings.registrations_per_hour > 0:
        policy = throttling.registrations(auth.settings.registrations_per_hour)
        await auth.throttles.charge(f"register\n{auth.addresses.of(request)}", policy)
    account = await auth.accounts.create(new)
    if not await auth.journeys.settle(token):
        raise PageError(400, "outside_expired")
    auth.metrics.registrations.inc()
    auth.audit.note(request, audit.REGISTERED, user=account.user, detail=arrival.provider)
    await _link(request, account, arrival)
    address = addresses.parsed(arrival.email) if arrival.email else None
    if address is not None:
        try:
            await auth.accounts.put_email(account.user, address.text, address.key)
        except EmailTaken:
            return account
        auth.audit.note(request, audit.EMAIL_PROVED, user=account.user, detail=arrival.provider)
    return account


async def _link(request: web.Request, account: Account, arrival: Arrival) -> None:
    auth = request.app[AUTH]
    try:
        await auth.outside_records.link(account.user, arrival.identity)
    except AlreadyLinked:
        raise PageError(409, "outside_taken") from None
    auth.audit.note(request, audit.OUTSIDE_LINKED, user=account.user, detail=arrival.issuer)


async def _arrived(request: web.Request, token: str) -> Arrival:
    """Raises PageError."""
    auth = request.app[AUTH]
    found = await auth.journeys.arrived(token, auth.pages.cookies.browser(request))
    if found is None:
        raise PageError(400, "outside_expired")
    return found


async def _linking(request: web.Request, token: str) -> tuple[Arrival, Account]:
    """An arrival and the account that it may be linked to. Raises PageError."""
    auth = request.app[AUTH]
    arrival = await _arrived(request, token)
    account = await auth.accounts.by_id(arrival.user) if arrival.user else None
    if account is None or account.disabled:
        raise PageError(400, "outside_expired")
    if arrival.linking:
        person = await person_of(request)
        if person is None or person.account.user != account.user:
            raise PageError(400, "outside_expired")
    elif addresses.parsed(account.email) != addresses.parsed(arrival.email):
        raise PageError(400, "outside_expired")  # the account's address has changed meanwhile
    return arrival, account


async def _links_page(request: web.Request, person: Person, fault: str) -> web.Response:
    auth = request.app[AUTH]
    texts = negotiated(request.headers.get("Accept-Language", ""))
    links = await auth.outside_records.of(person.account.user)
    known = {one.settings.issuer: one.settings for one in auth.outside}
    linked: list[dict[str, Any]] = [
        {
            "issuer": one.issuer,
            "name": known[one.issuer].name if one.issuer in known else one.issuer,
            "label": one.label,
        }
        for one in links
    ]
    free = set(known) - {one.issuer for one in links}
    return auth.pages.page(
        request,
        "outside_links",
        status=422 if fault else 200,
        linked=linked,
        others=[(one.id, one.name) for issuer, one in known.items() if issuer in free],
        fault=texts(fault) if fault else "",
    )


def _new_page(
    request: web.Request, token: str, arrival: Arrival, handle: str, name: str,
    faults: dict[str, str],
) -> web.Response:  # fmt: skip
    texts = negotiated(request.headers.get("Accept-Language", ""))
    return request.app[AUTH].pages.page(
        request,
        "outside_new",
        status=422 if faults else 200,
        form_action=form_action_of(authorization_of(request, arrival.next_path)),
        at=token,
        provider=_name(request, arrival),
        handle=handle,
        display_name=name,
        faults={
            field: texts(faults[field]) if field in faults else ""
            for field in ("handle", "display_name")
        },
        sign_in=f"/connect/signin?{urlencode({'next': arrival.next_path})}",
    )


def _name(request: web.Request, arrival: Arrival) -> str:
    provider = request.app[AUTH].outside.get(arrival.provider)
    return provider.settings.name if provider is not None else arrival.issuer
