"""Orders and posted invoices of Business Central, as iPaaS.com should hold them as transactions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.sandbox.bc.tenant import Row
from include.sandbox.check.verdict import Sides, Verdict, alike, decimal_of, names
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.ipaas.platform import Record

_LINES, _NOTES = "Transaction Line", "transaction comment"
_SERVICES = ("G/L Account", "Resource", "Fixed Asset")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document of Business Central on its way to iPaaS.com. `ended`: it is shipped as a whole, as an invoice is."""

    row: Row
    type: str
    status: str
    created: str
    lines: list[Row]
    tracking: set[str]
    payment: str
    ended: bool = False
    parent: int | None = None
    required: bool = True


def check_documents(sides: Sides, verdict: Verdict, *, since: str) -> None:
    """Compare all documents that Business Central gave to iPaaS.com. Those moved before `since` may be missing there."""
    known = _Known(sides)
    for order in known.orders:
        _compare(sides, verdict, _order(sides, known, order, since))
    for invoice in known.invoices:
        _compare(sides, verdict, _invoice(sides, known, invoice, since))
    _compare_gone(sides, verdict, known)
    _compare_links(sides, verdict, known)


class _Known:
    """The documents of Business Central, found by what refers to them."""

    def __init__(self, sides: Sides) -> None:
        tenant = sides.tenant
        self.orders = [
            row
            for row in tenant.rows("Sales Header")
            if row["Document Type"] == "Order" and row["systemid"] not in tenant.made
        ]
        self.invoices = [
            row for row in tenant.rows("Sales Invoice Header") if row.get("Draft Invoice SystemId") not in tenant.made
        ]
        self.open = {str(row["No."]): row for row in tenant.rows("Sales Header") if row["Document Type"] == "Order"}
        self.invoiced: dict[str, list[Row]] = defaultdict(list)
        for row in tenant.rows("Sales Invoice Header"):
            self.invoiced[str(row.get("Order No.") or "")].append(row)
        self.shipments: dict[str, list[Row]] = defaultdict(list)
        for row in tenant.rows("Sales Shipment Header"):
            self.shipments[str(row.get("Order No.") or "")].append(row)
        self.moved = {
            str(row["Id"]): str(row["systemmodifiedat"])
            for table in ("Sales Order Entity Buffer", "Sales Invoice Entity Aggregate")
            for row in tenant.rows(table)
        }

    def tracking(self, order: str, *own: Row) -> set[str]:
        """The tracking numbers of documents, and of the shipments of an order."""
        rows = [*own, *(self.shipments[order] if order else ())]
        return {str(row["Package Tracking No."]) for row in rows if row.get("Package Tracking No.")}


def _order(sides: Sides, known: _Known, row: Row, since: str) -> Document:
    shipped = bool(row.get("Completely Shipped"))
    moved = max([known.moved.get(row["systemid"], ""), *(s["systemmodifiedat"] for s in known.shipments[row["No."]])])
    lines = sides.tenant.lines("Sales Line", "Order", str(row["No."]))
    return Document(
        row=row,
        type="Order",
        status="Shipped" if shipped else "Pending",
        created=str(row.get("Order Date") or ""),
        lines=lines,
        tracking=known.tracking(str(row["No."]), row),
        payment="Pending",
        required=row["Status"] == "Released" and moved >= since and _can_go(sides, row, lines),
    )


def _invoice(sides: Sides, known: _Known, row: Row, since: str) -> Document:
    order = str(row.get("Order No.") or "")
    parent = sides.record("transaction", order) if order else None
    identifier = str(row.get("Draft Invoice SystemId") or row["systemid"])
    lines = sides.tenant.lines("Sales Invoice Line", str(row["No."]))
    paid = row.get("Closed") and not row.get("Cancelled") and not row.get("Corrective")
    return Document(
        row=row,
        type="Invoice",
        status="Cancelled" if row.get("Cancelled") else "Complete",
        created=str(row.get("Document Date") or ""),
        lines=lines,
        tracking=known.tracking(order, row),
        payment="Complete" if paid else "Pending",
        ended=True,
        parent=parent["id"] if parent else None,
        required=known.moved.get(identifier, "") >= since and _can_go(sides, row, lines),
    )


def _can_go(sides: Sides, row: Row, lines: Iterable[Row]) -> bool:
    """Whether everything that the document refers to has arrived; else it waits."""
    if _buyer(sides, row) is None:
        return False
    return all(sides.id_of("product", line["No."]) for line in lines if line["Type"] == "Item")


def _buyer(sides: Sides, row: Row) -> dict[str, int] | None:
    number = str(row["Sell-to Customer No."])
    customer = sides.tenant.get("Customer", number)
    person = customer is not None and customer["Contact Type"] == "Person"
    identifier = sides.id_of("customer" if person else "company", number)
    return {"customer_id" if person else "company_id": identifier} if identifier else None


