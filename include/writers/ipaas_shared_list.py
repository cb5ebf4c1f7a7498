"""The target's own list, for records whose links the ledger does not know: read once per run, and shared by its load tasks.

To read it anew for each chunk would cost more than it spares, the longer a first transfer lasts and the longer the list
gets by it. So whichever task comes first reads it, and leaves for each chunk the rows that its records may be.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator

from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import external_id_of
from include.sync.batches import batches
from include.sync.context import WriteContext
from include.sync.records import Json
from include.sync.staging.buckets import Buckets
from include.sync.staging.chunks import chunk_records, load_chunks
from include.sync.staging.keyset import KeyPairs
from include.sync.task_context import BATCH
from include.sync.values import fold

# How often it is looked whether another task has read the list; seconds.
_LOOK_AGAIN = 1.0
# The name of the claim under which a list is read.
_CLAIM = "list of a run"


def read_list(
    work: WriteContext,
    endpoint: Endpoint,
    unknown: int,
    take: Callable[[Json], None],
    *,
    match_field: str | None = None,
    alone: bool = False,
) -> bool:
    """Have those rows of the list taken that may be records of the chunk, of which so many are unknown; False where looking
    for each costs less, or where the list does not tell. `alone`: for this chunk, whatever others have read of it."""
    if alone or work.chunk is None or load_chunks(work.task.staging) < 2:
        return _read_all(work, endpoint, unknown, take)
    return _SharedList(work, endpoint, match_field).read(work.chunk, take)


def _read_all(work: WriteContext, endpoint: Endpoint, unknown: int, take: Callable[[Json], None]) -> bool:
    """Have all records of the list taken, and answer True, if it is worth it for so many unknown ones and if it tells."""
    for page in work.ipaas.pages(endpoint, ahead=2 * unknown):
        # Of rows that do not say what they are linked to, none may count as unlinked; and what has no id may be any.
        if page.total > 2 * unknown or not page.whole or page.odd:
            return False
        for record in page.records:
            take(record)
    return True


class _SharedList:
    """The list as it was when the first load task of the run needed it, cut up for the chunks."""

    def __init__(self, work: WriteContext, endpoint: Endpoint, match_field: str | None) -> None:
        self._work = work
        self._endpoint = endpoint
        self._match_field = match_field
        self._staging = work.task.staging
        self._name = f"list-{endpoint.name.replace(' ', '-')}"

    def read(self, chunk: int, take: Callable[[Json], None]) -> bool:
        """Have the rows for a chunk taken, and answer True, if the list tells."""
        # A run may be called by more than a key holds.
        key = hashlib.sha256(f"{self._work.plan.name}|{self._endpoint.name}".encode()).hexdigest()
        ledger, owner = self._work.ledger, self._work.owner
        while not self._staging.has(self._name):
            if not ledger.claim(_CLAIM, [key], owner)[key].held:
                time.sleep(_LOOK_AGAIN)
                continue
            try:
                if not self._staging.has(self._name):
                    self._read()
            finally:
                ledger.release(_CLAIM, [key], owner)
        if not next(self._staging.read(self._name))["tells"]:
            return False
        for record in self._staging.read(self._file(chunk)):
            take(record)
        return True

    def _file(self, chunk: int) -> str:
        return f"{self._name}-{chunk:04}"

    def _read(self) -> None:
        """Read the list, and leave to each chunk what concerns it. That it is done is written down last."""
        chunks = range(load_chunks(self._staging))
        wanted, unknown = self._wanted(chunks)
        rows = Buckets()

        def keep(record: Json) -> None:
            for chunk in self._chunks_of(record, wanted):
                rows.add(chunk, record)

        tells = _read_all(self._work, self._endpoint, unknown, keep)
        if tells:
            for chunk in chunks:
                self._staging.write_all(self._file(chunk), rows.of(chunk))
        self._staging.write_all(self._name, [{"tells": tells}])

    def _wanted(self, chunks: Iterable[int]) -> tuple[KeyPairs, int]:
        """By the names and the natural keys of all records of the run that are not known to be linked, which chunk they
        are in; and how many they are."""
        wanted, unknown = KeyPairs(), 0
        for chunk, record in self._unlinked(chunks):
            unknown += 1
            for name in (record["source_id"], record.get("made_from")):
                if name:
                    wanted.add(f"is {fold(name)}", str(chunk))
            for key in (record.get("match"), record.get("foreign_number")):
                if key:
                    wanted.add(f"like {key.casefold()}", str(chunk))
        return wanted, unknown

    def _unlinked(self, chunks: Iterable[int]) -> Iterator[tuple[int, Json]]:
        side, table = self._work.side, self._endpoint.table
        for chunk in chunks:
            for batch in batches((record["mapped"] for record in chunk_records(self._staging, chunk)), BATCH):
                known = side.known(self._work.ledger, table, (mapped["source_id"] for mapped in batch))
                yield from ((chunk, mapped) for mapped in batch if fold(mapped["source_id"]) not in known)

    def _chunks_of(self, record: Json, wanted: KeyPairs) -> set[int]:
        own = external_id_of(record, self._work.plan.system_id)
        found = wanted.of(f"is {fold(own)}") if own else []
        value = str(record.get(self._match_field) or "").casefold() if self._match_field else ""
        if value:
            found += wanted.of(f"like {value}")
        return {int(chunk) for chunk in found}
