"""npm ``oidc-client-ts``, unmodified, in Chromium: an application on an origin of its own, and one
on ours in the place of the web client."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.auth.rig import PASSWORD, Rig, running
from tests.support import node
from tests.support.signin import Tokens, claims_of, register

FOLDER = Path(__file__).with_name("node")
SCOPE = "openid profile chat offline_access"


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where its packages are installed."""
    if not Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists():
        pytest.skip("needs Chromium; CHROMIUM names it")
    return node.packages(FOLDER)


async def _run(folder: Path, rig: Rig, **given: Any) -> tuple[Any, Any]:
    """What it holds after signing in and renewing, and after signing out."""
    first = {
        "issuer": rig.url, "handle": "ada", "password": PASSWORD, "scope": SCOPE, "signOut": True,
        **given,
    }  # fmt: skip
    async with node.running(folder / "browser.mjs", first) as program:
        return await program.says(), await program.says()


async def test_application_of_others_signs_in_renews_and_signs_out(
    folder: Path, rig: Rig, ada: Tokens
) -> None:
    """The renewal is by refresh token."""
    held, left = await _run(folder, rig, id="spa")
    assert (held["errors"], left["errors"]) == ([], [])
    assert held["first"]["profile"]["sub"] == ada.user
    assert held["first"]["profile"]["preferred_username"] == "ada"
    first, second = (claims_of(held[which]["access_token"]) for which in ("first", "second"))
    assert first["jti"] != second["jti"]
    assert first["sid"] == second["sid"]
    assert held["first"]["refresh_token"] != held["second"]["refresh_token"]
    assert left["left"] is None
    assert left["cookies"] == ["agileim_browser"]
    assert await rig.live_sessions() == [ada.session]


async def test_revoking_tokens_ends_the_session(folder: Path, rig: Rig, ada: Tokens) -> None:
    held, _ = await _run(
        folder, rig, id="spa", signOut=False, settings={"revokeTokenTypes": ["refresh_token"]}
    )
    assert held["second"]["refresh_token"]
    assert await rig.live_sessions() == [ada.session]


@pytest.fixture
async def own_page(
    folder: Path, tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> AsyncIterator[Rig]:
    """auth, with an application's page at its origin, as the web client's is."""

    def file(path: str, name: str) -> web.RouteDef:
        async def serve(_: web.Request) -> web.FileResponse:
            return web.FileResponse(folder / name)

        return web.get(path, serve)

    library = "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.js"
    beside = [
        file("/", "application/index.html"),
        file("/callback", "application/index.html"),
        file("/application.js", "application/application.js"),
        file("/oidc-client-ts.js", library),
    ]
    async with running(tmp_path, postgres_url, redis_url, key_prefix, beside=beside) as rig:
        yield rig


async def test_browser_client_of_ours_renews_in_a_frame(folder: Path, own_page: Rig) -> None:
    """There is no refresh token for it, so the renewal is a silent authorization."""
    ada = await register(own_page.url, "ada", PASSWORD, "Ada Lovelace")
    held, left = await _run(folder, own_page, id="agileim-web", origin=own_page.url)
    assert (held["errors"], left["errors"]) == ([], [])
    assert held["first"].get("refresh_token") is None
    assert held["second"].get("refresh_token") is None
    first, second = (claims_of(held[which]["access_token"]) for which in ("first", "second"))
    assert first["sub"] == ada.user
    assert first["sid"] != second["sid"]
    assert left["left"] is None
    assert await own_page.live_sessions() == [ada.session]
