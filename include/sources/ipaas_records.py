"""How flows read iPaaS.com: what has no external id of ours yet, records by id, and for backfills the whole list.

A record is read whole: with its link, with the external ids of what it refers to, and, when it is not linked, with
whom the records that it may be belong to. So the stages after this one need not ask iPaaS.com any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import ValidationError

from include.errors import ODD, ServiceError, said_of
from include.ipaas.endpoints import Endpoint
from include.ipaas.external_ids import external_id_of, id_from, is_summary, reference
from include.mappings.rows_of_ipaas import IPaaSRow
from include.sources.nested import named_records
from include.sources.unlinked import touched, unlinked_ids
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.called import keep_name
from include.sync.flow import Reads, Window
from include.sync.ledger.entries import State
from include.sync.listing import LIST_FROM, Listing, from_list
from include.sync.records import ASK, Json, SourceRecord
from include.sync.staging.keyset import KeySet
from include.transport.parallel import in_parallel

if TYPE_CHECKING:
    from include.ipaas.lists import ListPage

R = TypeVar("R", bound=IPaaSRow)
_BATCH = 100
_LOOK_UP = 1_000


def _no_refs(row: IPaaSRow) -> Iterable[tuple[str, Any]]:
    return ()


def _no_numbers(row: IPaaSRow) -> Sequence[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class IPaaSRecords(Generic[R]):
    """The records of one endpoint. `flow` is the flow that they are read for, `row` what is made of each.

    `refs` names what a record refers to: (table, iPaaS.com id). `numbers` are the external ids that an unlinked record
    may be given or matched by; of each it is asked which record has it.
    """

    endpoint: Endpoint
    flow: str
    row: type[R]
    refs: Callable[[R], Iterable[tuple[str, Any]]] = _no_refs
    numbers: Callable[[R], Sequence[str]] = _no_numbers

    finds_by: ClassVar = (frozenset({"id"}),)

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[R]]:
        """A poll: what iPaaS.com lists as missing. A backfill, and who compares: everything modified in the window."""
        if window.until is not None or window.linked:
            yield from self._complete(
                reads, (r for r in self._whole(reads) if isinstance(r, SourceRecord) or _within(r, window))
            )
            return
        missing, wanted = unlinked_ids(reads, self.endpoint, window), KeySet()
        settled: dict[str, str] = {}
        for batch in batches(missing, _LOOK_UP):
            ids = self._to_read(reads, batch, window)
            settled |= self._settled(reads, ids)
            for ipaas_id in ids:
                wanted.add(ipaas_id)
        yield from self._complete(reads, self._read(reads, wanted), settled)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[R]]:
        """Records by their iPaaS.com id, or that of a record nested in them."""
        named = named_records(reads, self.endpoint, ids)
        texts: dict[str, list[str]] = {}
        for ipaas_id, asked in named:
            texts.setdefault(ipaas_id, []).append(asked.text)
        wanted = KeySet()
        for ipaas_id in texts:
            wanted.add(ipaas_id)
        settled = self._settled(reads, list(texts))
        for record in self._complete(reads, self._read(reads, wanted), settled):
            for text in texts[record.key]:
                yield replace(record, asked=text)

    def row_of(self, reads: Reads, record: Json) -> R:
        """A record that is linked and was read elsewhere, as this flow would map it."""
        row = self.row(record=record)
        refs, _ = self._named(row)
        linked = external_id_of(record, reads.plan.system_id)
        return replace(row, refs=_external_ids(reads, refs), linked=linked or str(record["id"]))

    def _settled(self, reads: Reads, ids: Sequence[str]) -> dict[str, str]:
        """Links that iPaaS.com has been told of; looked at before the records, which then must carry them."""
        return reads.ledger.external_ids(self.endpoint.table, ids, pushed=True)

    def _to_read(self, reads: Reads, ids: Sequence[str], window: Window) -> list[str]:
        """What is missing and has not been dealt with. A window without `since` looks at everything again."""
        known = reads.ledger.transfers(self.flow, ids)
        hooked = reads.ledger.announced(self.flow, ids)
        # Linked by us, and iPaaS.com is told of it at the end of a run.
        told_later = reads.ledger.external_ids(self.endpoint.table, ids, pushed=False)

        def wanted(ipaas_id: str) -> bool:
            if ipaas_id in hooked or ipaas_id in told_later:
                return False
            transfer = known.get(ipaas_id)
            if transfer is None:
                return True
            if transfer.state != State.done:
                # Read when it is due.
                return window.since is None
            left_out = (transfer.outcome or {}).get("result") == "skipped"
            # Done and missing all the same: somebody has removed the link.
            return window.since is None or not left_out

        return [ipaas_id for ipaas_id in ids if wanted(ipaas_id)]

    def _pages(self, reads: Reads, ahead: int | None = None) -> Iterator[ListPage]:
        """The whole list; entries that are no records are rejected by their place."""
        for page in reads.ipaas.pages(self.endpoint, ahead=ahead):
            for odd in page.odd:
                reads.reject(f"{odd.place} of the list of {self.endpoint.name}", odd.why)
            yield page

    def _whole(self, reads: Reads) -> Iterator[Json | SourceRecord[R]]:
        """Every record, each that the list does not show whole by itself."""
        listing = Listing(self.endpoint, reads.plan.system_id)
        summaries: list[str] = []
        for row in from_list(self._pages(reads), listing, lambda page: page.records):
            reads.links.know(self.endpoint, listing)
            if not is_summary(row):
                yield row
                continue
            summaries.append(str(row["id"]))
            if len(summaries) == _BATCH:
                yield from self._each(reads, summaries)
                summaries = []
        yield from self._each(reads, summaries)

    def _each(self, reads: Reads, ids: Iterable[str]) -> Iterator[Json | SourceRecord[R]]:
        """Records by themselves, as far as they are there; several at once."""
        for found in in_parallel((partial(self._one, reads, i) for i in ids), reads.ipaas.concurrency):
            if found is not None:
                yield found

    def _one(self, reads: Reads, ipaas_id: str) -> Json | SourceRecord[R] | None:
        """A record by itself, if it is there."""
        found: Json | None = None
        with isolated() as fault:
            found = reads.ipaas.get(self.endpoint, ipaas_id)
        return SourceRecord[Any](key=ipaas_id, data={}, asked=ipaas_id, problem=fault[0]) if fault else found

    def _read(self, reads: Reads, wanted: KeySet) -> Iterator[Json | SourceRecord[R]]:
        if len(wanted) >= LIST_FROM:
            listing = Listing(self.endpoint, reads.plan.system_id)

            def pick(page: ListPage) -> list[Json]:
                return [row for row in page.records if not is_summary(row) and str(row["id"]) in wanted]

            for record in from_list(self._pages(reads, len(wanted)), listing, pick, len(wanted)):
                reads.links.know(self.endpoint, listing)
                if wanted.discard(str(record["id"])):
                    yield record
        # What a list has not shown is read by itself.
        yield from self._each(reads, wanted)

    def _complete(
        self, reads: Reads, records: Iterable[Json | SourceRecord[R]], settled: Mapping[str, str] | None = None
    ) -> Iterator[SourceRecord[R]]:
        for batch in batches(records, _BATCH):
            yield from (entry for entry in batch if isinstance(entry, SourceRecord))
            read = [entry for entry in batch if not isinstance(entry, SourceRecord)]
            keys = [str(record["id"]) for record in read]
            known = reads.ledger.transfers(self.flow, keys)
            rows = [self.row(record=record) for record in read]
            reads.links.ask_ahead(self.endpoint.table, chain.from_iterable(self._numbers_of(reads, r) for r in rows))
            for row, key in zip(rows, keys, strict=True):
                with isolated() as fault:
                    asked = known[key].memory.get(ASK, ()) if key in known else ()
                    row = self._extended(reads, row, key, settled or {}, asked)
                yield SourceRecord(key=key, data=row, asked=key, problem=fault[0] if fault else None)

    def _numbers_of(self, reads: Reads, row: R) -> Sequence[str]:
        """The numbers that an unlinked record may have."""
        with isolated():
            return () if external_id_of(row.record, reads.plan.system_id) else self._named(row)[1]
        return ()

    def _extended(self, reads: Reads, row: R, key: str, settled: Mapping[str, str], asked: Sequence[str]) -> R:
        """A record with its link, what it refers to, and whom the records that it may be belong to."""
        refs, numbers = self._named(row)
        known = _external_ids(reads, refs)
        linked = external_id_of(row.record, reads.plan.system_id)
        if linked:
            keep_name(reads.ledger, self.endpoint.table, linked, id_from(key), row.record.get(self.endpoint.key))
            return replace(row, refs=known, linked=linked)
        if key in settled:
            # iPaaS.com is the authority: it knew the link and does not have it any more.
            reads.ledger.unlink(self.endpoint.table, settled[key])
        return replace(row, refs=known, holders=reads.links.holders(self.endpoint.table, [*numbers, *asked]))

    def _named(self, row: R) -> tuple[list[tuple[str, Any]], Sequence[str]]:
        """What a record refers to, and the numbers that it may have."""
        try:
            return list(self.refs(row)), self.numbers(row)
        except ValidationError:
            return [], ()  # it says so when it is mapped


@contextmanager
def isolated() -> Iterator[list[str]]:
    """Keep what is wrong with one record from the others: what it was, in words, stands in the list afterwards."""
    fault: list[str] = []
    try:
        yield fault
    except ODD as error:
        fault.append(said_of(error))
    except ServiceError as error:
        if not error.concerns_one:
            raise
        fault.append(f"{error} {error.advice}".strip().rstrip("."))


def _external_ids(reads: Reads, refs: Iterable[tuple[str, Any]]) -> dict[str, dict[str, str]]:
    wanted: dict[str, list[Any]] = {}
    for table, ipaas_id in refs:
        if reference(ipaas_id, f"The id of its {table}") is not None:
            wanted.setdefault(table, []).append(ipaas_id)
    return {table: reads.links.external_ids(table, ids) for table, ids in wanted.items()}


def _within(record: Json, window: Window) -> bool:
    """Whether a record was last modified in the window; one without a date is always read."""
    moment = touched(record)
    if moment is None:
        return True
    return (window.since is None or moment >= window.since) and (window.until is None or moment < window.until)
