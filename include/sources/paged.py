"""Feeds whose details stand on a page that a subscriber publishes: each record stands beside its own row of the page."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from include.business_central.odata import Page
from include.mappings.remembered import WITHOUT_PAGE
from include.sources.feeds import TOGETHER, Feed, Pair, R
from include.sources.reading import FEED_PAGE, from_page, neighbours, refusing
from include.sync.batches import batches
from include.sync.records import Json


class PagedFeed(Feed[R]):
    """A feed with the page that has its details; where that page is gone, API v2.0 says what it knows."""

    # The page, what is lost without it, and the field of its that holds the key.
    page: ClassVar[str]
    lost: ClassVar[Sequence[str]]
    page_key: ClassVar[str] = "No"
    beside_a_page = True

    @abstractmethod
    def page_fields(self) -> Sequence[str]:
        """What is read of its page."""

    @abstractmethod
    def from_api(self, record: Json) -> Json:
        """Its details where the page is gone."""

    def named_by(self, record: Json, detail: Json) -> str:
        """The key as the page has it."""
        return str(detail[self.page_key])

    def with_details(self, records: Iterable[Json], *, in_order: bool) -> Iterator[Pair]:
        """Each record with its detail. `in_order`: they stand in the order of their keys, so that many can be read by ranges.

        A record whose detail is gone was deleted while the feed was read; it is left out.
        """
        select = self.page_fields()
        for read in batches(records, FEED_PAGE if in_order else TOGETHER):
            batch = self._by_their_own_key(read)
            told: set[str] = set()
            rows = from_page(self.reads, self.page, self.lost, partial(self._details, batch, select, told, in_order))
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

    def _details(
        self, batch: Sequence[Json], select: Sequence[str], told: set[str], in_order: bool, page: Page
    ) -> Iterator[Json]:
        """The details of these records. Of those that are refused the run is `told`, once."""
        keys = [str(record[self.key]) for record in batch]
        refuse = refusing(self.reads)

        def refused(value: object, error: Exception) -> None:
            told.add(str(value).upper())
            refuse(value, error)

        if in_order:
            return neighbours(self.reads, page, self.page_key, keys, select, refused=refused)
        return self.reads.bc.read_many(page, self.page_key, keys, select=select, refused=refused)

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
