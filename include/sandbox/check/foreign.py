"""What was born in iPaaS.com, as Business Central should hold it: customers, items, orders, posted invoices, payments."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from include.sandbox.bc.rules import code_units
from include.sandbox.bc.tenant import Row
from include.sandbox.check.verdict import Sides, Verdict, decimal_of, joined
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.ipaas.platform import Record

_CODE, _NAME, _DESCRIPTION, _NUMBER = 20, 100, 99, 35
_RECEIVED = ("", "complete", "completed", "paid", "captured", "settled", "received")


def check_foreign(sides: Sides, verdict: Verdict) -> None:
    """Compare every record that iPaaS.com gave to Business Central."""
    for type_name, kind in (("company", "Company"), ("customer", "Person")):
        for record in _born(sides, type_name):
            _compare_customer(sides, verdict, type_name, record, kind)
    for record in _born(sides, "product"):
        _compare_item(sides, verdict, record)
    transactions = [r for r in _born(sides, "transaction") if int(r["system_id"]) != SYSTEM_ID]
    twins = Counter((r["transaction_number"], r.get("customer_id"), r.get("company_id")) for r in transactions)
    for record in transactions:
        # Two of one number and buyer cannot be told apart in Business Central, and are a person's to sort out.
        alone = twins[record["transaction_number"], record.get("customer_id"), record.get("company_id")] == 1
        _compare_transaction(sides, verdict, record, alone=alone)
    _compare_made(sides, verdict)


def _born(sides: Sides, type_name: str) -> list[Record]:
    return [
        record
        for identifier, record in sides.platform.records[type_name].items()
        if identifier not in sides.platform.made
    ]


def _known(sides: Sides, table: str, code: Any) -> bool:
    return not code or sides.tenant.get(table, str(code).strip()) is not None


# --- customers and items -------------------------------------------------------------------------------------


def _compare_customer(sides: Sides, verdict: Verdict, type_name: str, record: Record, kind: str) -> None:
    link = sides.link(type_name, record)
    if link is not None and link.endswith("|contact"):
        return
    addresses = [*record.get("addresses", ()), {}]
    address = next((a for a in addresses if a.get("is_primary_billing")), addresses[0])
    name = record["name"] if type_name == "company" else joined(record.get("first_name"), record.get("last_name"))
    number = record.get("account_number" if type_name == "company" else "customer_number") or ""
    if link is None:
        fits = (
            code_units(name) <= _NAME
            and code_units(number) <= _CODE
            and _known(sides, "Country/Region", address.get("country"))
        )
        if fits and name and _is_alone(sides, record, type_name):
            verdict.compare(f"{type_name} from iPaaS.com", str(record["id"]), {}, None)
        return
    row = sides.tenant.get("Customer", link)
    if row is None or row["systemid"] not in sides.tenant.made:
        # A customer that was there before: Business Central has the last word on it.
        if row is None:
            verdict.compare(f"{type_name} from iPaaS.com", link, {}, None)
        return
    group = _price_group(sides, record)
    expected = {
        "Contact Type": kind,
        "Name": name,
        "E-Mail": record.get("email_address"),
        "Address": address.get("address_1"),
        "Address 2": address.get("address_2"),
        "City": address.get("city"),
        "County": address.get("region"),
        "Post Code": str(address.get("postal_code") or "").upper(),
        "Country/Region Code": str(address.get("country") or "").upper(),
        "Phone No.": address.get("phone_number"),
        "Customer Price Group": group,
    }
    verdict.compare(f"{type_name} from iPaaS.com", link, expected, row)


def _is_alone(sides: Sides, record: Record, type_name: str) -> bool:
    """Whether no customer of Business Central could be meant already, which might be a person's to decide."""
    mail = str(record.get("email_address") or "").casefold()
    return type_name == "company" or not any(
        str(row.get("E-Mail") or "").casefold() == mail
        for row in sides.tenant.rows("Customer")
        if row["systemid"] not in sides.tenant.made
    )


def _cut(text: str) -> str:
    while code_units(text) > _DESCRIPTION:
        text = text[:-1]
    return text


