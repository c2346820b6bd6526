"""The page on which people let a device in (RFC 8628, section 3.3)."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from services.auth import audit, forms
from services.auth.domain import continuation, device, throttling
from services.auth.domain.device import DeviceGrant
from services.auth.errors import answers_html
from services.auth.handlers.browser import Person, person_of, see_other
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.ids import new_id


@answers_html
async def show(request: web.Request) -> web.Response:
    """GET /connect/device, with ``user_code`` when it was typed or scanned.

    A scanned code is confirmed like a typed one: the person must see what they let in
    (section 5.4).
    """
    typed = request.query.get("user_code", "")[:40]
    person = await person_of(request)
    if person is None:
        return _to_sign_in(typed)
    if not typed:
        return _code_page(request, person, "", known=True)
    grant = await _waiting(request, person, typed)
    client = request.app[AUTH].clients.get(grant.client_id) if grant is not None else None
    if grant is None or client is None:
        return _code_page(request, person, typed, known=False)
    return request.app[AUTH].pages.page(
        request,
        "device_confirm",
        client=client.name,
        scope=grant.scope,
        user_code=device.shown(grant.user_code),
        person=person.account,
    )


@answers_html
async def submit(request: web.Request) -> web.Response:
    """POST /connect/device: the person's answer."""
    auth = request.app[AUTH]
    fields = await forms.of_page(request)
    typed = fields.get("user_code", "")[:40]
    person = await person_of(request)
    if person is None:
        return _to_sign_in(typed)
    approved = fields.get("decision") == "allow"
    grant = await _waiting(request, person, typed)
    if grant is None or not await auth.devices.decide(
        grant.user_code,
        approved=approved,
        user=person.account.user,
        session=new_id(),
        auth_time=person.signin.auth_time,
        amr=person.signin.amr,
    ):
        return _code_page(request, person, typed, known=False)
    what = audit.DEVICE_ALLOWED if approved else audit.DEVICE_DENIED
    auth.audit.note(request, what, user=person.account.user, client_id=grant.client_id)
    return auth.pages.page(request, "done", title=f"{what}_title", message=what)


async def _waiting(request: web.Request, person: Person, typed: str) -> DeviceGrant | None:
    """The device that shows this code. Guessing is throttled (section 5.1).

    Raises Throttled.
    """
    auth = request.app[AUTH]
    name = f"user-code\n{person.account.user}"
    await auth.throttles.charge(name, throttling.USER_CODE)
    code = device.typed(typed)
    grant = await auth.devices.waiting(code) if code else None
    if grant is not None:
        await auth.throttles.refund(name, throttling.USER_CODE)
    return grant


def _to_sign_in(typed: str) -> web.Response:
    code = device.typed(typed)
    query = f"?{urlencode({'user_code': device.shown(code)})}" if code else ""
    next_path = f"{continuation.DEVICE}{query}"
    return see_other(f"/connect/signin?{urlencode({'next': next_path})}")


def _code_page(request: web.Request, person: Person, typed: str, *, known: bool) -> web.Response:
    texts = negotiated(request.headers.get("Accept-Language", ""))
    return request.app[AUTH].pages.page(
        request,
        "device",
        status=200 if known else 422,
        user_code=typed,
        fault="" if known else texts("device_unknown"),
        person=person.account,
    )
