"""The page on which people create their account."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from services.auth import audit, forms
from services.auth.accounts import HandleTaken
from services.auth.domain import continuation, display_names, passwords, throttling
from services.auth.errors import PageError, answers_html
from services.auth.handlers.browser import authorization_of, form_action_of, sign_in
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.handles import is_handle, normal_form
from shared.internal import Account, NewAccount


@dataclass(frozen=True, slots=True)
class _Entry:
    """What someone filled in, in the form that is kept."""

    handle: str
    display_name: str
    password: str

    def faults(self) -> dict[str, str]:
        """Field → key of the text that says what is wrong."""
        faults = {}
        if not is_handle(self.handle):
            faults["handle"] = "handle_invalid"
        if not display_names.is_display_name(self.display_name):
            faults["display_name"] = "display_name_invalid"
        if fault := passwords.fault(self.password, self.handle, self.display_name):
            faults["password"] = fault
        return faults


@answers_html
async def show(request: web.Request) -> web.Response:
    """GET /connect/register"""
    _check_open(request)
    next_path = continuation.safe(request.query.get("next", ""))
    return _page(request, next_path, _Entry("", "", ""), {})


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/register"""
    _check_open(request)
    fields = await forms.of_page(request)
    next_path = continuation.safe(fields.get("next", ""))
    entry = _Entry(
        handle=normal_form(fields.get("handle", "")),
        display_name=display_names.prepared(fields.get("display_name", "")),
        password=passwords.prepared(fields.get("password", "")),
    )
    if faults := entry.faults():
        return _page(request, next_path, entry, faults)
    try:
        account = await _create(request, entry)
    except HandleTaken:
        return _page(request, next_path, entry, {"handle": "handle_taken"})
    request.app[AUTH].metrics.registrations.inc()
    request.app[AUTH].audit.note(request, audit.REGISTERED, user=account.user)
    return await sign_in(request, account, next_path)


async def _create(request: web.Request, entry: _Entry) -> Account:
    """Raises HandleTaken, Throttled, HashingBusy, ApiUnavailable, RedisError."""
    auth = request.app[AUTH]
    if auth.settings.registrations_per_hour > 0:
        # Also for handles that are taken, or nothing would slow down a search for them.
        policy = throttling.registrations(auth.settings.registrations_per_hour)
        await auth.throttles.charge(f"register\n{auth.addresses.of(request)}", policy)
    if await auth.accounts.by_handle(entry.handle) is not None:
        raise HandleTaken  # before the hash, which costs more than the question
    return await auth.accounts.create(
        NewAccount(
            handle=entry.handle,
            display_name=entry.display_name,
            password_hash=await auth.hashes.hash(entry.password),
        )
    )


def _check_open(request: web.Request) -> None:
    if not request.app[AUTH].settings.registration_open:
        raise PageError(403, "registration_closed")


def _page(
    request: web.Request, next_path: str, entry: _Entry, faults: dict[str, str]
) -> web.Response:
    authorization = authorization_of(request, next_path)
    texts = negotiated(request.headers.get("Accept-Language", ""))
    fields = ("handle", "display_name", "password")
    return request.app[AUTH].pages.page(
        request,
        "register",
        status=422 if faults else 200,
        form_action=form_action_of(authorization),
        client=authorization.client.name if authorization is not None else "",
        next=next_path,
        handle=entry.handle,
        display_name=entry.display_name,
        fault=texts("correct_fields") if faults else "",
        faults={name: texts(faults[name]) if name in faults else "" for name in fields},
    )
