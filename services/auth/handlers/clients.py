"""Clients, for the operators' tool: ``/internal/v1/clients`` of auth, scope ``internal.admin``.
The edge does not let it out.

    GET    …/clients?after=&limit=       all but bots, by id
    POST   …/clients                     register one; answers its secret, once
    GET    …/clients/{id}                one
    PATCH  …/clients/{id}                change it; with If-Match: "version" only that version
    DELETE …/clients/{id}                remove it
    POST   …/clients/{id}/secrets        one more secret; the one before stays good for overlap_s
    DELETE …/clients/{id}/secrets/{s}    take one back
    POST   …/bots, DELETE …/bots/{id}    the same for bots

The header ``Agileim-Operator`` names who asks, for the audit.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from services.auth import audit, client_schemas
from services.auth.client_records import NotStored
from services.auth.client_secrets import end_secret, new_secret
from services.auth.domain import defaults, registration
from services.auth.domain.clients import Client
from services.auth.handlers.bots import create_bot, end_bot
from services.auth.resources import AUTH, Auth
from services.auth.service_bearer import Handler, served_to
from shared.administration import SCOPE_ADMIN
from shared.client_records import ClientEntry, ClientRecord
from shared.codes import ErrorCode
from shared.ids import is_id
from shared.limits import PAGE_MAX
from shared.problems import Problem

OPERATOR_HEADER: Final = "Agileim-Operator"
_OPERATOR_MAX_CHARS: Final = 100


def for_operators(handler: Handler) -> Handler:
    """Serves the operators' tool only."""
    return served_to(SCOPE_ADMIN, handler)


@for_operators
async def page(request: web.Request) -> web.Response:
    """200: those of the process and those of the table together."""
    auth = request.app[AUTH]
    limit = request.query.get("limit", str(PAGE_MAX))
    if not (limit.isascii() and limit.isdecimal() and 1 <= int(limit) <= PAGE_MAX):
        raise Problem(ErrorCode.INVALID, f"limit: 1 to {PAGE_MAX}.", field="limit")
    after = request.query.get("after", "")
    found = [shown(record) for record in await auth.client_records.all()]
    found += [shown_own(client) for client in auth.clients.own]
    found = [one for one in found if one["client_id"] > after]
    found.sort(key=lambda one: str(one["client_id"]))
    more = len(found) > int(limit)
    found = found[: int(limit)]
    return web.json_response({"clients": found, "next": found[-1]["client_id"] if more else ""})


@for_operators
async def create(request: web.Request) -> web.Response:
    """201: the client and, if it has to have one, its secret."""
    auth = request.app[AUTH]
    given = await client_schemas.body(request, client_schemas.NewClient)
    entry = msgspec.convert(defaults.completed(given["kind"], given), ClientEntry)
    if auth.clients.is_taken(entry.client_id) or await _find(auth, entry.client_id) is not None:
        raise Problem(ErrorCode.CONFLICT, "The id is taken.", field="client_id")
    record = await _put(auth, entry)
    _note(request, audit.CLIENT_CREATED, record.client_id, record.kind)
    answer = shown(record)
    if registration.client_of(record).confidential:
        secret = await new_secret(auth, record.client_id, overlap_s=0)
        answer = {**shown(await _record(auth, record.client_id)), "secret": secret.text}
    await auth.clients.refresh()
    return web.json_response(answer, status=201)


@for_operators
async def show(request: web.Request) -> web.Response:
    """200, 404."""
    auth = request.app[AUTH]
    client_id = request.match_info["client_id"]
    for client in auth.clients.own:
        if client.client_id == client_id:
            return web.json_response(shown_own(client))
    return _answer(await _record(auth, client_id))


@for_operators
async def change(request: web.Request) -> web.Response:
    """200, 404, 409 when someone else was faster."""
    auth = request.app[AUTH]
    given = await client_schemas.body(request, client_schemas.ClientChange)
    record = await _record(auth, request.match_info["client_id"])
    if record.kind == "bot":
        raise Problem(ErrorCode.CONFLICT, "Bots are changed by their owners.", field="client_id")
    wanted = request.headers.get("If-Match", "")
    if wanted not in ("", "*", f'"{record.version}"'):
        raise Problem(ErrorCode.CONFLICT, "It has been changed meanwhile.", field="version")
    entry = {name: getattr(record, name) for name in ClientEntry.__struct_fields__}
    stored = await _put(auth, msgspec.convert({**entry, **given}, ClientEntry))
    _note(request, audit.CLIENT_CHANGED, stored.client_id, " ".join(sorted(given)))
    await auth.clients.refresh()
    return _answer(stored)


