"""How many records a load task writes at a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from include.settings import SyncSettings
from include.sync.run import LOAD_SLOTS, concurrency
from include.sync.runs import Direction, RunKind, RunPlan
from tests.systems import PAIR


@pytest.mark.parametrize(
    ("setting", "chunks", "expected"),
    [(1, 1, 1), (1, 8, 1), (3, 1, 3), (4, 2, 2), (10, 1, LOAD_SLOTS), (10, 8, LOAD_SLOTS), (100, 1, LOAD_SLOTS)],
)
def test_the_tasks_of_a_run_share_concurrent_batch_executions(setting: int, chunks: int, expected: int) -> None:
    plan = RunPlan(
        flow="company_to_ipaas",
        direction=Direction.to_ipaas,
        run_id="run",
        kind=RunKind.poll,
        started_at=datetime.now(UTC),
        pair=PAIR,
        settings=SyncSettings(bc_concurrent_batch_executions=setting),
    )
    assert concurrency(plan, chunks) == expected
