"""The lines of a sales order or draft invoice: their fields, and what follows from each when it is set (OnValidate)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from include.sandbox.bc.answers import dialog, field_error, not_related
from include.sandbox.bc.sales_amounts import (
    ZERO,
    discount_by_amount,
    discount_by_percent,
    gross,
    number,
    rounded,
)
from include.sandbox.bc.tenant import Row, Tenant
from include.sandbox.bc.units import quantity_per

COMMENT = " "
# Where the number of a line comes from, by its type.
_MASTERS = {
    "Item": "Item",
    "G/L Account": "G/L Account",
    "Resource": "Resource",
    "Charge (Item)": "Item Charge",
    "Fixed Asset": "Fixed Asset",
}
_FROM_ITEM = {
    "Description": "Description",
    "Description 2": "Description 2",
    "Gen. Prod. Posting Group": "Gen. Prod. Posting Group",
    "VAT Prod. Posting Group": "VAT Prod. Posting Group",
    "Tax Group Code": "Tax Group Code",
    "Net Weight": "Net Weight",
    "Gross Weight": "Gross Weight",
}
_FROM_HEADER = (
    "Gen. Bus. Posting Group",
    "VAT Bus. Posting Group",
    "Tax Area Code",
    "Tax Liable",
    "Location Code",
    "Shipment Date",
    "Shipping Agent Code",
    "Shipping Agent Service Code",
    "Requested Delivery Date",
)
_NUMBERS = ("Quantity", "Unit Price", "Line Discount %", "Line Discount Amount", "Line Amount")


def places_of(tenant: Tenant, header: Row) -> int:
    """The decimals of amounts in a document's currency; of the company's own by the general-ledger set-up."""
    code = str(header.get("Currency Code") or "")
    setup = tenant.get("Currency", code) if code else tenant.get("General Ledger Setup", "")
    return int(str((setup or {}).get("Amount Decimal Places") or "2:2").rpartition(":")[2])


def new_line(header: Row) -> Row:
    """A line before its first field is set."""
    return {
        "Document Type": header["Document Type"],
        "Document No.": header["No."],
        "Line No.": 0,
        "Type": COMMENT,
        "No.": "",
        "Sell-to Customer No.": header.get("Sell-to Customer No.", ""),
        "Allow Invoice Disc.": True,
        "Qty. per Unit of Measure": Decimal(1),
        **dict.fromkeys((*_NUMBERS, "Inv. Discount Amount", "Amount", "Amount Including VAT", "VAT %"), ZERO),
        **dict.fromkeys(("Qty. to Ship", "Quantity Shipped", "Qty. to Invoice", "Quantity Invoiced"), ZERO),
        **{field: header.get(field) or "" for field in _FROM_HEADER},
    }


def set_line(tenant: Tenant, header: Row, line: Row, field: str, value: object) -> None:
    """Set one field of a line, with what follows from it. Raises Fault when Business Central would refuse."""
    places = places_of(tenant, header)
    match field:
        case "Type":
            _type(header, line, str(value))
        case "No.":
            _no(tenant, header, line, str(value))
        case "Quantity":
            _quantity(tenant, header, line, number(value), places)
        case "Unit of Measure Code" if line["Type"] == "Item":
            _unit(tenant, header, line, str(value), places)
        case "Unit Price" | "Line Discount %":
            line[field] = number(value)
            discount_by_percent(line, places)
        case "Line Discount Amount":
            _needs_quantity(line)
            discount_by_amount(line, number(value), places)
        case "Line Amount":
            _needs_quantity(line)
            discount_by_amount(line, gross(line, places) - rounded(number(value), places), places)
        case "Qty. to Ship":
            _limited(number(value), line["Quantity"] - line["Quantity Shipped"], "ship")
            line[field] = number(value)
        case "Qty. to Invoice":
            upto = line["Quantity Shipped"] + line["Qty. to Ship"] - line["Quantity Invoiced"]
            _limited(number(value), upto, "invoice")
            line[field] = number(value)
        case "VAT Prod. Posting Group" | "VAT Bus. Posting Group" | "Tax Group Code" | "Tax Area Code" | "Tax Liable":
            line[field] = value
            line["VAT %"] = _vat(tenant, line)
        case "Shipping Agent Code":
            line |= {field: value, "Shipping Agent Service Code": ""}
        case _:
            line[field] = value


def to_do(line: Row) -> None:
    """Plan to ship and to invoice what is left, as the set-up's default says."""
    line["Qty. to Ship"] = line["Quantity"] - line["Quantity Shipped"]
    line["Qty. to Invoice"] = line["Quantity"] - line["Quantity Invoiced"]


