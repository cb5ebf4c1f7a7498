"""Lines in base units: iPaaS.com knows a product by the unit that it is stocked and priced in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from include.business_central.records.sales import SalesLine
from include.errors import Rejected
from include.mappings.rounding import fine
from include.sync.records import Json
from include.sync.values import fold, text_of

# Where the units of an item can be read.
ITEM_UNITS = "ItemUnitsOfMeasure"
# What is counted in an item's base unit stands under this name beside its other units.
BASE = ""
# Per unit of the line, and counted in it.
_PER_UNIT = ("Unit_Price", "Net_Weight")
_COUNTED = ("Quantity", "Quantity_Shipped", "Quantity_Invoiced")


def in_base_units(lines: Iterable[SalesLine], units: Mapping[str, Any]) -> tuple[list[SalesLine], tuple[str, ...]]:
    """Lines with quantities and prices per base unit, and notes about those that were in another unit.

    `units` holds, by folded item No, `base` and `holds`: how many of it a unit holds, by folded code; and `advice` where
    those of the item cannot be read. An item that it does not name is in its base unit. Raises Rejected for a unit whose
    size is not known.
    """
    found = [_converted(line, units) for line in lines]
    return [line for line, _ in found], tuple(note for _, note in found if note)


def counted(line: SalesLine, quantity: Decimal, units: Mapping[str, Any]) -> dict[str, Decimal]:
    """A quantity of a line in every unit of its item, by folded code, and in base units under `BASE`: who owns a document
    may count in any of them. Raises Rejected as `in_base_units` does.
    """
    known = _known(line, units)
    if known is None:
        return {BASE: quantity}
    base = quantity * (_size(line, known) or 1)
    sizes = {unit: Decimal(size) for unit, size in known["holds"].items()}
    # Rounded last: in the line's own unit it is what it was.
    return {BASE: fine(base), **{unit: fine(base / size) for unit, size in sizes.items() if size}}


def _known(line: SalesLine, units: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = units.get(fold(line.No or "")) if line.Type == "Item" else None
    return found


def _converted(line: SalesLine, units: Mapping[str, Any]) -> tuple[SalesLine, str]:
    known = _known(line, units)
    size = _size(line, known) if known else None
    if known is None or size is None:
        return line, ""
    changes: dict[str, Any] = {name: fine(getattr(line, name) * size) for name in _COUNTED}
    changes |= {name: fine(value / size) for name in _PER_UNIT if (value := getattr(line, name)) is not None}
    converted = line.model_copy(update=changes)
    return converted, (
        f"Line {line.Line_No} ({line.No}): {text_of(line.Quantity)} {line.Unit_of_Measure_Code} are "
        f"{text_of(converted.Quantity)} {known['base']}."
    )


def _size(line: SalesLine, known: Mapping[str, Any]) -> Decimal | None:
    """How much of its item's base unit the line's unit holds; None when it is in the base unit."""
    unit = line.Unit_of_Measure_Code
    if not unit or fold(unit) == fold(known["base"]):
        return None
    size = Decimal(known["holds"].get(fold(unit)) or 0)
    if not size:
        raise Rejected(
            f"Line {line.Line_No} is {text_of(line.Quantity)} {unit} of item {line.No}, which is stocked in "
            f"{known['base']}, and how many {known['base']} a {unit} holds cannot be read.",
            known.get("advice")
            or f"Give item {line.No} the unit {unit} again in Business Central, or change the line's unit.",
        )
    return size


def unit_sizes(rows: Sequence[Json]) -> dict[str, dict[str, str]]:
    """How many base units a unit holds, by folded item No and folded code, of rows of the page of item units."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        sizes = found.setdefault(fold(str(row["Item_No"])), {})
        sizes[fold(str(row["Code"]))] = str(row["Qty_per_Unit_of_Measure"])
    return found
