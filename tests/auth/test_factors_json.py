"""Second factors for programs: the same as on the pages, with a token of a sign-in of just now."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from tests.auth.people import code_at, sign_in_at
from tests.auth.rig import PARTNER_SECRET, PARTNER_URI, PASSWORD, Rig, running
from tests.auth.software_authenticator import SoftwareAuthenticator
from tests.support.signin import (
    Away,
    CodeRequest,
    Page,
    Tokens,
    browser,
    exchange,
    refresh,
    register,
)

BASE = "/connect/account/factors"


@pytest.fixture
async def house(
    tmp_path: Path, postgres_url: str, redis_url: str, key_prefix: str
) -> AsyncIterator[Rig]:
    """auth at a name, without which there are no passkeys."""
    issuer = f"http://localhost:{unused_port()}"
    async with running(tmp_path, postgres_url, redis_url, key_prefix, issuer=issuer) as rig:
        yield rig


@pytest.fixture
async def ada(house: Rig) -> Tokens:
    """Someone who has just signed in."""
    return await register(house.url, "ada", PASSWORD, "Ada Lovelace")


async def _ask(
    rig: Rig, method: str, path: str, token: str, body: Any = None
) -> tuple[int, dict[str, Any], Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with rig.http.request(
        method, f"{rig.url}{BASE}{path}", headers=headers, json=body
    ) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else {}, response.headers


async def _set_up(rig: Rig, token: str) -> tuple[str, list[str]]:
    """Secret and recovery codes."""
    status, begun, _ = await _ask(rig, "POST", "/authenticator", token)
    assert status == 200, begun
    assert begun["uri"].startswith("otpauth://totp/AgileIM:ada?secret=")
    code = {"code": code_at(rig, begun["secret"])}
    status, done, _ = await _ask(rig, "PUT", "/authenticator", token, code)
    assert status == 200, done
    return begun["secret"], done["recovery_codes"]


async def _strong_tokens(rig: Rig, secret: str) -> Tokens:
    """By password and a code."""
    rig.clock.now += 30
    wanted = CodeRequest()
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path(prompt="login"))
        assert isinstance(page, Page)
        page = await tab.submit(page.forms[0], handle="ada", password=PASSWORD)
        assert isinstance(page, Page)
        answer = await tab.submit(page.form, code=code_at(rig, secret))
        assert isinstance(answer, Away)
        return await exchange(tab.http, rig.url, wanted.grant(wanted.code(answer)))


async def test_authenticator_from_beginning_to_end(house: Rig, ada: Tokens) -> None:
    token = ada.access_token
    status, wrong, _ = await _ask(house, "PUT", "/authenticator", token, {"code": "000000"})
    assert (status, wrong["field"]) == (422, "code"), "nothing was begun"
    secret, codes = await _set_up(house, token)
    assert len(codes) == 10
    _, shown, _ = await _ask(house, "GET", "", token)
    assert shown["authenticator"]
    assert (shown["recovery_codes_left"], shown["required"]) == (10, False)
    token = (await _strong_tokens(house, secret)).access_token
    status, renewed, _ = await _ask(house, "POST", "/recovery-codes", token)
    assert status == 200
    assert not set(renewed["recovery_codes"]) & set(codes)
    assert (await _ask(house, "DELETE", "/authenticator", token))[0] == 204
    status, problem, _ = await _ask(house, "POST", "/recovery-codes", token)
    assert (status, problem["field"]) == (409, "factors")


async def test_passkey_from_beginning_to_end(house: Rig, ada: Tokens) -> None:
    token = ada.access_token
    key = SoftwareAuthenticator(house.url)
    _, options, _ = await _ask(house, "POST", "/passkeys/options", token)
    body = {"name": "Laptop", "credential": key.create(options)}
    status, added, _ = await _ask(house, "POST", "/passkeys", token, body)
    assert status == 201, added
    assert (added["id"], len(added["recovery_codes"])) == (key.id, 10)
    status, _, _ = await _ask(house, "POST", "/passkeys", token, body)
    assert status == 401, "from now on a token of a password alone is too little"
    _, shown, _ = await _ask(house, "GET", "", token)
    [one] = shown["passkeys"]
    assert (one["name"], one["backed_up"], one["used_at"]) == ("Laptop", True, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "credential"),
        ({"name": "", "credential": "{}"}, "name"),
        ({"name": "x", "credential": "{}"}, "credential"),
        ({"name": "x", "credential": "x" * 20_000}, "credential"),
        ([], "_schema"),
    ],
)
async def test_malformed_passkeys_are_refused(
    house: Rig, ada: Tokens, body: Any, field: str
) -> None:
    status, problem, _ = await _ask(house, "POST", "/passkeys", ada.access_token, body)
    assert (status, problem["field"]) == (422, field)


async def test_challenge_of_one_session_is_not_another_ones(house: Rig, ada: Tokens) -> None:
    other = await house.tokens()
    key = SoftwareAuthenticator(house.url)
    _, options, _ = await _ask(house, "POST", "/passkeys/options", ada.access_token)
    body = {"name": "Laptop", "credential": key.create(options)}
    assert (await _ask(house, "POST", "/passkeys", other.access_token, body))[0] == 422


CHANGES = [
    ("POST", "/authenticator"), ("PUT", "/authenticator"), ("DELETE", "/authenticator"),
    ("POST", "/passkeys/options"), ("POST", "/passkeys"), ("PATCH", "/passkeys/x"),
    ("DELETE", "/passkeys/x"), ("POST", "/recovery-codes"),
]  # fmt: skip


async def test_changes_need_a_sign_in_of_just_now(house: Rig, ada: Tokens) -> None:
    refreshed = await refresh(house.url, ada)
    assert "auth_time" not in refreshed.claims
    for method, path in CHANGES:
        status, problem, headers = await _ask(house, method, path, refreshed.access_token, {})
        assert (status, problem["code"]) == (401, "unauthenticated"), path
        challenge = headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication", max_age="600"' in challenge


async def test_password_alone_does_not_change_a_second_factor(house: Rig, ada: Tokens) -> None:
    await _set_up(house, ada.access_token)
    for method, path in CHANGES:
        assert (await _ask(house, method, path, ada.access_token, {}))[0] == 401, path


async def test_only_ones_own_and_only_by_our_own_applications(house: Rig, ada: Tokens) -> None:
    wanted = CodeRequest(client_id="partner", redirect_uri=PARTNER_URI, scope="openid chat")
    async with browser(house.url) as tab:
        await sign_in_at(tab)
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        code = wanted.code(await tab.submit(page.forms[0], decision="allow"))
    _, tokens, _ = await house.token(**wanted.grant(code), client_secret=PARTNER_SECRET)
    for method, path in [("GET", ""), *CHANGES]:
        assert (await _ask(house, method, path, tokens["access_token"], {}))[0] == 403, path
        assert (await _ask(house, method, path, "", {}))[0] == 401, path


async def test_unknown_passkeys_are_not_found(house: Rig, ada: Tokens) -> None:
    token = ada.access_token
    assert (await _ask(house, "DELETE", "/passkeys/x", token))[0] == 404
    assert (await _ask(house, "PATCH", "/passkeys/x", token, {"name": "y"}))[0] == 404


# --- operators ----------------------------------------------------------------------------------


async def _operate(rig: Rig, method: str, path: str, scope: str, body: Any = None) -> int:
    client = rig.auth.clients.get("harness")
    assert client is not None
    token = rig.auth.issuer.service(client, scope)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Agileim-Operator": "olga lost phone"}
    url = f"{rig.url}/internal/v1/users/{path}"
    async with rig.http.request(method, url, headers=headers, json=body) as response:
        return response.status


async def test_operators_reset_ends_all_and_is_audited(house: Rig, ada: Tokens) -> None:
    await _set_up(house, ada.access_token)
    async with browser(house.url) as tab:
        await sign_in_at(tab)
        path = f"{ada.user}/factors"
        assert await _operate(house, "DELETE", path, "internal.auth") == 403
        assert await _operate(house, "DELETE", path, "internal.admin") == 204
        assert await house.live_sessions() == []
        silent = await tab.open(CodeRequest().path(prompt="none"))
        assert isinstance(silent, Away)
        assert silent.parameters["error"] == "login_required"
        assert await house.code(tab, CodeRequest()), "the password is enough again"
    assert await house.auth.audit.drained()
    rows = await house.database.fetch_all(
        "SELECT user_id::text, detail FROM audit WHERE what = 'factors_reset'"
    )
    assert rows == [(ada.user, "olga lost phone")]
    assert await _operate(house, "DELETE", "nobody/factors", "internal.admin") == 404


async def test_operators_name_administrators(house: Rig, ada: Tokens) -> None:
    path = f"{ada.user}/administrator"
    assert await _operate(house, "PUT", path, "internal.admin", {"administrator": 7}) == 422
    body = {"administrator": True}
    assert await _operate(house, "PUT", path, "internal.auth", body) == 403
    assert await _operate(house, "PUT", path, "internal.admin", body) == 204
    assert (await house.auth.factors.of(ada.user)).administrator
