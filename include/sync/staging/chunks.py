"""The records to load, in files: one for each load task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from include.sync.fingerprints import fingerprint
from include.sync.records import Json, Mapped
from include.sync.staging.files import Staging
from include.sync.wire import mapped_to_wire

CHUNK = 5_000  # records per load task, which holds them in memory
# Long documents fill a task sooner: this many records and nested records, but never fewer records than the second.
HEAVY, FEWEST = 100_000, 1_250
SPLIT_FROM = 400  # with this many records a single chunk is worth two tasks, and more with FEWEST for each


class Chunks:
    """Writes the records to load into chunk files."""

    def __init__(self, staging: Staging, tasks: int = 2) -> None:
        """`tasks`: how many are to share the work, where there is enough of it."""
        self._staging = staging
        self._tasks = tasks
        self._records: list[Json] = []
        self._number = 0
        self._weight = 0
        self.total = 0

    def add(self, key: str, mapped: Mapped, read_at: str, more: Json) -> None:
        """Stage one record, as it was read at that time, with `more` that `load` needs to know of it."""
        record = {"key": key, "fingerprint": fingerprint(mapped), "mapped": mapped_to_wire(mapped), "read_at": read_at}
        self._records.append({**record, **more})
        self.total += 1
        self._weight += 1 + sum(len(value) for value in mapped.body.values() if isinstance(value, list))
        number = len(self._records)
        if number == CHUNK or (number >= FEWEST and self._weight >= HEAVY):
            self._flush(self._records)
            self._records, self._weight = [], 0

    def close(self) -> int:
        """Write what is left; returns how many chunks there are."""
        if self._number == 0 and len(self._records) >= SPLIT_FROM:
            records = self._records
            parts = max(2, min(self._tasks, len(records) // FEWEST))
            ends = [len(records) * part // parts for part in range(parts + 1)]
            for start, end in pairwise(ends[:-1]):
                self._flush(records[start:end])
            self._records = records[ends[-2] :]
        if self._records:
            self._flush(self._records)
        return self._number

    def source_ids(self) -> Iterator[str]:
        """The source ids of all records that were staged."""
        for number in range(self._number):
            for record in self._staging.read(f"load-{number:04}"):
                yield record["mapped"]["source_id"]

    def _flush(self, records: Sequence[Json]) -> None:
        self._staging.write_all(f"load-{self._number:04}", records)
        self._number += 1


def load_chunks(staging: Staging) -> int:
    """How many chunks `transform` staged."""
    return int(next(staging.read("stats-transform"))["chunks"])
