"""The network policies enforced by a kernel: pods as network namespaces on one bridge.

The rules of each pod are nftables', made from its policies: what a network plugin does.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.operators.deployments import Manifest, build, of_kind, tool, workloads
from tests.operators.deployments import labels_of as pod_labels
from tests.operators.namespaces import Pods, pods
from tests.operators.test_network_policies import EDGES, SERVERS, Peer, is_meant, selects

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not os.environ.get("AGILEIM_TEST_OPERATORS"), reason="slow: make test-operators"
    ),
    pytest.mark.skipif(os.getuid() != 0, reason="network namespaces are made as root"),
]

PODS = ("api", "auth", "dispatcher", "gateway", "postgres", "redis")
PORTS = (5432, 6379, 8000)


def rules(
    policies: list[Manifest], name: str, peers: dict[str, Peer], addresses: dict[str, str], way: str
) -> list[str]:
    """What a pod's policies let through, as nftables' rules by address and port."""
    own = peers[name].labels
    assert own is not None
    side, field = ("to", "daddr") if way == "Egress" else ("from", "saddr")
    made = []
    for policy in policies:
        spec = policy["spec"]
        if way not in spec["policyTypes"] or not selects(spec["podSelector"], own):
            continue
        for rule in spec.get(way.lower(), []):
            ports = sorted(
                {
                    number
                    for each in rule["ports"]
                    for number in _numbers(each["port"], peers)
                    if number in PORTS
                }
            )
            made += [
                f"ip {field} {addresses[other]} tcp dport {port} accept"
                for other, peer in peers.items()
                for port in ports
                if other != name and any(is_meant(one, peer) for one in rule[side])
            ]
    return made


def _numbers(port: int | str, peers: dict[str, Peer]) -> set[int]:
    if isinstance(port, int):
        return {port}
    return {peer.ports[port] for peer in peers.values() if peer.ports and port in peer.ports}


def guard_all(made: Pods, manifests: list[Manifest]) -> None:
    policies, labels = of_kind(manifests, "NetworkPolicy"), pod_labels(manifests)
    peers = {
        name: Peer(
            labels=labels[name],
            ports={p["name"]: p["containerPort"] for p in pod["containers"][0].get("ports", [])},
        )
        for name, pod in workloads(manifests)
        if name in PODS
    }
    for name in PODS:
        made.guard(
            name,
            rules(policies, name, peers, made.addresses, "Ingress"),
            rules(policies, name, peers, made.addresses, "Egress"),
        )


def test_exactly_the_allowed_edges_connect(tmp_path: Path) -> None:
    manifests = build("dev", tmp_path)
    tool("nft", "Debian: nftables")
    everything = {(a, b, port) for a in PODS for b in PODS for port in PORTS if a != b}
    with pods(list(PODS), PORTS) as made:
        open_ones = set().union(*(made.reached(name) for name in PODS))
        assert open_ones == everything, "without rules everything must connect"
        guard_all(made, manifests)
        found = set().union(*(made.reached(name) for name in PODS))
    assert found == {edge for edge in EDGES | SERVERS["dev"] if edge in everything}
