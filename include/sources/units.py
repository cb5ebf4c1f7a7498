"""The units that items are counted in: the base unit of each, and how much of it the others hold; read once per run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from include.business_central.odata import Api, Page
from include.business_central.records.base import unblank
from include.mappings.units import ITEM_UNITS, unit_sizes
from include.sync.flow import Reads
from include.sync.records import Json
from include.sync.values import fold

_ITEMS = Api("items")
# A page of lines of the subscriber's own may show how much a line's unit holds.
_OWN_FIELD = "Qty_per_Unit_of_Measure"


@dataclass(kw_only=True)
class Units:
    """What is known of the units of items. `lines` is the page of lines that are read with it, if it is a page."""

    reads: Reads
    lines: Page | None = None
    _bases: dict[str, str] = field(default_factory=dict)
    _sizes: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, rows: Iterable[Json]) -> dict[str, Json]:
        """The units of the items of these lines that have another one than their base unit, by folded item No.

        A line in the base unit may be of an order whose owner counts in another.
        """
        named = [(fold(str(row["No"])), fold(unit), row) for row in rows if (unit := _unit(row))]
        self._know_bases(no for no, _, _ in named)
        self._know_sizes(no for no, _, _ in named)
        other = [(no, unit, row) for no, unit, row in named if unit != fold(self._bases.get(no) or unit)]
        self._know_from_lines([row for no, unit, row in other if unit not in self._sizes.get(no, {})])
        short = {no for no, unit, _ in other if unit not in self._sizes.get(no, {})}
        unread = short and not self.reads.bc.published(ITEM_UNITS)
        advice = {"advice": self.reads.bc.how_to_publish(ITEM_UNITS)} if unread else {}
        several = {
            no
            for no, _, _ in named
            if no in self._bases and len(self._sizes.get(no, {}).keys() | {fold(self._bases[no])}) > 1
        }
        wanted = sorted({no for no, _, _ in other} | several)
        return {
            no: {"base": self._bases[no], "holds": self._sizes.get(no, {}), **(advice if no in short else {})}
            for no in wanted
        }

    def _know_bases(self, numbers: Iterable[str]) -> None:
        unknown = sorted({no for no in numbers if no not in self._bases})
        select = ("number", "baseUnitOfMeasureCode")
        for row in self.reads.bc.read_many(_ITEMS, "number", unknown, select=select) if unknown else ():
            self._bases[fold(str(row["number"]))] = str(unblank(row["baseUnitOfMeasureCode"]) or "")

    def _know_sizes(self, numbers: Iterable[str]) -> None:
        unknown = sorted({no for no in numbers if no not in self._sizes})
        if unknown and self.reads.bc.published(ITEM_UNITS):
            select = ("Item_No", "Code", _OWN_FIELD)
            rows = list(self.reads.bc.read_many(Page(ITEM_UNITS), "Item_No", unknown, select=select))
            self._sizes |= {**{no: {} for no in unknown}, **unit_sizes(rows)}

    def _know_from_lines(self, rows: Sequence[Json]) -> None:
        if not rows or not self._lines_tell or self.lines is None:
            return
        numbers = sorted({str(row["Document_No"]) for row in rows if row.get("Document_No")})
        if not numbers:
            return
        select = ("Document_No", "Line_No", "Type", "No", "Unit_of_Measure_Code", _OWN_FIELD)
        for row in self.reads.bc.read_many(self.lines, "Document_No", numbers, select=select):
            if unit := _unit(row):
                self._sizes.setdefault(fold(str(row["No"])), {}).setdefault(fold(unit), str(row[_OWN_FIELD]))

    @cached_property
    def _lines_tell(self) -> bool:
        page = self.lines
        if page is None or not self.reads.bc.published(page.name):
            return False
        return _OWN_FIELD in self.reads.bc.fields(page.name)


def units_of(units: Mapping[str, Json], rows: Iterable[Json]) -> dict[str, Json]:
    """Those units that these lines need; none where they are all in their items' base units."""
    return {no: units[no] for row in rows if (no := fold(str(row.get("No")))) in units}


def _unit(row: Json) -> str | None:
    """The unit of an item's line, under the names of page 46."""
    if row.get("Type") != "Item" or not unblank(row.get("No")):
        return None
    unit = unblank(row.get("Unit_of_Measure_Code"))
    return str(unit) if unit else None
