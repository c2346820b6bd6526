"""The pages of one's own account: what one signs in with, and where one is signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from services.auth import audit, forms
from services.auth.domain import passwords
from services.auth.domain.factor_policy import has_any
from services.auth.errors import PageError, answers_html
from services.auth.factor_records import LastFactor
from services.auth.factors import Actor
from services.auth.handlers import own_sessions
from services.auth.handlers.browser import Person, is_fresh, person_of, see_other
from services.auth.handlers.setting_up import ACCOUNT, codes_page, passkey_name, to_sign_in
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.internal import SessionRecord

Page = Callable[[web.Request, Person, dict[str, str]], Awaitable[web.Response]]
_DONE = frozenset(
    {"password", "authenticator_added", "authenticator_removed", "passkey_added",
     "passkey_removed", "passkey_renamed", "device_ended", "devices_ended", "email_proved",
     "email_removed"}
)  # fmt: skip


def for_person(path: str, *, fresh: bool) -> Callable[[Page], Any]:
    """For who is signed in; ``fresh``: has just done so, for whoever changes what they sign in
    with. Others sign in first, and then see the page at ``path``. A form comes checked."""

    def decorate(page: Page) -> Any:
        @answers_html
        @wraps(page)
        async def wrapped(request: web.Request) -> web.Response:
            fields = await forms.of_page(request) if request.method == "POST" else {}
            person = await person_of(request)
            if person is None or (fresh and not is_fresh(request, person)):
                return to_sign_in(path)
            return await page(request, person, fields)

        return wrapped

    return decorate


@for_person(ACCOUNT, fresh=False)
async def overview(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """GET /connect/account"""
    auth = request.app[AUTH]
    factors = await auth.factors.of(person.account.user)
    sessions = await own_sessions.sessions_of(request, person.account.user)
    done = request.query.get("done", "")
    texts = negotiated(request.headers.get("Accept-Language", ""))
    return auth.pages.page(
        request,
        "account",
        person=person.account,
        factors=factors,
        required=auth.factors.required(factors),
        sessions=len(sessions),
        day=_day,
        done=texts(f"done_{done}") if done in _DONE else "",
    )


@for_person(f"{ACCOUNT}/new-password", fresh=False)
async def show_password(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """GET /connect/account/new-password"""
    if await _must_sign_in(request, person):
        return to_sign_in(f"{ACCOUNT}/new-password")
    return _password_page(request, person, {})


@for_person(f"{ACCOUNT}/new-password", fresh=False)
async def change_password(
    request: web.Request, person: Person, fields: dict[str, str]
) -> web.Response:
    """POST /connect/account/new-password: all other sessions and sign-ins end."""
    auth = request.app[AUTH]
    account = person.account
    if await _must_sign_in(request, person):
        return to_sign_in(f"{ACCOUNT}/new-password")
    try:
        right = await _is_password(request, person, fields.get("current_password", ""))
    except Throttled as throttled:
        wait_ms = throttled.retry_after_ms
        return _password_page(request, person, {"current_password": "throttled_wait"}, wait_ms)
    if not right:
        auth.audit.note(request, audit.PASSWORD_REFUSED, user=account.user)
        return _password_page(request, person, {"current_password": "password_wrong"})
    fresh = passwords.prepared(fields.get("new_password", ""))
    if fault := passwords.fault(fresh, account.handle, account.display_name):
        return _password_page(request, person, {"new_password": fault})
    await auth.accounts.change_password(account.user, await auth.hashes.hash(fresh))
    auth.audit.note(request, audit.PASSWORD_CHANGED, user=account.user)
    auth.notices.tell(request, account, audit.PASSWORD_CHANGED)
    await own_sessions.end_elsewhere(request, account.user, "password_changed")
    return _back("password")


@for_person(f"{ACCOUNT}/devices", fresh=False)
async def show_devices(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """GET /connect/account/devices"""
    own = await own_sessions.session_of_browser(request, person.account.user)
    found = await own_sessions.sessions_of(request, person.account.user)
    return request.app[AUTH].pages.page(
        request, "devices", sessions=[_shown(request, one, own) for one in found]
    )


@for_person(f"{ACCOUNT}/devices", fresh=False)
async def end_devices(request: web.Request, person: Person, fields: dict[str, str]) -> web.Response:
    """POST /connect/account/devices: one ``session``, or all but this browser's."""
    user = person.account.user
    if session := fields.get("session", ""):
        found = await own_sessions.sessions_of(request, user)
        mine = [one.session for one in found if one.session == session]
        auth = request.app[AUTH]
        for one in mine:
            # Or that browser could begin another session, without a password.
            await auth.signins.end_behind(one, but=auth.pages.cookies.signin(request))
        await own_sessions.end_sessions(request, user, mine, "ended_by_user")
        return _back("device_ended")
    await own_sessions.end_elsewhere(request, user, "ended_by_user")
    return _back("devices_ended")


