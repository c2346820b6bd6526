"""The network policies allow exactly the edges of the architecture.

Evaluated as Kubernetes does: a connection needs leave from an egress rule of its source and from an
ingress rule of its target; a pod that no policy selects, in that direction, may do everything.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.operators.deployments import OVERLAYS, Manifest, build, of_kind, workloads
from tests.operators.deployments import labels_of as pod_labels

NAME = "app.kubernetes.io/name"
NAMESPACE = "kubernetes.io/metadata.name"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A pod, or a host outside (without labels)."""

    namespace: str = "agileim"
    labels: Mapping[str, str] | None = None
    address: str = "10.9.9.9"
    ports: Mapping[str, int] | None = None


OUTSIDE = {
    "ingress controller": Peer(namespace="ingress-nginx", labels={NAME: "ingress-nginx"}),
    "prometheus": Peer(namespace="monitoring", labels={NAME: "prometheus"}),
    "stranger": Peer(namespace="default", labels={NAME: "api"}),
    "neighbour": Peer(labels={NAME: "something-else"}),
    "dns": Peer(namespace="kube-system", labels={"k8s-app": "kube-dns"}),
    "internet": Peer(address="203.0.113.7"),
    "postgres outside": Peer(address="10.20.0.10"),
    "redis outside": Peer(address="10.30.0.10"),
    "object store": Peer(address="10.40.0.10"),
    "collector": Peer(namespace="observability", labels={NAME: "collector"}),
}
PORTS = (53, 80, 443, 4318, 5432, 6379, 8000, 8080, 26379)
SERVICES = ("api", "auth", "dispatcher", "gateway")
EDGES = {
    *((source, "api", 8000) for source in ("auth", "dispatcher", "gateway")),
    *((source, "auth", 8000) for source in ("api", "dispatcher", "gateway")),
    *(("ingress controller", target, 8000) for target in ("api", "auth", "gateway")),
    ("ingress controller", "web", 8080),
    *(("prometheus", target, 8000) for target in SERVICES),
}
SERVERS = {
    "dev": {("api", "postgres", 5432), *((name, "redis", 6379) for name in SERVICES)},
    "production": {
        *((name, "postgres outside", 5432) for name in ("api", "migrate")),
        *((name, "redis outside", port) for name in SERVICES for port in (6379, 26379)),
        ("api", "object store", 443),
        *((name, "collector", 4318) for name in SERVICES),
    },
}


def selects(selector: Manifest | None, labels: Mapping[str, str]) -> bool:
    """A label selector; an empty one selects all."""
    for key, value in (selector or {}).get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for expression in (selector or {}).get("matchExpressions", []):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True


def is_meant(rule: Manifest, peer: Peer) -> bool:
    if "ipBlock" in rule:
        block = rule["ipBlock"]
        inside = ip_address(peer.address) in ip_network(block["cidr"])
        return inside and peer.labels is None and "except" not in block
    if peer.labels is None:
        return False
    if "namespaceSelector" in rule:
        if not selects(rule["namespaceSelector"], {NAMESPACE: peer.namespace}):
            return False
    elif peer.namespace != "agileim":
        return False
    return selects(rule.get("podSelector"), peer.labels)


def allows(policies: list[Manifest], source: Peer, target: Peer, port: int, way: str) -> bool:
    """Whether the policies of one end let the connection through."""
    own, other = (source, target) if way == "Egress" else (target, source)
    if own.namespace != "agileim" or own.labels is None:
        return True
    mine = [
        policy["spec"]
        for policy in policies
        if way in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], own.labels)
    ]
    if not mine:
        return True
    peers = "to" if way == "Egress" else "from"
    for spec in mine:
        for rule in spec.get(way.lower(), []):
            numbers = {(target.ports or {}).get(p["port"], p["port"]) for p in rule["ports"]}
            if port in numbers and any(is_meant(each, other) for each in rule[peers]):
                return True
    return False


def edges(manifests: list[Manifest]) -> set[tuple[str, str, int]]:
    """Every connection that is let through, but for DNS."""
    policies = of_kind(manifests, "NetworkPolicy")
    labels = pod_labels(manifests)
    peers = dict(OUTSIDE)
    for name, pod in workloads(manifests):
        ports = {
            port["name"]: port["containerPort"] for port in pod["containers"][0].get("ports", [])
        }
        peers[name] = Peer(labels=labels[name], ports=ports)
    return {
        (source, target, port)
        for (source, from_), (target, to), port in itertools.product(
            peers.items(), peers.items(), PORTS
        )
        if source != target
        and "agileim"
        in (from_.namespace if from_.labels else "", to.namespace if to.labels else "")
        and allows(policies, from_, to, port, "Egress")
        and allows(policies, from_, to, port, "Ingress")
    }


@pytest.fixture(scope="module", params=OVERLAYS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp(request.param)
    return request.param, build(request.param, folder)


def test_exactly_the_edges_of_the_architecture(case: tuple[str, list[Manifest]]) -> None:
    overlay, manifests = case
    found = {edge for edge in edges(manifests) if edge[1] != "dns"}
    assert found == EDGES | SERVERS[overlay]


def test_everybody_may_ask_for_names_and_nothing_else_there(
    case: tuple[str, list[Manifest]],
) -> None:
    to_dns = {edge for edge in edges(case[1]) if edge[1] == "dns"}
    assert {port for _, _, port in to_dns} == {53}
    assert {source for source, _, _ in to_dns} >= {"api", "auth", "dispatcher", "gateway", "web"}


def test_without_the_default_denial_the_check_would_notice(
    case: tuple[str, list[Manifest]],
) -> None:
    weaker = [each for each in case[1] if each["metadata"]["name"] != "default-deny"]
    assert ("web", "internet", 443) not in edges(case[1])
    assert len(edges(weaker)) > len(edges(case[1]))
