"""The records to load: staged in files as they come, and cut into even chunks, one for each load task, when all are there.

Even, so that one record more never makes a run noticeably longer: a full chunk with a little one after it would keep one
task busy while all others have nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from include.sync.records import Json, Mapped
from include.sync.staging.files import Staging
from include.sync.wire import mapped_to_wire

CHUNK = 5_000  # records per load task, which holds them in memory
# Long documents fill a task sooner: so many records and nested records, but never fewer records than the second.
HEAVY, FEWEST = 100_000, 1_250
SPLIT_FROM = 400  # with this many records a single chunk is worth two tasks, and more with FEWEST for each
FILE = 1_000  # records of a staged file; a chunk ends within one


class Chunks:
    """Stages the records to load, and says where each chunk begins."""

    def __init__(self, staging: Staging, tasks: int = 2) -> None:
        """`tasks`: how many are to share the work, where there is enough of it."""
        self._staging = staging
        self._tasks = tasks
        self._records: list[Json] = []
        self._weights = [0]  # of all records up to the end of each file
        self._weight = 0
        self._files = 0
        self.total = 0

    def add(self, key: str, mapped: Mapped, print_: str, read_at: str, more: Json) -> None:
        """Stage one record, as it was read at that time, with its fingerprint and `more` that `load` needs to know of it."""
        record = {"key": key, "fingerprint": print_, "mapped": mapped_to_wire(mapped), "read_at": read_at}
        self._records.append({**record, **more})
        self.total += 1
        nested = sum(len(value) for value in mapped.body.values() if isinstance(value, list))
        self._weight += min(max(1 + nested, HEAVY // CHUNK), HEAVY // FEWEST)
        if len(self._records) == FILE:
            self._flush()

    def close(self) -> list[int]:
        """Write what is left; returns where chunks begin and end, by the number of the record: one more than there are."""
        if self._records:
            self._flush()
        number = self._number()
        return [self._at(self._weight * part // number) for part in range(number)] + [self.total] if number else []

    def _number(self) -> int:
        """How many chunks: as many as tasks can hold, and so many that all tasks have something to do until the end."""
        needed = -(-self._weight // HEAVY)
        if self.total < SPLIT_FROM:
            return needed
        tasks = max(2, min(self._tasks, self.total // FEWEST))
        return -(-needed // tasks) * tasks

    def _at(self, weight: int) -> int:
        """The record before which so much lies, as if all of a file weighed the same."""
        for file, (before, after) in enumerate(pairwise(self._weights)):
            if weight < after:
                records = min(FILE, self.total - file * FILE)
                return file * FILE + (weight - before) * records // (after - before)
        return self.total

    def source_ids(self) -> Iterator[str]:
        """The source ids of all records that were staged."""
        for file in range(self._files):
            for record in self._staging.read(_file(file)):
                yield record["mapped"]["source_id"]

    def _flush(self) -> None:
        self._staging.write_all(_file(self._files), self._records)
        self._weights.append(self._weight)
        self._files += 1
        self._records = []


def load_chunks(staging: Staging) -> int:
    """How many chunks `transform` staged."""
    return int(next(staging.read("stats-transform"))["chunks"])


def load_name(chunk: int) -> str:
    """What loading a chunk is called: what came of it, and its counts, are staged under that."""
    return f"load-{chunk:04}"


def is_loaded(staging: Staging, chunk: int) -> bool:
    """Whether a load task has come to the end of a chunk."""
    return staging.has(f"stats-{load_name(chunk)}")


def chunk_records(staging: Staging, chunk: int) -> Iterator[Json]:
    """The records of a chunk."""
    cuts: Sequence[int] | None = next(staging.read("stats-transform")).get("cuts")
    if cuts is None:
        # An earlier version has staged it, a file for each chunk.
        yield from staging.read(load_name(chunk))
        return
    start, end = cuts[chunk : chunk + 2]
    for file in range(start // FILE, -(-end // FILE)):
        for number, record in enumerate(staging.read(_file(file)), file * FILE):
            if start <= number < end:
                yield record


def _file(number: int) -> str:
    return f"changed-{number:04}"