def _compare(sides: Sides, verdict: Verdict, document: Document) -> None:
    row, number = document.row, str(document.row["No."])
    kind = document.type.lower()
    record = sides.record("transaction", number)
    if record is None or record["type"] != document.type:
        if document.required:
            verdict.compare(kind, number, {}, None)
        return
    if document.type == "Order" and row["Status"] != "Released":
        return  # reopened: it will be sent again once it is released
    goods = [line for line in document.lines if line["Type"] != " " and line.get("No.")]
    services, shipping = _services(sides, record, number, goods)
    sent = [line for line in goods if line["Type"] == "Item" or line in services]
    discount = sum((decimal_of(line.get("Line Discount Amount")) for line in goods), Decimal(0))
    invoice_discount = sum((decimal_of(line.get("Inv. Discount Amount")) for line in document.lines), Decimal(0))
    expected = {
        "system_id": SYSTEM_ID,
        "transaction_number": number,
        "type": document.type,
        "status": document.status,
        **(_buyer(sides, row) or {}),
        "email_address": row.get("Sell-to E-Mail"),
        "day": document.created,
        "transaction_parent_id": document.parent,
        "subtotal": sum((decimal_of(line.get("Line Amount")) for line in sent), Decimal(0)),
        "shipping_amount": shipping,
        "discount_amount": discount + invoice_discount,
        "tax_amount": decimal_of(row.get("Amount Including VAT")) - decimal_of(row.get("Amount")),
        "total": decimal_of(row.get("Amount Including VAT")),
        "total_qty": sum((decimal_of(line["Quantity"]) for line in sent if line["Type"] == "Item"), Decimal(0)),
        "tracking numbers": sorted(document.tracking),
    }
    verdict.compare(kind, number, expected, _shown(record))
    _compare_lines(sides, verdict, document, record, sent)
    _compare_nested(sides, verdict, document, record)


def _services(sides: Sides, record: Record, number: str, goods: list[Row]) -> tuple[list[Row], Decimal]:
    """The lines that are services, and what the others, which are no goods either, charge for shipping.

    Which account is the shipping account is a setting; what is no line is a charge, and the amounts must show it.
    """
    services, shipping = [], Decimal(0)
    for line in goods:
        if line["Type"] in _SERVICES and sides.child(record, "lines", _LINES, f"{number}|{line['Line No.']}"):
            services.append(line)
        elif line["Type"] != "Item":
            shipping += decimal_of(line.get("Line Amount"))
    return services, shipping


def _shown(record: Record) -> dict[str, Any]:
    references = ("customer_id", "company_id", "transaction_parent_id", "system_id")
    numbers = {name: int(record[name]) for name in references if record.get(name)}
    tracking = sorted(str(item.get("tracking_number")) for item in record.get("tracking", ()))
    return {**record, **numbers, "day": str(record.get("created_datetime"))[:10], "tracking numbers": tracking}


def _compare_lines(sides: Sides, verdict: Verdict, document: Document, record: Record, sent: list[Row]) -> None:
    number = str(document.row["No."])
    keys = set()
    for line in sent:
        key = f"{number}|{line['Line No.']}"
        keys.add(key)
        quantity = decimal_of(line["Quantity"])
        shipped = quantity if document.ended else decimal_of(line.get("Quantity Shipped"))
        expected = {
            "sequence_number": line["Line No."],
            "sku": line["No."],
            "description": line.get("Description"),
            "type": "Product" if line["Type"] == "Item" else "Service",
            "status": "Shipped" if document.ended or (quantity and shipped == quantity) else "Pending",
            "qty": quantity,
            "qty_shipped": shipped,
            "unit_price": decimal_of(line.get("Unit Price")),
            "original_unit_price": decimal_of(line.get("Unit Price")),
            "extended_price": decimal_of(line.get("Line Amount")),
            "discount_amount": decimal_of(line.get("Line Discount Amount")),
            "discount_percent": decimal_of(line.get("Line Discount %")),
        }
        verdict.compare("line", key, expected, sides.child(record, "lines", _LINES, key))
    for child in record.get("lines", ()):
        key = sides.platform.links.get(_LINES, {}).get((SYSTEM_ID, child["id"]), "")
        if key not in keys and not alike(0, child.get("qty")):
            verdict.differ("line", key or str(child["id"]), "qty", "no such line", child.get("qty"))


