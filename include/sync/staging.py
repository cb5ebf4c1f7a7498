"""Where the records of a run lie between its tasks: compressed NDJSON files under one folder per run.

The folder is any path that behaves like `pathlib.Path`: a local one, or an Airflow `ObjectStoragePath` in a bucket.
A file is written whole by one task and replaced whole when that task is repeated.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol

import simplejson

from include.sync.model import Json


class StagingPath(Protocol):
    """The part of `pathlib.Path` that staging uses."""

    def __truediv__(self, name: str) -> StagingPath: ...
    def open(self, mode: str) -> Any: ...
    def exists(self) -> bool: ...
    def mkdir(self, *, parents: bool, exist_ok: bool) -> None: ...


class Writer:
    """Appends records to one staged file."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.count = 0

    def add(self, record: Json) -> None:
        """Write one record as a line."""
        simplejson.dump(record, self._stream, use_decimal=True, separators=(",", ":"), ensure_ascii=False)
        self._stream.write("\n")
        self.count += 1


class Staging:
    """The staged files of one run of one flow."""

    def __init__(self, folder: StagingPath) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def write(self, name: str) -> Iterator[Writer]:
        """Write the file `name` anew."""
        with (
            (self._folder / f"{name}.ndjson.gz").open("wb") as raw,
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8") as stream,
        ):
            yield Writer(stream)

    def read(self, name: str) -> Iterator[Json]:
        """The records of the file `name`; none when it was never written."""
        path = self._folder / f"{name}.ndjson.gz"
        if not path.exists():
            return
        with path.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield simplejson.loads(line, use_decimal=True)

    def write_all(self, name: str, records: Iterable[Json]) -> int:
        """Write all records to the file `name`; returns how many."""
        with self.write(name) as writer:
            for record in records:
                writer.add(record)
            return writer.count

    def exists(self, name: str) -> bool:
        """Whether a plain file is there."""
        return (self._folder / name).exists()

    def write_text(self, name: str, text: str) -> str:
        """Write a plain file, such as the report; returns where it lies."""
        path = self._folder / name
        with path.open("wb") as stream:
            stream.write(text.encode())
        return str(path)

    def read_text(self, name: str) -> str:
        """Read what `write_text` wrote."""
        with (self._folder / name).open("rb") as stream:
            data: bytes = stream.read()
        return data.decode()
