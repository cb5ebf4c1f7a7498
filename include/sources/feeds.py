"""What all sources of Business Central do alike: follow a feed, complete its records, and find those that are asked for.

A source says which feed and what rows are made of it; whatever it learns is kept for the run. One whose details stand on a
page is a `PagedFeed` (`include/sources/paged.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from include.business_central.odata import Api
from include.mappings.rows import PagedRow
from include.sources.reading import BY_NAME, each, feed, names_in, refusing, sound
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.staging.keyset import KeySet
from include.sync.values import fold

R = TypeVar("R")
# A record of the feed with its details; the key that the ledger knows it by, the record, and its row.
Pair = tuple[Json, Json]
Keyed = tuple[str, Json, R]
# Records that are completed together: for each kind of details several requests are under way at once.
TOGETHER = 4 * BY_NAME


class Feed(ABC, Generic[R]):
    """The records of one resource of API v2.0, for one run. What a source is other in, it overrides."""

    api: Api
    # What is read of each record, and the field that it is named by.
    fields: Sequence[str]
    key: ClassVar[str] = "number"
    where: str | None = None
    # Whether records are read in the order of their keys; those that have to stand beside a page's always are.
    in_order: ClassVar[bool] = False
    beside_a_page: ClassVar[bool] = False
    # By what field `others` names records.
    other_key: ClassVar[str] = "number"
    # Whether a record is the same under another key, by its id.
    renumbers: ClassVar[bool] = True

    def __init__(self, reads: Reads) -> None:
        self.reads = reads

    def changed(self, window: Window) -> Iterator[SourceRecord[R]]:
        """Those modified in the window, and others that changed without that."""
        whole, seen = window.since is None and window.until is None, KeySet()
        by = self.key if self.in_order or self.beside_a_page else ""
        records = feed(self.reads, self.api, window, select=self.fields, where=self.where, by=by)
        for record in self.complete(records, in_order=True):
            seen.add(fold(record.key))
            yield record
        for names in () if whole else batches(self.others(window, seen), TOGETHER):
            yield from self.complete(self.named(names))

    def by_ids(self, ids: Sequence[AskedId]) -> Iterator[SourceRecord[R]]:
        """Those named by their key or their GUID."""
        found = list(self._asked_for(ids))
        asked = {str(record["id"]): text for record, text in found}
        yield from self.complete((record for record, _ in found), asked=asked)

    def complete(
        self, records: Iterable[Json], *, in_order: bool = False, asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord[R]]:
        """Records of the feed with all that belongs to them; `asked` says by their ids how they were asked for."""

        def whole_records(batch: Sequence[Pair]) -> Iterator[SourceRecord[R]]:
            for key, record, row in self.rows(batch):
                own = str(record["id"])
                yield SourceRecord(
                    key=key, data=row, asked=(asked or {}).get(own), record_id=own if self.renumbers else None
                )

        for batch in batches(self.with_details(records, in_order=in_order), TOGETHER):
            yield from each(batch, whole_records, lambda pair: self.called(pair[0]))

    def _asked_for(self, ids: Sequence[AskedId]) -> Iterator[tuple[Json, str]]:
        """Records asked for by their key (`no`) or their GUID (`guid`), each with the id as it was asked."""
        for part, field in (("no", self.key), ("guid", "id")):
            wanted = {one.parts[part]: one.text for one in ids if part in one.parts}
            if wanted:
                asked = {fold(value): text for value, text in wanted.items()}
                refused = refusing(self.reads, asked)
                rows = self.reads.bc.read_many(self.api, field, list(wanted), select=self.fields, refused=refused)
                for record in sound(self.reads, rows, self.api, names_in(self.fields), asked):
                    yield record, asked[fold(str(record[field]))]

    def with_details(self, records: Iterable[Json], *, in_order: bool) -> Iterator[Pair]:
        """Each record with its detail, as far as one exists. `in_order`: they stand in the order of their keys."""
        yield from ((record, {}) for record in records)

    def called(self, record: Json) -> str:
        """The key of a record."""
        return str(record[self.key])

    def named_by(self, record: Json, detail: Json) -> str:
        """The key under which the ledger knows a record."""
        return self.called(record)

    @abstractmethod
    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[R]]:
        """The rows of a batch."""

    def others(self, window: Window, seen: KeySet) -> Iterator[str]:
        """Those not yet `seen` that have changed though the feed does not say so, by `other_key`."""
        return iter(())

    def named(self, names: Sequence[str]) -> Iterable[Json]:
        """Records that `others` has named."""
        return self.reads.bc.read_many(self.api, self.other_key, names, select=self.fields)


class Plain(Feed[PagedRow]):
    """Records that are what their feed and their page say of them."""

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[PagedRow]]:
        """The rows of a batch."""
        for record, detail in batch:
            yield self.named_by(record, detail), record, PagedRow(feed=record, detail=detail)


# The parts of an id that a record of a feed is found by, each alternative as a whole.
BY_KEY_OR_ID: Collection[frozenset[str]] = (frozenset({"no"}), frozenset({"guid"}))


@dataclass(frozen=True, kw_only=True)
class FromFeed(Generic[R]):
    """The source of a flow that reads a feed; `row` is what it makes of each record."""

    feed: Callable[[Reads], Feed[R]]
    row: type[R]
    finds_by: Collection[frozenset[str]] = BY_KEY_OR_ID

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[R]]:
        """Those modified in the window, and others that changed without that."""
        return self.feed(reads).changed(window)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[R]]:
        """Those named by their key or their GUID."""
        return self.feed(reads).by_ids(ids)
