"""Which prices of a product change, and from what to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from include.mappings.products import DEFAULT_FIELD_SEPARATOR, DEFAULT_RECORD_DELIMITER, PRICES_OF
from include.settings import SyncSettings
from include.sync.approval.prices import in_fields, percent
from include.sync.outcomes import Change

_OWN = in_fields("default_price")
# Where the parts of a price stand in its text: what it is the price of, without its dates, and the price.
_OF, _PRICE = (0, 1, 3, 4, 5), 2


def prices_to_ipaas(change: Change, settings: SyncSettings) -> Iterable[tuple[Any, Any]]:
    """The price of a product, or those of a sales code, which stand in one text.

    One of a sales code is compared with the price for the same quantity, currency, unit and variant that comes nearest:
    prices follow each other by their dates.
    """
    if not change.field.startswith(f"custom_fields[{PRICES_OF}"):
        return _OWN(change, settings)
    return list(_pairs(str(change.before or ""), str(change.after or ""), settings))


def _pairs(before: str, after: str, settings: SyncSettings) -> Iterator[tuple[Any, Any]]:
    earlier: dict[tuple[str, ...], list[str]] = {}
    for of, price in _parts(before, settings):
        earlier.setdefault(of, []).append(price)
    for of, price in _parts(after, settings):
        if of in earlier:
            yield min(earlier[of], key=lambda was: percent(was, price) or Decimal(0)), price


def _parts(text: str, settings: SyncSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    delimiter = settings.bc_sales_price_record_delimiter or DEFAULT_RECORD_DELIMITER
    separator = settings.bc_sales_price_field_separator or DEFAULT_FIELD_SEPARATOR
    for record in text.split(delimiter):
        parts = record.split(separator)
        if len(parts) > max(_OF):
            yield tuple(parts[n] for n in _OF), parts[_PRICE]