@for_person(ACCOUNT, fresh=True)
async def remove_authenticator(
    request: web.Request, person: Person, _: dict[str, str]
) -> web.Response:
    """POST /connect/account/authenticator/remove"""
    try:
        await request.app[AUTH].factors.remove_authenticator(Actor(request, person.account))
    except LastFactor:
        raise PageError(409, "last_factor") from None
    return _back("authenticator_removed")


@for_person(ACCOUNT, fresh=True)
async def show_passkey(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """GET /connect/account/passkey?id="""
    auth = request.app[AUTH]
    found = await auth.factors.passkey_of(person.account.user, request.query.get("id", ""))
    if found is None:
        raise PageError(404, "passkey_unknown")
    return auth.pages.page(request, "passkey", passkey=found, day=_day, fault="")


@for_person(ACCOUNT, fresh=True)
async def change_passkey(
    request: web.Request, person: Person, fields: dict[str, str]
) -> web.Response:
    """POST /connect/account/passkey: another name, or removal."""
    auth = request.app[AUTH]
    actor, passkey = Actor(request, person.account), fields.get("id", "")
    try:
        if fields.get("decision") == "remove":
            found = await auth.factors.remove_passkey(actor, passkey)
        elif name := passkey_name(fields.get("name", "")):
            found = await auth.factors.rename_passkey(actor, passkey, name)
        else:
            raise PageError(422, "passkey_name_invalid")
    except LastFactor:
        raise PageError(409, "last_factor") from None
    if not found:
        raise PageError(404, "passkey_unknown")
    return _back("passkey_removed" if fields.get("decision") == "remove" else "passkey_renamed")


@for_person(f"{ACCOUNT}/recovery-codes", fresh=True)
async def show_recovery_codes(
    request: web.Request, person: Person, _: dict[str, str]
) -> web.Response:
    """GET /connect/account/recovery-codes: how many are left."""
    auth = request.app[AUTH]
    factors = await auth.factors.of(person.account.user)
    if factors.authenticator is None and not factors.passkeys:
        return see_other(ACCOUNT)
    return auth.pages.page(request, "recovery_new", left=factors.recovery_codes)


@for_person(f"{ACCOUNT}/recovery-codes", fresh=True)
async def make_recovery_codes(
    request: web.Request, person: Person, _: dict[str, str]
) -> web.Response:
    """POST /connect/account/recovery-codes: new ones, shown this once."""
    auth = request.app[AUTH]
    factors = await auth.factors.of(person.account.user)
    if factors.authenticator is None and not factors.passkeys:
        raise PageError(409, "no_factor_yet")
    codes = await auth.factors.new_recovery_codes(Actor(request, person.account))
    return codes_page(request, codes, None, title="recovery_title")


async def _must_sign_in(request: web.Request, person: Person) -> bool:
    """Who has a second factor gives it anew before the password is changed. Raises
    ApiUnavailable."""
    factors = await request.app[AUTH].factors.of(person.account.user)
    return has_any(factors) and not is_fresh(request, person)


async def _is_password(request: web.Request, person: Person, typed: str) -> bool:
    """Throttled like a sign-in. Who has no password yet must have signed in just now instead.

    Raises Throttled, HashingBusy.
    """
    auth = request.app[AUTH]
    handle, address = person.account.handle, auth.addresses.of(request)
    if not person.account.password_hash:
        return is_fresh(request, person)
    await auth.throttles.charge_sign_in(handle, address)
    prepared = passwords.prepared(typed)
    if not passwords.is_hashable(prepared):
        return False
    if not await auth.hashes.verify(prepared, person.account.password_hash):
        return False
    await auth.throttles.signed_in(handle, address)
    return True


def _password_page(
    request: web.Request, person: Person, faults: dict[str, str], retry_after_ms: int = 0
) -> web.Response:
    texts = negotiated(request.headers.get("Accept-Language", ""))
    seconds = -(-retry_after_ms // 1000)
    status = 429 if retry_after_ms else 422 if faults else 200
    names = ("current_password", "new_password")
    return request.app[AUTH].pages.page(
        request,
        "new_password",
        status=status,
        retry_after_ms=retry_after_ms,
        person=person.account,
        has_password=bool(person.account.password_hash),
        faults={n: texts(faults[n], seconds=seconds) if n in faults else "" for n in names},
    )


def _shown(request: web.Request, one: SessionRecord, own: str) -> dict[str, Any]:
    client = request.app[AUTH].clients.get(one.client_id)
    return {
        "id": one.session,
        "client": client.name if client is not None else one.client_id,
        "device": one.device,
        "since": _day(one.created_at),
        "used": _day(one.used_at),
        "current": one.session == own,
    }


def _day(when: datetime | None) -> str:
    """In UTC, the same for all: the page does not know where its reader is."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if when is not None else ""


def _back(done: str) -> web.Response:
    return see_other(f"{ACCOUNT}?{urlencode({'done': done})}")
