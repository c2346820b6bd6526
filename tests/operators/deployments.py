"""The deployments as data: Compose, and Kubernetes as kustomize puts it together."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.api.settings import ApiSettings
from services.auth.settings import AuthSettings
from services.dispatcher.settings import DispatcherSettings
from services.gateway.settings import GatewaySettings
from shared.settings import PREFIX, ServiceSettings

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
SETTINGS: dict[str, type[ServiceSettings]] = {
    "auth": AuthSettings,
    "api": ApiSettings,
    "dispatcher": DispatcherSettings,
    "gateway": GatewaySettings,
}
OVERLAYS = ("dev", "production")

Manifest = dict[str, Any]


def tool(name: str, advice: str) -> str:
    """The path of a program; skips the test where it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed ({advice})")
    return found


def known_settings(service: str) -> set[str]:
    """The names of a service's settings, as environment variables."""
    return {PREFIX + name.upper() for name in SETTINGS[service].__dataclass_fields__}


def secrets_made(folder: Path) -> Path:
    """`folder` with all secrets, as the operators' script makes them."""
    script = ROOT / "deploy/make-secrets.sh"
    subprocess.run(["/bin/sh", script, folder], check=True, capture_output=True)
    return folder


# --- Compose --------------------------------------------------------------------------------
@cache
def compose() -> Manifest:
    """docker-compose.yml, with the defaults of its variables filled in."""
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    filled = re.sub(r"(?<!\$)\$\{\w+(?::-([^}]*))?\}", lambda match: match.group(1) or "", text)
    loaded: Manifest = yaml.safe_load(filled)
    return loaded


def compose_environment(service: str, secrets: Path) -> dict[str, str]:
    """What the process of a Compose service finds, with its mounted secrets in `secrets`."""
    described = compose()["services"][service]
    environment = {name: str(value) for name, value in described["environment"].items()}
    mounted = described.get("secrets", [])
    for name, value in environment.items():
        if value.startswith("/run/secrets/"):
            secret = value.removeprefix("/run/secrets/")
            assert secret in mounted, f"{service} reads {value}, which is not mounted"
            source = Path(compose()["secrets"][secret]["file"])
            environment[name] = str(secrets / source.name)
    return environment


# --- Kubernetes -----------------------------------------------------------------------------
def build(overlay: str, folder: Path) -> list[Manifest]:
    """What `kubectl apply -k` would send; `folder` takes a copy with secrets of its own."""
    kubectl = tool("kubectl", "Debian: kubernetes-client, or the release's own package")
    copy = folder / "k8s"
    if not copy.exists():
        shutil.copytree(ROOT / "k8s", copy, ignore=shutil.ignore_patterns("secrets"))
    secrets_made(copy / "overlays" / overlay / "secrets")
    run = subprocess.run(
        [kubectl, "kustomize", str(copy / "overlays" / overlay)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "deprecated" not in run.stderr.lower(), run.stderr
    return list(yaml.safe_load_all(run.stdout))


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    """Those of some kinds."""
    return [each for each in manifests if each["kind"] in kinds]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one of that kind and name; kustomize's hash at the end of generated names is ignored."""
    pattern = re.compile(rf"{re.escape(name)}(-[a-z0-9]{{10}})?")
    (found,) = (
        each for each in of_kind(manifests, kind) if pattern.fullmatch(each["metadata"]["name"])
    )
    return found


def workloads(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Name and pod specification of everything that runs pods."""
    for each in of_kind(manifests, "Deployment", "StatefulSet", "Job", "DaemonSet", "CronJob"):
        yield each["metadata"]["name"], each["spec"]["template"]["spec"]


def labels_of(manifests: list[Manifest]) -> dict[str, Mapping[str, str]]:
    """The labels of each workload's pods."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in of_kind(manifests, "Deployment", "StatefulSet", "Job")
    }
