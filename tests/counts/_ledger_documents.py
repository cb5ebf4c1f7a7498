"""Random orders and posted invoices of Business Central, with what the transaction made of each has to say."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from tests.counts._company import BOX, BOXED, ITEMS, PLACES, SHIPPING, Company
from tests.counts._shop_sales import rounded

_LINE = 10_000


@dataclass
class Document:
    """A document under its number, and what its transaction has to say. `lines`: base quantity and amount by Line No."""

    number: str
    flow: str
    currency: str
    lines: dict[int, tuple[Decimal, Decimal]]
    subtotal: Decimal
    shipping: Decimal
    discount: Decimal
    total: Decimal
    includes_tax: bool
    tampered: bool


def random_document(chance: Random, company: Company, *, posted: bool) -> Document:
    """An order that is released, or an invoice that was posted from one."""
    sales = company.shop.bench.sandbox.sales
    customer = chance.choice(list(company.customers))
    code = chance.choice(["", "", "EUR", "JPY", "KWD"]) or ("EUR" if customer == "PEUR" else "")
    decimals = PLACES.get(code, company.decimals)
    includes_tax = chance.random() < 0.3
    header = {"Currency Code": code, "Prices Including VAT": includes_tax}
    rows: list[dict[str, Any]] = []
    lines: dict[int, tuple[Decimal, Decimal]] = {}
    subtotal = shipping = Decimal(0)
    for place in range(chance.randint(1, 5)):
        row, base = _line(chance, first=place == 0)
        gross = rounded(row["Quantity"] * row["Unit Price"], decimals)
        amount = gross - rounded(gross * row.get("Line Discount %", Decimal(0)) / 100, decimals)
        if row["Type"] == "Item":
            lines[(place + 1) * _LINE] = (base, amount)
            subtotal += amount
        else:
            shipping += amount
        rows.append(row)
    discount = rounded(Decimal(chance.randint(1, 90)) / 10, decimals) if chance.random() < 0.3 and subtotal > 9 else 0
    order = sales.add_order(customer=customer, lines=rows, **{**header, "Invoice Discount": discount})
    number = str(order["No."])
    sales.release(number)
    tampered = not posted and chance.random() < 0.15
    if tampered:
        for line in sales.lines(number):
            line["Total_Amount_Incl_VAT"] += Decimal(1).scaleb(-decimals)
    total = order["Amount Including VAT"]
    if posted:
        invoice = sales.post(number)
        assert invoice is not None
        number, total = str(invoice["No."]), invoice["Amount Including VAT"]
    return Document(
        number=number,
        flow="sales_invoice_to_ipaas" if posted else "sales_order_to_ipaas",
        currency=code,
        lines=lines,
        subtotal=subtotal,
        shipping=shipping,
        discount=Decimal(discount),
        total=total + (Decimal(1).scaleb(-decimals) if tampered else 0),
        includes_tax=includes_tax,
        tampered=tampered,
    )


def _line(chance: Random, *, first: bool) -> tuple[dict[str, Any], Decimal]:
    quantity = Decimal(chance.choice([1, 2, 3, 7, Decimal("2.5")] if first else [1, 2, 5, -1]))
    price = Decimal(chance.randint(100, 99_999)) / chance.choice([10, 100, 1000])
    kind = "" if first else chance.choice(["", "", "", SHIPPING, "S-FREIGHT"])
    if kind:
        row = {"Type": "G/L Account" if kind == SHIPPING else "Charge (Item)", "No.": kind}
        return {**row, "Quantity": abs(quantity), "Unit Price": price}, abs(quantity)
    sku = chance.choice(ITEMS)
    boxed = sku in BOXED and chance.random() < 0.6
    row = {"Type": "Item", "No.": sku, "Unit of Measure Code": "BOX" if boxed else "PCS"}
    row |= {"Quantity": quantity, "Unit Price": price}
    if chance.random() < 0.4:
        row["Line Discount %"] = Decimal(chance.randint(1, 4000)) / 100
    return row, quantity * (BOX if boxed else 1)
