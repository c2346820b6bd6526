"""The dispatcher's HTTP: for operators and probes only; never exposed."""

from __future__ import annotations

from aiohttp import web

from services.dispatcher import handlers


def add_routes(app: web.Application) -> None:
    """Besides /healthz, /readyz and /metrics, which every service has."""
    app.router.add_get("/partitions", handlers.partitions)
