"""Products."""

from __future__ import annotations

from decimal import Decimal

from include.ipaas.records.base import IPaaSRecord


class Product(IPaaSRecord):
    """A product."""

    id: int | str
    sku: str | None = None
    name: str | None = None
    description: str | None = None
    default_price: Decimal | None = None
    tax_class: str | None = None
    weight: Decimal | None = None
