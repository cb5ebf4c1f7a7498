"""A transaction of a web shop as the flows from iPaaS.com read it."""

from __future__ import annotations

from datetime import date
from typing import Any

from include.mappings.rows_of_ipaas import TransactionRow
from include.settings import SyncSettings
from include.sync.records import Json, MappingContext, Today

OURS, SHOP = 4711, 4712

BILLING = {
    "first_name": "Robert",
    "last_name": "O'Brien",
    "company": "Adatum Corporation",
    "address_1": "1 Main Street",
    "city": "Atlanta",
    "region": "GA",
    "country": "US",
    "postal_code": "31772",
    "is_primary_billing": True,
    "is_primary_shipping": False,
}
SHIPPING = {
    "first_name": "Anna",
    "last_name": "Berg",
    "address_1": "2 Dock Road",
    "address_2": "Gate 4",
    "city": "Chicago",
    "region": "IL",
    "country": "US",
    "postal_code": "61236",
    "phone_number": "+1 555 0100",
    "is_primary_billing": False,
    "is_primary_shipping": True,
}


def line(identifier: int, sku: str, qty: object = 2, price: object = 10, **fields: Any) -> Json:
    """A product line."""
    base = {"id": identifier, "sequence_number": identifier, "sku": sku, "type": "Product", "status": "Pending"}
    return {**base, "qty": qty, "unit_price": price, **fields}


def transaction(**fields: Any) -> Json:
    """A Pending order of two lines."""
    base = {
        "id": 17542,
        "system_id": SHOP,
        "transaction_number": "WEB-1",
        "type": "Order",
        "status": "Pending",
        "customer_id": 501,
        "email_address": "anna@example.net",
        "created_datetime": "2026-03-01T23:30:00-05:00",
        "discount_amount": 0,
        "tax_amount": 0,
        "shipping_amount": 0,
        "total": 50,
        "addresses": [BILLING, SHIPPING],
        "lines": [line(1, "1000"), line(2, "1001", 3)],
    }
    return {**base, **fields}


def read(record: Json | None = None, **more: Any) -> TransactionRow:
    """What the source makes of a transaction: with its buyer, as a customer of type Person by default."""
    own: Json = {"buyer": {"table": "customer", "id": 501}, **more}
    return TransactionRow(record=record or transaction(), **own)


def context(**settings: Any) -> MappingContext:
    """A mapping context with these Variables."""
    return MappingContext(settings=SyncSettings(**settings), system_id=OURS, today=Today(date(2026, 3, 5)))
