"""`python -m bench.footprint`: what an installation takes with 0, 100, 1,000, 10,000 connected.

Memory is the proportional set size of each kind's processes with all their children, so that what
PostgreSQL's backends share counts once; CPU is in thousandths of a core, while the connections do
nothing but answer heartbeats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.connections import SETTLE_S, signed_in
from bench.target import Target, started
from bench.usage import Spent
from standalone.process import descendants

COUNTS: Final = (0, 100, 1_000, 10_000)
RESULT: Final = Path(__file__).with_name("results") / "footprint.json"
_KIB: Final = 1024


def pss_bytes(pid: int) -> int:
    """Proportional memory of a process and all its children."""
    total = 0
    for member in (pid, *descendants(pid)):
        with suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * _KIB
    return total


async def measure(target: Target, count: int, seconds: float) -> dict[str, Any]:
    """One row."""
    people = await target.provision.people(count, "foot")
    async with signed_in(target, people):
        await asyncio.sleep(SETTLE_S)
        sample = target.meter.sample()
        await asyncio.sleep(seconds)
        spent = Spent.between(sample, target.meter.sample())
        memory = {
            kind: round(sum(pss_bytes(pid) for pid in pids) / 2**20, 1)
            for kind, pids in target.servers.items()
        }
    cpu = {kind: round(used / spent.seconds * 1000, 1) for kind, used in spent.servers.items()}
    return {
        "connected": count,
        "memory_mib": {**memory, "total": round(sum(memory.values()), 1)},
        "cpu_millicores": {**cpu, "total": round(sum(cpu.values()), 1)},
        "others_cores": round(spent.others / spent.seconds, 2),
    }


async def run(counts: tuple[int, ...], seconds: float) -> list[dict[str, Any]]:
    """All rows, on one system: each number of people is added to those before."""
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="footprint-") as folder,
        started(Path(folder), turn_s=0.02) as target,
    ):
        async with target.provision:
            for count in counts:
                rows.append(await measure(target, count, seconds))
                print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.footprint", description=__doc__)
    parser.add_argument("--counts", default=",".join(map(str, COUNTS)))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--keep", action="store_true", help="write bench/results/footprint.json")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    counts = tuple(int(text) for text in options.counts.split(","))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(run(counts, options.seconds))
    if options.keep:
        document = {"cores": os.cpu_count(), "seconds": options.seconds, "rows": rows}
        RESULT.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
