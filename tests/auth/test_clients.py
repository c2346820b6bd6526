"""Registered clients: what operators may register, and what such a client can do then."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.auth.rig import PASSWORD, Rig
from tests.support.servers import wait_until
from tests.support.signin import Away, CodeRequest, Page, Tokens, browser

BASE = "/internal/v1/clients"
URI = "https://wiki.example/back"
WIKI = {
    "client_id": "wiki", "name": "Wiki", "kind": "third_party", "redirect_uris": [URI],
    "scopes": ["openid", "chat", "offline_access"],
}  # fmt: skip


class Operator:
    """Calls auth as the operators' tool does."""

    def __init__(self, rig: Rig, token: str) -> None:
        self._rig = rig
        self._headers = {"Authorization": f"Bearer {token}", "Agileim-Operator": "grace"}

    async def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        sent = {**self._headers, **headers}
        url = f"{self._rig.url}{path}"
        async with self._rig.http.request(method, url, json=body, headers=sent) as answer:
            return answer.status, await answer.json(content_type=None) or {}


@pytest.fixture
async def operator(rig: Rig) -> Operator:
    """With a service token of the scope internal.admin."""
    _, answer, _ = await rig.token(
        grant_type="client_credentials", client_id="admin",
        client_secret="a-secret-of-the-operators",
    )  # fmt: skip
    return Operator(rig, answer["access_token"])


async def _events(rig: Rig) -> list[tuple[str, str, str]]:
    await rig.auth.audit.drained()
    return [
        (row[0], row[1], row[2])
        for row in await rig.database.fetch_all(
            "SELECT what, client_id, detail FROM audit WHERE what LIKE 'client%' ORDER BY id"
        )
    ]


async def _code(rig: Rig, wanted: CodeRequest) -> str:
    """A code for ada, who agrees."""
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        page = await tab.submit(page.form, handle="ada", password=PASSWORD)
        if isinstance(page, Page):
            page = await tab.submit(page.form, decision="allow")
        assert isinstance(page, Away)
        return wanted.code(page)


async def test_registered_application_signs_people_in(
    rig: Rig, operator: Operator, ada: Tokens
) -> None:
    status, made = await operator("POST", BASE, WIKI)
    assert (status, made["version"], made["source"]) == (201, 1, "table")
    assert (made["grants"], made["auth_method"]) == (
        ["authorization_code", "refresh_token"], "client_secret_basic",
    )  # fmt: skip
    wanted = CodeRequest("wiki", URI, "openid chat offline_access")
    grant = wanted.grant(await _code(rig, wanted))
    right = aiohttp.encode_basic_auth("wiki", made["secret"])
    assert (await rig.token(**grant))[0] == 401
    assert (await rig.token(**grant, client_secret=made["secret"]))[0] == 401  # not its method
    status, tokens, _ = await rig.post("/connect/token", grant, headers={"Authorization": right})
    assert (status, tokens["scope"]) == (200, "openid chat offline_access")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await operator("PATCH", f"{BASE}/wiki", {"disabled": True}))[0] == 200
    refused = await rig.post("/connect/token", refresh, headers={"Authorization": right})
    assert (refused[0], refused[1]["error"]) == (401, "invalid_client")
    async with browser(rig.url) as tab:
        page = await tab.open(wanted.path())
        assert isinstance(page, Page)
        assert page.status == 400
    assert await _events(rig) == [
        ("client_created", "wiki", "third_party by grace"),
        ("client_refused", "wiki", ""),
        ("client_refused", "wiki", ""),
        ("client_changed", "wiki", "disabled by grace"),
        ("client_refused", "", ""),
    ]


