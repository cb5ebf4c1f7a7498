"""The amounts of a sales document: line amounts, the invoice discount over its lines, VAT, totals. Everything Decimal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from include.sandbox.bc.tenant import Row

ZERO = Decimal(0)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The sums of a document, in its currency."""

    lines: Decimal
    discount: Decimal
    excluding: Decimal
    including: Decimal

    @property
    def vat(self) -> Decimal:
        """The VAT in it."""
        return self.including - self.excluding


def number(value: Any) -> Decimal:
    """A value of a row as a Decimal; absence is zero."""
    return Decimal(str(value)) if value not in (None, "") else ZERO


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero, as Business Central rounds."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def gross(line: Row, places: int) -> Decimal:
    """Quantity times price, before any discount."""
    return rounded(number(line.get("Quantity")) * number(line.get("Unit Price")), places)


def discount_by_percent(line: Row, places: int) -> None:
    """Work out a line's discount and amount from its percentage."""
    full = gross(line, places)
    line["Line Discount Amount"] = rounded(full * number(line.get("Line Discount %")) / _HUNDRED, places)
    line["Line Amount"] = full - line["Line Discount Amount"]


def discount_by_amount(line: Row, amount: Decimal, places: int) -> None:
    """Work out a line's percentage and amount from its discount."""
    full = gross(line, places)
    line["Line Discount Amount"] = rounded(amount, places)
    line["Line Discount %"] = rounded(amount / full * _HUNDRED, 5) if full else ZERO
    line["Line Amount"] = full - line["Line Discount Amount"]


def shares(total: Decimal, weights: Sequence[Decimal], places: int) -> list[Decimal]:
    """A total over weights, each share rounded, and together the total to the last digit."""
    whole = sum(weights, ZERO)
    given, running, found = ZERO, ZERO, []
    for weight in weights:
        running += weight
        upto = rounded(total * running / whole, places) if whole else ZERO
        found.append(upto - given)
        given = upto
    return found


def spread_discount(lines: Iterable[Row], discount: Decimal, places: int) -> None:
    """The invoice discount over the lines that take part in it."""
    taking = [line for line in lines if line.get("Allow Invoice Disc.", True) and line.get("Type", " ") != " "]
    parts = shares(discount, [number(line.get("Line Amount")) for line in taking], places)
    for line, part in zip(taking, parts, strict=True):
        line["Inv. Discount Amount"] = part


def settle(lines: Sequence[Row], *, including_vat: bool, places: int) -> Totals:
    """Set each line's amounts without and with VAT, and sum them up.

    VAT is worked out per rate over the whole document and given to its lines, so that rounding happens once.
    """
    rates: dict[Decimal, list[Row]] = {}
    for line in lines:
        rates.setdefault(number(line.get("VAT %")), []).append(line)
    for rate, group in rates.items():
        nets = [number(line.get("Line Amount")) - number(line.get("Inv. Discount Amount")) for line in group]
        base = _HUNDRED + rate if including_vat else _HUNDRED
        vats = shares(rounded(sum(nets, ZERO) * rate / base, places), nets, places)
        for line, net, vat in zip(group, nets, vats, strict=True):
            line["Amount"] = net - vat if including_vat else net
            line["Amount Including VAT"] = net if including_vat else net + vat

    def summed(field: str) -> Decimal:
        return sum((number(line.get(field)) for line in lines), ZERO)

    return Totals(
        lines=summed("Line Amount"),
        discount=summed("Inv. Discount Amount"),
        excluding=summed("Amount"),
        including=summed("Amount Including VAT"),
    )
