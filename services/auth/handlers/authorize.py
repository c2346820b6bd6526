"""The authorization endpoint (RFC 6749, section 4.1; RFC 9207; OpenID Connect Core, section 3.1.2)
and the page on which people agree."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from aiohttp import web

from services.auth import audit, forms
from services.auth.domain import authentication, continuation, scopes
from services.auth.domain.authorization import (
    AuthorizationRequest,
    Refused,
    Unanswerable,
    read_request,
)
from services.auth.domain.codes import CodeGrant
from services.auth.domain.redirects import with_parameters
from services.auth.errors import PageError, answers_html
from services.auth.handlers.browser import Person, form_action_of, person_of, see_other
from services.auth.resources import AUTH
from shared.ids import new_id


@answers_html
async def authorize(request: web.Request) -> web.Response:
    """GET /connect/authorize"""
    await request.app[AUTH].clients.ready(request.query.get("client_id", ""))
    try:
        wanted = _read(request, list(request.query.items()))
        return await _decide(request, wanted)
    except Refused as refused:
        return _refusal(request, refused)


@answers_html
async def authorize_by_post(request: web.Request) -> web.Response:
    """POST /connect/authorize: the same request in a body (OpenID Connect Core, section 3.1.2.1).
    Answered by the way to the GET, for the browser sends no cookie with a foreign site's form."""
    try:
        pairs = await forms.pairs(request)
    except forms.BadForm:
        raise PageError(400, "bad_form") from None
    return see_other(f"{continuation.AUTHORIZE}?{urlencode(pairs)}")


@answers_html
async def consent(request: web.Request) -> web.Response:
    """POST /connect/consent: the person's answer."""
    fields = await forms.of_page(request)
    next_path = continuation.safe(fields.get("next", ""))
    pairs = continuation.authorize_pairs(next_path)
    if pairs is None:
        raise PageError(400, "bad_form")
    try:
        wanted = _read(request, pairs)
        if fields.get("decision") != "allow":
            raise wanted.refused("access_denied", "the user said no")
        person = await person_of(request)
        if person is None:
            return _to_sign_in(next_path, "signin")
        if not wanted.client.first_party:
            await _remember(request, wanted, person)
        return await _grant(request, wanted, person)
    except Refused as refused:
        return _refusal(request, refused)


def _read(request: web.Request, pairs: list[tuple[str, str]]) -> AuthorizationRequest:
    try:
        return read_request(pairs, request.app[AUTH].clients)
    except Unanswerable as unanswerable:
        raise PageError(400, unanswerable.reason) from None


async def _decide(request: web.Request, wanted: AuthorizationRequest) -> web.Response:
    """Sign in first, agree first, or go back with a code."""
    person = await person_of(request)
    path = f"{continuation.AUTHORIZE}?{request.rel_url.raw_query_string}"
    if person is None or _must_sign_in(request, wanted, person):
        if "none" in wanted.prompt:
            raise wanted.refused("login_required", "nobody is signed in")
        return _to_sign_in(path, "register" if "create" in wanted.prompt else "signin")
    if await _has_agreed(request, wanted, person, path):
        return await _grant(request, wanted, person)
    if "none" in wanted.prompt:
        raise wanted.refused("consent_required", "the user has to agree first")
    target = urlsplit(wanted.redirect_uri)
    return request.app[AUTH].pages.page(
        request,
        "consent",
        form_action=form_action_of(wanted),
        client=wanted.client.name,
        third_party=not wanted.client.first_party,
        scope=wanted.scope,
        target=target.netloc or f"{target.scheme}:",
        person=person.account,
        next=path,
    )


def _must_sign_in(request: web.Request, wanted: AuthorizationRequest, person: Person) -> bool:
    if wanted.prompt & {"login", "create", "select_account"}:
        return True
    age_s = request.app[AUTH].now() - person.signin.auth_time
    return wanted.max_age_s is not None and age_s > wanted.max_age_s


async def _has_agreed(
    request: web.Request, wanted: AuthorizationRequest, person: Person, path: str
) -> bool:
    if "consent" in wanted.prompt:
        return False
    auth = request.app[AUTH]
    # Any program on the device can listen on a loopback port, and any can claim a private scheme:
    # nothing is given to one without the person's doing (RFC 8252, section 8.6).
    certain = wanted.redirect_uri.startswith(("https://", f"{auth.settings.issuer}/"))
    if wanted.client.first_party:
        return certain or await auth.signins.use_agreement(
            person.cookie, continuation.digest(path), int(auth.now())
        )
    given = await auth.accounts.consent(person.account.user, wanted.client.client_id)
    return certain and scopes.includes(given, wanted.scope)


async def _remember(request: web.Request, wanted: AuthorizationRequest, person: Person) -> None:
    accounts = request.app[AUTH].accounts
    user, client_id = person.account.user, wanted.client.client_id
    given = await accounts.consent(user, client_id)
    both = scopes.granted(f"{given} {wanted.scope}", wanted.client.scopes)
    await accounts.give_consent(user, client_id, both)
    request.app[AUTH].audit.note(
        request, audit.CONSENT_GIVEN, user=user, client_id=client_id, detail=both
    )


async def _grant(
    request: web.Request, wanted: AuthorizationRequest, person: Person
) -> web.Response:
    auth = request.app[AUTH]
    if not authentication.meets(person.signin.amr, wanted.acr_values):
        # Whoever has a second factor was asked for it: this person has none.
        raise wanted.refused("unmet_authentication_requirements", "the user has no second factor")
    session = new_id()
    lives_s = auth.settings.signin_s + auth.settings.refresh_token_s
    browser = auth.pages.cookies.browser(request)
    await auth.signins.led_to(session, person.account.user, browser, lives_s)
    code = await auth.codes.issue(
        CodeGrant(
            client_id=wanted.client.client_id,
            redirect_uri=wanted.redirect_uri,
            code_challenge=wanted.code_challenge,
            user=person.account.user,
            session=session,
            scope=wanted.scope,
            nonce=wanted.nonce,
            auth_time=person.signin.auth_time,
            amr=person.signin.amr,
            expires_ms=int(auth.now() * 1000) + auth.settings.code_s * 1000,
        )
    )
    answer = {"code": code, "state": wanted.state, "iss": auth.settings.issuer}
    return see_other(with_parameters(wanted.redirect_uri, answer))


def _to_sign_in(next_path: str, page: str) -> web.Response:
    return see_other(f"/connect/{page}?{urlencode({'next': next_path})}")


def _refusal(request: web.Request, refused: Refused) -> web.Response:
    auth = request.app[AUTH]
    auth.metrics.refusals.labels(refused.error).inc()
    answer = {
        "error": refused.error,
        "error_description": refused.description,
        "state": refused.state,
        "iss": auth.settings.issuer,
    }
    return see_other(with_parameters(refused.redirect_uri, answer))
