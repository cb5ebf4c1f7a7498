"""The set-up tables of a company: what a fresh company of Business Central holds before anybody trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.bc.tenant import Tenant

# Table -> the field that describes a code, and the codes with their descriptions.
CODED: dict[str, tuple[str, dict[str, str]]] = {
    "Country/Region": (
        "Name",
        {
            "AT": "Austria",
            "AU": "Australia",
            "BE": "Belgium",
            "CA": "Canada",
            "CH": "Switzerland",
            "DE": "Germany",
            "DK": "Denmark",
            "ES": "Spain",
            "FR": "France",
            "GB": "Great Britain",
            "IE": "Ireland",
            "IT": "Italy",
            "JP": "Japan",
            "MX": "Mexico",
            "NL": "The Netherlands",
            "PL": "Poland",
            "SE": "Sweden",
            "US": "USA",
        },
    ),
    "Currency": (
        "Description",
        {
            "CAD": "Canadian dollar",
            "CHF": "Swiss franc",
            "EUR": "Euro",
            "GBP": "Pound Sterling",
            "JPY": "Japanese yen",
            "KWD": "Kuwaiti dinar",
            "MXN": "Mexican peso",
            "RSD": "Serbian dinar",
        },
    ),
    "Payment Terms": (
        "Description",
        {
            "14 DAYS": "Net 14 days",
            "1M(8D)": "1 Month/2% 8 days",
            "30 DAYS": "Net 30 days",
            "60 DAYS": "Net 60 days",
            "CM": "Current Month",
            "COD": "Cash on delivery",
        },
    ),
    "Payment Method": (
        "Description",
        {
            "ACCOUNT": "On account",
            "BANK": "Bank transfer",
            "CARD": "Card payment",
            "CASH": "Cash payment",
            "CHECK": "Check payment",
            "PAYPAL": "PayPal payment",
        },
    ),
    "Gen. Business Posting Group": (
        "Description",
        {"DOMESTIC": "Domestic customers and vendors", "EU": "Customers and vendors in the EU", "EXPORT": "Others"},
    ),
    "Gen. Product Posting Group": (
        "Description",
        {"MISC": "Miscellaneous", "RAW MAT": "Raw materials", "RETAIL": "Resale items", "SERVICES": "Services"},
    ),
    "Customer Posting Group": (
        "Description",
        {"DOMESTIC": "Domestic customers", "EU": "Customers in the EU", "FOREIGN": "Foreign customers"},
    ),
    "Inventory Posting Group": (
        "Description",
        {"FINISHED": "Finished items", "RAW MAT": "Raw materials", "RESALE": "Resale items"},
    ),
    "VAT Business Posting Group": (
        "Description",
        {"DOMESTIC": "Domestic customers and vendors", "EU": "Customers and vendors in the EU", "EXPORT": "Others"},
    ),
    "VAT Product Posting Group": (
        "Description",
        {"NO VAT": "Without VAT", "REDUCED": "Reduced rate", "STANDARD": "Standard rate"},
    ),
    "Tax Area": (
        "Description",
        {"ATLANTA": "Atlanta, Georgia", "CHICAGO": "Chicago, Illinois", "MIAMI": "Miami, Florida"},
    ),
    "Tax Group": (
        "Description",
        {
            "FURNITURE": "Taxable furniture",
            "LABOR": "Labor on a job",
            "NONTAXABLE": "Not taxable",
            "SUPPLIES": "Taxable supplies",
            "TAXABLE": "Taxable",
        },
    ),
    "Unit of Measure": (
        "Description",
        {
            "BOX": "Box",
            "DAY": "Day",
            "EA": "Each",
            "HOUR": "Hour",
            "KG": "Kilo",
            "PACK": "Pack",
            "PCS": "Piece",
            "SET": "Set",
        },
    ),
    "Shipment Method": (
        "Description",
        {"CIF": "Cost Insurance and Freight", "EXW": "Ex Warehouse", "FOB": "Free on Board", "PICKUP": "Pickup"},
    ),
    "Salesperson/Purchaser": (
        "Name",
        {"BD": "Bart Duncan", "JO": "Jim Olive", "OF": "Otis Falls", "RL": "Richard Lum"},
    ),
    "Customer Discount Group": ("Description", {"LARGE ACC": "Large account", "RETAIL": "Retail"}),
    "Item Discount Group": ("Description", {"A": "A, B or C", "FINISHED": "Finished"}),
    "Language": ("Name", {"DEU": "German", "ENG": "English (UK)", "ENU": "English", "FRA": "French"}),
}
# What a code's row holds besides its description.
_MORE: dict[tuple[str, str], dict[str, Any]] = {
    # API v2.0 shows the rounding of invoices as `amountRoundingPrecision`; that of amounts it does not show.
    **{
        ("Currency", code): {"Amount Decimal Places": "2:2", "Invoice Rounding Precision": 0.01}
        for code in ("CAD", "GBP", "MXN", "RSD")
    },
    ("Currency", "CHF"): {"Amount Decimal Places": "2:2", "Invoice Rounding Precision": 0.05},
    ("Currency", "EUR"): {"Symbol": "€", "Amount Decimal Places": "2:2", "Invoice Rounding Precision": 0.01},
    ("Currency", "JPY"): {"Symbol": "¥", "Amount Decimal Places": "0:0", "Invoice Rounding Precision": 1},
    ("Currency", "KWD"): {"Amount Decimal Places": "3:3", "Invoice Rounding Precision": 0.001},
    ("Payment Terms", "14 DAYS"): {"Due Date Calculation": "14D"},
    ("Payment Terms", "1M(8D)"): {"Due Date Calculation": "1M", "Discount Date Calculation": "8D", "Discount %": 2},
    ("Payment Terms", "30 DAYS"): {"Due Date Calculation": "30D"},
    ("Payment Terms", "60 DAYS"): {"Due Date Calculation": "60D"},
    ("Payment Terms", "CM"): {"Due Date Calculation": "CM"},
    ("Payment Terms", "COD"): {"Due Date Calculation": "0D"},
    ("Unit of Measure", "EA"): {"International Standard Code": "EA"},
    ("Unit of Measure", "KG"): {"International Standard Code": "KGM"},
}
_AGENT_SERVICES = {
    "DHL": ("NORMAL", "OVERNIGHT"),
    "FEDEX": ("NEXT DAY", "STANDARD"),
    "UPS": ("EXPRESS", "GROUND"),
}
_ACCOUNTS = {
    "10100": "Checking account",
    "13100": "Accounts Receivable",
    "22700": "Sales Tax Payable",
    "40100": "Sales of goods",
    "40410": "Shipping charged to customers",
    "40910": "Sales discounts",
    "50100": "Cost of goods sold",
}
# Percentages by business and product posting group; other pairs are not taxed.
_VAT = {("DOMESTIC", "STANDARD"): 10, ("DOMESTIC", "REDUCED"): 5, ("DOMESTIC", "NO VAT"): 0, ("EU", "STANDARD"): 0}
# Sales tax in percent, by tax area and tax group; what is not named here is not taxed.
_SALES_TAX: dict[tuple[str, str], float] = {
    ("ATLANTA", "TAXABLE"): 7,
    ("ATLANTA", "FURNITURE"): 7,
    ("ATLANTA", "SUPPLIES"): 4,
    ("CHICAGO", "TAXABLE"): 10.25,
    ("MIAMI", "TAXABLE"): 7,
}
_CHARGES = {"S-FREIGHT": "Freight charged to customers"}
_RESOURCES = {"LINA": "Lina Townsend, assembler"}
_BATCHES = (("CASHRCPT", "GENERAL"), ("CASHRCPT", "WEBSHOP"), ("GENERAL", "DEFAULT"))
# Code -> whether numbers may be given by hand, and the number that comes next.
_SERIES = {
    "CUST": (True, "C00010"),
    "CONT": (True, "CT000010"),
    "ITEM": (True, "70061"),
    "S-ORD": (False, "S-ORD101001"),
    "S-INV": (False, "S-INV102001"),
    "S-INV+": (False, "PS-INV103001"),
    "S-SHPT": (False, "S-SHPT104001"),
    "GJNL-RCPT": (True, "G04001"),
}


def set_up(tenant: Tenant) -> None:
    """Fill the set-up tables."""
    tenant.add("Company Information", {"Primary Key": "", "Name": tenant.company})
    ledger = {"LCY Code": tenant.local_currency, "Amount Decimal Places": "2:2", "Amount Rounding Precision": 0.01}
    tenant.add("General Ledger Setup", {"Primary Key": "", **ledger})
    for table, (describing, codes) in CODED.items():
        for code, description in codes.items():
            tenant.add(table, {"Code": code, describing: description, **_MORE.get((table, code), {})})
    for agent, services in _AGENT_SERVICES.items():
        for code in services:
            tenant.add("Shipping Agent Services", {"Shipping Agent Code": agent, "Code": code, "Description": code})
    for no, name in _ACCOUNTS.items():
        tenant.add("G/L Account", {"No.": no, "Name": name, "Account Type": "Posting", "Direct Posting": True})
    for (business, product), percent in _VAT.items():
        groups = {"VAT Bus. Posting Group": business, "VAT Prod. Posting Group": product}
        tenant.add("VAT Posting Setup", {**groups, "VAT %": percent})
    for (area, group), rate in _SALES_TAX.items():
        tenant.add("Tax Detail", {"Tax Jurisdiction Code": area, "Tax Group Code": group, "Tax Below Maximum": rate})
    for no, name in _CHARGES.items():
        tenant.add("Item Charge", {"No.": no, "Description": name})
    for no, name in _RESOURCES.items():
        tenant.add("Resource", {"No.": no, "Name": name})
    for template, name in _BATCHES:
        fields = {"Journal Template Name": template, "Name": name, "Description": name.title()}
        tenant.add("Gen. Journal Batch", {**fields, "Bal. Account No.": "10100"})
    for code, (manual, number) in _SERIES.items():
        tenant.add("No. Series", {"Code": code, "Description": code, "Manual Nos.": manual, "Next No.": number})


def next_number(number: str) -> str:
    """The number after a number: its last digits count on, and keep their width."""
    head = number.rstrip("0123456789")
    digits = number[len(head) :]
    return f"{head}{int(digits) + 1:0{len(digits)}}"