def _type(header: Row, line: Row, value: str) -> None:
    if line["Quantity Shipped"]:
        raise field_error(
            f"Quantity Shipped must be equal to '0' in Sales Line: {shown(line)}. Current value is '{line['Quantity Shipped']}'."
        )
    kept: Row = {name: line[name] for name in ("Line No.", "systemid", "version", "systemmodifiedat") if name in line}
    line |= {**new_line(header), **kept, "Type": value, "Description": ""}


def _no(tenant: Tenant, header: Row, line: Row, no: str) -> None:
    kind = str(line["Type"])
    if line["Quantity Shipped"]:
        raise field_error(
            f"Quantity Shipped must be equal to '0' in Sales Line: {shown(line)}. Current value is '{line['Quantity Shipped']}'."
        )
    if kind == COMMENT or not no:
        line["No."] = no
        return
    master = tenant.get(_MASTERS.get(kind, kind), no)
    if master is None:
        raise not_related("No.", "Sales Line", no, _MASTERS.get(kind, kind))
    line["No."] = master.get("No.", no)
    _FILL.get(kind, _fill_other)(tenant, line, master)
    line["VAT %"] = _vat(tenant, line)
    line["Unit Price"] = _price(tenant, header, line)
    discount_by_percent(line, places_of(tenant, header))


def _fill_item(tenant: Tenant, line: Row, item: Row) -> None:
    no = item["No."]
    if item.get("Blocked"):
        raise field_error(f"Blocked must be equal to 'No' in Item: No.={no}. Current value is 'Yes'.")
    if item.get("Sales Blocked"):
        raise dialog(f"You cannot sell Item {no} because the Sales Blocked check box is selected on the Item card.")
    if tenant.switches.posting_groups_required and not item.get("Gen. Prod. Posting Group"):
        raise field_error(f"Gen. Prod. Posting Group must have a value in Item: No.={no}. It cannot be zero or empty.")
    for field, source in _FROM_ITEM.items():
        line[field] = item.get(source) or ""
    # Items are sold in their sales unit, whatever they are stocked in.
    _take_unit(tenant, line, str(item.get("Sales Unit of Measure") or item.get("Base Unit of Measure") or ""))


def _fill_account(tenant: Tenant, line: Row, account: Row) -> None:
    if account.get("Account Type", "Posting") != "Posting":
        raise field_error(
            f"Account Type must be equal to 'Posting' in G/L Account: No.={account['No.']}. Current value is '{account['Account Type']}'."
        )
    line["Description"] = account.get("Name") or ""
    for field in ("VAT Prod. Posting Group", "Tax Group Code"):
        line[field] = account.get(field) or ""


def _fill_other(tenant: Tenant, line: Row, master: Row) -> None:
    line["Description"] = master.get("Description") or master.get("Name") or ""


_FILL: dict[str, Callable[[Tenant, Row, Row], None]] = {"Item": _fill_item, "G/L Account": _fill_account}


