"""A person's second factors for first-party clients: JSON, with an access token.

    GET    /connect/account/factors                    what is set up
    POST   /connect/account/factors/authenticator      begin: the secret to show
    PUT    /connect/account/factors/authenticator      {"code"}: confirm it
    DELETE /connect/account/factors/authenticator
    POST   /connect/account/factors/passkeys/options   for navigator.credentials.create()
    POST   /connect/account/factors/passkeys           {"name", "credential"}
    PATCH  /connect/account/factors/passkeys/{id}      {"name"}
    DELETE /connect/account/factors/passkeys/{id}
    POST   /connect/account/factors/recovery-codes     new ones, told this once

Changes need a token from a sign-in of just now (RFC 9470): 401 with
``insufficient_user_authentication`` otherwise. Errors are problem documents (RFC 9457).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import msgspec
from aiohttp import web
from marshmallow import Schema, ValidationError, fields, validate

from services.auth import step_up
from services.auth.bearer import Bearer
from services.auth.domain import totp
from services.auth.domain.factor_policy import has_any
from services.auth.domain.passkeys import CREDENTIAL_MAX_CHARS, PasskeyRefused
from services.auth.factor_records import LastFactor, NoSuchPerson, PasskeyTaken, TooManyPasskeys
from services.auth.factors import Actor
from services.auth.handlers.account import first_party
from services.auth.handlers.setting_up import PASSKEY_NAME_MAX_CHARS, passkey_name
from services.auth.resources import AUTH
from services.auth.sealing_keys import SealingFault
from shared.codes import ErrorCode
from shared.factor_records import Passkey
from shared.problems import Problem

Change = Callable[[web.Request, Actor], Awaitable[web.Response]]


class CodeForm(Schema):
    """A code of the authenticator application."""

    code = fields.String(required=True, validate=validate.Length(max=64))


class PasskeyForm(Schema):
    """A new passkey. ``credential``: the JSON text of the browser's PublicKeyCredential."""

    name = fields.String(required=True, validate=validate.Length(max=1000))
    credential = fields.String(required=True, validate=validate.Length(max=CREDENTIAL_MAX_CHARS))


class NameForm(Schema):
    """Another name."""

    name = fields.String(required=True, validate=validate.Length(max=1000))


def fresh(change: Change) -> Callable[[web.Request], Awaitable[web.Response]]:
    """For a token that a sign-in of just now has given, with a second factor if there is one."""

    @first_party
    @wraps(change)
    async def wrapped(request: web.Request, who: Bearer) -> web.Response:
        auth = request.app[AUTH]
        account = await auth.accounts.by_id(who.user)
        if account is None or account.disabled:
            raise Problem(ErrorCode.UNAUTHENTICATED, "The account cannot be used.")
        if challenge := await step_up.lacking(request, who, always=True):
            return challenge
        try:
            return await change(request, Actor(request, account, who.client_id, who.session))
        except LastFactor:
            raise Problem(ErrorCode.CONFLICT, "One has to be left.", field="factors") from None
        except NoSuchPerson:
            raise Problem(ErrorCode.UNAUTHENTICATED, "The account cannot be used.") from None
        except SealingFault:
            raise Problem(ErrorCode.UNAVAILABLE, "Secrets cannot be kept now.") from None

    return wrapped


@first_party
async def show(request: web.Request, who: Bearer) -> web.Response:
    """200"""
    auth = request.app[AUTH]
    found = await auth.factors.of(who.user)
    authenticator = found.authenticator
    return web.json_response(
        {
            "authenticator": (
                {"created_at": authenticator.created_at.isoformat()} if authenticator else None
            ),
            "passkeys": [_shown(one) for one in found.passkeys],
            "recovery_codes_left": found.recovery_codes,
            "required": auth.factors.required(found),
            "passkeys_available": auth.factors.party.available,
        }
    )


@fresh
async def begin_authenticator(request: web.Request, by: Actor) -> web.Response:
    """200 ``{"secret", "uri"}``: the same until it is confirmed."""
    secret = await request.app[AUTH].factors.begin_authenticator(by.account)
    return web.json_response({"secret": secret, "uri": totp.uri(secret, by.account.handle)})