def _price_group(sides: Sides, record: Record) -> str:
    for item in record.get("categories") or ():
        category = sides.platform.records["customer category"].get(int(item.get("category_id") or item["id"]))
        code = sides.link("customer category", category) if category else None
        if code and sides.tenant.get("Customer Price Group", code):
            return code
    return ""


def _compare_item(sides: Sides, verdict: Verdict, record: Record) -> None:
    link, sku = sides.link("product", record), str(record["sku"])
    if link is None:
        if code_units(sku) <= _CODE and _known(sides, "Tax Group", record.get("tax_class")):
            verdict.compare("product from iPaaS.com", sku, {}, None)
        return
    row = sides.tenant.get("Item", link)
    if row is None or row["systemid"] not in sides.tenant.made:
        if row is None:
            verdict.compare("product from iPaaS.com", sku, {}, None)
        return
    expected = {
        "No.": sku.strip().upper(),
        "Description": _cut(str(record.get("name") or record.get("description"))),
        "Unit Price": record["default_price"],
        "Tax Group Code": str(record.get("tax_class") or "").upper(),
        "Net Weight": record.get("weight"),
        "Type": "Inventory",
    }
    verdict.compare("product from iPaaS.com", sku, expected, row)


# --- transactions --------------------------------------------------------------------------------------------


def _compare_transaction(sides: Sides, verdict: Verdict, record: Record, *, alone: bool) -> None:
    number, link = str(record["transaction_number"]), sides.link("transaction", record)
    lines = [line for line in record.get("lines", ()) if str(line.get("type")).casefold() == "product"]
    can_go = alone and code_units(number) <= _NUMBER and bool(lines) and _buyer(sides, record) is not None
    can_go = can_go and all(sides.tenant.get("Item", str(line.get("sku") or "")) for line in lines)
    pending = record["status"] == "Pending" and record["type"] != "Invoice"
    complete = record["status"] == "Complete" and record["type"] in ("Order", "Invoice")
    if link is None:
        tied = (
            _sum(line["extended_price"] for line in lines) if all("extended_price" in line for line in lines) else None
        )
        due = (
            decimal_of(record["total"])
            - decimal_of(record.get("shipping_amount"))
            - decimal_of(record.get("tax_amount"))
        )
        if can_go and (pending or (complete and tied == due)):
            verdict.compare("order from iPaaS.com" if pending else "invoice from iPaaS.com", number, {}, None)
    elif link.startswith("invoice|"):
        _compare_invoice(sides, verdict, record, link.removeprefix("invoice|"), lines)
    elif pending:
        _compare_order(sides, verdict, record, link, lines)


def _buyer(sides: Sides, record: Record) -> str | None:
    """The No of the customer that a transaction is made out to; a contact buys for its company."""
    if record.get("company_id"):
        company = sides.platform.records["company"].get(int(record["company_id"]))
        return sides.link("company", company) if company else None
    customer = sides.platform.records["customer"].get(int(record.get("customer_id") or 0))
    link = sides.link("customer", customer) if customer else None
    if link is None or not link.endswith("|contact"):
        return link
    contact = sides.tenant.get("Contact", link.removesuffix("|contact"))
    owner = str((contact or {}).get("Company No.") or "")
    return next(
        (str(row["No."]) for row in sides.tenant.rows("Customer") if owner and row.get("contact") == owner), None
    )


def _compare_order(sides: Sides, verdict: Verdict, record: Record, no: str, lines: list[Record]) -> None:
    header = sides.tenant.get("Sales Header", "Order", no)
    if header is None:
        posted = any(row.get("Order No.") == no for row in sides.tenant.rows("Sales Invoice Header"))
        if not posted:
            verdict.compare("order from iPaaS.com", no, {}, None)
        return
    shipping: Record = next((a for a in record.get("addresses", ()) if a.get("is_primary_shipping")), {})
    expected = {
        "External Document No.": str(record["transaction_number"]).upper(),
        "Sell-to Customer No.": _buyer(sides, record),
        "Order Date": str(record["created_datetime"])[:10],
        "Ship-to Address": shipping.get("address_1"),
        "Ship-to Address 2": shipping.get("address_2"),
        "Ship-to City": shipping.get("city"),
        "Ship-to Post Code": shipping.get("postal_code"),
        "Ship-to Country/Region Code": shipping.get("country"),
    }
    verdict.compare("order from iPaaS.com", no, expected, header)
    rows = [line for line in sides.tenant.lines("Sales Line", "Order", no) if line["Type"] == "Item"]
    _compare_goods(verdict, "order from iPaaS.com", no, lines, rows)


