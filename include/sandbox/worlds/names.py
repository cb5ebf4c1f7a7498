"""Names, places and sizes that worlds are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

GIVEN = ("Anna", "José", "Zoë", "Li", "Björn", "Fatima", "Seán", "Renée", "Mateusz", "Amélie", "Kofi", "Yuki")
FAMILY = (
    "O'Brien",
    "Müller",
    "García",
    "Nguyễn",
    "Smith",
    "Łukasiewicz",
    "d'Angelo",
    "van der Berg",
    "Sørensen",
    "Tanaka",
)
TRADES = (
    "Bakery",
    "Hardware",
    "Textiles",
    "Logistics",
    "Books",
    "Garden Centre",
    "Optics",
    "Furniture",
    "Tools",
    "Foods",
)
# City, region, postal code, country.
PLACES = (
    ("Atlanta", "GA", "31772", "US"),
    ("Chicago", "IL", "61236", "US"),
    ("München", "", "80331", "DE"),
    ("Zürich", "ZH", "8001", "CH"),
)


@dataclass(frozen=True)
class Size:
    """How many records of each kind a world holds. `shop_…` are born in iPaaS.com, in the Web shop."""

    companies: int = 30
    persons: int = 30
    contacts: int = 20
    items: int = 60
    orders: int = 40
    invoices: int = 16
    prices: int = 30
    shop_companies: int = 6
    shop_customers: int = 8
    shop_products: int = 10
    shop_orders: int = 12
    shop_invoices: int = 8


def person(chance: Random) -> str:
    """A person's name."""
    return f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}"
