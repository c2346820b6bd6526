"""Pods as network namespaces on one bridge, with nftables rules made from NetworkPolicies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.operators.deployments import tool

NETWORK: Final = "10.77.0"
LISTENER: Final = """
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    listening = socket.create_server(("", port), backlog=64)
    chosen.register(listening, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in chosen.select():
        key.fileobj.accept()[0].close()
"""
# Which of address:port answer; all are asked at once, so that what is dropped costs one wait.
ASKER: Final = """
import asyncio, sys
async def ask(place):
    host, _, port = place.partition(":")
    try:
        async with asyncio.timeout(1.5):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return
    writer.close()
    print(place)
async def main():
    await asyncio.gather(*map(ask, sys.argv[1:]))
asyncio.run(main())
"""


def run(*command: str, stdin: str | None = None) -> str:
    """Raises CalledProcessError."""
    return subprocess.run(
        command, check=True, capture_output=True, text=True, input=stdin
    ).stdout  # fmt: skip


class Pods:
    """Namespaces by name, each with one address; everything on every port listens."""

    def __init__(self, names: list[str], ports: tuple[int, ...]) -> None:
        self._mark = f"ag{os.getpid() % 100000}"
        self._spaces = {name: f"{self._mark}-{place}" for place, name in enumerate(names)}
        self.addresses = {name: f"{NETWORK}.{place + 10}" for place, name in enumerate(names)}
        self._ports = ports
        self._ip = tool("ip", "Debian: iproute2")
        self._listeners: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """The bridge is in a namespace of its own: nothing of this machine's network changes."""
        switch = f"{self._mark}-sw"
        run("ip", "netns", "add", switch)
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "br0", "up")
        for place, (name, space) in enumerate(self._spaces.items()):
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "add", "eth0", "type", "veth",
                "peer", "name", f"port{place}", "netns", switch)  # fmt: skip
            run("ip", "-n", switch, "link", "set", f"port{place}", "master", "br0", "up")
            run("ip", "-n", space, "address", "add", f"{self.addresses[name]}/24", "dev", "eth0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
            listener = subprocess.Popen(
                [self._ip, "netns", "exec", space, sys.executable, "-c", LISTENER,
                 *map(str, self._ports)],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._listeners.append(listener)
        for listener in self._listeners:
            assert listener.stdout is not None
            assert listener.stdout.readline() == "ready\n"

    def stop(self) -> None:
        """Whatever there is of it."""
        for listener in self._listeners:
            listener.terminate()
            listener.wait()
            if listener.stdout is not None:
                listener.stdout.close()
        for space in (*self._spaces.values(), f"{self._mark}-sw"):
            subprocess.run([self._ip, "netns", "del", space], check=False, capture_output=True)

    def guard(self, name: str, incoming: list[str], outgoing: list[str]) -> None:
        """Only these rules' connections, and answers to them, in and out of a pod."""
        answers = "ct state established,related accept;"
        lines = ["table inet policies {"]
        for hook, rules in (("input", incoming), ("output", outgoing)):
            lines.append(
                f"chain {hook} {{ type filter hook {hook} priority 0; policy drop; {answers}"
                f" meta l4proto ipv6-icmp accept; {'; '.join([*rules, ''])} }}"
            )
        run("ip", "netns", "exec", self._spaces[name], "nft", "-f", "-",
            stdin="\n".join([*lines, "}"]))  # fmt: skip

    def reached(self, source: str) -> set[tuple[str, str, int]]:
        """The edges that really connect from there: source, target, port."""
        names = {address: name for name, address in self.addresses.items()}
        asked = [
            f"{address}:{port}"
            for name, address in self.addresses.items()
            for port in self._ports
            if name != source
        ]
        said = run("ip", "netns", "exec", self._spaces[source], sys.executable, "-c", ASKER, *asked)
        found = (line.split(":") for line in said.splitlines())
        return {(source, names[address], int(port)) for address, port in found}


@contextmanager
def pods(names: list[str], ports: tuple[int, ...]) -> Iterator[Pods]:
    """Started, and taken away afterwards."""
    made = Pods(names, ports)
    try:
        made.start()
        yield made
    finally:
        made.stop()