@for_operators
async def delete(request: web.Request) -> web.Response:
    """204, 404."""
    auth = request.app[AUTH]
    record = await _record(auth, request.match_info["client_id"])
    if record.kind == "bot":
        await end_bot(request, record)
    else:
        await auth.client_records.delete(record.client_id)
        _note(request, audit.CLIENT_DELETED, record.client_id)
        await auth.clients.refresh()
    return web.Response(status=204)


@for_operators
async def rotate_secret(request: web.Request) -> web.Response:
    """201: the new secret, once."""
    auth = request.app[AUTH]
    given = await client_schemas.body(request, client_schemas.SecretChange)
    record = await _record(auth, request.match_info["client_id"])
    if not registration.client_of(record).confidential:
        raise Problem(ErrorCode.CONFLICT, "This client has no secret.", field="auth_method")
    secret = await new_secret(auth, record.client_id, overlap_s=given["overlap_s"])
    _note(request, audit.SECRET_CREATED, record.client_id, secret.id)
    await auth.clients.refresh()
    return web.json_response({"id": secret.id, "secret": secret.text}, status=201)


@for_operators
async def revoke_secret(request: web.Request) -> web.Response:
    """204, 404."""
    auth = request.app[AUTH]
    record = await _record(auth, request.match_info["client_id"])
    await end_secret(auth, record, request.match_info["secret"])
    _note(request, audit.SECRET_REVOKED, record.client_id, request.match_info["secret"])
    await auth.clients.refresh()
    return web.Response(status=204)


@for_operators
async def make_bot(request: web.Request) -> web.Response:
    """201: a bot, of a person or of nobody, and its secret, once."""
    given = await client_schemas.body(request, client_schemas.NewOperatorsBot)
    return web.json_response(await create_bot(request, given, given["owner"]), status=201)


async def _record(auth: Auth, client_id: str) -> ClientRecord:
    record = await _find(auth, client_id)
    if record is None:
        raise Problem(ErrorCode.NOT_FOUND, "There is no such client in the table.")
    return record


async def _find(auth: Auth, client_id: str) -> ClientRecord | None:
    possible = registration.may_be_registered(client_id) or is_id(client_id)
    return await auth.client_records.find(client_id) if possible else None


async def _put(auth: Auth, entry: ClientEntry) -> ClientRecord:
    if fault := registration.fault(entry):
        raise Problem(ErrorCode.INVALID, f"{fault.field}: {fault.why}.", field=fault.field)
    try:
        return await auth.client_records.put(entry)
    except NotStored as refused:
        code = ErrorCode.CONFLICT if refused.conflict else ErrorCode.INVALID
        raise Problem(code, refused.detail, field=refused.field) from None


def _note(request: web.Request, what: str, client_id: str, detail: str = "") -> None:
    by = request.headers.get(OPERATOR_HEADER, "")[:_OPERATOR_MAX_CHARS]
    by = "".join(char for char in by if char.isprintable())
    text = " ".join(filter(None, (detail, f"by {by}" if by else "")))
    request.app[AUTH].audit.note(request, what, client_id=client_id, detail=text)


def _answer(record: ClientRecord) -> web.Response:
    return web.json_response(shown(record), headers={"ETag": f'"{record.version}"'})


def shown(record: ClientRecord) -> dict[str, Any]:
    """A registered client, less what its secrets are."""
    answer: dict[str, Any] = msgspec.to_builtins(record)
    answer.pop("secrets", None)
    return {
        "disabled": False, "redirect_uris": [], "post_logout_redirect_uris": [], **answer,
        "source": "table",
        "secrets": [
            {
                "id": secret.id,
                "created_at": secret.created_at.isoformat(),
                "expires_at": secret.expires_at.isoformat() if secret.expires_at else None,
            }
            for secret in record.secrets
        ],
    }  # fmt: skip


def shown_own(client: Client) -> dict[str, Any]:
    """A client that the process brings along or has from a file."""
    return {
        "client_id": client.client_id,
        "name": client.name,
        "kind": "first_party" if client.first_party else "other",
        "source": "built-in" if client.first_party else "file",
        "grants": sorted(client.grants),
        "scopes": sorted(client.scopes),
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "disabled": False,
        "secrets": [],
    }
