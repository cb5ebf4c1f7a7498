"""Pending transactions of other systems as sales orders of Business Central (pages 42 and 46)."""

from __future__ import annotations

from include.errors import Rejected
from include.ipaas.records.transactions import Transaction, TransactionAddress, TransactionLine
from include.mappings.custom_fields import from_ipaas as custom_fields
from include.mappings.foreign_transactions import (
    INVOICE_LINK,
    address_notes,
    currency,
    document_date,
    document_number,
    item_lines,
    item_number,
    left_out,
    owned_by_us,
    party_ref,
    plain,
    primary,
    product_of,
    without_buyer,
)
from include.mappings.limits import fit, number_fits
from include.mappings.names import join_name
from include.mappings.order_sums import sums_of
from include.mappings.rounding import fine
from include.mappings.rows_of_ipaas import TransactionRow
from include.sync.records import Json, Mapped, MappingContext, Shared

# What decides about an order once, when it is made; afterwards the order clerk may choose otherwise.
CREATE_ONLY = frozenset(
    {
        "No",
        "Currency_Code",
        "Location_Code",
        "Prices_Including_VAT",
        "Shipping_Agent_Code",
        "Shipping_Agent_Service_Code",
    }
)
# What of page 42 Business Central upper-cases.
HEADER_CODES = frozenset(
    {
        "Bill_to_Country_Region_Code",
        "Bill_to_Post_Code",
        "External_Document_No",
        "Sell_to_Contact_No",
        "Ship_to_Country_Region_Code",
        "Ship_to_Post_Code",
    }
)
_NUMBER_LENGTH = 20
# The parts of an address on page 42 with the room they have. The post code stands before city, county and country:
# Business Central fills those in from its own table of post codes, and what comes later wins.
_PARTS = {
    "Name": 100,
    "Address": 100,
    "Address_2": 50,
    "Post_Code": 20,
    "City": 30,
    "County": 30,
    "Country_Region_Code": 10,
    "Contact": 100,
    "Phone_No": 30,
}
# What makes up the place. It is one value: parts that a transaction lacks are blanked, or else they would be the
# customer's own and the goods would go to an address that does not exist.
_PLACE = ("Address", "Address_2", "Post_Code", "City", "County", "Country_Region_Code")
# What an update may write, and has to read first.
HEADER_FIELDS = (
    "Sell_to_Customer_No",
    "Sell_to_Contact_No",
    "External_Document_No",
    "Currency_Code",
    "Order_Date",
    *(f"Bill_to_{part}" for part in _PARTS if part != "Phone_No"),
    *(f"Ship_to_{part}" for part in _PARTS),
)

# What both systems keep of an order. A place is one value; who is meant at it is another. Everything else, lines and
# amounts above all, is Business Central's where both changed it.
SHARED = (
    *(Shared(bc=tuple(f"{side}_{part}" for part in _PLACE), later=True) for side in ("Bill_to", "Ship_to")),
    *(Shared(bc=(f"{side}_Name", f"{side}_Contact"), later=True) for side in ("Bill_to", "Ship_to")),
    Shared(bc=("Ship_to_Phone_No",), later=True),
)
# What a line is of. Where one side changed that, quantities and prices mean something else: the line is one thing then.
LINE_GOODS = frozenset({"Type", "No", "Unit_of_Measure_Code"})

# What of pages 42 and 46 API v2.0 can carry, and its names for it. An orderDate is the order's document date.
API_HEADER = {
    "Sell_to_Customer_No": "customerNumber",
    "No": "number",
    "External_Document_No": "externalDocumentNumber",
    "Order_Date": "orderDate",
    "Currency_Code": "currencyCode",
    "Prices_Including_VAT": "pricesIncludeTax",
    "Ship_to_Name": "shipToName",
    "Ship_to_Address": "shipToAddressLine1",
    "Ship_to_Address_2": "shipToAddressLine2",
    "Ship_to_Post_Code": "shipToPostCode",
    "Ship_to_City": "shipToCity",
    "Ship_to_County": "shipToState",
    "Ship_to_Country_Region_Code": "shipToCountry",
    "Ship_to_Contact": "shipToContact",
}
API_LINE = {
    "Type": "lineType",
    "No": "lineObjectNumber",
    "Description": "description",
    "Unit_of_Measure_Code": "unitOfMeasureCode",
    "Quantity": "quantity",
    "Unit_Price": "unitPrice",
    "Line_Discount_Amount": "discountAmount",
}
# What else the pages alone have, in words.
LOST_WITHOUT_PAGES = (
    "the bill-to address (it is the bill-to customer's)",
    "Ship_to_Phone_No",
    "Sell_to_Contact_No",
    "Location_Code (it is the customer's)",
    "Order_Date (the transaction's day becomes the document date)",
)


