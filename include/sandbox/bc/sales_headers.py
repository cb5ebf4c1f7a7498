"""The header of a sales order or draft invoice: its fields, and what follows from each when it is set (OnValidate)."""

from __future__ import annotations

from datetime import date, timedelta

from include.sandbox.bc.answers import Fault, dialog, field_error, not_related
from include.sandbox.bc.tenant import Row, Tenant

DEFAULT_SHIP_TO, ALTERNATE, CUSTOM = "Default (Sell-to Address)", "Alternate Shipping Address", "Custom Address"
DEFAULT_BILL_TO, ANOTHER = "Default (Customer)", "Another Customer"
# What a party of a document takes over from a card: document field -> card field.
_ADDRESS = {
    "Name": "Name",
    "Name 2": "Name 2",
    "Address": "Address",
    "Address 2": "Address 2",
    "City": "City",
    "County": "County",
    "Post Code": "Post Code",
    "Country/Region Code": "Country/Region Code",
    "Contact": "Contact",
}
_FROM_SELL_TO = {
    "Sell-to Phone No.": "Phone No.",
    "Sell-to E-Mail": "E-Mail",
    "VAT Registration No.": "VAT Registration No.",
    "Gen. Bus. Posting Group": "Gen. Bus. Posting Group",
    "VAT Bus. Posting Group": "VAT Bus. Posting Group",
    "Tax Area Code": "Tax Area Code",
    "Tax Liable": "Tax Liable",
    "Shipping Agent Code": "Shipping Agent Code",
    "Shipping Agent Service Code": "Shipping Agent Service Code",
    "Shipment Method Code": "Shipment Method Code",
    "Shipping Advice": "Shipping Advice",
    "Location Code": "Location Code",
    "Responsibility Center": "Responsibility Center",
}
_FROM_BILL_TO = {
    "Customer Posting Group": "Customer Posting Group",
    "Customer Price Group": "Customer Price Group",
    "Customer Disc. Group": "Customer Disc. Group",
    "Currency Code": "Currency Code",
    "Language Code": "Language Code",
    "Payment Terms Code": "Payment Terms Code",
    "Payment Method Code": "Payment Method Code",
    "Prices Including VAT": "Prices Including VAT",
    "Salesperson Code": "Salesperson Code",
}
# Fields that say who the parties are: a document with lines asks before they change, and nobody is there to answer.
_PARTIES = ("Sell-to Customer No.", "Bill-to Customer No.", "Currency Code", "Prices Including VAT")
# What may still be written to a document that is not open.
_FREE = (
    "Assigned User ID",
    "External Document No.",
    "Package Tracking No.",
    "Posting Date",
    "Posting Description",
    "WorkDescription",
    "Your Reference",
)


def new_header(tenant: Tenant, kind: str) -> Row:
    """A header before its first field is set. `kind`: Order or Invoice."""
    today = tenant.now().date().isoformat()
    return {
        "Document Type": kind,
        "No.": "",
        "Status": "Open",
        "Order Date": today if kind == "Order" else "",
        "Posting Date": today,
        "Document Date": today,
        "VAT Reporting Date": today,
        "Shipment Date": today,
        "Due Date": today,
        "Shipping Advice": "Partial",
        "Prices Including VAT": False,
        "Invoice Discount": 0,
        "ShippingOptions": DEFAULT_SHIP_TO,
        "BillToOptions": DEFAULT_BILL_TO,
    }


