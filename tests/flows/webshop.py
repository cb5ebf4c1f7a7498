"""A web shop's transactions in iPaaS.com, with the customers and items of Business Central that they name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bench import Bench, outcome_of

from include.errors import ErrorKind
from include.sandbox.bc.sales_documents import delete_document
from include.sandbox.credentials import OTHER_SYSTEM_ID, SYSTEM_ID
from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync.report import Report

ADDRESS = {
    "first_name": "Anna",
    "last_name": "Berg",
    "address_1": "2 Dock Road",
    "city": "Chicago",
    "region": "IL",
    "country": "US",
    "postal_code": "61236",
    "is_primary_billing": True,
    "is_primary_shipping": True,
}
CARD = {
    "E-Mail": "anna@example.net",
    "Address": "1 Main Street",
    "Address 2": "2nd floor",
    "City": "Atlanta",
    "County": "GA",
    "Post Code": "31772",
    "Country/Region Code": "US",
    "Gen. Bus. Posting Group": "DOMESTIC",
    "VAT Bus. Posting Group": "DOMESTIC",
    "Customer Posting Group": "DOMESTIC",
}


@dataclass(kw_only=True)
class Outage(Fault):
    """A system answers nothing any more, once another fault has struck: as if this side had died there."""

    after: Fault
    system: str = "business_central"
    times: int = 1_000
    cut: bool = True

    def meets(self, system: str, method: str, path: str, body: bytes) -> bool:
        """Whether it meets this call."""
        return self.after.times <= 0 and super().meets(system, method, path, body)


def selling(bench: Bench) -> Shop:
    """A shop with a customer, two items and a payment method."""
    shop = Shop(bench)
    shop.customer()
    shop.item("1000")
    shop.item("1001")
    bench.sandbox.ipaas.add("payment method", {"name": "Card"})
    return shop


@dataclass
class Shop:
    """A bench with a customer `P1`, and items that are products too."""

    bench: Bench

    def customer(self, no: str = "P1", **fields: Any) -> Record:
        """A customer of type Person, on both sides."""
        self.bench.sandbox.bc.add_customer(no, f"Anna {no}", "Person", **{**CARD, **fields})
        return self.link_customer(no)

    def link_customer(self, external_id: str, **fields: Any) -> Record:
        """A customer of iPaaS.com that is linked to an external id."""
        body = {"email_address": f"{external_id.lower().replace('|', '.')}@example.net", "first_name": "Anna", **fields}
        body["external_ids"] = [{"system_id": SYSTEM_ID, "external_id": external_id}]
        return self.bench.sandbox.ipaas.add("customer", body)

    def unlinked_contact(self) -> Record:
        """A customer of iPaaS.com that is contact CT9 of company C1, and not linked yet."""
        company = self.company("C1")
        self.bench.sandbox.bc.add_person("CT9", "Bo Buyer", customer="C1", email="bo@example.org")
        body = {"email_address": "bo@example.org", "first_name": "Bo", "company_id": company["id"]}
        return self.bench.sandbox.ipaas.add("customer", body)

    def linking_customers(self, stage: str) -> None:
        """Before another flow loads, have the customers of the shop linked."""
        if stage == "load":
            for _ in range(2):
                self.bench.run("customer_from_ipaas")

    def company(self, no: str | None = None, name: str = "Adatum", **fields: Any) -> Record:
        """A company of iPaaS.com; with a number it is a customer of Business Central too."""
        body: dict[str, Any] = {"name": name, **fields}
        if no:
            self.bench.sandbox.bc.add_customer(no, name, "Company", **CARD)
            body["external_ids"] = [{"system_id": SYSTEM_ID, "external_id": no}]
        return self.bench.sandbox.ipaas.add("company", body)

    def item(self, no: str, price: object = 10, **fields: Any) -> None:
        """An item, and its product."""
        self.bench.sandbox.bc.add(
            "Item",
            **{
                "No.": no,
                "Description": f"Item {no}",
                "Unit Price": Decimal(str(price)),
                "Base Unit of Measure": "PCS",
                "Type": "Inventory",
                "Gen. Prod. Posting Group": "RETAIL",
                "Inventory Posting Group": "RESALE",
                **fields,
            },
        )
        self.bench.sandbox.bc.move_stock(no, "", 1_000)
        self.product(no, linked=True)

    def product(self, sku: str, *, linked: bool = False) -> Record:
        """A product of iPaaS.com."""
        body: dict[str, Any] = {"sku": sku, "name": sku, "default_price": 1, "type": "Physical", "status": "Active"}
        body["tracking_method"] = "Product"
        if linked:
            body["external_ids"] = [{"system_id": SYSTEM_ID, "external_id": sku}]
        return self.bench.sandbox.ipaas.add("product", body)

    def order(self, **fields: Any) -> Record:
        """A transaction of the web shop: a Pending order of two lines for customer P1."""
        body = {
            "system_id": OTHER_SYSTEM_ID,
            "transaction_number": "WEB-1",
            "type": "Order",
            "status": "Pending",
            "email_address": "anna@example.net",
            "created_datetime": "2026-03-01T12:00:00+00:00",
            "addresses": [ADDRESS],
            "lines": [line("1000"), line("1001", 3)],
            **fields,
        }
        body.setdefault("total", _total(body))
        if "customer_id" not in fields and "company_id" not in fields:
            body["customer_id"] = self.bench.linked("customer", "P1")["id"]
        return self.bench.sandbox.ipaas.add("transaction", {k: v for k, v in body.items() if v is not None})

    def change(self, record: Record, **fields: Any) -> None:
        """Change a transaction as another system would."""
        self.bench.sandbox.ipaas.edit("transaction", record["id"], fields)

    def drop_line(self, record: Record, sku: str) -> None:
        """Take a line out of a transaction."""
        record["lines"] = [entry for entry in record["lines"] if entry["sku"] != sku]
        self.change(record)

    def delete_draft(self, no: str) -> None:
        """Delete a draft invoice, as a user of Business Central would."""
        delete_document(self.bench.sandbox.bc, self.bench.sandbox.sales.draft(no))

    def post_journal(self) -> None:
        """Post the payments of every journal: the invoices are settled, and the lines are gone."""
        bc = self.bench.sandbox.bc
        for entry in list(bc.rows("Gen. Journal Line")):
            self.bench.sandbox.sales.pay_invoice(entry["appliesToInvoiceNumber"], -entry["Amount"])
            bc.remove("Gen. Journal Line", entry)

    def later(self, flow: str) -> Report:
        """A poll a day from now."""
        now = datetime.now(UTC) + timedelta(days=1)
        self.bench.at(now)
        return self.bench.run(flow, now=now)

    def link_of(self, record: Record, table: str = "transaction") -> str | None:
        """The external id of ours that iPaaS.com knows of a record, or of what is nested in one."""
        return self.bench.sandbox.ipaas.external_id(table, SYSTEM_ID, record["id"])


def _total(body: Record) -> Decimal:
    """What a transaction comes to by its own amounts."""

    def amount(record: Record, name: str) -> Decimal:
        return Decimal(str(record.get(name) or 0))

    discounts = [amount(entry, "discount_amount") for entry in body["lines"]]
    goods = sum((amount(entry, "qty") * amount(entry, "unit_price") for entry in body["lines"]), Decimal(0))
    taken_off = max(sum(discounts, Decimal(0)), amount(body, "discount_amount"))
    return goods - taken_off + amount(body, "shipping_amount") + amount(body, "tax_amount")


def line(sku: str, qty: object = 2, price: object = 10, **fields: Any) -> Record:
    """A product line."""
    return {"sku": sku, "type": "Product", "status": "Pending", "qty": qty, "unit_price": price, **fields}


def rejection(report: Report, record: Record) -> str:
    """Why a record was rejected, with the advice."""
    outcome = outcome_of(report, str(record["id"]))
    assert (outcome.result, outcome.kind) == ("failed", ErrorKind.rejected)
    return f"{outcome.message} {outcome.advice}"


def orders(shop: Shop) -> list[dict[str, Any]]:
    """The sales orders of Business Central."""
    return [row for row in shop.bench.sandbox.bc.rows("Sales Header") if row["Document Type"] == "Order"]


def the_order(shop: Shop) -> dict[str, Any]:
    """The only one."""
    (order,) = orders(shop)
    return order