@fresh
async def confirm_authenticator(request: web.Request, by: Actor) -> web.Response:
    """200 ``{"recovery_codes"}``: ten with the first factor, else none. 422 a wrong code."""
    factors = request.app[AUTH].factors
    form = await _body(request, CodeForm)
    if not await factors.confirm_authenticator(by, form["code"]):
        raise Problem(ErrorCode.INVALID, "The code is not right.", field="code")
    return web.json_response({"recovery_codes": await factors.first_recovery_codes(by)})


@fresh
async def remove_authenticator(request: web.Request, by: Actor) -> web.Response:
    """204; 409 the last factor of somebody who must have one."""
    await request.app[AUTH].factors.remove_authenticator(by)
    return web.Response(status=204)


@fresh
async def passkey_options(request: web.Request, by: Actor) -> web.Response:
    """200 the options, once for one passkey; 404 where there can be none."""
    _check_available(request)
    options = await request.app[AUTH].factors.passkey_creation(by, by.session)
    return web.json_response(msgspec.json.decode(options))


@fresh
async def add_passkey(request: web.Request, by: Actor) -> web.Response:
    """201 ``{"id", "recovery_codes"}``; 422, 409 somebody's, or too many."""
    _check_available(request)
    factors = request.app[AUTH].factors
    form = await _body(request, PasskeyForm)
    name = _name(form)
    try:
        passkey = await factors.add_passkey(by, by.session, form["credential"], name)
    except PasskeyRefused:
        raise Problem(
            ErrorCode.INVALID, "The passkey is not accepted.", field="credential"
        ) from None
    except PasskeyTaken:
        raise Problem(ErrorCode.CONFLICT, "It is somebody's.", field="credential") from None
    except TooManyPasskeys:
        raise Problem(ErrorCode.CONFLICT, "There are too many.", field="passkeys") from None
    codes = await factors.first_recovery_codes(by)
    return web.json_response({"id": passkey, "recovery_codes": codes}, status=201)


@fresh
async def rename_passkey(request: web.Request, by: Actor) -> web.Response:
    """204, 404"""
    name = _name(await _body(request, NameForm))
    passkey = request.match_info["passkey"]
    if not await request.app[AUTH].factors.rename_passkey(by, passkey, name):
        raise Problem(ErrorCode.NOT_FOUND, "There is no such passkey.")
    return web.Response(status=204)


@fresh
async def remove_passkey(request: web.Request, by: Actor) -> web.Response:
    """204, 404; 409 the last factor of somebody who must have one."""
    if not await request.app[AUTH].factors.remove_passkey(by, request.match_info["passkey"]):
        raise Problem(ErrorCode.NOT_FOUND, "There is no such passkey.")
    return web.Response(status=204)


@fresh
async def new_recovery_codes(request: web.Request, by: Actor) -> web.Response:
    """200 ``{"recovery_codes"}``, in place of all earlier ones; 409 without a factor."""
    factors = request.app[AUTH].factors
    if not has_any(await factors.of(by.user)):
        raise Problem(ErrorCode.CONFLICT, "Set up a factor first.", field="factors")
    return web.json_response({"recovery_codes": await factors.new_recovery_codes(by)})


def _check_available(request: web.Request) -> None:
    if not request.app[AUTH].factors.party.available:
        raise Problem(ErrorCode.NOT_FOUND, "Passkeys need a domain and TLS.")


def _name(form: dict[str, Any]) -> str:
    name = passkey_name(form["name"])
    if not name:
        detail = f"1 to {PASSKEY_NAME_MAX_CHARS} visible characters."
        raise Problem(ErrorCode.INVALID, detail, field="name")
    return name


async def _body(request: web.Request, schema: type[Schema]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema().load(await request.json())
    except ValidationError as error:
        names = sorted(map(str, error.messages_dict))
        raise Problem(
            ErrorCode.INVALID, f"Missing or malformed: {', '.join(names)}.", field=names[0]
        ) from None
    except ValueError:
        raise Problem(ErrorCode.INVALID, "The body is not JSON.") from None
    return loaded


def _shown(one: Passkey) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "created_at": one.created_at.isoformat(),
        "used_at": one.used_at.isoformat() if one.used_at is not None else None,
        "backed_up": one.backed_up,
    }
