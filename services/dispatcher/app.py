"""Puts the dispatcher together."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from services.dispatcher.handlers import WORKER
from services.dispatcher.metrics import DispatcherMetrics
from services.dispatcher.routes import add_routes
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.worker import Worker
from shared.runner import HEALTH, METRICS, TASKS, base_app
from shared.service_client import ApiClient, ServiceTokens


def create_app(settings: DispatcherSettings) -> web.Application:
    """The application; nothing runs before its start-up."""
    app = base_app()
    add_routes(app)

    async def worker(app: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=settings.member_loads + 4)
        async with aiohttp.ClientSession(connector=connector) as http:
            tokens = ServiceTokens(
                settings.auth_url, settings.client_id, settings.client_secret, http
            )
            api = ApiClient(settings.api_urls, tokens, http)
            metrics = DispatcherMetrics(app[METRICS])
            metrics.partitions.set(settings.partitions)
            worker = app[WORKER] = Worker(settings, api, metrics)
            app[HEALTH].add("dispatch", worker.check)
            worker.start(app[TASKS])
            yield
            app[HEALTH].draining = True
            await worker.stop()
            await app[TASKS].close()
            await worker.close()

    app.cleanup_ctx.append(worker)
    return app
