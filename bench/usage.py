"""What processes cost: CPU time and memory from /proc (proc(5)), Linux only."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from standalone.process import descendants

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_KIB = 1024


def cpu_s(pid: int) -> float:
    """CPU time of a process with all its children, the ended ones included, in seconds.

    The kernel adds a child's time to its parent's when the parent has waited for it, so that the
    sum over the living tree misses nothing (PostgreSQL's backends come and go).
    """
    total = 0
    for member in (pid, *descendants(pid)):
        with suppress(OSError):
            stat = Path(f"/proc/{member}/stat").read_text(errors="replace")
            fields = stat.rpartition(")")[2].split()
            total += sum(int(field) for field in fields[11:15])  # utime stime cutime cstime
    return total * _TICK_S


def rss_bytes(pid: int) -> int:
    """Resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    return 0


def machine_busy_s() -> float:
    """CPU time that all of the machine has spent not idle, in seconds."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = (int(field) for field in fields[:7])
    return (user + nice + system + irq + softirq) * _TICK_S


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU time so far, by name of the process."""

    at: float  # time.perf_counter()
    servers: Mapping[str, float]
    generator: float
    machine: float


class Meter:
    """Takes samples of the servers' processes: name → process ids (one per instance)."""

    def __init__(self, servers: Mapping[str, Sequence[int]]) -> None:
        self._servers = servers

    def sample(self) -> Sample:
        """CPU times now."""
        servers = {
            name: sum(cpu_s(pid) for pid in pids) for name, pids in sorted(self._servers.items())
        }
        return Sample(time.perf_counter(), servers, time.process_time(), machine_busy_s())


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU between two samples."""

    seconds: float
    servers: dict[str, float]  # seconds of CPU by name
    generator: float
    others: float  # everything else on the machine: noise

    @classmethod
    def between(cls, before: Sample, after: Sample) -> Spent:
        servers = {
            name: after.servers[name] - before.servers.get(name, 0.0) for name in after.servers
        }
        generator = after.generator - before.generator
        machine = after.machine - before.machine
        return cls(
            after.at - before.at,
            servers,
            generator,
            max(0.0, machine - generator - sum(servers.values())),
        )

    def us_per(self, count: int) -> dict[str, float]:
        """Microseconds of CPU per unit of work, by process, and in `total`."""
        per = {name: cpu * 1e6 / max(count, 1) for name, cpu in self.servers.items()}
        return {"total": sum(per.values()), **per}

    def shares(self) -> dict[str, float]:
        """Cores in use by the servers, the generator and everything else."""
        return {
            "servers": sum(self.servers.values()) / self.seconds,
            "generator": self.generator / self.seconds,
            "others": self.others / self.seconds,
        }
