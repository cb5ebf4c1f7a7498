"""Small tables that are published as one page, know no modification time, and are read whole each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from include.business_central.odata import Page
from include.errors import Unreadable
from include.mappings.rows import PagedRow
from include.sources.reading import from_page, refusing, sound
from include.sync.asked import AskedId
from include.sync.flow import Reads, Window
from include.sync.records import Json, SourceRecord
from include.sync.values import fold


@dataclass(frozen=True, kw_only=True)
class WholePage:
    """A page keyed by `Code`. `lost` says what is missing in iPaaS.com when the page is not published any more."""

    page: str
    fields: tuple[str, ...]
    lost: str

    row: ClassVar = PagedRow
    finds_by: ClassVar = (frozenset({"no"}),)

    def changed(self, reads: Reads, window: Window) -> Iterator[SourceRecord[PagedRow]]:
        """Every record, whatever the window."""
        rows = from_page(
            reads,
            self.page,
            [self.lost],
            lambda page: reads.bc.read(page, select=self.fields, read_only=True),
        )
        for row in sound(reads, rows or (), Page(self.page), ["Code"]):
            yield self._record(row)

    def by_ids(self, reads: Reads, ids: Sequence[AskedId]) -> Iterator[SourceRecord[PagedRow]]:
        """The records with these codes. Raises Unreadable where the page is gone."""
        asked = {fold(a.parts["no"]): a.text for a in ids}
        codes = [a.parts["no"] for a in ids]
        rows = from_page(
            reads,
            self.page,
            [self.lost],
            lambda page: reads.bc.read_many(page, "Code", codes, select=self.fields, refused=refusing(reads, asked)),
        )
        if rows is None:
            raise Unreadable
        for row in sound(reads, rows, Page(self.page), ["Code"]):
            yield self._record(row, asked[fold(str(row["Code"]))])

    def _record(self, row: Json, asked: str | None = None) -> SourceRecord[PagedRow]:
        return SourceRecord(key=str(row["Code"]), data=PagedRow(detail=row), asked=asked)
