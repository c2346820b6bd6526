"""What anybody may know: the limits and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from marshmallow import Schema, fields

from services.api.endpoint import Call, Endpoint, Reply
from shared import limits

LIMITS: Final[dict[str, int | float]] = {
    name.lower(): value
    for name, value in vars(limits).items()
    if name.isupper() and isinstance(value, int | float)
}
_Limits: Final = Schema.from_dict(
    {
        name: (fields.Integer if isinstance(value, int) else fields.Float)(required=True)
        for name, value in LIMITS.items()
    },
    name="Limits",
)


class DiscoveryHandlers:
    """Public documents. ``document`` is asked for when all endpoints are known."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document

    def endpoints(self) -> Sequence[Endpoint]:
        """The operations of this module."""
        return [
            Endpoint(
                method="GET", path="/v1/limits", name="getLimits", public=True,
                summary="The limits that clients meet", handler=self.limits, answer=_Limits,
            ),
            Endpoint(
                method="GET", path="/v1/openapi.json", name="getOpenApi", public=True,
                summary="This document", handler=self.openapi, answer=None,
            ),
        ]  # fmt: skip

    async def limits(self, _: Call) -> Reply:
        """GET /v1/limits"""
        return Reply(LIMITS)

    async def openapi(self, _: Call) -> Reply:
        """GET /v1/openapi.json"""
        return Reply(self._document())