def set_header(tenant: Tenant, record: Row, field: str, value: object, *, asks: bool = False) -> None:
    """Set one field of a header, with what follows from it. Raises Fault when Business Central would refuse.

    `asks`: whether it is set on a page, which asks before it changes the parties of a document that has lines.
    """
    if value == record.get(field):
        return
    if record.get("Status", "Open") != "Open" and field not in _FREE:
        raise not_open(record)
    if asks and field in _PARTIES and record.get("systemid") and tenant.lines("Sales Line", *key_of(record)):
        raise _asks(record, field)
    match field:
        case "Sell-to Customer No.":
            _sell_to(tenant, record, str(value))
        case "Bill-to Customer No.":
            _bill_to(tenant, record, str(value))
        case "Sell-to Contact No.":
            _sell_to_contact(tenant, record, str(value))
        case "Bill-to Name" if record.get("BillToOptions") == ANOTHER:
            _bill_to(tenant, record, _customer_by_name(tenant, str(value)))
        case "Ship-to Code":
            _ship_to_code(tenant, record, str(value))
        case "ShippingOptions":
            record[field] = value
            if value in (DEFAULT_SHIP_TO, CUSTOM):
                # Either takes the ship-to code away, and with it the address is the customer's own again.
                copy_sell_to(record)
            elif value == ALTERNATE and not _addresses(tenant, record):
                raise dialog(f"There are no ship-to addresses for customer {record['Sell-to Customer No.']}.")
        case "BillToOptions":
            record[field] = value
            if value == DEFAULT_BILL_TO:
                _bill_to(tenant, record, str(record.get("Sell-to Customer No.", "")))
        case "Payment Terms Code" | "Document Date":
            record[field] = value
            record["Due Date"] = due_date(tenant, record)
        case "Shipping Agent Code":
            record |= {field: value, "Shipping Agent Service Code": ""}
        case _:
            record[field] = value
            if field.startswith("Sell-to ") and record.get("ShippingOptions") == DEFAULT_SHIP_TO:
                copy_sell_to(record)


def key_of(record: Row) -> tuple[str, str]:
    """A document's key."""
    return str(record["Document Type"]), str(record["No."])


def not_open(record: Row) -> Fault:
    """The refusal to change a document that is not open."""
    return field_error(
        f"Status must be equal to 'Open' in Sales Header: Document Type={record['Document Type']}, "
        f"No.={record['No.']}. Current value is '{record['Status']}'."
    )


def check_blocked(tenant: Tenant, no: str, kind: str, *, posting: bool, shipping: bool = False) -> None:
    """Raise Fault when a customer's block forbids to create, or to post, a document of a kind."""
    customer = tenant.get("Customer", no)
    blocked = str((customer or {}).get("Blocked") or " ")
    forbidden = blocked in ("All", "Invoice") or (
        blocked == "Ship" and ((kind == "Order" and not posting) or (posting and shipping))
    )
    if forbidden:
        verb = "post" if posting else "create"
        raise dialog(f"You cannot {verb} this type of document when Customer {no} is blocked with type {blocked}")


def shipping_option(record: Row) -> str:
    """Which shipping option follows from the addresses of a document."""
    if record.get("Ship-to Code"):
        return ALTERNATE
    copied: Row = {**record, "Ship-to Code": ""}
    copy_sell_to(copied)
    same = all(record.get(f"Ship-to {field}", "") == copied[f"Ship-to {field}"] for field in _ADDRESS)
    return DEFAULT_SHIP_TO if same else CUSTOM


def bill_to_option(record: Row) -> str:
    """Which bill-to option follows from the parties of a document."""
    if record.get("Bill-to Customer No.") != record.get("Sell-to Customer No."):
        return ANOTHER
    fields = [field for field in _ADDRESS if not field.startswith("Name")]
    same = all(record.get(f"Bill-to {field}", "") == record.get(f"Sell-to {field}", "") for field in fields)
    return DEFAULT_BILL_TO if same else CUSTOM


def due_date(tenant: Tenant, record: Row) -> str:
    """When a document is due: by the days or months of its payment terms."""
    terms = tenant.get("Payment Terms", str(record.get("Payment Terms Code") or "")) or {}
    start = date.fromisoformat(str(record["Document Date"]))
    formula = str(terms.get("Due Date Calculation") or "")
    if formula.endswith("D") and formula[:-1].isdigit():
        return (start + timedelta(days=int(formula[:-1]))).isoformat()
    months = 1 if formula == "CM" else int(formula[:-1]) if formula.endswith("M") and formula[:-1].isdigit() else 0
    if not months:
        return start.isoformat()
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    if formula == "CM":
        return (first - timedelta(days=1)).isoformat()
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(start.day, last.day)).isoformat()


def copy_sell_to(record: Row) -> None:
    """Make the ship-to address the sell-to address."""
    for field in _ADDRESS:
        record[f"Ship-to {field}"] = record.get(f"Sell-to {'Customer ' if field.startswith('Name') else ''}{field}", "")
    record |= {"Ship-to Code": "", "Ship-to Phone No.": record.get("Sell-to Phone No.", "")}


