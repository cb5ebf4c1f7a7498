"""The stage between `transform` and `load` of a run that compares: it reads the target's list once, whole, and stages for
each chunk what of it concerns the chunk's records.

So a comparison takes the pages of the list, however many records there are, and `load` holds no more than a chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, cast

import simplejson

from include.errors import BadRecord
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import is_summary
from include.sync.batches import batches
from include.sync.records import Json, Mapped
from include.sync.runs import Direction
from include.sync.staging.chunks import chunk_records, load_chunks
from include.sync.staging.scratch import scratch
from include.sync.task_context import BATCH, TaskContext
from include.sync.telling import tells
from include.sync.wire import mapped_from_wire

Sign = tuple[str, str]  # a kind, and a value of it: what a record and a row of the list have in common


class LooksThrough(Protocol):
    """A writer whose target has a list of all records."""

    endpoint: Endpoint

    def concerned(self, task: TaskContext, records: Sequence[Mapped]) -> list[set[Sign]]:
        """By which signs rows of the list concern each of these records."""

    def concerns(self, row: Json, system_id: int) -> Iterable[Sign]:
        """The signs of a row. Raises BadRecord for one that cannot be read."""


@tells
def look(task: TaskContext) -> None:
    """Read the list of the target, and stage what concerns the records of each chunk.

    Of Business Central, `load` reads the records themselves, many per request: there is nothing to stage.
    """
    if task.flow.direction is not Direction.to_ipaas:
        return
    writer = cast(LooksThrough, task.flow.writer)
    chunks = load_chunks(task.staging)
    sieve = _Sieve()
    for chunk in range(chunks):
        for batch in batches(chunk_records(task.staging, chunk), BATCH):
            records = [mapped_from_wire(record["mapped"]) for record in batch]
            for signs in writer.concerned(task, records):
                sieve.want(chunk, signs)
    if chunks:
        task.identify()
        for number, row in enumerate(_rows(task, writer.endpoint)):
            task.headway.at("rows of the other side read", number)
            try:
                sieve.take(row, writer.concerns(row, task.plan.system_id))
            except BadRecord as error:
                task.warn(f"{writer.endpoint.name} {row['id']} of iPaaS.com is compared with nothing: {error}.")
    for chunk in range(chunks):
        task.staging.write_all(f"present-{chunk:04}", sieve.rows(chunk))
    task.save_stats("look")


def present_of(task: TaskContext, chunk: int) -> list[Json] | None:
    """What `look` has staged for a chunk; None where it has not looked."""
    name = f"present-{chunk:04}"
    return list(task.staging.read(name)) if task.staging.has(name) else None


def _rows(task: TaskContext, endpoint: Endpoint) -> Iterator[Json]:
    """Every record of the list; one that the list does not show whole is read by itself."""
    for page in task.ipaas.pages(endpoint):
        for odd in page.odd:
            task.warn(f"{odd.place} of the list of {endpoint.name} cannot be read: {odd.why}.")
        for row in page.records:
            if not is_summary(row):
                yield row
            elif (whole := task.ipaas.get(endpoint, row["id"])) is not None:
                yield whole


class _Sieve:
    """What concerns which chunk."""

    def __init__(self) -> None:
        self._db = scratch(
            "CREATE TABLE wanted (kind TEXT, value TEXT, chunk INT, PRIMARY KEY (kind, value, chunk))",
            "CREATE TABLE found (chunk INT, id TEXT, row TEXT, PRIMARY KEY (chunk, id)) WITHOUT ROWID",
        )

    def want(self, chunk: int, signs: Iterable[Sign]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?, ?, ?)", ((*sign, chunk) for sign in signs))

    def take(self, row: Json, signs: Iterable[Sign]) -> None:
        asked = "SELECT chunk FROM wanted WHERE kind = ? AND value = ?"
        chunks = {chunk for sign in signs for (chunk,) in self._db.execute(asked, sign)}
        if chunks:
            text = simplejson.dumps(row, use_decimal=True)
            # A list that changes while it is read may show a record twice: the later one counts.
            self._db.executemany(
                "INSERT OR REPLACE INTO found VALUES (?, ?, ?)", ((chunk, str(row["id"]), text) for chunk in chunks)
            )

    def rows(self, chunk: int) -> Iterator[Json]:
        for (text,) in self._db.execute("SELECT row FROM found WHERE chunk = ? ORDER BY id", (chunk,)):
            yield simplejson.loads(text, use_decimal=True)
