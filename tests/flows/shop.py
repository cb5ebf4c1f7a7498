"""A small company that sells: customers, items and documents in Business Central, for tests of sales flows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bench import Bench

Json = dict[str, Any]
OTHER_SYSTEM = 4712  # a web shop's subscription
BICYCLE = {"Type": "Item", "No.": "1000", "Quantity": 2, "Unit Price": 50}
BELL = {"Type": "Item", "No.": "2000", "Quantity": 3, "Unit Price": 10}


def days_ago(days: float) -> datetime:
    """A moment in the past."""
    return datetime.now(UTC) - timedelta(days=days)


def set_up(bench: Bench, *, transferred: bool = True) -> Bench:
    """Company C1, person P1 and two items, known to iPaaS.com already when `transferred`."""
    bc = bench.sandbox.bc
    address = {
        "Address": "1 Main Street",
        "City": "Atlanta",
        "County": "GA",
        "Post Code": "31772",
        "Country/Region Code": "US",
    }
    more = {"VAT Bus. Posting Group": "DOMESTIC", "Payment Terms Code": "30 DAYS", "Customer Posting Group": "DOMESTIC"}
    bc.add_customer("C1", "Adatum Corporation", "Company", **{**address, **more, "E-Mail": "office@adatum.example"})
    bc.add_customer("P1", "Anna Berg", "Person", **{**address, **more, "E-Mail": "anna@example.net"})
    for no, name in (("1000", "Bicycle"), ("2000", "Bell")):
        item = {
            "No.": no,
            "Description": name,
            "Type": "Inventory",
            "Unit Price": 50,
            "Base Unit of Measure": "PCS",
            "Gen. Prod. Posting Group": "RETAIL",
        }
        bc.add("Item", {**item, "VAT Prod. Posting Group": "VAT10", "Net Weight": 2})
        bc.move_stock(no, "", 1000)
    groups = {"VAT Bus. Posting Group": "DOMESTIC", "VAT Prod. Posting Group": "VAT10", "VAT %": 10}
    bc.add("VAT Posting Setup", groups)
    if transferred:
        for flow in ("company_to_ipaas", "customer_to_ipaas", "product_to_ipaas"):
            bench.run(flow)
    return bench


def order(bench: Bench, *lines: Json, customer: str = "C1", released: bool = True, **more: Any) -> str:
    """An order, released unless it is said otherwise; answers its number."""
    row = bench.sandbox.sales.add_order(customer=customer, lines=list(lines) or [BICYCLE], **more)
    number = str(row["No."])
    if released:
        bench.sandbox.sales.release(number, modified=more.get("modified"))
    return number


def transactions(bench: Bench) -> list[Json]:
    """Every transaction of iPaaS.com."""
    return list(bench.sandbox.ipaas.records["transaction"].values())


def transaction(bench: Bench, external_id: str) -> Json:
    """The transaction linked to a document."""
    found: Json = bench.linked("transaction", external_id)
    assert found, f"{external_id} is not linked"
    return found


def children(bench: Bench, record: Json, name: str) -> dict[str, Json]:
    """A transaction's nested records of one kind, by our external id."""
    shown = bench.sandbox.ipaas.shown("transaction", record)
    return {
        link["external_id"]: child
        for child in shown[name]
        for link in child["external_ids"]
        if link["system_id"] == bench.sandbox.SYSTEM_ID
    }


def foreign(bench: Bench, number: str, *, line_no: int = 10000, **fields: Any) -> Json:
    """A web shop's order that became this order: linked to it, with its line."""
    company = bench.linked("company", "C1")
    link = {"system_id": bench.sandbox.SYSTEM_ID, "external_id": number}
    line = {"sku": "1000", "type": "Product", "status": "Pending", "qty": 2, "qty_shipped": 0, "unit_price": 49}
    base = {
        "system_id": OTHER_SYSTEM,
        "transaction_number": "WEB-7",
        "type": "Order",
        "status": "Pending",
        "total": 98,
        "company_id": company["id"],
        "email_address": "shop@example.com",
        "external_ids": [link],
        "lines": [{**line, "external_ids": [{**link, "external_id": f"{number}|{line_no}"}]}],
    }
    record: Json = bench.sandbox.ipaas.add("transaction", {**base, **fields})
    return record
