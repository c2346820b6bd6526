"""`python -m tests.faults`: every fault with every seed, a table, exit code 1 if one run fails."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults import report
from tests.faults.defects import DEFECTS
from tests.faults.injections import FAULTS, Fault
from tests.faults.plan import Size
from tests.faults.run import Result, run


def main() -> int:
    """Run what the arguments ask for."""
    options = _parser().parse_args()
    if options.list:
        for fault in (*FAULTS, *DEFECTS):
            print(f"{fault.name:30}{fault.what}")
        return 0
    by_name = {fault.name: fault for fault in (*FAULTS, *DEFECTS)}
    try:
        faults = [by_name[name] for name in options.fault] or list(FAULTS)
    except KeyError as unknown:
        print(f"there is no fault {unknown}; see --list", file=sys.stderr)
        return 2
    size = Size(users=options.users, duration_s=options.duration, rate=options.rate)
    results = _runs(faults, _seeds(options.seeds), size, keep=options.keep)
    if options.json:
        options.json.write_text(json.dumps(report.document(results), indent=1) + "\n")
    failed = sum(1 for result in results if not result.passed)
    print(f"{len(results)} runs, {failed} failed")
    return 1 if failed else 0


def _runs(faults: list[Fault], seeds: list[int], size: Size, *, keep: Path | None) -> list[Result]:
    results = []
    print(report.heading(), flush=True)
    for seed in seeds:
        for fault in faults:
            base = keep or Path(tempfile.mkdtemp(prefix="faults-"))
            folder = base / f"{fault.name}-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            result = asyncio.run(run(fault, seed, size, folder))
            results.append(result)
            print(report.line(result), flush=True)
            for detail in report.details(result):
                print(f"    {detail}", flush=True)
            if keep is None and result.passed:
                shutil.rmtree(base, ignore_errors=True)
            elif not result.passed:
                print(f"    logs: {folder / 'data' / 'logs'}", flush=True)
    return results


def _seeds(text: str) -> list[int]:
    """`3` stands for the first three, `4,7` for these."""
    if "," in text:
        return [int(part) for part in text.split(",") if part]
    return list(range(1, int(text) + 1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--list", action="store_true", help="list the faults and end")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="only this one; repeatable"
    )
    parser.add_argument("--seeds", default="3", help="how many, or a list: 4,7 or 4, (default 3)")
    parser.add_argument("--duration", type=float, default=Size.duration_s, help="s of sending")
    parser.add_argument("--users", type=int, default=Size.users)
    parser.add_argument("--rate", type=float, default=Size.rate, help="messages/s, all together")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep data and logs there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
