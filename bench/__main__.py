"""`python -m bench [scenario ...]`: measure, print tables, keep bench/results/*.json."""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from bench import connections, direct, report, room, signing_in
from bench.calibration import calibrate
from bench.target import TURN_S, Target, started


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the scenarios are, and how long they are measured."""

    warm_up_s: float = 3.0
    measured_s: float = 15.0
    pairs: int = 100
    members: int = 500
    senders: int = 5
    rates: tuple[float, ...] = room.RATES
    idle: int = 5_000
    reconnect: int = 2_000
    checked: int = signing_in.CHECKED


async def _direct(target: Target, size: Size) -> dict[str, Any]:
    return await direct.run(target, size.pairs, size.warm_up_s, size.measured_s)


async def _room(target: Target, size: Size) -> dict[str, Any]:
    return await room.run(
        target, size.members, size.senders, size.rates, size.warm_up_s, size.measured_s
    )


async def _idle(target: Target, size: Size) -> dict[str, Any]:
    return await connections.idle(target, size.idle, size.measured_s)


async def _reconnect(target: Target, size: Size) -> dict[str, Any]:
    return await connections.reconnect(target, size.reconnect)


async def _auth(target: Target, size: Size) -> dict[str, Any]:
    return await signing_in.run(target, size.checked, size.warm_up_s, size.measured_s)


SCENARIOS = {
    "direct": _direct,
    "room": _room,
    "idle": _idle,
    "reconnect": _reconnect,
    "auth": _auth,
}


async def measure(target: Target, names: list[str], size: Size) -> dict[str, dict[str, Any]]:
    """Run the scenarios one after another against one system."""
    results: dict[str, dict[str, Any]] = {}
    async with target.provision:
        for name in names:
            print(f"{name} …", flush=True)
            results |= await SCENARIOS[name](target, size)
    return results


def main() -> None:
    """Parse the command line, start a system of its own, measure, report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], default=[])
    parser.add_argument("--seconds", type=float, default=Size.measured_s, help="measured, each")
    parser.add_argument("--pairs", type=int, default=Size.pairs)
    parser.add_argument("--idle", type=int, default=Size.idle)
    parser.add_argument(
        "--turn-ms",
        type=float,
        default=TURN_S * 1000,
        help="the generator looks at its sockets so often; 0: whenever it is woken",
    )
    parser.add_argument("--keep", action="store_true", help="keep the results in bench/results/")
    parser.add_argument("--note", default="", help="kept with the results")
    arguments = parser.parse_args()
    size = Size(measured_s=arguments.seconds, pairs=arguments.pairs, idle=arguments.idle)

    # A socket is a file, here as in the gateway, which inherits the limit.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    with (
        tempfile.TemporaryDirectory(prefix="agileim-bench-") as folder,
        started(Path(folder), turn_s=arguments.turn_ms / 1000) as target,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        before = runner.run(calibrate(Path(folder)))
        names = arguments.scenario or list(SCENARIOS)
        results = runner.run(measure(target, names, size))
        after = runner.run(calibrate(Path(folder)))
    document = {
        "environment": report.environment(),
        "note": arguments.note,
        "turn_ms": arguments.turn_ms,
        "calibration": {"before": before, "after": after},
        "results": results,
    }
    print("\n" + report.table(results) + "\n")
    for phase, figures in (("before", before), ("after", after)):
        print(f"calibration {phase}: " + ", ".join(f"{k} {v}" for k, v in figures.items()))
    for name, value, relation, target_value, met in report.judge(results):
        print(f"{'met   ' if met else 'MISSED'} {name} {value} {relation} {target_value:g}")
    if arguments.keep:
        print(f"kept in {report.save(document)}")


if __name__ == "__main__":
    main()
