"""What the dispatcher tells operators over HTTP, besides metrics and health."""

from __future__ import annotations

from aiohttp import web

from services.dispatcher.worker import Worker

WORKER: web.AppKey[Worker] = web.AppKey("worker", Worker)


async def partitions(request: web.Request) -> web.Response:
    """GET /partitions: what this process owns, and how far it is with it. No ids of people."""
    worker = request.app[WORKER]
    return web.json_response({"dispatcher": worker.id, "partitions": worker.state()})
