"""The pages on which people set up a second factor: for their account, or in the middle of signing
in when one is demanded of them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from services.auth import forms
from services.auth.domain import totp
from services.auth.domain.authentication import is_strong, with_code, with_passkey
from services.auth.domain.display_names import is_display_name, prepared
from services.auth.domain.passkeys import PasskeyRefused
from services.auth.errors import PageError, answers_html
from services.auth.factor_records import PasskeyTaken, TooManyPasskeys
from services.auth.factors import AUTHENTICATOR, PASSKEY, Actor
from services.auth.handlers.browser import (
    HalfwayPerson,
    Person,
    authorization_of,
    complete,
    form_action_of,
    halfway_of,
    is_fresh,
    person_of,
    see_other,
)
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.internal import Account

ACCOUNT = "/connect/account"
PASSKEY_NAME_MAX_CHARS = 60


class Subject(NamedTuple):
    """Who may set up a factor now: somebody who has just signed in, or is about to."""

    account: Account
    person: Person | None
    halfway: HalfwayPerson | None


async def subject_of(request: web.Request) -> Subject | None:
    """Raises RedisError, ApiUnavailable."""
    who = await halfway_of(request)
    if who is not None:
        return Subject(who.account, None, who) if who.record.enrolling else None
    person = await person_of(request)
    if person is None or not is_fresh(request, person):
        return None
    return Subject(person.account, person, None)


def to_sign_in(path: str) -> web.Response:
    """Sign in (again) first, then this page."""
    return see_other(f"/connect/signin?{urlencode({'next': path, 'again': 'true'})}")


@answers_html
async def choose(request: web.Request) -> web.Response:
    """GET /connect/signin/enrol: which one, when one is demanded."""
    who = await halfway_of(request)
    if who is None or not who.record.enrolling:
        return see_other("/connect/signin")
    return request.app[AUTH].pages.page(request, "enrol", person=who.account)


@answers_html
async def proceed(request: web.Request) -> web.Response:
    """POST /connect/signin/enrol: the factor is set up and its recovery codes are noted."""
    await forms.of_page(request)
    auth = request.app[AUTH]
    who = await halfway_of(request)
    if who is None or not is_strong(who.record.amr):
        raise PageError(403, "form_expired")
    if await auth.halfway.take(who.cookie, int(auth.now())) is None:
        raise PageError(403, "form_expired")
    return await complete(request, who.account, who.record.next_path, who.record.amr)


@answers_html
async def show_authenticator(request: web.Request) -> web.Response:
    """GET /connect/account/authenticator: the QR code, the secret as text, and a field."""
    subject = await subject_of(request)
    if subject is None:
        return to_sign_in(f"{ACCOUNT}/authenticator")
    return await _authenticator_page(request, subject)


@answers_html
async def confirm_authenticator(request: web.Request) -> web.Response:
    """POST /connect/account/authenticator: the first code."""
    fields = await forms.of_page(request)
    subject = await subject_of(request)
    if subject is None:
        return to_sign_in(f"{ACCOUNT}/authenticator")
    actor = Actor(request, subject.account)
    if not await request.app[AUTH].factors.confirm_authenticator(actor, fields.get("code", "")):
        return await _authenticator_page(request, subject, fault="code_wrong")
    return await _done(request, subject, AUTHENTICATOR)


@answers_html
async def show_passkey(request: web.Request) -> web.Response:
    """GET /connect/account/passkeys/new"""
    subject = await subject_of(request)
    if subject is None:
        return to_sign_in(f"{ACCOUNT}/passkeys/new")
    return _passkey_page(request, subject)


@answers_html
async def add_passkey(request: web.Request) -> web.Response:
    """POST /connect/account/passkeys/new: the browser's answer, and a name."""
    fields = await forms.of_page(request)
    subject = await subject_of(request)
    if subject is None:
        return to_sign_in(f"{ACCOUNT}/passkeys/new")
    auth = request.app[AUTH]
    holder = auth.pages.cookies.browser(request)
    name = passkey_name(fields.get("name", ""))
    if not name:
        return _passkey_page(request, subject, fault="passkey_name_invalid")
    try:
        if not auth.factors.party.available:
            raise PasskeyRefused("not here")
        await auth.factors.add_passkey(
            Actor(request, subject.account), holder, fields.get("credential", ""), name
        )
    except (PasskeyRefused, PasskeyTaken):
        return _passkey_page(request, subject, fault="passkey_not_added")
    except TooManyPasskeys:
        return _passkey_page(request, subject, fault="passkey_too_many")
    return await _done(request, subject, PASSKEY)


def passkey_name(text: str) -> str:
    """The name as it is kept; empty when it will not do."""
    name = prepared(text[:1000])
    return name if is_display_name(name) and len(name) <= PASSKEY_NAME_MAX_CHARS else ""


async def _done(request: web.Request, subject: Subject, kind: str) -> web.Response:
    """It is set up, and proved by that. The recovery codes, if there were none, are shown now."""
    auth = request.app[AUTH]
    codes = await auth.factors.first_recovery_codes(Actor(request, subject.account))
    add = with_passkey if kind == PASSKEY else with_code
    now = int(auth.now())
    if subject.halfway is not None:
        who = subject.halfway
        await auth.halfway.proved(who.cookie, who.record, add(who.record.amr), now)
    elif subject.person is not None and not is_strong(subject.person.signin.amr):
        person = subject.person
        await auth.signins.strengthen(person.cookie, add(person.signin.amr), now)
    if not codes and subject.halfway is None:
        return see_other(f"{ACCOUNT}?{urlencode({'done': f'{kind}_added'})}")
    return codes_page(request, codes, subject.halfway, title=f"{kind}_added_title")


def codes_page(
    request: web.Request, codes: list[str], halfway: HalfwayPerson | None, *, title: str
) -> web.Response:
    """Recovery codes, this once. ``halfway``: whoever goes on signing in afterwards."""
    next_path = halfway.record.next_path if halfway is not None else ""
    return request.app[AUTH].pages.page(
        request,
        "recovery_codes",
        form_action=form_action_of(authorization_of(request, next_path)),
        codes=codes,
        halfway=halfway is not None,
        title=title,
    )


async def _authenticator_page(
    request: web.Request, subject: Subject, fault: str = ""
) -> web.Response:
    auth = request.app[AUTH]
    secret = await auth.factors.begin_authenticator(subject.account)
    texts = negotiated(request.headers.get("Accept-Language", ""))
    uri = totp.uri(secret, subject.account.handle)
    return auth.pages.page(
        request,
        "authenticator",
        status=422 if fault else 200,
        picture=totp.picture(uri),
        uri=uri,
        secret=totp.shown(secret),
        fault=texts(fault) if fault else "",
        halfway=subject.halfway is not None,
    )


def _passkey_page(request: web.Request, subject: Subject, fault: str = "") -> web.Response:
    texts = negotiated(request.headers.get("Accept-Language", ""))
    return request.app[AUTH].pages.page(
        request,
        "passkey_new",
        status=422 if fault else 200,
        scripted=True,
        fault=texts(fault) if fault else "",
        halfway=subject.halfway is not None,
    )
