"""The architecture's import rules hold in every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("auth", "api", "dispatcher", "gateway")
IO_LIBRARIES = {"aiohttp", "redis", "aiopg", "psycopg2", "asyncio"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_never_imports_another(service: str) -> None:
    others = [f"services.{other}" for other in SERVICES if other != service]
    others += ["admin", "standalone"]
    for path in python_files(f"services/{service}"):
        for name in imports_of(path):
            assert not within(name, *others), f"{path} imports {name}"


def test_shared_imports_no_service_and_no_client() -> None:
    for path in python_files("shared"):
        for name in imports_of(path):
            assert not within(name, "services", "standalone", "agileim", "admin"), f"{path}: {name}"


def test_the_client_knows_no_server_code() -> None:
    for path in python_files("clients/python/src"):
        for name in imports_of(path):
            assert not within(name, "services", "shared", "standalone", "admin"), f"{path}: {name}"


def test_only_api_speaks_to_postgresql() -> None:
    for path in python_files("services", "shared"):
        if path.is_relative_to(ROOT / "services/api"):
            continue
        for name in imports_of(path):
            assert not within(name, "aiopg", "psycopg2", "yoyo"), f"{path} imports {name}"


def test_only_auth_signs_tokens() -> None:
    for path in python_files("services", "shared"):
        if not path.is_relative_to(ROOT / "services/auth"):
            text = path.read_text(encoding="utf-8")
            assert "jwt.encode" not in text, f"{path} signs tokens"
            assert "PRIVATE KEY" not in text, f"{path} handles a private key"


def test_the_pure_cores_do_no_io() -> None:
    cores = [path for path in python_files("services") if "domain" in path.parts]
    cores.append(ROOT / "services/gateway/session.py")
    for path in cores:
        for name in imports_of(path):
            assert not within(name, *IO_LIBRARIES), f"{path} imports {name}"


def test_sql_stands_in_store_modules_only() -> None:
    for path in python_files("services"):
        if "store" in path.parts or "migrations" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for verb in ("SELECT ", "INSERT INTO ", "DELETE FROM "):
            assert verb not in text, f"{path} contains SQL"
