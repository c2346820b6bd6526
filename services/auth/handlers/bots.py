"""Bots: programs that take part as users of their own. Each belongs to a person, who makes it and
gives its program a secret, by JSON in first-party clients:

    GET    /connect/account/bots                       one's own bots
    POST   /connect/account/bots                       make one; answers its secret, once
    DELETE /connect/account/bots/{id}                  end it, for good
    POST   /connect/account/bots/{id}/secrets          one more; that before stays for overlap_s
    DELETE /connect/account/bots/{id}/secrets/{s}      take one back

The program gets tokens by client credentials (RFC 6749, section 4.4): its client id is the bot's
user id. Errors are problem documents (RFC 9457).
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from services.auth import audit, client_schemas
from services.auth.bearer import Bearer
from services.auth.client_records import NotStored
from services.auth.client_secrets import end_secret, new_secret
from services.auth.domain import display_names
from services.auth.domain.registration import BOT_SCOPES
from services.auth.handlers.account import first_party
from services.auth.resources import AUTH
from shared.client_records import ClientRecord, NewBot
from shared.codes import ErrorCode
from shared.entries import Revocation
from shared.handles import is_handle, normal_form
from shared.ids import is_id, new_id
from shared.problems import Problem


@first_party
async def bots(request: web.Request, who: Bearer) -> web.Response:
    """200, at most BOTS_PER_OWNER_MAX."""
    auth = request.app[AUTH]
    found = await auth.client_records.bots_of(who.user)
    answer = []
    for record in found:
        account = await auth.accounts.by_id(record.client_id)
        answer.append(shown(record, account.handle if account is not None else ""))
    return web.json_response({"bots": answer})


@first_party
async def create(request: web.Request, who: Bearer) -> web.Response:
    """201; 409 when the handle is taken or one has too many bots."""
    given = await client_schemas.body(request, client_schemas.NewBotForm)
    return web.json_response(await create_bot(request, given, who.user), status=201)


@first_party
async def end(request: web.Request, who: Bearer) -> web.Response:
    """204, 404 unless it is one's own."""
    await end_bot(request, await _own(request, who))
    return web.Response(status=204)


@first_party
async def rotate_secret(request: web.Request, who: Bearer) -> web.Response:
    """201: the new secret, once."""
    given = await client_schemas.body(request, client_schemas.SecretChange)
    bot = await _own(request, who)
    auth = request.app[AUTH]
    secret = await new_secret(auth, bot.client_id, overlap_s=given["overlap_s"])
    auth.audit.note(
        request, audit.SECRET_CREATED, user=who.user, client_id=bot.client_id, detail=secret.id
    )
    return web.json_response({"id": secret.id, "secret": secret.text}, status=201)


@first_party
async def revoke_secret(request: web.Request, who: Bearer) -> web.Response:
    """204, 404: tokens and sockets made with it end."""
    bot = await _own(request, who)
    auth = request.app[AUTH]
    secret = request.match_info["secret"]
    await end_secret(auth, bot, secret)
    auth.audit.note(
        request, audit.SECRET_REVOKED, user=who.user, client_id=bot.client_id, detail=secret
    )
    return web.Response(status=204)


async def create_bot(request: web.Request, given: dict[str, Any], owner: str) -> dict[str, Any]:
    """A bot with a secret, as it is shown. Raises Problem, ApiUnavailable."""
    handle = normal_form(given["handle"])
    name = display_names.prepared(given["display_name"])
    if not is_handle(handle):
        raise Problem(ErrorCode.INVALID, "handle: no handle can look like this.", field="handle")
    if not display_names.is_display_name(name):
        raise Problem(
            ErrorCode.INVALID, "display_name: 1 to 100 visible characters.", field="display_name"
        )
    if owner and not is_id(owner):
        raise Problem(ErrorCode.INVALID, "owner: the id of a person.", field="owner")
    auth = request.app[AUTH]
    try:
        bot = await auth.client_records.create_bot(
            NewBot(new_id(), owner, handle, name, list(BOT_SCOPES))
        )
    except NotStored as refused:
        raise Problem(ErrorCode.CONFLICT, refused.detail, field=refused.field) from None
    secret = await new_secret(auth, bot.client_id, overlap_s=0)
    auth.audit.note(request, audit.BOT_CREATED, user=owner, client_id=bot.client_id, detail=handle)
    stored = await auth.client_records.find(bot.client_id) or bot
    return {**shown(stored, handle), "secret": secret.text}


async def end_bot(request: web.Request, bot: ClientRecord) -> None:
    """End a bot: its secrets, tokens and sockets. Raises ApiUnavailable."""
    auth = request.app[AUTH]
    await auth.client_records.disable_bot(bot.client_id)
    auth.audit.note(request, audit.BOT_ENDED, user=bot.owner, client_id=bot.client_id)
    ended = [secret.id for secret in bot.secrets]
    await auth.revocations.publish(Revocation(ended, user=bot.client_id, reason="bot_ended"))


async def _own(request: web.Request, who: Bearer) -> ClientRecord:
    bot = request.match_info["bot"]
    found = await request.app[AUTH].client_records.find(bot) if is_id(bot) else None
    if found is None or found.disabled or found.owner != who.user:
        raise Problem(ErrorCode.NOT_FOUND, "There is no such bot of yours.")
    return found


def shown(bot: ClientRecord, handle: str) -> dict[str, Any]:
    """A bot as its owner sees it."""
    return {
        "id": bot.client_id,
        "handle": handle,
        "display_name": bot.name,
        "owner": bot.owner,
        "scopes": bot.scopes,
        "created_at": bot.created_at.isoformat(),
        "secrets": [
            {
                "id": secret.id,
                "created_at": secret.created_at.isoformat(),
                "expires_at": secret.expires_at.isoformat() if secret.expires_at else None,
            }
            for secret in bot.secrets
        ],
    }
