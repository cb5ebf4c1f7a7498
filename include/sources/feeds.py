"""What all sources of Business Central do alike: follow a feed, complete its records, and find those that are asked for.

A source says which feed, which page has its details and what rows are made of both; whatever it learns is kept for the
run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Generic, TypeVar

from include.business_central.odata import Api, Page
from include.mappings.remembered import WITHOUT_PAGE
from include.mappings.rows import PagedRow
from include.sources.reading import BY_NAME, FEED_PAGE, each, feed, from_page, names_in, neighbours, refusing, sound
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


class Feed(Generic[R]):
    """The records of one resource of API v2.0, for one run. What a source is other in, it overrides."""

    api: Api
    # What is read of each record, and the field that it is named by.
    fields: Sequence[str]
    key: ClassVar[str] = "number"
    where: str | None = None
    # Whether records are read by their key even where they need not stand beside a page's.
    in_order: ClassVar[bool] = False
    # The page that has its details, what is lost without it, and the field of its that holds the key.
    page: ClassVar[str] = ""
    lost: ClassVar[Sequence[str]] = ()
    page_key: ClassVar[str] = "No"
    # By what field `others` names records.
    other_key: ClassVar[str] = "number"
    # Whether a record is the same under another key, by its id.
    renumbers: ClassVar[bool] = True

    def __init__(self, reads: Reads) -> None:
        self.reads = reads

    def changed(self, window: Window) -> Iterator[SourceRecord[R]]:
        """Those modified in the window, and others that changed without that."""
        whole, seen = window.since is None and window.until is None, KeySet()
        by = self.key if self.in_order or (whole and self.page) else ""
        records = feed(self.reads, self.api, window, select=self.fields, where=self.where, by=by)
        for record in self.complete(records, whole=whole):
            seen.add(fold(record.key))
            yield record
        for names in () if whole else batches(self.others(window, seen), 100):
            yield from self.complete(self.named(names))

    def by_ids(self, ids: Sequence[AskedId]) -> Iterator[SourceRecord[R]]:
        """Those named by their key or their GUID."""
        found = list(self._asked_for(ids))
        asked = {str(record["id"]): text for record, text in found}
        yield from self.complete((record for record, _ in found), asked=asked)

    def complete(
        self, records: Iterable[Json], *, whole: bool = False, asked: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord[R]]:
        """Records of the feed with all that belongs to them; `asked` says by their ids how they were asked for."""

        def whole_records(batch: Sequence[Pair]) -> Iterator[SourceRecord[R]]:
            for key, record, row in self.rows(batch):
                own = str(record["id"])
                yield SourceRecord(
                    key=key, data=row, asked=(asked or {}).get(own), record_id=own if self.renumbers else None
                )

        for batch in batches(self._with_details(records, whole=whole), BY_NAME):
            yield from each(batch, whole_records, lambda pair: self.called(pair[0]))

    def _asked_for(self, ids: Sequence[AskedId]) -> Iterator[tuple[Json, str]]:
        """Records asked for by their key (`no`) or their GUID (`guid`), each with the id as it was asked."""
        for part, field in (("no", self.key), ("guid", "id")):
            wanted = {one.parts[part]: one.text for one in ids if part in one.parts}
            if wanted:
                asked = {fold(value): text for value, text in wanted.items()}
                refused = refusing(self.reads, asked)
                rows = self.reads.bc.read_many(self.api, field, list(wanted), select=self.fields, refused=refused)
                for record in sound(self.reads, rows, self.api, names_in(self.fields)):
                    yield record, asked[fold(str(record[field]))]

    def _with_details(self, records: Iterable[Json], *, whole: bool) -> Iterator[Pair]:
        """Each record with its detail. `whole`: the records are the whole table, in the order of their keys.

        A record whose detail is gone was deleted while the feed was read; it is left out.
        """
        if not self.page:
            yield from ((record, {}) for record in records)
            return
        select = self.page_fields()
        for read in batches(records, FEED_PAGE if whole else BY_NAME):
            batch = self._by_their_own_key(read)
            told: set[str] = set()
            rows = from_page(self.reads, self.page, self.lost, partial(self._details, batch, select, told))
            if rows is None:
                # What the page alone knows, fields of one's own among it, is blank then: no fault of the record.
                unknown = {**dict.fromkeys(select, ""), WITHOUT_PAGE: True}
                yield from ((record, {**unknown, **self.from_api(record)}) for record in batch)
                continue
            # Not folded: a key that differs in a no-break space is another record's.
            details = {str(row[self.page_key]).upper(): row for row in rows}
            lacking = []
            for record in batch:
                detail = details.get(self._key_of(record))
                if detail is not None:
                    yield record, detail
                elif self._key_of(record) not in told:
                    lacking.append(record)
            self._reject_what_is_there(lacking)

    def _key_of(self, record: Json) -> str:
        return str(record[self.key]).upper()

    def _details(self, batch: Sequence[Json], select: Sequence[str], told: set[str], page: Page) -> Iterator[Json]:
        """The details of these records. Of those that are refused the run is `told`, once."""
        keys = [str(record[self.key]) for record in batch]
        refuse = refusing(self.reads)

        def refused(value: object, error: Exception) -> None:
            told.add(str(value).upper())
            refuse(value, error)

        return neighbours(self.reads, page, self.page_key, keys, select, refused=refused)

    def _by_their_own_key(self, records: Sequence[Json]) -> Sequence[Json]:
        """The records without those that say a key which is another's: they are rejected by their id."""
        ids: dict[str, set[str]] = {}
        for record in records:
            ids.setdefault(self._key_of(record), set()).add(str(record["id"]))
        shared = [key for key, own in ids.items() if len(own) > 1]
        if not shared:
            return records
        rows = self.reads.bc.read_many(self.api, self.key, shared, select=("id", self.key))
        owners = {str(row["id"]) for row in rows if isinstance(row.get("id"), str)}
        sound_ones = []
        for record in records:
            if self._key_of(record) not in shared or str(record["id"]) in owners:
                sound_ones.append(record)
            else:
                self._reject(record, f"{self.key} is {record[self.key]!r}, which is another's")
        return sound_ones

    def _reject_what_is_there(self, records: Sequence[Json]) -> None:
        """Of records without a detail, reject those that have not been deleted: what they are known by is not theirs."""
        if not records:
            return
        keys = {str(record["id"]): str(record[self.key]) for record in records}
        for row in self.reads.bc.read_many(self.api, "id", list(keys), select=("id", self.key)):
            key = keys.get(str(row.get("id")))
            # One that has another key by now was renamed, and comes with the next poll.
            if key is not None and str(row.get(self.key)).upper() == key.upper():
                self._reject(row, f"{self.key} is {key!r}, and {self.page} has none of that")

    def _reject(self, record: Json, why: str) -> None:
        self.reads.reject(f"{self.api.name} id {record['id']}", why)

    def called(self, record: Json) -> str:
        """The key of a record."""
        return str(record[self.key])

    def page_fields(self) -> Sequence[str]:
        """What is read of its page."""
        raise NotImplementedError

    def from_api(self, record: Json) -> Json:
        """Its details where the page is gone."""
        raise NotImplementedError

    def rows(self, batch: Sequence[Pair]) -> Iterable[Keyed[R]]:
        """The rows of a batch."""
        raise NotImplementedError

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
            key = str(detail[self.page_key]) if self.page else self.called(record)
            yield key, record, PagedRow(feed=record, detail=detail)


@dataclass(frozen=True, kw_only=True)
class FromFeed(Generic[R]):
    """The source of a flow that reads a feed; `row` is what it makes of each record."""

    feed: Callable[[Reads], Feed[R]]
    row: type[R]

    finds_by: ClassVar[Collection[frozenset[str]]] = (frozenset({"no"}), frozenset({"guid"}))

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[R]]:
        """Those modified in the window, and others that changed without that."""
        return self.feed(reads).changed(window)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[R]]:
        """Those named by their key or their GUID."""
        return self.feed(reads).by_ids(ids)
