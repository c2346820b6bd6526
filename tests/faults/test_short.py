"""The short form: two faults and one planted defect with few users, the whole stack for real.

The whole matrix is ``make faults``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.defects import DEFECTS
from tests.faults.injections import BY_NAME
from tests.faults.plan import Size
from tests.faults.run import run

SMALL = Size(users=10, second_devices=3, groups=2, duration_s=4.0, rate=40.0)
PLANTED = {fault.name: fault for fault in DEFECTS}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kill-gateway", "redis-flush"])
async def test_nothing_is_lost(name: str, tmp_path: Path) -> None:
    result = await run(BY_NAME[name], 1, SMALL, tmp_path)
    assert result.passed, "\n".join(report.details(result))
    assert result.summary.acked > 80
    assert result.summary.seen > 300
    done = {how.removesuffix(" done") for how in result.changes if how.endswith(" done")}
    assert done >= {"edit", "react", "unreact", "pin"}, result.changes


@pytest.mark.slow
async def test_a_planted_defect_is_caught(tmp_path: Path) -> None:
    result = await run(PLANTED["defect-acks-unstored"], 1, SMALL, tmp_path)
    assert result.passed, "the check did not notice that acknowledged messages were not stored"
