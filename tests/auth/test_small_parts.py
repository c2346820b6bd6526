"""Addresses, settings, client files and password hashing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from services.auth.addresses import Addresses
from services.auth.domain.clients import ClientsFault, read_clients, read_service_clients
from services.auth.hashing import HashingBusy, PasswordHashes
from services.auth.metrics import AuthMetrics
from services.auth.settings import AuthSettings
from shared.metrics import Metrics
from shared.settings import SettingsError, load

PROXIES = ("127.0.0.0/8", "::1/128", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("hops", "peer", "address"),
    [
        ([], "203.0.113.9", "203.0.113.9"),
        (["198.51.100.1"], "203.0.113.9", "203.0.113.9"),
        (["198.51.100.1"], "127.0.0.1", "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1"], "127.0.0.1", "198.51.100.1"),
        (["6.6.6.6", "198.51.100.1", "10.1.1.1"], "127.0.0.1", "198.51.100.1"),
        (["nonsense"], "127.0.0.1", "127.0.0.1"),
        (["6.6.6.6", "nonsense", "10.1.1.1"], "127.0.0.1", "10.1.1.1"),
        (["2001:db8:1:2:3::4"], "::1", "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.1"], "::ffff:127.0.0.1", "198.51.100.1"),
        ([], "", "unknown"),
    ],
)
def test_address_of_a_request(hops: list[str], peer: str, address: str) -> None:
    assert Addresses(PROXIES).nearest(hops, peer) == address


def _environment(tmp_path: Path, **changes: str) -> dict[str, str]:
    return {
        "AGILEIM_LISTEN": "127.0.0.1:8001",
        "AGILEIM_INSTANCE": "auth-1",
        "AGILEIM_REDIS_URL": "redis://127.0.0.1",
        "AGILEIM_ISSUER": "https://chat.example",
        "AGILEIM_API_URLS": "http://api-1:8080,http://api-2:8080",
        "AGILEIM_KEYS_DIR": str(tmp_path),
        **changes,
    }


def test_settings_from_the_environment(tmp_path: Path) -> None:
    settings = load(AuthSettings, _environment(tmp_path))
    assert settings.api_urls == ("http://api-1:8080", "http://api-2:8080")
    assert settings.secure


@pytest.mark.parametrize(
    ("issuer", "accepted"),
    [
        ("https://chat.example", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("https://chat.example:443", False),
        ("http://chat.example:80", False),
        ("https://Chat.Example", False),
        ("https://chat.example/path", False),
        ("https://user@chat.example", False),
        ("https://chat.example:port", False),
    ],
)
def test_issuer_is_written_as_browsers_write_it(
    tmp_path: Path, issuer: str, accepted: bool
) -> None:
    environment = _environment(tmp_path, AGILEIM_ISSUER=issuer)
    if accepted:
        assert load(AuthSettings, environment).issuer == issuer
    else:
        with pytest.raises(SettingsError, match="AGILEIM_ISSUER"):
            load(AuthSettings, environment)


def test_all_faults_of_the_settings_are_listed(tmp_path: Path) -> None:
    (tmp_path / "clients.json").write_text('[{"client_id": "agileim-web", "name": "x"}]')
    with pytest.raises(SettingsError) as caught:
        load(
            AuthSettings,
            _environment(
                tmp_path,
                AGILEIM_ISSUER="https://chat.example/path",
                AGILEIM_TRUSTED_PROXIES="10.0.0.0/99",
                AGILEIM_CODE_S="0",
                AGILEIM_ACCESS_TOKEN_S="301",
                AGILEIM_HASH_MEMORY_KIB="1",
                AGILEIM_CLIENTS_FILE=str(tmp_path / "clients.json"),
                AGILEIM_SERVICE_CLIENTS_FILE=str(tmp_path / "missing.json"),
            ),
        )
    assert len(caught.value.faults) == 7


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "no id"},
        {"client_id": "", "name": "x", "redirect_uris": ["https://a.example/"]},
        {"client_id": "p", "name": "x"},
        {"client_id": "p", "name": "x", "redirect_uris": ["http://a.example/"]},
        {"client_id": "p", "name": "x", "redirect_uris": ["https://a.example/"], "scopes": ["a"]},
        {"client_id": "p", "name": "x", "grants": ["client_credentials"]},
        {"client_id": "p", "name": "x", "redirect_uris": ["https://a.example/"], "typo": 1},
    ],
)
def test_client_files_with_faults_are_refused(tmp_path: Path, entry: dict[str, object]) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(ClientsFault):
        read_clients(path)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "[]",
        '{"gateway": {"secret": "short", "scopes": ["internal.gateway"]}}',
        '{"gateway": {"secret": "a-secret-of-the-gateway", "scopes": ["chat"]}}',
        '{"gateway": {"secret": "a-secret-of-the-gateway", "scopes": ["internal.a internal.b"]}}',
    ],
)
def test_service_client_files_with_faults_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clients.json"
    path.write_text(text)
    with pytest.raises(ClientsFault):
        read_service_clients(path)


async def test_hashes_are_argon2id_and_salted() -> None:
    metrics = AuthMetrics(Metrics())
    hashes = PasswordHashes(time_cost=1, memory_kib=64, threads=2, queue=4, metrics=metrics)
    try:
        one, other = await hashes.hash("päss wörd"), await hashes.hash("päss wörd")
        assert one != other
        assert one.startswith("$argon2id$v=19$m=64,t=1,p=1$")
        assert await hashes.verify("päss wörd", one)
        assert not await hashes.verify("pass word", one)
        assert not await hashes.verify("päss wörd", None)
        assert not await hashes.verify("päss wörd", "!"), "an account without a password"
        assert not hashes.is_outdated(one)
    finally:
        hashes.close()


async def test_full_queue_refuses_at_once_and_recovers() -> None:
    metrics = Metrics()
    hashes = PasswordHashes(
        time_cost=2, memory_kib=8192, threads=1, queue=2, metrics=AuthMetrics(metrics)
    )
    try:
        answers = await asyncio.gather(
            *(hashes.hash("a password") for _ in range(10)), return_exceptions=True
        )
        assert [isinstance(answer, str) for answer in answers] == [True] * 3 + [False] * 7
        assert all(isinstance(answer, HashingBusy) for answer in answers[3:])
        assert await hashes.hash("a password")
        assert metrics.registry.get_sample_value("agileim_auth_hash_wait_seconds_count") == 4
    finally:
        hashes.close()


async def test_callers_that_leave_do_not_free_the_thread() -> None:
    hashes = PasswordHashes(
        time_cost=2, memory_kib=8192, threads=1, queue=0, metrics=AuthMetrics(Metrics())
    )
    try:
        leaving = asyncio.create_task(hashes.hash("a password"))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        with pytest.raises(HashingBusy):
            await hashes.hash("a password")
    finally:
        hashes.close()
