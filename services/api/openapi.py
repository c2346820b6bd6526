"""The OpenAPI 3.1 document, made from the endpoints and their schemas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from services.api import schemas
from services.api.endpoint import Endpoint
from shared.codes import ErrorCode

VERSION: Final = "1"
_PATH_PARAMETER: Final = re.compile(r"{(\w+)}")
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}


def document(endpoints: Sequence[Endpoint], issuer: str) -> dict[str, Any]:
    """The document as JSON types."""
    spec = APISpec(
        title="AgileIM",
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": "Conversations, their history, and what changed since."},
        servers=[{"url": issuer}],
        plugins=[MarshmallowPlugin(schema_name_resolver=lambda schema: _name(schema))],
    )
    spec.components.schema("Problem", schema=schemas.Problem)
    spec.components.security_scheme(
        "token",
        {
            "type": "openIdConnect",
            "openIdConnectUrl": f"{issuer}/.well-known/openid-configuration",
        },
    )
    for endpoint in endpoints:
        operation = {endpoint.method.lower(): _operation(endpoint)}
        spec.path(path=endpoint.path, operations=operation)
    result: dict[str, Any] = spec.to_dict()
    return result


def _name(schema: Any) -> str:
    return str(getattr(schema, "__name__", type(schema).__name__))


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters: list[Any] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(endpoint.path)
    ]
    parameters += [
        {"in": "header", "name": name, "schema": {"type": "string"}, "description": description}
        for name, description in (endpoint.headers or {}).items()
    ]
    if endpoint.query:
        parameters.append({"in": "query", "schema": endpoint.query})
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": _responses(endpoint),
        "security": [] if endpoint.public else [{"token": ["chat"]}],
    }
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": endpoint.body}},
        }
    return operation


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in endpoint.statuses:
        response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if endpoint.answer:
            response["content"] = {"application/json": {"schema": endpoint.answer}}
        responses[str(status)] = response
    refusals = set(endpoint.refusals)
    if not endpoint.public:
        refusals |= {
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.RATE_LIMITED,
            ErrorCode.UNAVAILABLE,
        }
    if endpoint.body or endpoint.query:
        refusals.add(ErrorCode.INVALID)
    if endpoint.body:
        refusals.add(ErrorCode.TOO_LARGE)
    for code in sorted(refusals):
        status = code.status
        seen = responses.get(str(int(status)))
        names = f"{seen['description']}, {code}" if seen else str(code)
        responses[str(int(status))] = {
            "description": names,
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
    for other, why in endpoint.others.items():
        responses[str(other)] = {"description": why}
    # What is hardly HTTP never comes to an operation: a line that is too long, a bad header.
    responses["400"] = {"description": "not HTTP as it should be"}
    return responses
