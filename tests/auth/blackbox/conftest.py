"""The servers that the suite runs against: npm ``oidc-provider``, so that the suite itself is known
to be right, then ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest

from tests.auth.blackbox import target as names
from tests.auth.blackbox.target import Target
from tests.auth.rig import GATEWAY_SECRET, PARTNER_SECRET, PARTNER_URI, PASSWORD, Rig
from tests.support import node
from tests.support.signin import register

FOLDER = Path(__file__).parent.with_name("node")
METADATA = "/.well-known/openid-configuration"
INDEPENDENT = "oidc-provider"
OURS = "agileim"


def _clients() -> list[dict[str, Any]]:
    """As tests.auth.rig has them."""
    assert (names.SECRET, names.SECRET_URI) == (PARTNER_SECRET, PARTNER_URI)
    assert names.SERVICE_SECRET == GATEWAY_SECRET
    code = {"grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"]}
    return [
        {"client_id": names.PUBLIC, "application_type": "native", **code,
         "grant_types": [*code["grant_types"], names.DEVICE],
         "token_endpoint_auth_method": "none", "redirect_uris": ["http://127.0.0.1/callback"],
         "post_logout_redirect_uris": ["http://127.0.0.1/"]},
        {"client_id": names.SECRET_CLIENT, "client_secret": names.SECRET, **code,
         "redirect_uris": [names.SECRET_URI], "token_endpoint_auth_method": "client_secret_post"},
        {"client_id": names.SERVICE, "client_secret": names.SERVICE_SECRET, "redirect_uris": [],
         "response_types": [], "grant_types": ["client_credentials"],
         "scope": names.SERVICE_SCOPE},
    ]  # fmt: skip


@pytest.fixture(scope="session")
def independent() -> Iterator[str]:
    """The issuer of an oidc-provider that runs for the whole session."""
    scopes = ["openid", "profile", "offline_access", names.SERVICE_SCOPE, "internal.auth"]
    with ExitStack() as stack:
        errors = stack.enter_context(Path(os.devnull).open("wb"))
        process = stack.enter_context(
            subprocess.Popen(
                ["node", "provider.mjs"], cwd=node.packages(FOLDER), stdin=subprocess.PIPE,  # noqa: S607
                stdout=subprocess.PIPE, stderr=errors, env=dict(os.environ),
            )
        )  # fmt: skip
        stack.callback(process.kill)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"clients": _clients(), "scopes": scopes}).encode() + b"\n")
        process.stdin.flush()
        yield json.loads(process.stdout.readline())["issuer"]


class Served(NamedTuple):
    """A running server, and who it knows."""

    issuer: str
    person: dict[str, str]
    wait: Callable[[float], None]


@pytest.fixture(params=[INDEPENDENT, OURS])
def served(request: pytest.FixtureRequest) -> Served:
    """One of the two. Not a coroutine, or it could not ask for ours only when it is wanted."""
    if request.param == INDEPENDENT:
        issuer = request.getfixturevalue("independent")
        return Served(issuer, {"login": "ada", "password": "anything"}, lambda _: None)
    rig: Rig = request.getfixturevalue("rig")

    def wait(seconds: float) -> None:
        rig.clock.now += seconds

    return Served(rig.url, {"handle": "ada", "password": PASSWORD}, wait)


@pytest.fixture
async def target(served: Served) -> AsyncIterator[Target]:
    """A server under test."""
    if "handle" in served.person:
        await register(served.issuer, "ada", PASSWORD, "Ada Lovelace")
    async with aiohttp.ClientSession() as http:
        async with http.get(served.issuer + METADATA) as response:
            metadata = await response.json()
        yield Target(metadata, http, served.person, served.wait)