def _compare_invoice(sides: Sides, verdict: Verdict, record: Record, identifier: str, lines: list[Record]) -> None:
    kind = "invoice from iPaaS.com"
    row = next(
        (
            row
            for row in sides.tenant.rows("Sales Invoice Header")
            if str(row.get("Draft Invoice SystemId") or row["systemid"]).lower() == identifier.lower()
        ),
        None,
    )
    expected = {
        "External Document No.": str(record["transaction_number"]).upper(),
        "Sell-to Customer No.": _buyer(sides, record),
        "Amount Including VAT": decimal_of(record["total"]),
    }
    verdict.compare(kind, str(record["transaction_number"]), expected, row)
    if row is None:
        return
    rows = [line for line in sides.tenant.lines("Sales Invoice Line", str(row["No."])) if line["Type"] == "Item"]
    _compare_goods(verdict, kind, str(row["No."]), lines, rows)
    wanted = sorted(
        -decimal_of(payment["amount"])
        for payment in record.get("payments", ())
        if str(payment.get("status") or "").casefold() in _RECEIVED and decimal_of(payment["amount"]) > 0
    )
    paid = sorted(
        decimal_of(line["Amount"])
        for line in sides.tenant.rows("Gen. Journal Line")
        if line.get("appliesToInvoiceNumber") == row["No."]
    )
    if wanted != paid:
        verdict.differ("payment from iPaaS.com", str(row["No."]), "amounts", wanted, paid)


def _compare_goods(verdict: Verdict, kind: str, key: str, wanted: list[Record], found: list[Row]) -> None:
    """The goods of a document, whatever the order of its lines."""
    expected = sorted(
        (
            str(line["sku"]).upper(),
            decimal_of(line["qty"]),
            decimal_of(line["unit_price"]),
            decimal_of(line.get("discount_amount")),
        )
        for line in wanted
        if decimal_of(line["qty"])
    )
    shown = sorted(
        (
            str(row["No."]).upper(),
            decimal_of(row["Quantity"]),
            decimal_of(row["Unit Price"]),
            decimal_of(row.get("Line Discount Amount")),
        )
        for row in found
    )
    verdict.compared[f"{kind}: lines"] += len(shown)
    if expected != shown:
        verdict.differ(
            kind, key, "lines", [list(map(str, line)) for line in expected], [list(map(str, line)) for line in shown]
        )


def _compare_made(sides: Sides, verdict: Verdict) -> None:
    """Nothing that was made in Business Central is without its record in iPaaS.com, or there twice."""
    made = sides.tenant.made
    customers = sides.ours("customer").keys() | sides.ours("customer company").keys()
    for table, links in (("Customer", customers), ("Item", sides.ours("product").keys())):
        for row in sides.tenant.rows(table):
            if row["systemid"] in made and row["No."] not in links:
                verdict.differ(table, str(row["No."]), "", "linked", "made, and not linked")
    doubled: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in sides.tenant.rows("Sales Header"):
        if row["systemid"] in made:
            _note(doubled, str(row["Document Type"]), row)
    for row in sides.tenant.rows("Sales Invoice Header"):
        if row.get("Draft Invoice SystemId") in made:
            _note(doubled, "Invoice", row)
    given = Counter(str(record["transaction_number"]).upper() for record in _born(sides, "transaction"))
    for (kind, number, _), documents in doubled.items():
        if number and len(documents) > max(given[number], 1):
            verdict.differ(f"{kind.lower()} from iPaaS.com", number, "", "one document", ", ".join(sorted(documents)))


def _note(doubled: dict[tuple[str, str, str], list[str]], kind: str, row: Row) -> None:
    key = kind, str(row.get("External Document No.") or ""), str(row["Sell-to Customer No."])
    doubled[key].append(str(row["No."]))


def _sum(values: Iterable[Any]) -> Decimal:
    return sum((decimal_of(value) for value in values), Decimal(0))