def _quantity(tenant: Tenant, header: Row, line: Row, quantity: Decimal, places: int) -> None:
    if line["Type"] == COMMENT and quantity:
        raise field_error(f"Type must not be equal to ' ' in Sales Line: {shown(line)}.")
    shipped = line["Quantity Shipped"]
    if quantity * shipped < 0 or abs(quantity) < abs(shipped):
        raise field_error(f"Quantity must not be less than {_plain(shipped)} in Sales Line {shown(line)}.")
    if quantity != line["Quantity"]:
        line["Quantity"] = quantity
        # The price engine looks again: a price by quantity may hold now, and a price set before is lost.
        if line["Type"] == "Item":
            line["Unit Price"] = _price(tenant, header, line)
    discount_by_percent(line, places)
    to_do(line)


def _price(tenant: Tenant, header: Row, line: Row) -> Decimal:
    """The lowest price that holds for the customer, its price group or everybody; without any, the item's own."""
    if line["Type"] != "Item":
        return number(line.get("Unit Price"))
    item = tenant.get("Item", str(line["No."])) or {}
    day = str(header.get("Order Date") or header.get("Posting Date") or "")
    wanted = {
        ("Customer", header.get("Bill-to Customer No.")),
        ("Customer Price Group", header.get("Customer Price Group")),
        ("All Customers", ""),
    }
    prices = [
        number(price["Unit Price"])
        for price in tenant.rows("Sales Price")
        if price["Item No."] == line["No."]
        and (price.get("Sales Type", "Customer Price Group"), price.get("Sales Code", "")) in wanted
        and (price.get("Currency Code") or "") == (header.get("Currency Code") or "")
        and number(price.get("Minimum Quantity")) <= max(number(line["Quantity"]), Decimal(1))
        and str(price.get("Starting Date") or "") <= day
        and day <= str(price.get("Ending Date") or "9999-12-31")
    ]
    # Prices are per base unit; a line's is per unit of the line.
    return (min(prices) if prices else number(item.get("Unit Price"))) * number(line["Qty. per Unit of Measure"])


def _unit(tenant: Tenant, header: Row, line: Row, code: str, places: int) -> None:
    if code == line["Unit of Measure Code"]:
        return
    if line["Quantity Shipped"]:
        raise field_error(
            f"Quantity Shipped must be equal to '0' in Sales Line: {shown(line)}. Current value is '{line['Quantity Shipped']}'."
        )
    _take_unit(tenant, line, code)
    # As with a quantity, the price engine looks again.
    line["Unit Price"] = _price(tenant, header, line)
    discount_by_percent(line, places)


def _take_unit(tenant: Tenant, line: Row, code: str) -> None:
    """Give a line one of its item's units. Raises Fault for one that the item does not have."""
    factor = quantity_per(tenant, str(line["No."]), code)
    if factor is None:
        raise not_related("Unit of Measure Code", "Sales Line", code, "Item Unit of Measure")
    unit = tenant.get("Unit of Measure", code) or {}
    line |= {
        "Unit of Measure Code": code,
        "Unit of Measure": unit.get("Description", ""),
        "Qty. per Unit of Measure": factor,
    }


def _vat(tenant: Tenant, line: Row) -> Decimal:
    area, group = str(line.get("Tax Area Code") or ""), str(line.get("Tax Group Code") or "")
    if area and line.get("Tax Liable"):
        # Those who are liable to sales tax bear that of their area, by the group of what they buy.
        return number((tenant.get("Tax Detail", area, group) or {}).get("Tax Below Maximum"))
    groups = str(line.get("VAT Bus. Posting Group") or ""), str(line.get("VAT Prod. Posting Group") or "")
    return number((tenant.get("VAT Posting Setup", *groups) or {}).get("VAT %"))


def _needs_quantity(line: Row) -> None:
    if not line["Quantity"]:
        raise field_error(f"Quantity must have a value in Sales Line: {shown(line)}. It cannot be zero or empty.")


def _limited(quantity: Decimal, most: Decimal, verb: str) -> None:
    if quantity * most < 0 or abs(quantity) > abs(most):
        raise dialog(f"You cannot {verb} more than {_plain(most)} units.")


def shown(line: Row) -> str:
    """A line's key as messages name it."""
    return f"Document Type={line['Document Type']}, Document No.={line['Document No.']}, Line No.={line['Line No.']}"


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
