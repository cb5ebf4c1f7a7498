"""Where the records of a run lie between its tasks: compressed NDJSON files under one folder per reading.

The folder is any path that behaves like `pathlib.Path`: a local one, or an Airflow `ObjectStoragePath` in a bucket.
A file is written whole by one task and replaced whole when that task is repeated. What cannot be written or read is a
StagingFault, which concerns the run and never a record.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import IO, Any, Protocol, TypeVar

from include.errors import ErrorKind, RunFault
from include.sync.exact import decoder_of, from_json, to_json
from include.sync.records import Json


class StagingFault(RunFault):
    """The files of a run cannot be written or read. `again`: they may be later, so that the task is worth repeating."""

    kind = ErrorKind.unavailable

    @classmethod
    def unwritten(cls, path: object, error: Exception) -> StagingFault:
        """A file that cannot be written: there is no room, or no leave."""
        return cls(
            f"The staging file {path} cannot be written: {_said(error)}.",
            advice="Make room there, or let Airflow's workers write there. Another place is named by the environment "
            "variable SYNC_STAGING. Then clear this task.",
            again=True,
        )

    @classmethod
    def unread(cls, path: object, error: Exception) -> StagingFault:
        """A file that is there and cannot be read."""
        return cls(
            f"The staging file {path} cannot be read: {_said(error)}.",
            advice="Let every worker reach the same staging folder (the environment variable SYNC_STAGING). Should the "
            "file be damaged, clear `extract` with the tasks after it: it reads anew.",
            again=True,
        )

    @classmethod
    def gone(cls, path: object) -> StagingFault:
        """A file that is not there although the task before has written it."""
        return cls(
            f"The staging file {path} is not there.",
            advice="Clear `extract` with the tasks after it: it reads anew. Files of runs are kept for 14 days; should "
            "this run be younger, its workers do not share one staging folder (the environment variable SYNC_STAGING).",
            again=False,
        )


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"


def writing_to(path: object) -> AbstractContextManager[None]:
    """Whatever comes of writing there within is a StagingFault."""
    return _said_as(StagingFault.unwritten, path)


def reading_from(path: object) -> AbstractContextManager[None]:
    """Whatever comes of reading there within, or of what stands there, is a StagingFault."""
    return _said_as(StagingFault.unread, path)


@contextmanager
def _said_as(fault: Callable[[object, Exception], StagingFault], path: object) -> Iterator[None]:
    try:
        yield
    except (RunFault, MemoryError, RecursionError):
        raise
    except Exception as error:  # noqa: BLE001 - every store has faults of its own
        raise fault(path, error) from None


_BLOCK = 64 * 1024
T = TypeVar("T")


class StagingPath(Protocol):
    """The part of `pathlib.Path` that staging uses."""

    def __truediv__(self, name: str) -> StagingPath: ...
    def open(self, mode: str) -> Any: ...
    def exists(self) -> bool: ...
    def mkdir(self, *, parents: bool, exist_ok: bool) -> None: ...


class FileWriter:
    """Appends records to one staged file."""

    def __init__(self, stream: IO[bytes], path: StagingPath) -> None:
        self._stream = stream
        self._path = path
        self.count = 0

    def add(self, record: Json) -> None:
        """Write one record as a line."""
        line = to_json(record)
        with writing_to(self._path):
            self._stream.write(b"%b\n" % line)
        self.count += 1


class Staging:
    """The staged files of one run of one flow. Every method raises StagingFault."""

    def __init__(self, folder: StagingPath, beneath: Staging | None = None) -> None:
        """Use a folder; it is made when it is not there. What is not in it is read from `beneath`, if there is one."""
        self._folder = folder
        self._beneath = beneath
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def over(self, name: str) -> Staging:
        """The same files, over which others are written, into a folder of that name."""
        return Staging(self._folder / name, beneath=self)

    @contextmanager
    def write(self, name: str) -> Iterator[FileWriter]:
        """Write the file `name` anew."""
        path = self._folder / f"{name}.ndjson.gz"
        opened = ExitStack()
        with writing_to(path):
            raw = opened.enter_context(path.open("wb"))
            packed = opened.enter_context(gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3, mtime=0))
            # A line at a time costs more to compress than a block of them.
            stream = opened.enter_context(io.BufferedWriter(packed, _BLOCK))
        try:
            yield FileWriter(stream, path)
        except BaseException:
            # What broke it off says more than that the rest of it cannot be written either.
            with suppress(Exception):
                opened.close()
            raise
        with writing_to(path):
            opened.close()

    def read(self, name: str) -> Iterator[Json]:
        """The records of the file `name`, which the task before has written."""
        return self._read(name, from_json)

    def read_as(self, name: str, kind: type[T]) -> Iterator[T]:
        """The same, each as what it is."""
        return self._read(name, decoder_of(kind))

    def _read(self, name: str, decode: Callable[[bytes], T]) -> Iterator[T]:
        path = self._folder / f"{name}.ndjson.gz"
        with reading_from(path):
            try:
                with (
                    path.open("rb") as raw,
                    gzip.open(raw, "rb") as packed,
                    io.BufferedReader(packed, _BLOCK) as stream,
                ):
                    for line in stream:
                        yield decode(line)
            except FileNotFoundError:
                if self._beneath:
                    yield from self._beneath._read(name, decode)
                    return
                raise StagingFault.gone(path) from None

    def read_if_there(self, name: str) -> Iterator[Json]:
        """The records of a file that need not have been written."""
        if self.has(name):
            yield from self.read(name)

    def has(self, name: str) -> bool:
        """Whether a file of records is there."""
        return self.exists(f"{name}.ndjson.gz")

    def write_all(self, name: str, records: Iterable[Json]) -> int:
        """Write all records to the file `name`; returns how many."""
        with self.write(name) as writer:
            for record in records:
                writer.add(record)
            return writer.count

    def exists(self, name: str) -> bool:
        """Whether a plain file is there."""
        path = self._folder / name
        with reading_from(path):
            return path.exists() or bool(self._beneath and self._beneath.exists(name))

    def write_text(self, name: str, text: str) -> str:
        """Write a plain file, such as the report; returns where it lies."""
        path = self._folder / name
        with writing_to(path), path.open("wb") as stream:
            stream.write(text.encode())
        return str(path)

    def read_text(self, name: str) -> str:
        """Read what `write_text` wrote."""
        path = self._folder / name
        with reading_from(path):
            try:
                with path.open("rb") as stream:
                    data: bytes = stream.read()
            except FileNotFoundError:
                raise StagingFault.gone(path) from None
            return data.decode()
