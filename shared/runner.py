"""The life of a service process: settings, logs, the application, signals."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import uvloop
from aiohttp import web

from shared import logs, settings, tracing
from shared.health import Health
from shared.metrics import Metrics, tune_garbage_collector
from shared.problems import edge
from shared.settings import ServiceSettings, SettingsError
from shared.tasks import Background

HEALTH: web.AppKey[Health] = web.AppKey("health", Health)
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
TASKS: web.AppKey[Background] = web.AppKey("tasks", Background)

S = TypeVar("S", bound=ServiceSettings)

BODY_MAX_BYTES = 1024 * 1024
SHUTDOWN_TIMEOUT_S = 5.0


def base_app(*, body_max_bytes: int = BODY_MAX_BYTES) -> web.Application:
    """An application with what every service has: problem documents, logs with trace ids,
    /healthz, /readyz, /metrics, and background tasks that end with it."""
    metrics = Metrics()
    health = Health()
    app = web.Application(middlewares=[edge(metrics)], client_max_size=body_max_bytes)
    app[METRICS] = metrics
    app[HEALTH] = health
    app[TASKS] = Background(health)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", metrics.page)
    app.cleanup_ctx.append(_background)
    return app


async def _background(app: web.Application) -> AsyncIterator[None]:
    # First in, last out: tasks that later contexts have started are theirs to stop in good order;
    # what is left then is cancelled here.
    yield
    await app[TASKS].close()


def main(service: str, settings_class: type[S], create_app: Callable[[S], web.Application]) -> None:
    """Run the service until SIGTERM or SIGINT. Wrong settings: all of them on stderr, exit 2."""
    try:
        loaded = settings.load(settings_class, os.environ)
    except SettingsError as error:
        for fault in error.faults:
            print(f"{service}: {fault}", file=sys.stderr)
        raise SystemExit(2) from None
    logs.configure(loaded.log_level, loaded.log_format, service, loaded.instance)
    tracing.configure(service, loaded.instance, loaded.traces_url, loaded.traces_ratio)
    tune_garbage_collector()
    try:
        web.run_app(
            create_app(loaded),
            host=loaded.listen.host,
            port=loaded.listen.port,
            access_log=None,
            print=None,
            shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            backlog=4096,  # a gateway that died sends thousands of clients here at once
            loop=uvloop.new_event_loop(),
        )
    finally:
        tracing.shutdown()
