"""npm ``openid-client``, unmodified, goes through every flow that it supports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.auth.rig import (
    GATEWAY_SECRET,
    PARTNER_SECRET,
    PARTNER_URI,
    PASSWORD,
    Front,
    Rig,
)
from tests.support import node
from tests.support.signin import CLIENT_ID, REDIRECT_URI, Away, Browser, Page, Tokens, browser

FOLDER = Path(__file__).with_name("node")
SCOPE = "openid profile chat offline_access"


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where its packages are installed."""
    return node.packages(FOLDER)


async def _run(
    folder: Path, front: Front, flow: str, tab: Browser | None = None, **given: Any
) -> Any:
    """What the client says in the end, after ada has done what it asks for."""
    first = {"flow": flow, "issuer": front.url, "id": CLIENT_ID, "scope": SCOPE, **given}
    async with node.running(folder / "openid_client.mjs", first) as program:
        while "open" in (said := await program.says()):
            assert tab is not None
            program.tell(await _visit(tab, said["open"]))
    return said


async def _visit(tab: Browser, url: str) -> str:
    """Sign in and allow whatever is asked; the URL that comes back, if one does."""
    answer = await tab.open(url)
    for _ in range(3):
        if isinstance(answer, Away):
            return answer.location
        if not answer.forms:
            return ""
        form = answer.forms[0]
        known = {"handle": "ada", "password": PASSWORD} if "password" in form.fields else {}
        answer = await tab.submit(form, **(known or {"decision": "allow"}))
    raise AssertionError("no end of questions")


async def test_code_with_pkce_refresh_userinfo_and_end_of_session(
    folder: Path, rig: Rig, ada: Tokens
) -> None:
    async with browser(rig.url) as tab:
        done = await _run(folder, rig, "code", tab, redirectUri=REDIRECT_URI)
        assert done["claims"]["sub"] == ada.user
        assert done["claims"]["aud"] == CLIENT_ID
        person = {"sub": ada.user, "preferred_username": "ada", "name": "Ada Lovelace"}
        assert done["person"] == person
        assert done["second"]["refresh_token"] != done["first"]["refresh_token"]
        page = await tab.open(done["end"])
        assert isinstance(page, Page)
        assert isinstance(await tab.submit(page.forms[0]), Page)
    assert await rig.live_sessions() == [ada.session]


@pytest.mark.parametrize("method", ["basic", "post"])
async def test_confidential_client(folder: Path, rig: Rig, ada: Tokens, method: str) -> None:
    async with browser(rig.url) as tab:
        done = await _run(
            folder, rig, "code", tab, id="partner", secret=PARTNER_SECRET, method=method,
            redirectUri=PARTNER_URI, scope="openid chat",
        )  # fmt: skip
    assert done["claims"]["aud"] == "partner"
    assert done["second"] is None
    assert done["person"] == {"sub": ada.user}


async def test_revocation_ends_the_session(folder: Path, rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        done = await _run(folder, rig, "revocation", tab, redirectUri=REDIRECT_URI)
    assert done == {"error": "invalid_grant", "status": 400}
    assert await rig.live_sessions() == [ada.session]


async def test_device_flow(folder: Path, rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        done = await _run(folder, rig, "device", tab, hurry=50)
    assert done["claims"]["sub"] == ada.user
    assert done["tokens"]["refresh_token"]


@pytest.mark.parametrize("method", ["basic", "post"])
async def test_client_credentials_and_introspection(
    folder: Path, rig: Rig, ada: Tokens, method: str
) -> None:
    done = await _run(
        folder, rig, "credentials", id="gateway", secret=GATEWAY_SECRET, method=method,
        scope="internal.gateway", token=ada.access_token,
    )  # fmt: skip
    assert done["tokens"]["scope"] == "internal.gateway"
    assert (done["good"]["active"], done["good"]["sub"]) == (True, ada.user)
    assert done["bad"] == {"active": False}


async def test_wrong_secret_is_told_as_the_client_expects(folder: Path, rig: Rig) -> None:
    done = await _run(
        folder, rig, "refused", id="gateway", secret="wrong", scope="internal.gateway"
    )
    assert (done["status"], done["challenge"]) == (401, "basic")
