"""How Business Central rounds: amounts to the decimals of a document's currency, quantities and unit prices to five."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from include.business_central.records.base import unblank

# The decimals that Business Central keeps of quantities and unit prices.
_FINE = Decimal("0.00001")


def fine(value: Decimal) -> Decimal:
    """A quantity or a unit price, rounded half away from zero."""
    return value.quantize(_FINE, ROUND_HALF_UP)


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """The decimals that amounts of a currency have."""

    decimals: int = 2

    @property
    def unit(self) -> Decimal:
        """The smallest amount there is."""
        return Decimal(1).scaleb(-self.decimals)

    def of(self, value: Decimal) -> Decimal:
        """An amount rounded half away from zero."""
        return value.quantize(self.unit, ROUND_HALF_UP)


def rounding_of(places: Any, precision: Any = None) -> Rounding:
    """The rounding of a currency by its decimal places, as `2:2` (the fewest and the most that are shown).

    Where those are blank, the decimals of `precision` are taken; it alone does not tell, since API v2.0 shows the
    rounding of whole invoices under that name: 0.05 for francs, whose amounts have cents.
    """
    most = str(unblank(places) or "").rpartition(":")[2].strip()
    if most.isdecimal():
        return Rounding(decimals=int(most))
    exponent = Decimal(str(precision or "0.01")).normalize().as_tuple().exponent
    return Rounding(decimals=max(0, -int(exponent)))


def roundings(rows: list[Mapping[str, Any]]) -> dict[str, Rounding]:
    """By upper-cased code: the roundings of these rows of `currencies`."""
    return {
        str(row["code"]).upper(): rounding_of(row.get("amountDecimalPlaces"), row.get("amountRoundingPrecision"))
        for row in rows
    }