async def test_two_secrets_overlap(rig: Rig, operator: Operator) -> None:
    body = {"client_id": "indexer", "name": "Indexer", "kind": "service",
            "scopes": ["internal.gateway"]}  # fmt: skip
    _, made = await operator("POST", BASE, body)
    path = f"{BASE}/indexer/secrets"

    async def works(secret: str) -> bool:
        status, answer, _ = await rig.post(
            "/connect/token", {"grant_type": "client_credentials"},
            headers={"Authorization": aiohttp.encode_basic_auth("indexer", secret)},
        )  # fmt: skip
        assert (status == 200) is ("access_token" in answer)
        return status == 200

    status, second = await operator("POST", path, {"overlap_s": 200})
    assert status == 201
    assert await works(made["secret"])
    assert await works(second["secret"])
    rig.clock.now += 201
    assert not await works(made["secret"])
    assert await works(second["secret"])
    _, third = await operator("POST", path)
    _, fourth = await operator("POST", path)
    assert [await works(one["secret"]) for one in (second, third, fourth)] == [False, True, True]
    assert (await operator("DELETE", f"{path}/{third['id']}"))[0] == 204
    assert (await operator("DELETE", f"{path}/{third['id']}"))[0] == 404
    assert [await works(one["secret"]) for one in (third, fourth)] == [False, True]
    _, shown = await operator("GET", f"{BASE}/indexer")
    assert [secret["id"] for secret in shown["secrets"]] == [fourth["id"]]
    stored = await rig.database.fetch_all("SELECT digest FROM client_secrets")
    assert all(fourth["secret"].encode() not in bytes(row[0]) for row in stored)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"client_id": "agileim-other"}, "client_id"),
        ({"client_id": "Wiki"}, "client_id"),
        ({"client_id": "01890a5d-ac96-774b-bcce-b302099a8057"}, "client_id"),
        ({"name": "\u202egood"}, "name"),
        ({"kind": "bot"}, "kind"),
        ({"kind": "service", "redirect_uris": [], "scopes": ["chat"]}, "scopes"),
        ({"kind": "service", "scopes": ["internal.auth"]}, "redirect_uris"),
        ({"scopes": ["internal.admin"]}, "scopes"),
        ({"scopes": ["chat"], "audiences": ["internal"]}, "audiences"),
        ({"grants": ["client_credentials"]}, "grants"),
        ({"grants": ["password"]}, "grants"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": ["http://wiki.example/back"]}, "redirect_uris"),
        ({"redirect_uris": ["https://wiki.example/back#x"]}, "redirect_uris"),
        ({"redirect_uris": "https://wiki.example"}, "redirect_uris"),
        ({"auth_method": "private_key_jwt"}, "auth_method"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_bad_registration_is_refused(
    operator: Operator, changes: dict[str, Any], field: str
) -> None:
    status, problem = await operator("POST", BASE, {**WIKI, **changes})
    assert (status, problem["field"]) == (422, field)


@pytest.mark.parametrize("taken", ["partner", "gateway"])
async def test_files_come_before_the_table(operator: Operator, taken: str) -> None:
    status, problem = await operator("POST", BASE, {**WIKI, "client_id": taken})
    assert (status, problem["field"]) == (409, "client_id")


async def test_two_operators_do_not_overwrite_each_other(operator: Operator) -> None:
    path = f"{BASE}/wiki"
    await operator("POST", BASE, WIKI)
    assert (await operator("POST", BASE, WIKI))[0] == 409
    match = {"If-Match": '"1"'}
    status, changed = await operator("PATCH", path, {"name": "Our wiki"}, **match)
    assert (status, changed["name"], changed["version"]) == (200, "Our wiki", 2)
    assert (await operator("PATCH", path, {"name": "Other"}, **match))[0] == 409
    assert (await operator("PATCH", path, {"scopes": ["all"]}))[0] == 422


async def test_list_has_all_and_is_paged(operator: Operator) -> None:
    await operator("POST", BASE, WIKI)
    _, answer = await operator("GET", BASE)
    sources = {one["client_id"]: one["source"] for one in answer["clients"]}
    assert sources["agileim-web"] == "built-in"
    assert sources["partner"] == "file"
    assert sources["wiki"] == "table"
    found: list[str] = []
    after = ""
    while True:
        _, page = await operator("GET", f"{BASE}?limit=2&after={after}")
        assert len(page["clients"]) <= 2
        found += [one["client_id"] for one in page["clients"]]
        if not (after := page["next"]):
            break
    assert found == sorted(sources)
    assert "secret" not in str([one for one in answer["clients"] if one["source"] == "file"]).lower(
    ).replace("secrets", "")  # fmt: skip


async def test_deleted_client_is_gone(rig: Rig, operator: Operator) -> None:
    await operator("POST", BASE, WIKI)
    assert (await operator("DELETE", f"{BASE}/wiki"))[0] == 204
    assert (await operator("DELETE", f"{BASE}/wiki"))[0] == 404
    assert rig.auth.clients.get("wiki") is None
    assert (await operator("GET", f"{BASE}/agileim-cli"))[0] == 200
    assert (await operator("DELETE", f"{BASE}/agileim-cli"))[0] == 404


async def test_change_elsewhere_is_noticed(rig: Rig, operator: Operator) -> None:
    """By another replica, or before the edge moved: the table is read again and again."""
    await operator("POST", BASE, WIKI)
    await rig.database.execute("UPDATE clients SET disabled_at = now() WHERE id = 'wiki'")
    await wait_until(lambda: rig.auth.clients.get("wiki") is None, timeout_s=10)


@pytest.mark.parametrize("scope", ["", "internal.gateway"])
async def test_only_operators_may(rig: Rig, scope: str) -> None:
    token = "x"
    if scope:
        _, answer, _ = await rig.token(
            grant_type="client_credentials", client_id="gateway",
            client_secret="a-secret-of-the-gateway",
        )  # fmt: skip
        token = answer["access_token"]
    call = Operator(rig, token)
    expected = 403 if scope else 401
    for method, path in (
        ("GET", ""), ("POST", ""), ("GET", "/wiki"), ("PATCH", "/wiki"), ("DELETE", "/wiki"),
        ("POST", "/wiki/secrets"), ("DELETE", "/wiki/secrets/1"), ("POST", "/../bots"),
    ):  # fmt: skip
        assert (await call(method, f"{BASE}{path}"))[0] == expected


async def test_users_token_is_no_service_token(rig: Rig, ada: Tokens) -> None:
    assert (await Operator(rig, ada.access_token)("GET", BASE))[0] == 401
