"""The pages on which people give their account an e-mail address and prove that it is theirs, by a
code or a link. The address that is replaced is told."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from services.auth import audit, forms
from services.auth.accounts import EmailTaken
from services.auth.domain import throttling
from services.auth.errors import PageError, answers_html
from services.auth.handlers.account_pages import for_person
from services.auth.handlers.browser import Person, see_other
from services.auth.mail import addresses
from services.auth.records.emails import Pending
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.internal import Account

PATH: Final = "/connect/account/email"
LINK: Final = "/connect/email/confirm"


@for_person(PATH, fresh=True)
async def show(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """GET /connect/account/email"""
    return await _page(request, person)


@for_person(PATH, fresh=True)
async def submit(request: web.Request, person: Person, fields: dict[str, str]) -> web.Response:
    """POST /connect/account/email: another address, which is sent a code and a link."""
    address = addresses.parsed(fields.get("address", ""))
    if address is None:
        return await _page(request, person, typed=fields.get("address", ""), fault="email_invalid")
    try:
        await ask_for_proof(request, person.account, address)
    except Throttled as throttled:
        return await _page(
            request, person, typed=address.text, fault="throttled_wait",
            retry_after_ms=throttled.retry_after_ms,
        )  # fmt: skip
    return see_other(PATH)


@for_person(PATH, fresh=True)
async def submit_code(request: web.Request, person: Person, fields: dict[str, str]) -> web.Response:
    """POST /connect/account/email/code"""
    auth = request.app[AUTH]
    user = person.account.user
    typed = "".join(fields.get("code", "").split())
    pending = await auth.email_proofs.waiting(user)
    if pending is None or not await auth.email_proofs.is_code(user, typed):
        return await _page(request, person, code_fault="email_code_wrong")
    try:
        await prove(request, person.account, pending)
    except EmailTaken:
        return await _page(request, person, fault="email_taken")
    return _back("email_proved")


@for_person(PATH, fresh=True)
async def remove(request: web.Request, person: Person, _: dict[str, str]) -> web.Response:
    """POST /connect/account/email/remove"""
    auth = request.app[AUTH]
    account = person.account
    if account.email:
        await auth.accounts.remove_email(account.user)
        auth.audit.note(request, audit.EMAIL_REMOVED, user=account.user)
        tell_old(request, account, "")
    return _back("email_removed")


@answers_html
async def show_link(request: web.Request) -> web.Response:
    """GET /connect/email/confirm?token=: a button, since programs open links in mails."""
    token = request.query.get("token", "")[:100]
    pending = await _by_link(request, token)
    return request.app[AUTH].pages.page(
        request, "email_confirm", link=token, address=pending.address
    )


@answers_html
async def submit_link(request: web.Request) -> web.Response:
    """POST /connect/email/confirm: proved, whoever is signed in with this browser."""
    fields = await forms.of_page(request)
    auth = request.app[AUTH]
    pending = await _by_link(request, fields.get("token", "")[:100])
    account = await auth.accounts.by_id(pending.user)
    if account is None or account.disabled:
        raise PageError(404, "email_link_unknown")
    try:
        await prove(request, account, pending)
    except EmailTaken:
        raise PageError(409, "email_taken") from None
    return auth.pages.page(request, "done", title="email_proved_title", message="done_email_proved")


async def ask_for_proof(request: web.Request, account: Account, address: addresses.Address) -> None:
    """Send a code and a link. Raises Throttled, RedisError, Contended."""
    auth = request.app[AUTH]
    await auth.throttles.charge(f"mail-by\n{account.user}", throttling.MAIL_ASKED)
    await auth.throttles.charge(f"mail-to\n{address.key}", throttling.MAIL_TO)
    code, token = await auth.email_proofs.begin(account.user, address.text, address.key)
    auth.audit.note(request, audit.EMAIL_ASKED, user=account.user)
    auth.post.send(
        "verify", address.text, negotiated(request.headers.get("Accept-Language", "")),
        name=account.display_name, code=code,
        link=f"{auth.settings.issuer}{LINK}?{urlencode({'token': token})}",
    )  # fmt: skip


async def prove(request: web.Request, account: Account, pending: Pending) -> None:
    """The address is theirs from now on. Raises EmailTaken, ApiUnavailable."""
    auth = request.app[AUTH]
    await auth.email_proofs.end(pending)
    await auth.accounts.put_email(account.user, pending.address, pending.key)
    auth.audit.note(request, audit.EMAIL_PROVED, user=account.user)
    if account.email and account.email != pending.address:
        tell_old(request, account, addresses.masked(pending.address))


def tell_old(request: web.Request, account: Account, now: str) -> None:
    """Whoever reads the old address's mail learns that it is no longer the account's."""
    request.app[AUTH].post.send(
        "changed" if now else "removed", account.email,
        negotiated(request.headers.get("Accept-Language", "")),
        name=account.display_name, note=now,
    )  # fmt: skip


async def _by_link(request: web.Request, token: str) -> Pending:
    pending = await request.app[AUTH].email_proofs.by_link(token)
    if pending is None:
        raise PageError(404, "email_link_unknown")
    return pending


async def _page(
    request: web.Request, person: Person, *, typed: str = "", fault: str = "",
    code_fault: str = "", retry_after_ms: int = 0,
) -> web.Response:  # fmt: skip
    auth = request.app[AUTH]
    texts = negotiated(request.headers.get("Accept-Language", ""))
    pending = await auth.email_proofs.waiting(person.account.user)
    seconds = -(-retry_after_ms // 1000)
    status = 429 if retry_after_ms else 422 if fault or code_fault else 200
    return auth.pages.page(
        request,
        "email",
        status=status,
        retry_after_ms=retry_after_ms,
        person=person.account,
        pending=pending.address if pending is not None else "",
        typed=typed,
        fault=texts(fault, seconds=seconds) if fault else "",
        code_fault=texts(code_fault) if code_fault else "",
    )


def _back(done: str) -> web.Response:
    return see_other(f"/connect/account?{urlencode({'done': done})}")
