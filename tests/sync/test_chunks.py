"""How many records one load task gets: by their number, by how much they hold, and each as much as the others."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from include.sync.records import Mapped
from include.sync.staging.chunks import CHUNK, FEWEST, FILE, HEAVY, Chunks, chunk_records
from include.sync.staging.files import Staging

# So many nested records that a task has enough of its fewest, and of half as many records as it could hold.
LONG, LONGISH = HEAVY // 1_000 - 1, 2 * HEAVY // CHUNK - 1


def cut(folder: Path, records: int, nested: int = 1, tasks: int = 2) -> tuple[Staging, list[int]]:
    """Stage so many records, and answer how many each task gets."""
    staging = Staging(folder)
    chunks = Chunks(staging, tasks)
    body = {"name": "x", "lines": [{}] * nested}
    for number in range(records):
        chunks.add(str(number), Mapped(source_id=str(number), body=body), "f", "2026-05-05", {})
    cuts = chunks.close()
    staging.write_all("stats-transform", [{"chunks": len(cuts) - 1, "cuts": cuts}])
    return staging, [end - start for start, end in pairwise(cuts)]


@pytest.mark.parametrize(
    ("records", "nested", "tasks", "expected"),
    [
        (0, 1, 2, []),
        (399, 1, 4, [399]),
        # Two tasks share what is worth it; more, as are asked for, when there is enough for each.
        (1_000, 1, 1, [500, 500]),
        (2_500, 1, 4, [1_250, 1_250]),
        (4_999, 1, 20, [1_666, 1_666, 1_667]),
        # No chunk is fuller than a task can hold, and none is a little one after full ones.
        (CHUNK + 10, 1, 2, [2_505, 2_505]),
        (2 * CHUNK + 2, 1, 2, [2_500, 2_501, 2_500, 2_501]),
        (FEWEST + 10, LONG, 2, [630, 630]),
        (3 * FEWEST, LONG, 2, [937, 938, 937, 938]),
        (5_100, LONGISH, 2, [1_275, 1_275, 1_275, 1_275]),
    ],
)
def test_tasks_get_what_their_memory_bears_and_all_the_same(
    tmp_path: Path, records: int, nested: int, tasks: int, expected: list[int]
) -> None:
    staging, sizes = cut(tmp_path, records, nested, tasks)
    assert sizes == expected
    read = [record["key"] for number in range(len(sizes)) for record in chunk_records(staging, number)]
    assert read == [str(number) for number in range(records)]


@pytest.mark.parametrize("records", [FILE - 1, FILE, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK])
def test_one_record_more_is_no_more_than_one_record_more_for_the_busiest_task(tmp_path: Path, records: int) -> None:
    def longest(number: int) -> int:
        _, sizes = cut(tmp_path / str(number), number, tasks=2)
        # Two tasks take the chunks in turn.
        return max(sum(sizes[task::2]) for task in range(2))

    assert longest(records + 1) <= longest(records) + 2


def test_long_documents_are_not_all_given_to_one_task(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    chunks = Chunks(staging)
    for number in range(4_000):
        body = {"lines": [{}] * (LONG if number >= 2_000 else 1)}
        chunks.add(str(number), Mapped(source_id=str(number), body=body), "f", "2026-05-05", {})
    assert chunks.close() == [0, 2_750, 4_000]


def test_what_an_earlier_version_has_staged_is_read_chunk_by_chunk(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    staging.write_all("stats-transform", [{"chunks": 2}])
    for number in range(2):
        staging.write_all(f"load-{number:04}", [{"key": f"{number}"}])
    assert [list(chunk_records(staging, number)) for number in range(2)] == [[{"key": "0"}], [{"key": "1"}]]
