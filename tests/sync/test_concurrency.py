"""How many records a load task writes at a time, and what is said when that is less than was asked for."""

from __future__ import annotations

import pytest

from include.settings import SyncSettings
from include.sync.slots import LOAD_SLOTS, concurrency, held_back


@pytest.mark.parametrize(
    ("setting", "tasks", "expected"),
    [(1, 1, 1), (1, 8, 1), (3, 1, 3), (4, 2, 2), (10, 2, LOAD_SLOTS), (10, 4, 3), (10, 8, 2), (100, 1, LOAD_SLOTS)],
)
def test_the_tasks_of_a_run_share_concurrent_batch_executions(setting: int, tasks: int, expected: int) -> None:
    assert concurrency(SyncSettings(bc_concurrent_batch_executions=setting), tasks) == expected


@pytest.mark.parametrize(
    ("setting", "chunks", "tasks", "said"),
    [
        (20, 8, 2, "no more than 10 records"),
        (20, 8, 4, None),
        (20, 2, 1, None),  # two that did not meet
        (10, 8, 1, None),
        (100, 3, 2, "allowed 2 load tasks"),
        (100, 3, 3, None),  # there was no more work
    ],
)
def test_what_the_slots_of_the_pool_do_not_allow_is_said(
    setting: int, chunks: int, tasks: int, said: str | None
) -> None:
    found = held_back(SyncSettings(bc_concurrent_batch_executions=setting), chunks, tasks)
    assert (said in found) if said and found else (found is said)
