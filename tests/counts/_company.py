"""The company that random sales are made in: customers and items with every set-up that amounts depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bench import Bench
from webshop import Shop

from include.sandbox.bc.units import add_unit

SHIPPING = "40410"
# Items of which the boxed ones are stocked in pieces and sold in boxes of six.
ITEMS = ("I0", "I1", "I2", "I3", "I4", "I5")
BOXED = ("I1", "I4")
BOX = 6
# The decimals of amounts, by currency.
PLACES = {"EUR": 2, "JPY": 0, "KWD": 3, "RSD": 2, "CHF": 2}


@dataclass
class Company:
    """What sales are made of. `customers` are iPaaS.com ids by number; `taxed` bear tax of Business Central's own."""

    shop: Shop
    customers: Mapping[str, Any]
    taxed: frozenset[str]
    decimals: int
    ships: bool
    own: str = "USD"

    def currency_of(self, customer: str) -> str:
        """The currency of a customer's documents when nothing else is said."""
        return "EUR" if customer == "PEUR" else self.own


def settings_of(block: int) -> dict[str, Any]:
    """The Variables of a block of sales: with and without a shipping account, and a group that bears no tax."""
    invoice = {"shipping_account": SHIPPING, "tax_account": "22700", "payment_journal": "WEBSHOP"}
    if block % 3 != 2:
        invoice["no_tax_group"] = "NO VAT"
    order = {"shipping_account": SHIPPING} if block % 2 else {}
    return {"bc_create_defaults": {"invoice": invoice, "sales_order": order}}


def make_company(bench: Bench, block: int) -> Company:
    """Fill an empty world."""
    shop, bc = Shop(bench), bench.sandbox.bc
    decimals = (2, 3, 0)[block % 3]
    bc.change("General Ledger Setup", "", **{"Amount Decimal Places": f"{decimals}:{decimals}"})
    bc.publish("GeneralLedgerSetup")
    bc.publish("ItemUnitsOfMeasure")
    bc.add("Tax Group", {"Code": "NO VAT", "Description": "Nothing"})
    fields: dict[str, dict[str, Any]] = {
        "P": {"VAT Bus. Posting Group": "EXPORT"},
        "PVAT": {},
        "PINCL": {"Prices Including VAT": True},
        "PEUR": {"Currency Code": "EUR", "VAT Bus. Posting Group": "EXPORT"},
        "PTAX": {"Tax Liable": True, "Tax Area Code": "ATLANTA", "VAT Bus. Posting Group": "EXPORT"},
    }
    customers = {no: shop.customer(no, **more)["id"] for no, more in fields.items()}
    for place, no in enumerate(ITEMS):
        shop.item(no, 10 + place, **{"VAT Prod. Posting Group": "STANDARD", "Tax Group Code": "TAXABLE"})
        if no in BOXED:
            bc.change("Item", no, **{"Sales Unit of Measure": "BOX"})
            add_unit(bc, no, "BOX", BOX)
    return Company(
        shop=shop,
        customers=customers,
        taxed=frozenset({"PVAT", "PINCL", "PTAX"}) if block % 3 == 2 else frozenset(),
        decimals=decimals,
        ships=bool(block % 2),
    )


def text(value: Decimal) -> str:
    """A figure as a person writes it."""
    return f"{value.normalize():f}" if value else "0"
