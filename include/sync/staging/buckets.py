"""Records put into buckets as they come, any number of either: in a file, which is gone when they are."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from include.sync.exact import from_json, to_json
from include.sync.records import Json
from include.sync.staging.scratch import scratch
from include.transport.values import as_records


class Buckets:
    """Records by the number of their bucket."""

    def __init__(self) -> None:
        self._db = scratch(
            "CREATE TABLE records (bucket INTEGER, place INTEGER PRIMARY KEY, record BLOB)",
            "CREATE INDEX records_bucket ON records (bucket, place)",
        )

    def add(self, bucket: int, record: Json) -> None:
        """Put a record into a bucket."""
        packed = zlib.compress(to_json(record), 1)
        self._db.execute("INSERT INTO records (bucket, record) VALUES (?, ?)", (bucket, packed))

    def of(self, bucket: int) -> Iterator[Json]:
        """The records of a bucket, in their order."""
        rows = self._db.execute("SELECT record FROM records WHERE bucket = ? ORDER BY place", (bucket,))
        for (packed,) in rows:
            yield as_records(from_json(zlib.decompress(packed)))
