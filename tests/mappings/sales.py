"""Sales documents as the sources of the flows read them, for tests of the mappings."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from include.mappings.rows import OrderRow
from include.settings import SyncSettings
from include.sync.records import Json, MappingContext, Today

SYSTEM = 7
GUID = "72F2E4B9-9b71-4f23-8d8c-bf3c876d3c1a"


def context(*, memory: Json | None = None, **settings: Any) -> MappingContext:
    """A run of our subscription with these settings."""
    return MappingContext(
        settings=SyncSettings(**settings), system_id=SYSTEM, today=Today(date(2026, 5, 7)), carry=memory or {}
    )


def line(
    no: int = 10000, kind: str = "Item", sku: str = "1000", quantity: Any = 2, price: Any = 50, **fields: Any
) -> Json:
    """A line of page 46, as it comes over the wire."""
    amount = Decimal(str(quantity)) * Decimal(str(price))
    return {
        "Document_No": "S-1",
        "Line_No": no,
        "Type": kind,
        "No": sku,
        "Description": "Bicycle",
        "Quantity": quantity,
        "Unit_Price": price,
        "Line_Discount_Percent": 0,
        "Line_Discount_Amount": 0,
        "Line_Amount": amount,
        "Quantity_Shipped": 0,
        "Quantity_Invoiced": 0,
        "Net_Weight": Decimal("12.5"),
        "Tax_Area_Code": "",
        **fields,
    }


def comment(no: int, text: str) -> Json:
    """A comment line of page 46."""
    return line(no, " ", "", 0, 0, Description=text)


def totals(rows: list[Json], tax: Any = 0, total: Any = None, discount: Any = 0) -> list[Json]:
    """The lines with the document's totals on each, as page 46 repeats them."""
    amounts = sum((Decimal(str(row["Line_Amount"])) for row in rows), Decimal(0))
    own = amounts - Decimal(str(discount)) + Decimal(str(tax)) if total is None else total
    repeated = {"Invoice_Discount_Amount": discount, "Total_VAT_Amount": tax, "Total_Amount_Incl_VAT": own}
    return [{**row, **repeated} for row in rows]


def order(*rows: Json, tax: Any = 0, total: Any = None, discount: Any = 0, **more: Any) -> OrderRow:
    """A released order of company C1. `more` are parts of the row; `detail` changes fields of page 42."""
    detail = {
        "No": "S-1",
        "Sell_to_Customer_No": "C1",
        "Sell_to_Customer_Name": "Adatum",
        "Sell_to_Address": "1 Main Street",
        "Sell_to_E_Mail": "office@adatum.example",
        "Sell_to_Phone_No": "+1 555 0101",
        "Order_Date": "2026-05-07",
        "Status": "Released",
        "VAT_Bus_Posting_Group": "DOMESTIC",
        "Payment_Terms_Code": "30 DAYS",
        "Payment_Method_Code": "",
        "Ship_to_Name": "Adatum Works",
        "Ship_to_Contact": "Anna van der Berg",
        "Ship_to_Address": "2 Dock Road",
        "Ship_to_City": "Chicago",
        "Ship_to_County": "IL",
        "Ship_to_Post_Code": "61236",
        "Ship_to_Country_Region_Code": "US",
        "Shipment_Date": "2026-05-09",
        "Shipping_Agent_Code": "",
        "Bill_to_Name": "Adatum",
        "Bill_to_Contact": "",
        "Bill_to_Address": "1 Main Street",
        **more.pop("detail", {}),
    }
    feed = {"id": GUID, "number": "S-1", **more.pop("feed", {})}
    rows_ = totals(list(rows) or [line()], tax, total, discount)
    own: Json = {"customer_type": "Company", "terms": "Net 30 days", **more}
    return OrderRow(feed=feed, detail=detail, lines=rows_, **own)


def api_line(sequence: int = 10000, kind: str = "Item", sku: str = "1000", **fields: Any) -> Json:
    """A line of API v2.0."""
    return {
        "sequence": sequence,
        "lineType": kind,
        "lineObjectNumber": sku,
        "description": "Bicycle",
        "quantity": 2,
        "unitPrice": 60,
        "discountAmount": 20,
        "discountPercent": Decimal("16.67"),
        "amountExcludingTax": 100,
        "amountIncludingTax": 120,
        "taxPercent": 20,
        **fields,
    }


def ids(children: list[Json]) -> list[str]:
    """The external ids of nested records."""
    return [str(child["external_ids"][0]["external_id"]) for child in children]
