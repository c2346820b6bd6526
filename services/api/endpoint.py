"""One public operation: its route, its schemas, and how a request becomes a call of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import msgspec
from aiohttp import web
from marshmallow import Schema, ValidationError
from webargs.aiohttpparser import AIOHTTPParser

from services.api.rates import Rate, Rates
from shared.codes import ErrorCode
from shared.problems import Problem

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller and input have been checked."""

    request: web.Request
    user: str  # id; empty at public endpoints
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    session: str = ""  # id of the device's sign-in; empty at public endpoints


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: what becomes JSON (or a response that is ready), and the status."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A public operation. Both the router and the OpenAPI document are made from these."""

    method: str
    path: str
    name: str  # operationId
    summary: str
    handler: Handler
    answer: type[Schema] | None
    statuses: tuple[int, ...] = (200,)
    refusals: tuple[ErrorCode, ...] = ()  # beside those of a token and of malformed input
    body: type[Schema] | None = None
    query: type[Schema] | None = None
    others: Mapping[int, str] = field(default_factory=dict)  # statuses of another protocol → why
    headers: Mapping[str, str] | None = None  # name → description
    public: bool = False
    rate: Rate | None = None  # None: by the method


class _Parser(AIOHTTPParser):
    """webargs with our problems, and a reader that takes only what is JSON (RFC 8259)."""

    async def load_json(self, req: web.Request, schema: Schema) -> Any:
        try:
            return json.loads(await req.read(), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Problem(ErrorCode.INVALID, "The body is not JSON.", field="body") from None

    def handle_error(
        self, error: ValidationError, req: web.Request, schema: Schema, **_: Any
    ) -> NoReturn:
        name, why = first_fault(error.messages)
        raise Problem(ErrorCode.INVALID, f"{name or 'The body'}: {why}", field=name)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def first_fault(messages: Any, path: str = "") -> tuple[str, str]:
    """(field with dots, what is wrong with it) of the first fault in marshmallow's tree."""
    while isinstance(messages, Mapping):
        key, messages = next(iter(messages.items()))
        # The first level names where the input was: json or query.
        if key != "_schema" and not (path == "" and key in ("json", "query")):
            path = f"{path}.{key}" if path else str(key)
    return path[:200], str(messages[0] if isinstance(messages, list) else messages)


_parser: Final = _Parser()


@dataclass(frozen=True, slots=True)
class Identity:
    """For whom a request is made."""

    user: str
    session: str = ""


_NOBODY: Final = Identity("")


def route(
    endpoint: Endpoint,
    identify: Callable[[web.Request], Awaitable[Identity]],
    *,
    prefix: str = "",
    rates: Rates | None = None,
) -> web.RouteDef:
    """The route that checks caller, rate and input before it calls the handler."""
    rate = endpoint.rate or (Rate.READ if endpoint.method == "GET" else Rate.WRITE)
    body = endpoint.body() if endpoint.body else None
    query = endpoint.query() if endpoint.query else None

    async def handle(request: web.Request) -> web.StreamResponse:
        who = _NOBODY if endpoint.public else await identify(request)
        if rates is not None and who.user:
            rates.take(who.user, rate)
        call = Call(
            request=request,
            user=who.user,
            path=request.match_info,
            query=await _parser.parse(query, request, location="query") if query else {},
            body=await _parser.parse(body, request, location="json") if body else {},
            session=who.session,
        )
        reply = await endpoint.handler(call)
        if isinstance(reply.content, web.StreamResponse):
            return reply.content
        if reply.content is None:
            return web.Response(status=reply.status, headers=reply.headers)
        return web.Response(
            body=_encode(reply.content), status=reply.status, headers=reply.headers,
            content_type="application/json",
        )  # fmt: skip

    return web.route(endpoint.method, prefix + endpoint.path, handle)
