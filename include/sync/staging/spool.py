"""Records that wait within one task until all of a list has been seen: in a file, since they may be very many."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Iterator

from include.sync.exact import from_json, to_json
from include.sync.records import Json
from include.sync.staging.files import StagingFault
from include.transport.values import as_records


class Spool:
    """Records in their order, in a nameless file that is gone when the spool is."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the spool
        self._packed = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=1, mtime=0)
        self.count = 0

    def add(self, record: Json) -> None:
        """Put a record at the end. Raises StagingFault when there is no room."""
        line = to_json(record)
        try:
            self._packed.write(b"%b\n" % line)
        except OSError as error:
            raise StagingFault.unwritten(tempfile.gettempdir(), error) from None
        self.count += 1

    def __iter__(self) -> Iterator[Json]:
        """The records; none can be added any more."""
        try:
            self._packed.close()
            self._file.seek(0)
        except OSError as error:
            raise StagingFault.unwritten(tempfile.gettempdir(), error) from None
        with gzip.open(self._file, "rb") as packed, io.BufferedReader(packed) as lines:
            for line in lines:
                yield as_records(from_json(line))
