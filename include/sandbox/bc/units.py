"""The units that items are counted in: how much of its base unit a unit of an item holds."""

from __future__ import annotations

from decimal import Decimal

from include.sandbox.bc.tenant import Row, Tenant


def add_unit(tenant: Tenant, item: str, code: str, quantity: float | Decimal) -> Row:
    """Give an item a further unit that holds so many of its base unit."""
    fields = {"Item No.": item, "Code": code, "Qty. per Unit of Measure": Decimal(str(quantity))}
    return tenant.add("Item Unit of Measure", fields)


def quantity_per(tenant: Tenant, item: str, code: str) -> Decimal | None:
    """How many of an item's base unit one of a unit is; None when the item does not have that unit."""
    row = tenant.get("Item", item) or {}
    if code.upper() == str(row.get("Base Unit of Measure") or "").upper():
        return Decimal(1)
    unit = tenant.get("Item Unit of Measure", item, code)
    return None if unit is None else Decimal(str(unit["Qty. per Unit of Measure"]))