def skip_foreign_order(row: TransactionRow, context: MappingContext) -> str | None:
    """The filter: Pending transactions of other systems that are no invoices and name a buyer."""
    transaction = row.transaction
    if reason := owned_by_us(transaction, context):
        return reason
    if transaction.type == "Invoice":
        return "The transaction is an invoice; invoice_from_ipaas carries it."
    if transaction.status != "Pending":
        return f"The transaction's status is {transaction.status or 'blank'}; only Pending ones become sales orders."
    if (row.link or "").startswith(INVOICE_LINK):
        return "The transaction has been invoiced in Business Central."
    return without_buyer(transaction)


def order_from_ipaas(row: TransactionRow, context: MappingContext) -> Mapped:
    """The order: `header` and `lines` hold properties of pages 42 and 46 in the order in which they are validated.

    `sums` are the amounts that the order is to come to, and `shipping` the account of a line for shipping, if there is to
    be one: amounts are rounded when their currency is known. A line's `unit` is the one that it names, and `product` the
    product in iPaaS.com that has its SKU, if there is one.
    """
    transaction = row.transaction
    billing, shipping = primary(transaction, "billing"), primary(transaction, "shipping")
    body: Json = {
        "header": {
            **_identity(row, transaction, context),
            **_address(billing, "BillToOptions", "Bill_to"),
            **_address(shipping, "ShippingOptions", "Ship_to"),
            **custom_fields(context.settings, "transaction", plain(transaction)),
        },
        "lines": [_line(line, row, context) for line in item_lines(transaction, context)],
        "sums": sums_of(transaction, context),
    }
    if account := context.settings.bc_create_defaults.sales_order.shipping_account:
        body["shipping"] = account
    return Mapped(
        source_id=str(transaction.id),
        linked=row.linked,
        holders=row.holders,
        match=document_number(transaction),
        body=body,
        create_only=CREATE_ONLY,
        notes=(*left_out(transaction), *address_notes([billing, shipping])),
    )


def _identity(row: TransactionRow, transaction: Transaction, context: MappingContext) -> Json:
    """Whose order it is and what it is called. The customer comes first: validating it resets what depends on it."""
    defaults = context.settings.bc_create_defaults.sales_order
    number = document_number(transaction)
    fields = {
        "Sell_to_Customer_No": party_ref(row.buyer, context),
        "No": _own_number(number) if defaults.number_from_transaction else None,
        "Sell_to_Contact_No": row.buyer.get("contact"),
        "External_Document_No": number,
        "Order_Date": document_date(transaction, context),
        # The amounts are what they are in this currency, whatever the customer's own is.
        "Currency_Code": currency(transaction, "Currency_Code"),
        # The prices are net of tax, whatever the customer's own are.
        "Prices_Including_VAT": False,
        "Location_Code": defaults.Location_Code,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _own_number(number: str) -> str:
    if not number_fits(number):
        raise Rejected(
            f"transaction_number {number!r} cannot be the No. of an order: it has more than {_NUMBER_LENGTH} characters, or "
            "contains a `|`.",
            "Take sales_order.number_from_transaction out of bc_create_defaults, or renumber the transaction.",
        )
    return number


def _address(address: TransactionAddress | None, option: str, prefix: str) -> Json:
    """One address, after the option that makes its fields writable."""
    if address is None:
        return {}
    person = join_name(address.first_name, address.last_name)
    parts = {
        "Name": address.company or person or None,
        "Address": address.address_1,
        "Address_2": address.address_2,
        "Post_Code": address.postal_code,
        "City": address.city,
        "County": address.region,
        "Country_Region_Code": address.country,
        "Contact": person or None,
        # The page knows no phone of the bill-to address.
        "Phone_No": address.phone_number if prefix == "Ship_to" else None,
    }
    fields: Json = {option: "Custom Address"}
    for name, value in parts.items():
        text = fit(f"{prefix}_{name}", value, _PARTS[name])
        if text is not None or name in _PLACE:
            fields[f"{prefix}_{name}"] = text or ""
    return fields


def _line(line: TransactionLine, row: TransactionRow, context: MappingContext) -> Json:
    fields: Json = {
        "Type": "Item",
        "No": item_number(line, row, "No"),
        "Quantity": fine(line.qty),
        "Unit_Price": fine(line.unit_price),
    }
    if line.qty:
        # Business Central knows no discount on nothing.
        fields["Line_Discount_Amount"] = line.discount_amount
    own = custom_fields(context.settings, "transaction line", plain(line))
    named = {"unit": line.unit} if line.unit else {}
    return {"id": line.id, **named, **product_of(line, row), "fields": {**fields, **own}}
