"""auth as a process among others: discovery, health, and what it does while others are down."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from services.auth.app import create_app
from standalone.servers.redis import Redis
from tests.auth.rig import (
    GATEWAY_SECRET,
    PASSWORD,
    Clock,
    Front,
    Rig,
    running,
    running_auth,
    settings_for,
)
from tests.support.servers import wait_until
from tests.support.signin import CLIENT_ID, CodeRequest, Page, Tokens, browser, refresh, register


async def test_discovery_document(front: Front) -> None:
    async with front.http.get(f"{front.url}/.well-known/openid-configuration") as response:
        assert response.status == 200
        document = await response.json()
    async with front.http.get(f"{front.url}/.well-known/oauth-authorization-server") as response:
        assert await response.json() == document
    assert document["issuer"] == front.url
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "password" not in document["grant_types_supported"]
    assert "none" not in document["id_token_signing_alg_values_supported"]


async def test_every_endpoint_of_the_discovery_document_exists(front: Front) -> None:
    async with front.http.get(f"{front.url}/.well-known/openid-configuration") as response:
        document = await response.json()
    urls = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(urls) == 8
    for url in urls:
        for method in ("GET", "POST"):
            async with front.http.request(method, url, allow_redirects=False) as response:
                assert response.status != 404, url
                assert response.status < 500, url


async def test_healthy_when_all_is_there(rig: Rig) -> None:
    async with rig.http.get(f"{rig.url}/readyz") as response:
        assert response.status == 200
        assert (await response.json())["checks"] == {"redis": "ok", "api": "ok"}


async def test_starts_and_says_what_is_missing(tmp_path: Path, key_prefix: str) -> None:
    settings = settings_for(tmp_path, "redis://127.0.0.1:1", key_prefix)
    async with running_auth(settings, Clock()), aiohttp.ClientSession() as http:
        async with http.get(f"{settings.issuer}/healthz") as response:
            assert response.status == 200
        async with http.get(f"{settings.issuer}/readyz") as response:
            assert response.status == 200, "of use to services all the same"
            checks = (await response.json())["checks"]
        assert checks["redis"] != "ok" != checks["api"]
        async with http.get(f"{settings.issuer}/.well-known/jwks.json") as response:
            assert response.status == 200
        form = {
            "grant_type": "client_credentials",
            "client_id": "gateway",
            "client_secret": GATEWAY_SECRET,
        }
        async with http.post(f"{settings.issuer}/connect/token", data=form) as response:
            assert response.status == 200, "services get their tokens all the same"
        async with browser(settings.issuer) as tab:
            page = await tab.open("/connect/signin")
            assert isinstance(page, Page)
            answer = await tab.submit(page.form, handle="ada", password=PASSWORD)
        assert isinstance(answer, Page)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "2"
        assert "not available" in answer.words


async def test_refused_by_api_being_down_is_told_as_oauth_error(rig: Rig, ada: Tokens) -> None:
    await rig.api.close()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": ada.refresh_token,
        "client_id": CLIENT_ID,
    }
    status, answer, headers = await rig.token(**form)
    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    assert headers["Retry-After"] == "2"


async def test_users_refresh_their_tokens_without_redis(
    tmp_path: Path, postgres_url: str, own_redis: Redis, key_prefix: str
) -> None:
    async with running(tmp_path, postgres_url, own_redis.url, key_prefix) as rig:
        ada = await register(rig.url, "ada", PASSWORD, "Ada")
        await asyncio.to_thread(own_redis.stop)
        fresh = await refresh(rig.url, ada)
        assert fresh.session == ada.session
        async with rig.http.get(f"{rig.url}/readyz") as response:
            checks = (await response.json())["checks"]
        assert checks["redis"] != "ok" == checks["api"]
        await asyncio.to_thread(own_redis.start)


async def test_revocation_is_told_as_soon_as_redis_is_back(
    tmp_path: Path, postgres_url: str, own_redis: Redis, key_prefix: str
) -> None:
    async with running(tmp_path, postgres_url, own_redis.url, key_prefix) as rig:
        ada = await register(rig.url, "ada", PASSWORD, "Ada")
        await asyncio.to_thread(own_redis.stop)
        form = {"token": ada.refresh_token, "client_id": CLIENT_ID}
        status, answer, _ = await rig.post("/connect/revocation", form)
        assert (status, answer["error"]) == (503, "temporarily_unavailable")
        assert await rig.live_sessions() == []
        await asyncio.to_thread(own_redis.start)

        async def told() -> bool:
            return any(ada.session in one.sessions for one in await rig.revoked())

        await wait_until(told, timeout_s=10)


async def test_two_replicas_share_everything(rig: Rig, ada: Tokens) -> None:
    """A browser that meets another replica at every step gets through, and a code works once."""
    second = create_app(rig.settings, rig.clock)
    async with TestServer(second) as other:
        url = str(other.make_url("")).rstrip("/")
        wanted = CodeRequest()
        async with browser(rig.url) as tab:
            page = await tab.open(wanted.path())
            assert isinstance(page, Page)
            tab.base_url = url
            code = wanted.code(await tab.submit(page.form, handle="ada", password=PASSWORD))
        status, answer, _ = await rig.token(**wanted.grant(code))
        assert status == 200
        fresh = await refresh(url, Tokens.of(answer))
        async with rig.http.post(f"{url}/connect/token", data=wanted.grant(code)) as response:
            assert response.status == 400
        assert fresh.session not in await rig.live_sessions()


async def test_logs_and_metrics_hold_no_secrets(rig: Rig) -> None:
    wanted = CodeRequest()
    with capture_logs() as logs:
        tokens = await register(rig.url, "grace", PASSWORD, "Grace")
        async with browser(rig.url) as tab:
            page = await tab.open("/connect/signin")
            assert isinstance(page, Page)
            form_token = page.form.fields["form_token"]
            await tab.submit(page.form, handle="grace", password="a wrong one of hers")
            code = await rig.code(tab, wanted, "grace")
            cookies = [cookie.value for cookie in tab.http.cookie_jar]
        await rig.token(**wanted.grant(code))
        await rig.token(**wanted.grant(code))
        await refresh(rig.url, tokens)
        form = {"token": tokens.refresh_token, "client_id": CLIENT_ID}
        await rig.post("/connect/revocation", form)
    async with rig.http.get(f"{rig.url}/metrics") as response:
        metrics = await response.text()
    secrets = [PASSWORD, "a wrong one of hers", code, tokens.access_token, tokens.refresh_token,
               form_token, wanted.verifier, *cookies]  # fmt: skip
    written = json.dumps(logs, default=str) + metrics
    assert "signed_in" in written
    assert not [secret for secret in secrets if secret in written]


async def test_metrics_count_sign_ins_grants_and_refusals(rig: Rig, ada: Tokens) -> None:
    async with browser(rig.url) as tab:
        page = await tab.open("/connect/signin")
        assert isinstance(page, Page)
        await tab.submit(page.form, handle="ada", password="wrong battery staple")
    await rig.tokens()
    await rig.token(grant_type="nonsense", client_id=CLIENT_ID)
    async with rig.http.get(f"{rig.url}/metrics") as response:
        text = await response.text()
    for line in (
        'agileim_auth_logins_total{outcome="wrong"} 1.0',
        'agileim_auth_logins_total{outcome="signed_in"} 2.0',
        "agileim_auth_registrations_total 1.0",
        'agileim_auth_grants_total{grant_type="authorization_code"} 2.0',
        'agileim_auth_refusals_total{reason="unsupported_grant_type"} 1.0',
    ):
        assert line in text, line


@pytest.mark.parametrize("path", ["/connect/token", "/connect/signin"])
async def test_huge_bodies_are_refused(front: Front, path: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with front.http.post(
        front.url + path, data=b"a=" + b"x" * 70_000, headers=headers
    ) as answer:
        assert answer.status == 413
