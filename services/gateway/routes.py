"""The gateway's routes."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler


def add_routes(app: web.Application, websocket: Handler) -> None:
    """One route; health and metrics are there already."""
    app.router.add_get("/ws", websocket, allow_head=False)