def _compare_nested(sides: Sides, verdict: Verdict, document: Document, record: Record) -> None:
    row, number = document.row, str(document.row["No."])
    for line in document.lines:
        if line["Type"] == " " and line.get("Description"):
            key = f"{number}|{line['Line No.']}"
            verdict.compare("note", key, {"text": line["Description"]}, sides.child(record, "notes", _NOTES, key))
    for role, primary in (("Bill-to", "billing"), ("Ship-to", "shipping")):
        expected = _address(row, role) | {"is_primary_billing": primary == "billing"}
        if primary == "shipping":
            expected["shipping_method"] = row.get("Shipping Agent Code")
        key = f"{number}|{primary}"
        verdict.compare("address", key, expected, sides.child(record, "addresses", "Transaction Address", key))
    codes = [row[f"Payment {kind} Code"] for kind in ("Method", "Terms") if row.get(f"Payment {kind} Code")]
    if codes:
        key = f"{number}|payment"
        payment = sides.child(record, "payments", "transaction payment", key)
        # Of a posted invoice, only page 132 shows the method; page 143 and the API show the terms.
        told = payment and payment.get("method") if document.ended else None
        code = told if told in codes else codes[0]
        expected = {"method": code, "amount": decimal_of(row["Amount Including VAT"]), "status": document.payment}
        verdict.compare("payment", key, expected, payment)
    tax = {"amount": decimal_of(row["Amount Including VAT"]) - decimal_of(row["Amount"])}
    key = f"{number}|tax"
    verdict.compare("tax", key, tax, sides.child(record, "taxes", "transaction tax", key))


def _address(row: Row, role: str) -> dict[str, Any]:
    if not (row.get(f"{role} Name") or row.get(f"{role} Address")):
        role = "Sell-to"
    name = row.get(f"{role} Name") or row.get("Sell-to Customer Name") or ""
    return {
        "company": name,
        **names(row.get(f"{role} Contact") or name),
        "address_1": row.get(f"{role} Address"),
        "address_2": row.get(f"{role} Address 2"),
        "city": row.get(f"{role} City"),
        "region": row.get(f"{role} County"),
        "country": row.get(f"{role} Country/Region Code"),
        "postal_code": row.get(f"{role} Post Code"),
    }


def _compare_gone(sides: Sides, verdict: Verdict, known: _Known) -> None:
    """An order that is posted in full is complete in iPaaS.com once its invoice has arrived, whoever owns it."""
    for number, invoices in known.invoiced.items():
        if not number or number in known.open:
            continue
        record = sides.record("transaction", number)
        arrived = any(sides.record("transaction", str(invoice["No."])) for invoice in invoices)
        if record is not None and arrived and _is_covered(sides, number, invoices, record):
            verdict.compare("order", number, {"status": "Complete"}, record)
            for line in record.get("lines", ()):
                if not alike(0, line.get("qty")) and line["status"] != "Shipped":
                    verdict.differ("line", f"{number}|{line['id']}", "status", "Shipped", line["status"])


def _is_covered(sides: Sides, number: str, invoices: list[Row], record: Record) -> bool:
    """Whether an order's invoices hold all that its transaction has; else somebody has deleted the rest."""
    invoiced: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in invoices:
        for line in sides.tenant.lines("Sales Invoice Line", str(invoice["No."])):
            invoiced[f"{number}|{line['Line No.']}"] += abs(decimal_of(line["Quantity"]))
    links = sides.platform.links.get(_LINES, {})
    return all(
        abs(decimal_of(line.get("qty"))) <= invoiced[key]
        for line in record.get("lines", ())
        if (key := links.get((SYSTEM_ID, line["id"]), ""))
    )


def _compare_links(sides: Sides, verdict: Verdict, known: _Known) -> None:
    """Every link leads to a document that is or was there, and no document is in iPaaS.com twice."""
    invoices = {str(row["No."]) for row in sides.tenant.rows("Sales Invoice Header")}
    ids = {
        str(row.get("Draft Invoice SystemId") or row["systemid"]): str(row["No."])
        for row in sides.tenant.rows("Sales Invoice Header")
    }
    gone = {key[1] for key in sides.tenant.removed["Sales Header"] if key[0] == "ORDER"}
    by_invoice: Counter[str] = Counter()
    for key in sides.ours("transaction"):
        if key.startswith("invoice|"):
            number = ids.get(key.removeprefix("invoice|").lower(), "")
            if not number:
                verdict.differ("transaction", key, "", "absent", "present")
            by_invoice[number] += 1
        elif key in invoices:
            by_invoice[key] += 1
        elif key not in known.open and key.upper() not in gone:
            verdict.differ("transaction", key, "", "absent", "present")
    numbers = Counter(
        (record["type"], record["transaction_number"])
        for identifier, record in sides.platform.records["transaction"].items()
        if identifier in sides.platform.made
    )
    for number, count in by_invoice.items():
        if number and count > 1:
            verdict.differ("invoice", number, "", "one transaction", f"{count} transactions")
    for (kind, number), count in numbers.items():
        if count > 1:
            verdict.differ(kind.lower(), number, "", "one transaction", f"{count} transactions")
    for identifier in sides.platform.made & sides.platform.records["transaction"].keys():
        record = sides.platform.records["transaction"][identifier]
        if sides.link("transaction", record) is None:
            verdict.differ("transaction", str(identifier), "external id", "linked", "not linked")
