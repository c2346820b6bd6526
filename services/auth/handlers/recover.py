"""The pages for who has forgotten their password: a link by mail, and a new password.

Whether an address is anybody's is not told: not in words, and not by the time that it takes, for
the account is looked for after the answer.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from services.auth import audit, forms
from services.auth.domain import passwords, throttling
from services.auth.errors import PageError, answers_html
from services.auth.handlers import own_sessions
from services.auth.mail import addresses
from services.auth.records.cell import Contended
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH, Auth
from services.auth.texts import Texts, negotiated
from shared.internal import Account
from shared.logs import get_logger
from shared.redis_client import RedisError
from shared.runner import TASKS
from shared.service_client import ApiUnavailable

LINK: Final = "/connect/recover/password"


@answers_html
async def show(request: web.Request) -> web.Response:
    """GET /connect/recover"""
    return request.app[AUTH].pages.page(request, "recover", typed="", fault="")


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/recover: the same answer for every address."""
    fields = await forms.of_page(request)
    auth = request.app[AUTH]
    texts = negotiated(request.headers.get("Accept-Language", ""))
    address = addresses.parsed(fields.get("address", ""))
    if address is None:
        typed = fields.get("address", "")[:254]
        return auth.pages.page(
            request, "recover", status=422, typed=typed, fault=texts("email_invalid")
        )
    await ask_for_reset(request, address, texts)
    return auth.pages.page(request, "done", title="recover_sent_title", message="recover_sent")


@answers_html
async def show_password(request: web.Request) -> web.Response:
    """GET /connect/recover/password?token="""
    token = request.query.get("token", "")[:100]
    account, _ = await _account_of(request, token)
    return _password_page(request, account, token, "")


@answers_html
async def submit_password(request: web.Request) -> web.Response:
    """POST /connect/recover/password: the new password; everything is signed out. Who has a second
    factor is asked for it at the next sign-in as always."""
    fields = await forms.of_page(request)
    auth = request.app[AUTH]
    token = fields.get("token", "")[:100]
    account, address = await _account_of(request, token)
    fresh = passwords.prepared(fields.get("password", ""))
    if fault := passwords.fault(fresh, account.handle, account.display_name):
        return _password_page(request, account, token, fault)
    hashed = await auth.hashes.hash(fresh)  # before the link is used up: it may be refused
    if not await auth.email_proofs.use_reset(token):
        raise PageError(404, "recover_link_unknown")
    await auth.accounts.change_password(account.user, hashed)
    auth.audit.note(request, audit.PASSWORD_RESET, user=account.user)
    await auth.signins.end_all(account.user, auth.settings.signin_s)
    living = await own_sessions.sessions_of(request, account.user)
    await own_sessions.end_sessions(
        request, account.user, [one.session for one in living], "password_reset"
    )
    texts = negotiated(request.headers.get("Accept-Language", ""))
    auth.post.send("reset_done", address, texts, name=account.display_name)
    return auth.pages.page(request, "done", title="recover_done_title", message="recover_done")


async def ask_for_reset(request: web.Request, address: addresses.Address, texts: Texts) -> None:
    """Send a link if the address is anybody's. Raises Throttled, RedisError, Contended: by who
    asks, never by whom the address belongs to."""
    auth = request.app[AUTH]
    source = auth.addresses.of(request)
    await auth.throttles.charge(f"reset-by\n{source}", throttling.MAIL_ASKED)
    auth.audit.note(request, audit.RESET_ASKED)
    # Later, and not in this request: how long it takes would say whether there is such an account.
    request.app[TASKS].spawn("password reset", _send(auth, address, texts), essential=False)


async def _send(auth: Auth, address: addresses.Address, texts: Texts) -> None:
    try:
        await auth.throttles.charge(f"mail-to\n{address.key}", throttling.MAIL_TO)
        account = await auth.accounts.by_email(address.key)
        if account is None or account.disabled or account.kind != "person":
            return
        token = await auth.email_proofs.begin_reset(account.user, _digest(account))
    except Throttled:
        return  # there is mail enough in that box
    except (ApiUnavailable, RedisError, Contended) as error:
        get_logger().warning("reset_not_sent", error=type(error).__name__)
        return
    auth.audit.note(None, audit.RESET_SENT, user=account.user)
    link = f"{auth.settings.issuer}{LINK}?{urlencode({'token': token})}"
    auth.post.send("reset", account.email, texts, name=account.display_name, link=link)


async def _account_of(request: web.Request, token: str) -> tuple[Account, str]:
    """Whose password a link is about, and the address it was sent to. Raises PageError."""
    auth = request.app[AUTH]
    reset = await auth.email_proofs.find_reset(token)
    account = await auth.accounts.by_id(reset.user) if reset is not None else None
    if reset is None or account is None or account.disabled or _digest(account) != reset.password:
        raise PageError(404, "recover_link_unknown")
    return account, account.email


def _digest(account: Account) -> str:
    """Changes with the password, and with the address: then earlier links are worth nothing."""
    text = f"{account.password_hash}\n{account.email}"
    return hashlib.sha256(text.encode()).hexdigest()


def _password_page(request: web.Request, account: Account, token: str, fault: str) -> web.Response:
    texts = negotiated(request.headers.get("Accept-Language", ""))
    return request.app[AUTH].pages.page(
        request, "recover_password", status=422 if fault else 200, link=token,
        handle=account.handle, fault=texts(fault) if fault else "",
    )  # fmt: skip