def _asks(record: Row, field: str) -> Fault:
    return Fault(
        400,
        "Application_CallbackNotAllowed",
        "Microsoft Dynamics NAV Server attempted to issue a client callback to show a confirmation dialog box: "
        f"Do you want to change {field}? (CodeUnit 1 System Triggers).",
    )


def _card(tenant: Tenant, no: str, field: str) -> Row:
    card = tenant.get("Customer", no)
    if card is None:
        raise not_related(field, "Sales Header", no, "Customer")
    return card


def _sell_to(tenant: Tenant, record: Row, no: str) -> None:
    if not no:
        raise field_error("Sell-to Customer No. must have a value in Sales Header. It cannot be zero or empty.")
    card = _card(tenant, no, "Sell-to Customer No.")
    check_blocked(tenant, str(card["No."]), str(record["Document Type"]), posting=False)
    record["Sell-to Customer No."] = card["No."]
    for field, source in _ADDRESS.items():
        record[f"Sell-to {'Customer ' if field.startswith('Name') else ''}{field}"] = card.get(source) or ""
    record["Sell-to Contact No."] = card.get("Primary Contact No.") or card.get("contact") or ""
    for field, source in _FROM_SELL_TO.items():
        record[field] = card.get(source) or ""
    record["Shipping Advice"] = card.get("Shipping Advice") or "Partial"
    record |= {"ShippingOptions": DEFAULT_SHIP_TO, "BillToOptions": DEFAULT_BILL_TO}
    _bill_to(tenant, record, str(card.get("Bill-to Customer No.") or card["No."]))
    copy_sell_to(record)
    if card.get("Ship-to Code"):
        record["ShippingOptions"] = ALTERNATE
        _ship_to_code(tenant, record, str(card["Ship-to Code"]))


def _bill_to(tenant: Tenant, record: Row, no: str) -> None:
    card = _card(tenant, no, "Bill-to Customer No.")
    check_blocked(tenant, str(card["No."]), str(record["Document Type"]), posting=False)
    record["Bill-to Customer No."] = card["No."]
    for field, source in _ADDRESS.items():
        record[f"Bill-to {field}"] = card.get(source) or ""
    record["Bill-to Contact No."] = card.get("Primary Contact No.") or card.get("contact") or ""
    for field, source in _FROM_BILL_TO.items():
        record[field] = card.get(source) or ""
    record["Prices Including VAT"] = bool(card.get("Prices Including VAT"))
    record["Due Date"] = due_date(tenant, record)


def _sell_to_contact(tenant: Tenant, record: Row, no: str) -> None:
    contact = tenant.get("Contact", no) if no else None
    if no and contact is None:
        raise not_related("Sell-to Contact No.", "Sales Header", no, "Contact")
    customer = tenant.get("Customer", str(record.get("Sell-to Customer No.") or ""))
    if contact and customer and customer.get("contact") not in (contact["No."], contact.get("Company No.")):
        raise dialog(
            f"Contact {contact['No.']} {contact.get('Name', '')} is related to a different company than customer {customer['No.']}."
        )
    record["Sell-to Contact No."] = contact["No."] if contact else ""
    if contact and contact.get("Type") == "Person":
        record["Sell-to Contact"] = contact.get("Name", "")


def _customer_by_name(tenant: Tenant, text: str) -> str:
    found = [c for c in tenant.rows("Customer") if text in (c["No."], c.get("Name"))]
    if len(found) != 1:
        raise not_related("Bill-to Name", "Sales Header", text, "Customer")
    return str(found[0]["No."])


def _addresses(tenant: Tenant, record: Row) -> list[Row]:
    return [a for a in tenant.rows("Ship-to Address") if a["Customer No."] == record.get("Sell-to Customer No.")]


def _ship_to_code(tenant: Tenant, record: Row, code: str) -> None:
    if not code:
        copy_sell_to(record)
        return
    address = next((a for a in _addresses(tenant, record) if a["Code"] == code.upper()), None)
    if address is None:
        raise not_related("Ship-to Code", "Sales Header", code, "Ship-to Address")
    record["Ship-to Code"] = address["Code"]
    for field, source in _ADDRESS.items():
        record[f"Ship-to {field}"] = address.get(source) or ""
