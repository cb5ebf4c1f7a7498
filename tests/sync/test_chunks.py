"""How many records one load task gets: by their number, and by how much they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.sync.records import Mapped
from include.sync.staging.chunks import CHUNK, FEWEST, HEAVY, Chunks
from include.sync.staging.files import Staging


@pytest.mark.parametrize(
    ("records", "nested", "expected"),
    [
        (399, 1, [399]),
        (1_000, 1, [500, 500]),
        (CHUNK + 10, 1, [CHUNK, 10]),
        # Documents of 99 lines: a thousand of them would weigh enough, and a task still gets its fewest.
        (FEWEST + 10, HEAVY // 1_000 - 1, [FEWEST, 10]),
        (3_000, 2 * HEAVY // CHUNK - 1, [2_500, 500]),
    ],
)
def test_a_task_gets_what_its_memory_bears(tmp_path: Path, records: int, nested: int, expected: list[int]) -> None:
    staging = Staging(tmp_path)
    chunks = Chunks(staging)
    for number in range(records):
        body = {"name": "x", "lines": [{}] * nested}
        chunks.add(str(number), Mapped(source_id=str(number), body=body), "2026-05-05", {})
    assert chunks.close() == len(expected)
    assert [sum(1 for _ in staging.read(f"load-{n:04}")) for n in range(len(expected))] == expected


@pytest.mark.parametrize(
    ("records", "tasks", "expected"),
    [(399, 4, [399]), (1_000, 1, [500, 500]), (2_500, 4, [1_250, 1_250]), (4_999, 20, [1_666, 1_666, 1_667])],
)
def test_work_that_is_worth_it_is_shared_by_as_many_tasks_as_are_asked_for(
    tmp_path: Path, records: int, tasks: int, expected: list[int]
) -> None:
    staging = Staging(tmp_path)
    chunks = Chunks(staging, tasks)
    for number in range(records):
        chunks.add(str(number), Mapped(source_id=str(number), body={"name": "x"}), "2026-05-05", {})
    assert chunks.close() == len(expected)
    read = [[record["key"] for record in staging.read(f"load-{n:04}")] for n in range(len(expected))]
    assert [len(keys) for keys in read] == expected
    assert [key for keys in read for key in keys] == [str(number) for number in range(records)]
