"""The Kubernetes manifests are valid, complete and as strict as they say."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import PREFIX, ServiceSettings, load
from tests.operators.deployments import (
    OVERLAYS,
    ROOT,
    SETTINGS,
    Manifest,
    build,
    known_settings,
    labels_of,
    named,
    of_kind,
    tool,
    workloads,
)

API_VERSIONS = (
    "1.32",
    "1.34",
    "1.37",
)  # the oldest that the manifests are meant for, to the newest
OURS = (*SETTINGS, "web")
CLOSING_S = 5  # for requests under way, after the drain: shared.runner.SHUTDOWN_TIMEOUT_S
# Kinds of other projects: their schemas are not Kubernetes' own.
CUSTOM = {"ServiceMonitor", "PrometheusRule"}


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All manifests of one overlay."""
    return build(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("version", API_VERSIONS)
def test_kubernetes_knows_every_field(
    manifests: list[Manifest], version: str, tmp_path: Path
) -> None:
    program = tool("kubernetes-validate", "PyPI: kubernetes-validate")
    own = [each for each in manifests if each["kind"] not in CUSTOM]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(own), encoding="utf-8")
    run = subprocess.run(
        [program, "--strict", "--quiet", "-k", version, tmp_path / "all.yaml"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_everything_is_in_the_namespace(manifests: list[Manifest]) -> None:
    for each in manifests:
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "agileim", each["metadata"]["name"]


def test_the_namespace_enforces_the_restricted_standard(manifests: list[Manifest]) -> None:
    labels = named(manifests, "Namespace", "agileim")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_pods_meet_the_restricted_standard(manifests: list[Manifest]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, and a little more."""
    for name, pod in workloads(manifests):
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True, name
        assert context["runAsUser"] > 0, name
        assert context["seccompProfile"]["type"] == "RuntimeDefault", name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        for volume in pod.get("volumes", []):
            kind = (set(volume) - {"name"}).pop()
            assert kind in {"configMap", "emptyDir", "projected", "secret",
                            "persistentVolumeClaim"}, name  # fmt: skip
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False, name
            assert own["readOnlyRootFilesystem"] is True, name
            assert own["capabilities"]["drop"] == ["ALL"], name
            assert set(own["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}, name
            assert "privileged" not in own, name
            assert not any("hostPort" in port for port in container.get("ports", [])), name


def test_no_pod_can_ask_the_api_server(manifests: list[Manifest]) -> None:
    for name, pod in workloads(manifests):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert "serviceAccountName" not in pod, name
    assert not of_kind(manifests, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def test_every_container_has_requests_and_limits(manifests: list[Manifest]) -> None:
    for name, pod in workloads(manifests):
        for container in pod["containers"]:
            resources = container["resources"]
            assert set(resources["requests"]) >= {"cpu", "memory"}, name
            assert "memory" in resources["limits"], name


def test_every_container_says_when_it_is_ready(manifests: list[Manifest]) -> None:
    for name, pod in workloads(manifests):
        (container,) = pod["containers"]
        if name == "migrate":
            continue  # it ends
        assert "readinessProbe" in container, name
        if name in OURS:
            assert "livenessProbe" in container, name
        if name in SETTINGS:
            # Liveness must not depend on other parts: restarting helps none of them.
            assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
            assert container["command"] == ["python", "-m", f"services.{name}"]


def test_images_are_pinned_to_a_version(manifests: list[Manifest]) -> None:
    for name, pod in workloads(manifests):
        for container in pod["containers"]:
            image = container["image"]
            assert re.search(r"(:[\w.-]*\d[\w.-]*|@sha256:\w{64})$", image), f"{name}: {image}"
            assert not image.endswith(":latest")


def test_pods_are_spread_over_hosts_and_may_be_moved_one_at_a_time(
    manifests: list[Manifest],
) -> None:
    labels = labels_of(manifests)
    for name in OURS:
        pod = named(manifests, "Deployment", name)["spec"]["template"]["spec"]
        keys = {each["topologyKey"] for each in pod["topologySpreadConstraints"]}
        assert "kubernetes.io/hostname" in keys
        for constraint in pod["topologySpreadConstraints"]:
            assert constraint["labelSelector"]["matchLabels"].items() <= labels[name].items()
        budget = named(manifests, "PodDisruptionBudget", name)["spec"]
        assert budget["maxUnavailable"] == 1
        assert budget["selector"]["matchLabels"].items() <= labels[name].items()


def test_an_update_never_has_fewer_pods(manifests: list[Manifest]) -> None:
    for name in OURS:
        strategy = named(manifests, "Deployment", name)["spec"]["strategy"]["rollingUpdate"]
        assert strategy["maxUnavailable"] == 0


def test_services_find_their_pods_and_ports(manifests: list[Manifest]) -> None:
    labels = labels_of(manifests)
    for service in of_kind(manifests, "Service"):
        selector = service["spec"]["selector"]
        matching = [name for name, own in labels.items() if selector.items() <= own.items()]
        assert len(matching) == 1, service["metadata"]["name"]
        pods = dict(workloads(manifests))[matching[0]]
        ports = {port["name"]: port["containerPort"] for port in pods["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            target = port.get("targetPort", port["port"])
            assert target in (*ports, *ports.values())


def test_the_ingress_opens_what_the_caddyfile_opens(manifests: list[Manifest]) -> None:
    (rule,) = named(manifests, "Ingress", "agileim")["spec"]["rules"]
    routes = {
        path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]
    }  # fmt: skip
    assert routes == {
        "/.well-known": "auth", "/connect": "auth", "/static/auth": "auth",
        "/v1": "api", "/ws": "gateway", "/": "web",
    }  # fmt: skip
    caddyfile = (ROOT / "standalone/Caddyfile").read_text(encoding="utf-8")
    opened = re.findall(r"^\t(?:@auth path|handle) (/.*?)(?: \{)?$", caddyfile, re.MULTILINE)
    paths = {path.removesuffix("/*") for line in opened for path in line.split()}
    assert paths | {"/"} == set(routes)
    for path in rule["http"]["paths"]:
        if not re.fullmatch(r"[\w/-]+", path["path"]):  # ingress-nginx refuses anything else
            assert path["pathType"] == "ImplementationSpecific", path["path"]


def test_the_ingress_keeps_quiet_sockets_open(manifests: list[Manifest]) -> None:
    from shared.limits import HEARTBEAT_S

    annotations = named(manifests, "Ingress", "agileim")["metadata"]["annotations"]
    for direction in ("read", "send"):
        timeout_s = int(annotations[f"nginx.ingress.kubernetes.io/proxy-{direction}-timeout"])
        assert timeout_s >= 2 * HEARTBEAT_S


# --- settings -------------------------------------------------------------------------------
def environment_of(manifests: list[Manifest], service: str, folder: Path) -> dict[str, str]:
    """What the service's process finds; mounted secrets are written below `folder`."""
    pod = named(manifests, "Deployment", service)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environ: dict[str, str] = {}
    for source in container["envFrom"]:
        environ |= named(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    for entry in container["env"]:
        if "value" in entry:
            environ[entry["name"]] = entry["value"]
        elif "fieldRef" in entry["valueFrom"]:
            environ[entry["name"]] = f"{service}-7d9c5b-x2x7k"
        else:
            reference = entry["valueFrom"]["secretKeyRef"]
            environ[entry["name"]] = secret(manifests, reference["name"])[reference["key"]]
    sources = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        place = folder / mount["mountPath"].lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        if "secret" in sources[mount["name"]]:
            data = secret(manifests, sources[mount["name"]]["secret"]["secretName"])
            for key, value in data.items():
                (place / key).write_text(value, encoding="utf-8")
        for name, value in environ.items():
            if value.startswith(mount["mountPath"]):
                environ[name] = str(folder / value.lstrip("/"))
    return environ


def secret(manifests: list[Manifest], name: str) -> dict[str, str]:
    data = named(manifests, "Secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def settings_of(manifests: list[Manifest], service: str, folder: Path) -> ServiceSettings:
    return load(SETTINGS[service], environment_of(manifests, service, folder))


def with_secrets(manifests: list[Manifest]) -> list[Manifest]:
    if not of_kind(manifests, "Secret"):
        pytest.skip("this overlay takes secrets that are made elsewhere")
    return manifests


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_accepts_its_settings(
    manifests: list[Manifest], service: str, tmp_path: Path
) -> None:
    settings = settings_of(with_secrets(manifests), service, tmp_path)
    assert settings.listen.port == 8000
    assert settings.instance.startswith(service)


def test_auth_finds_a_signing_key_that_it_can_use(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    from services.auth.keyring import KeyRing

    environ = environment_of(with_secrets(manifests), "auth", tmp_path)
    keys = KeyRing(Path(environ[PREFIX + "KEYS_DIR"]))
    keys.open()
    assert len(keys.jwks["keys"]) == 1


def test_auth_finds_a_sealing_key_that_it_can_use(
    manifests: list[Manifest], tmp_path: Path
) -> None:
    from services.auth.sealing_keys import SealingKeys

    environ = environment_of(with_secrets(manifests), "auth", tmp_path)
    folder = Path(environ[PREFIX + "KEYS_DIR"])
    before = sorted(folder.iterdir())
    keys = SealingKeys(folder)
    keys.open()
    assert keys.unseal(keys.seal("secret", "owner"), "owner") == "secret"
    assert sorted(folder.iterdir()) == before, "it had to make none"


def test_the_migration_job_runs_a_mode_that_api_has(manifests: list[Manifest]) -> None:
    for job in of_kind(manifests, "Job"):
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["command"] == ["python", "-m", "services.api", "--migrate"]
        assert [entry["name"] for entry in container["env"]] == [PREFIX + "DATABASE_URL"]
        own = job["spec"]["template"]["metadata"]["labels"]
        for service in of_kind(manifests, "Service"):
            assert not service["spec"]["selector"].items() <= own.items(), "it serves nobody"


def test_every_setting_exists(manifests: list[Manifest]) -> None:
    shared_names = set(named(manifests, "ConfigMap", "agileim")["data"])
    assert shared_names <= set().union(*(known_settings(service) for service in SETTINGS))
    for service in SETTINGS:
        pod = named(manifests, "Deployment", service)["spec"]["template"]["spec"]
        own = {entry["name"] for entry in pod["containers"][0]["env"]}
        assert own <= known_settings(service), service


def test_secrets_are_in_no_config_map(manifests: list[Manifest]) -> None:
    for config in of_kind(manifests, "ConfigMap"):
        for name in config["data"]:
            assert not re.search(r"SECRET|PASSWORD|(DATABASE|REDIS)_URL", name), name


def test_only_api_gets_the_database_and_only_auth_the_keys(manifests: list[Manifest]) -> None:
    users: dict[str, set[str]] = {}
    jobs = {each["metadata"]["name"] for each in of_kind(manifests, "Job")}
    assert jobs <= {"migrate"}
    for name, pod in workloads(manifests):
        for kind in ("database", "signing-keys"):
            if f"agileim-{kind}" in str(pod):
                users.setdefault(kind, set()).add(name)
    assert users == {"database": {"api"} | jobs, "signing-keys": {"auth"}}


@pytest.mark.parametrize("service", SETTINGS)
def test_a_stop_leaves_time_for_the_drain(manifests: list[Manifest], service: str) -> None:
    pod = named(manifests, "Deployment", service)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    pause_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    given = {entry["name"]: entry.get("value") for entry in container["env"]}
    field = SETTINGS[service].__dataclass_fields__.get("drain_s")
    drain_s = float(given.get(PREFIX + "DRAIN_S") or (field.default if field else 0))
    assert pause_s >= 2, "endpoints are removed at the same time as the pod is told"
    assert pod["terminationGracePeriodSeconds"] >= pause_s + drain_s + CLOSING_S
