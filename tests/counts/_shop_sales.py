"""Random transactions of a web shop, with what an order or an invoice made of each has to come to.

The figures are worked out here from the random numbers, and not by the mappings that they judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from tests.counts._company import BOX, BOXED, ITEMS, PLACES, Company

Body = dict[str, Any]
# What may be wrong with a transaction, or odd; most often nothing.
ODD = ("cent", "cash", "gross prices", "line", "service", "free shipping")


@dataclass
class Sale:
    """A transaction and what its document must come to: `total` as it says, `made` as its parts make it, `net` before
    tax by its total, `by_lines` by the lines that become the document's."""

    body: Body
    kind: str
    odd: str
    decimals: int
    total: Decimal
    made: Decimal
    net: Decimal
    by_lines: Decimal
    currency: str
    base_units: dict[str, Decimal] = field(default_factory=dict)
    taxed: bool = False


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Half away from zero."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def random_sale(chance: Random, company: Company, number: int, kind: str) -> Sale:
    """A transaction that becomes an order, or an invoice, of one of the company's customers."""
    customer = chance.choice(list(company.customers))
    code = chance.choice(["", "", "EUR", "JPY", "KWD", "RSD", "CHF"])
    currency = code or company.currency_of(customer)
    decimals = PLACES.get(currency, company.decimals)
    while True:
        lines = [_line(chance, company, decimals) for _ in range(chance.randint(1, 5))]
        goods = sum((line["amount"] for line in lines), Decimal(0))
        if goods > 0:
            break
    odd = chance.choice(ODD) if chance.random() < 0.3 else ""
    unit = Decimal(1).scaleb(-decimals)
    discount = rounded(goods * chance.randint(1, 20) / 100, decimals) if chance.random() < 0.3 else Decimal(0)
    shipping = rounded(Decimal(chance.randint(300, 1500)) / 100, decimals) if chance.random() < 0.5 else Decimal(0)
    taxes = [rounded(goods * chance.randint(1, 9) / 100, decimals) for _ in range(chance.choice([0, 0, 1, 2, 3]))]
    if odd == "free shipping":
        shipping = discount = rounded(Decimal(6), decimals)
    if odd == "gross prices" and not any(taxes):
        taxes = [rounded(goods / 5, decimals) + unit]
    tax = sum(taxes, Decimal(0))
    made = goods - discount + shipping + tax
    off = {"cent": unit, "cash": 3 * unit * len(lines) + 2 * unit, "gross prices": -tax}.get(odd, Decimal(0))
    by_lines = goods - discount + (shipping if company.ships else 0)
    if odd == "free shipping" and not company.ships:
        by_lines = goods
    body_lines = [line["body"] for line in lines]
    if odd == "line":
        wrong = chance.choice(lines)
        more = unit * (len(lines) + 2)
        wrong["body"]["extended_price"] = wrong["amount"] + more
        made, by_lines = made + more, by_lines + more
    if odd == "service":
        # A line that becomes none of the document's, and counts in the total.
        extra = rounded(Decimal(5), decimals)
        body_lines.append(
            {"type": "Service", "description": "Gift wrap", "qty": 1, "unit_price": extra, "status": "Pending"}
        )
        made += extra
    total = made + off
    net = by_lines + off
    body = _body(company, customer, number, kind, code, body_lines)
    body["discount_amount"] = sum((line["discount"] for line in lines), Decimal(0)) + discount
    body |= {"shipping_amount": shipping, "tax_amount": tax, "total": total}
    body["taxes"] = [{"authority": f"T{place}", "amount": amount} for place, amount in enumerate(taxes)] or None
    units = {}
    for line in lines:
        units[line["body"]["sku"]] = units.get(line["body"]["sku"], Decimal(0)) + line["base"]
    return Sale(
        body=body,
        kind=kind,
        odd=odd,
        decimals=decimals,
        total=total,
        made=made,
        net=net,
        by_lines=by_lines,
        currency="" if currency == company.own else currency,
        base_units=units,
        taxed=customer in company.taxed,
    )


def _body(company: Company, customer: str, number: int, kind: str, code: str, lines: list[Body]) -> Body:
    """What a transaction is before its sums are known."""
    return {
        "transaction_number": f"W-{number:05}",
        "customer_id": company.customers[customer],
        "status": "Pending" if kind == "order" else "Complete",
        "currency_code": code or None,
        "lines": lines,
    }


def _line(chance: Random, company: Company, decimals: int) -> Body:
    sku = chance.choice(ITEMS)
    quantity = Decimal(chance.choice([1, 1, 2, 3, 5, 12, Decimal("1.5"), -1, -2]))
    price = Decimal(chance.randint(1, 99_999)) / chance.choice([1, 10, 100, 1000])
    gross = rounded(quantity * price, decimals)
    discount = rounded(abs(gross) * chance.randint(1, 30) / 100, decimals) if chance.random() < 0.4 else Decimal(0)
    body: Body = {"sku": sku, "type": "Product", "status": "Pending", "qty": quantity, "unit_price": price}
    base = quantity
    if sku in BOXED and chance.random() < 0.5:
        named = chance.choice(["BOX", "box", "PCS"])
        body["unit"] = named
        base = quantity * (BOX if named.upper() == "BOX" else 1)
    if discount:
        body["discount_amount"] = discount
    if chance.random() < 0.5:
        body["extended_price"] = gross - discount
    return {"body": body, "amount": gross - discount, "discount": discount, "base": base}
