"""Results for people (a table) and for programs (JSON)."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any, Final

from tests.faults.run import Result

_HEAD: Final = (
    "fault", "seed", "acked", "refused", "unknown", "seen", "lost", "repeated", "disorder",
    "leaked", "other", "gap s", "recovery s", "took s", "verdict",
)  # fmt: skip
_NAMED: Final = ("lost", "repeated", "disorder", "leaked")
_WIDTH: Final = (30, 5, 6, 8, 8, 7, 5, 9, 9, 7, 6, 6, 11, 7, 8)
_SHOWN: Final = 12


def heading() -> str:
    """The table's first line."""
    return _line(_HEAD)


def line(result: Result) -> str:
    """The table's line of one run."""
    kinds = Counter(str(finding.kind) for finding in result.findings)
    other = sum(count for kind, count in kinds.items() if kind not in _NAMED) + len(result.ended)
    figures = result.summary
    return _line(
        (
            result.fault,
            str(result.seed),
            str(figures.acked),
            str(figures.refused),
            str(figures.unknown),
            str(figures.seen),
            *(str(kinds[kind]) for kind in _NAMED),
            str(other),
            f"{figures.gap_s:.2f}",
            f"{figures.recovery_s:.1f}",
            f"{figures.took_s:.0f}",
            verdict(result),
        )
    )


def verdict(result: Result) -> str:
    """In one word; `broken`: the run itself could not be carried out."""
    if result.failure:
        return "BROKEN"
    if result.expects:
        return "caught" if result.passed else "MISSED"
    return "pass" if result.passed else "FAIL"


def details(result: Result) -> list[str]:
    """What was wrong, a line each; of many the first."""
    lines = [f"run: {result.failure}"] if result.failure else []
    lines += [f"{device} gave up: {why}" for device, why in result.ended.items()]
    if result.codes and (lines or result.findings):
        lines.append(", ".join(f"{code}: {count}" for code, count in result.codes.items()))
    lines += [f"{finding.kind}: {finding.text}" for finding in result.findings]
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [f"and {len(lines) - _SHOWN} more"]
    return lines


def document(results: list[Result]) -> list[dict[str, Any]]:
    """Everything, for JSON."""
    return [{**asdict(result), "verdict": verdict(result)} for result in results]


def _line(cells: tuple[str, ...]) -> str:
    first, *rest = zip(cells, _WIDTH, strict=True)
    return first[0].ljust(first[1]) + "".join(cell.rjust(width) for cell, width in rest)
