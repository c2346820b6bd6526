"""A person's e-mail address for first-party clients: JSON.

    GET    /connect/account/address        the address, and the one that waits to be proved
    PUT    /connect/account/address        {"address"}: 202, a code and a link are sent to it
    POST   /connect/account/address/code   {"code"}: 204, it is proved
    DELETE /connect/account/address        204
    POST   /connect/recover/link           {"address"}: 202 for every address; needs no token

Changes need a token from a sign-in of just now, as those of factors do. Errors are problem
documents (RFC 9457).
"""

from __future__ import annotations

from aiohttp import web
from marshmallow import Schema, fields, validate

from services.auth import audit
from services.auth.accounts import EmailTaken
from services.auth.bearer import Bearer
from services.auth.client_schemas import body
from services.auth.errors import NO_STORE, RETRY_AFTER_S
from services.auth.factors import Actor
from services.auth.handlers.account import first_party
from services.auth.handlers.account_factors import fresh
from services.auth.handlers.email_pages import ask_for_proof, prove, tell_old
from services.auth.handlers.recover import ask_for_reset
from services.auth.mail import addresses
from services.auth.records.cell import Contended
from services.auth.records.throttles import Throttled
from services.auth.resources import AUTH
from services.auth.texts import negotiated
from shared.codes import ErrorCode
from shared.problems import Problem
from shared.redis_client import RedisError


class AddressForm(Schema):
    """An e-mail address."""

    address = fields.String(required=True, validate=validate.Length(max=1000))


class CodeForm(Schema):
    """The six digits of a letter."""

    code = fields.String(required=True, validate=validate.Length(max=64))


@first_party
async def show(request: web.Request, who: Bearer) -> web.Response:
    """200"""
    auth = request.app[AUTH]
    account = await auth.accounts.by_id(who.user)
    pending = await auth.email_proofs.waiting(who.user)
    return web.json_response(
        {
            "address": account.email if account is not None else "",
            "pending": pending.address if pending is not None else "",
        }
    )


@fresh
async def change(request: web.Request, by: Actor) -> web.Response:
    """202; 422 when it is no address, 429."""
    address = await _address(request)
    await ask_for_proof(request, by.account, address)
    return web.Response(status=202)


@fresh
async def confirm(request: web.Request, by: Actor) -> web.Response:
    """204; 422 wrong code, 409 the address is another account's."""
    given = await body(request, CodeForm)
    auth = request.app[AUTH]
    pending = await auth.email_proofs.waiting(by.account.user)
    code = "".join(given["code"].split())
    if pending is None or not await auth.email_proofs.is_code(by.account.user, code):
        raise Problem(ErrorCode.INVALID, "code: not right, or no longer good.", field="code")
    try:
        await prove(request, by.account, pending)
    except EmailTaken:
        raise Problem(
            ErrorCode.CONFLICT, "This address belongs to another account.", field="address"
        ) from None
    return web.Response(status=204)


@fresh
async def remove(request: web.Request, by: Actor) -> web.Response:
    """204"""
    auth = request.app[AUTH]
    if by.account.email:
        await auth.accounts.remove_email(by.account.user)
        auth.audit.note(request, audit.EMAIL_REMOVED, user=by.account.user)
        tell_old(request, by.account, "")
    return web.Response(status=204)


async def recover(request: web.Request) -> web.Response:
    """202, whether the address is anybody's or not; 429."""
    address = await _address(request)
    texts = negotiated(request.headers.get("Accept-Language", ""))
    try:
        await ask_for_reset(request, address, texts)
    except Throttled as throttled:
        raise Problem(
            ErrorCode.RATE_LIMITED, "Too many tries.", retry_after_ms=throttled.retry_after_ms
        ) from None
    except (RedisError, Contended):
        raise Problem(
            ErrorCode.UNAVAILABLE, "A part is away.", retry_after_ms=RETRY_AFTER_S * 1000
        ) from None
    return web.Response(status=202, headers=NO_STORE)


async def _address(request: web.Request) -> addresses.Address:
    given = await body(request, AddressForm)
    found = addresses.parsed(given["address"])
    if found is None:
        raise Problem(ErrorCode.INVALID, "address: no e-mail address.", field="address")
    return found
