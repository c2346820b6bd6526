from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient

from shared.codes import CloseCode, ErrorCode
from shared.problems import Problem
from shared.runner import HEALTH, TASKS, base_app

Client = Callable[[web.Application], Awaitable[TestClient[web.Request, web.Application]]]


def app_with(handler: Callable[[web.Request], Awaitable[web.Response]]) -> web.Application:
    app = base_app()
    app.router.add_get("/thing/{id}", handler)
    return app


async def test_a_problem_becomes_a_document(aiohttp_client: Client) -> None:
    async def handler(_: web.Request) -> web.Response:
        raise Problem(ErrorCode.RATE_LIMITED, "Slow down.", field="name", retry_after_ms=1500)

    client = await aiohttp_client(app_with(handler))
    response = await client.get("/thing/1", headers={"X-Request-Id": "abc"})
    assert response.status == 429
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "2"
    assert response.headers["X-Request-Id"] == "abc"
    assert await response.json(content_type=None) == {
        "type": "urn:agileim:problem:rate_limited",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Slow down.",
        "code": "rate_limited",
        "field": "name",
        "retry_after_ms": 1500,
        "request_id": "abc",
    }


async def test_an_unknown_error_says_nothing_but_its_id(aiohttp_client: Client) -> None:
    async def handler(_: web.Request) -> web.Response:
        raise RuntimeError("the secret of the house")

    client = await aiohttp_client(app_with(handler))
    response = await client.get("/thing/1", headers={"X-Request-Id": "bad id\t"})
    body = await response.json(content_type=None)
    assert response.status == 500
    assert body["request_id"] == response.headers["X-Request-Id"] != "bad id\t"
    assert "secret" not in await response.text()


async def test_unknown_paths_and_methods_are_problems_too(aiohttp_client: Client) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    client = await aiohttp_client(app_with(handler))
    missing = await client.get("/nothing")
    assert (missing.status, (await missing.json(content_type=None))["code"]) == (404, "not_found")
    wrong = await client.post("/thing/1")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET,HEAD")


async def test_metrics_use_route_templates(aiohttp_client: Client) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    client = await aiohttp_client(app_with(handler))
    await client.get("/thing/1")
    await client.get("/thing/2")
    text = await (await client.get("/metrics")).text()
    assert (
        'agileim_http_request_duration_seconds_count{method="GET",route="/thing/{id}",status="200"}'
        " 2.0" in text
    )


async def test_readiness_names_what_is_missing(aiohttp_client: Client) -> None:
    app = base_app()

    async def missing() -> None:
        raise ConnectionError("connection refused")

    async def fine() -> None:
        return None

    app[HEALTH].add("postgres", missing)
    app[HEALTH].add("redis", fine)
    client = await aiohttp_client(app)
    response = await client.get("/readyz")
    body: dict[str, Any] = await response.json()
    assert response.status == 503
    assert body["checks"] == {
        "postgres": "ConnectionError: connection refused",
        "redis": "ok",
    }
    assert (await client.get("/healthz")).status == 200


async def test_a_missing_optional_dependency_is_told_but_tolerated(aiohttp_client: Client) -> None:
    app = base_app()

    async def missing() -> None:
        raise ConnectionError

    app[HEALTH].add("redis", missing, essential=False)
    response = await (await aiohttp_client(app)).get("/readyz")
    assert response.status == 200
    assert (await response.json())["checks"]["redis"].startswith("ConnectionError")


async def test_a_dead_background_task_ends_readiness(aiohttp_client: Client) -> None:
    app = base_app()
    client = await aiohttp_client(app)
    assert (await client.get("/readyz")).status == 200

    async def dies() -> None:
        raise ValueError("poison")

    task = app[TASKS].spawn("relay", dies())
    await asyncio.wait([task])
    response = await client.get("/readyz")
    assert response.status == 503
    assert (await response.json())["checks"]["task relay"] == "ValueError: poison"


async def test_background_tasks_end_with_the_application(aiohttp_client: Client) -> None:
    app = base_app()
    client = await aiohttp_client(app)
    task = app[TASKS].spawn("forever", asyncio.Event().wait())  # type: ignore[arg-type]
    await client.close()
    assert task.cancelled()


def test_close_codes_state_whether_to_reconnect() -> None:
    assert CloseCode.SLOW_CONSUMER.reconnect
    assert not CloseCode.SESSION_REVOKED.reconnect
    assert all(4000 <= code < 5000 for code in CloseCode)


def test_every_error_code_has_a_status() -> None:
    assert all(400 <= code.status < 600 for code in ErrorCode)
