"""Who is signed in with the browser that asks, and how they come to be."""

from __future__ import annotations

from typing import Final, NamedTuple

from aiohttp import web

from services.auth import audit
from services.auth.domain import authentication, continuation
from services.auth.domain.authorization import (
    AuthorizationRequest,
    Refused,
    Unanswerable,
    read_request,
)
from services.auth.domain.clients import BROWSER_CLIENT
from services.auth.domain.factor_policy import has_any
from services.auth.domain.redirects import form_action_source
from services.auth.issuing import token_hash
from services.auth.records import halfway
from services.auth.records.halfway import Halfway
from services.auth.records.signins import SignIn
from services.auth.resources import AUTH
from shared.entries import Revocation
from shared.internal import Account, SessionEnd

STEP: Final = "/connect/signin/step"
ENROL: Final = "/connect/signin/enrol"


class Person(NamedTuple):
    """Someone signed in."""

    account: Account
    signin: SignIn
    cookie: str


async def person_of(request: web.Request) -> Person | None:
    """Who is signed in, if anybody, with as much proof as is asked of them by now.

    Raises RedisError, ApiUnavailable.
    """
    auth = request.app[AUTH]
    cookie = auth.pages.cookies.signin(request)
    signin = await auth.signins.find(cookie, int(auth.now()))
    account = await auth.accounts.by_id(signin.user) if signin is not None else None
    if signin is None or account is None or account.disabled:
        return None
    if not authentication.is_strong(signin.amr):
        # They may have set up a second factor elsewhere since, or must have one by now.
        factors = await auth.factors.of(account.user)
        if not auth.factors.is_enough(factors):
            return None
    return Person(account, signin, cookie)


async def sign_in(
    request: web.Request,
    account: Account,
    next_path: str,
    amr: tuple[str, ...] = authentication.PASSWORD,
) -> web.Response:
    """The first proof was good: sign this browser in, in place of whoever was, and go on; or ask
    for the second proof, or for one to be set up. Raises RedisError, ApiUnavailable."""
    auth = request.app[AUTH]
    if authentication.is_strong(amr):
        return await complete(request, account, next_path, amr)
    factors = await auth.factors.of(account.user)
    if auth.factors.is_enough(factors):
        return await complete(request, account, next_path, amr)
    enrolling = not has_any(factors)
    cookies = auth.pages.cookies
    await auth.signins.end(cookies.signin(request))
    cookie = await auth.halfway.begin(
        account.user, amr, next_path, int(auth.now()), enrolling=enrolling
    )
    response = see_other(ENROL if enrolling else STEP)
    cookies.set_signin(response, cookie, halfway.LIVES_S)
    return response


async def complete(
    request: web.Request, account: Account, next_path: str, amr: tuple[str, ...]
) -> web.Response:
    """All is proved: sign this browser in and go on. Raises RedisError."""
    auth = request.app[AUTH]
    target = continuation.after_sign_in(next_path)
    await auth.signins.end(auth.pages.cookies.signin(request))
    # A new secret with every sign-in: nobody can have planted it.
    cookie = await auth.signins.begin(
        account.user, int(auth.now()), auth.settings.signin_s, continuation.digest(target), amr,
        auth.pages.cookies.browser(request),
    )  # fmt: skip
    await auth.throttles.became_familiar(account.handle, auth.addresses.of(request))
    response = see_other(target)
    auth.pages.cookies.set_signin(response, cookie, auth.settings.signin_s)
    auth.metrics.logins.labels("signed_in").inc()
    auth.audit.note(request, audit.SIGNED_IN, user=account.user, detail=" ".join(amr))
    return response


class HalfwayPerson(NamedTuple):
    """Someone whose first proof was good."""

    account: Account
    record: Halfway
    cookie: str


async def halfway_of(request: web.Request) -> HalfwayPerson | None:
    """Who is half of the way in this browser. Raises RedisError, ApiUnavailable."""
    auth = request.app[AUTH]
    cookie = auth.pages.cookies.signin(request)
    record = await auth.halfway.find(cookie, int(auth.now()))
    account = await auth.accounts.by_id(record.user) if record is not None else None
    if record is None or account is None or account.disabled:
        return None
    return HalfwayPerson(account, record, cookie)


def is_fresh(request: web.Request, person: Person) -> bool:
    """Whether the person has signed in a moment ago, as whoever changes what they sign in with
    must have: the browser may be an open one in the wrong hands."""
    auth = request.app[AUTH]
    return auth.now() - person.signin.auth_time <= auth.settings.fresh_s


async def sign_browser_out(request: web.Request) -> None:
    """End the sign-in and the browser client's session. Raises RedisError, ApiUnavailable."""
    auth = request.app[AUTH]
    cookies = auth.pages.cookies
    signin = await auth.signins.find(cookies.signin(request), int(auth.now()))
    if signin is not None:
        await auth.signins.end(cookies.signin(request))
        auth.audit.note(request, audit.SIGNED_OUT, user=signin.user)
    if token := cookies.refresh(request):
        which = SessionEnd(refresh_hash=token_hash(token), client_id=BROWSER_CLIENT)
        ended = await auth.accounts.end(which)
        told = Revocation(ended.sessions, user=ended.user, reason="signed_out")
        await auth.revocations.publish(told)


def forget_browser(request: web.Request, response: web.StreamResponse) -> None:
    """Take back the cookies of who was signed in."""
    cookies = request.app[AUTH].pages.cookies
    cookies.clear_signin(response)
    cookies.clear_refresh(response)


def authorization_of(request: web.Request, next_path: str) -> AuthorizationRequest | None:
    """The authorization request that a person is on the way to, if it is a good one."""
    pairs = continuation.authorize_pairs(next_path)
    if pairs is None:
        return None
    try:
        return read_request(pairs, request.app[AUTH].clients)
    except (Unanswerable, Refused):
        return None


def form_action_of(authorization: AuthorizationRequest | None) -> str:
    """Where a form on the way to this request may lead."""
    return form_action_source(authorization.redirect_uri) if authorization is not None else ""


def see_other(location: str) -> web.Response:
    """303, never 307: the next request must not repeat a password (RFC 9700, section 4.12)."""
    return web.Response(
        status=303,
        headers={
            "Location": location,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",  # the URL being left may hold a state or a code
        },
    )
