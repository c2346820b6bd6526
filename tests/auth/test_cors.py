"""What scripts of other origins may read of auth: only what takes no cookie."""

from __future__ import annotations

import re

import pytest
from aiohttp import web

from services.auth.cors import PATHS
from services.auth.routes import routes
from tests.auth.rig import Front, Rig
from tests.support.signin import CLIENT_ID, Tokens

FOREIGN = {"Origin": "https://evil.example"}
ALLOW = "Access-Control-Allow-Origin"


def _others() -> list[tuple[str, str]]:
    return sorted(
        (route.method, re.sub(r"\{\w+\}", "x", route.path))
        for route in routes()
        if isinstance(route, web.RouteDef) and route.path not in PATHS
    )


@pytest.mark.parametrize("path", sorted(PATHS))
async def test_applications_in_browsers_may_call_it(front: Front, path: str) -> None:
    asks = {**FOREIGN, "Access-Control-Request-Method": "POST"}
    async with front.http.options(front.url + path, headers=asks) as response:
        assert (response.status, response.headers[ALLOW]) == (204, "*")
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in response.headers
    async with front.http.get(front.url + path, headers=FOREIGN) as response:
        assert response.headers[ALLOW] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_refusals_can_be_read_too(rig: Rig, ada: Tokens) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": CLIENT_ID}
    status, _, headers = await rig.post("/connect/token", form, headers=FOREIGN)
    assert (status, headers[ALLOW]) == (400, "*")


async def test_nothing_else_may_be_called(front: Front) -> None:
    others = _others()
    assert ("POST", "/connect/introspect") in others
    assert ("POST", "/connect/signin") in others
    for method, path in others:
        async with front.http.request(
            method, front.url + path, headers=FOREIGN, allow_redirects=False
        ) as response:
            assert ALLOW not in response.headers, path
        asks = {**FOREIGN, "Access-Control-Request-Method": method}
        async with front.http.options(front.url + path, headers=asks) as response:
            assert ALLOW not in response.headers, path
