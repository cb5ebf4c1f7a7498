"""Whether a document's amounts add up, to the cent, in currencies of any decimals."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sales import context, line, order

from include.business_central.records.sales import SalesLine
from include.mappings.rows import OrderRow
from include.mappings.sales_lines import sort_lines
from include.mappings.sales_orders import order_to_ipaas
from include.sync.values import text_of

ACCOUNT = {"sales_order": {"shipping_account": "6910"}}
# Yen know no decimals, Kuwaiti dinars have three.
CENTS = {"JPY": Decimal(1), "EUR": Decimal("0.01"), "KWD": Decimal("0.001")}


def notes(row: OrderRow, **settings: Any) -> tuple[str, ...]:
    return order_to_ipaas(row, context(bc_create_defaults=ACCOUNT, **settings)).notes


def rounded(value: Decimal, cent: Decimal) -> Decimal:
    return value.quantize(cent, ROUND_HALF_UP)


@st.composite
def documents(draw: st.DrawFn) -> tuple[OrderRow, Decimal]:
    """An order as Business Central computes it, and the smallest unit of its currency."""
    cent = CENTS[draw(st.sampled_from(sorted(CENTS)))]
    includes_tax = draw(st.booleans())
    kinds = st.sampled_from(
        [("Item", "1000"), ("Item", "OUT"), ("Charge (Item)", "F"), ("G/L Account", "6910"), (" ", "")]
    )
    rows = []
    for number in range(draw(st.integers(1, 6))):
        kind, sku = draw(kinds)
        quantity = draw(st.decimals(-99, 99, places=5)) if sku else Decimal(0)
        price = draw(st.decimals(0, 999, places=5)) if sku else Decimal(0)
        percent = draw(st.decimals(0, 100, places=2))
        gross = rounded(quantity * price, cent)
        discount = rounded(gross * percent / 100, cent)
        more = {"Line_Discount_Amount": discount, "Line_Discount_Percent": percent, "Line_Amount": gross - discount}
        rows.append(line(10000 * (number + 1), kind, sku, quantity, price, **more))
    amount = sum((row["Line_Amount"] for row in rows), Decimal(0))
    discount = rounded(amount * draw(st.decimals(0, 1, places=4)), cent)
    rate = draw(st.sampled_from([Decimal("0"), Decimal("0.077"), Decimal("0.25")]))
    net = amount - discount
    tax = rounded(net - net / (1 + rate) if includes_tax else net * rate, cent)
    total = net if includes_tax else net + tax
    detail = {"Prices_Including_VAT": includes_tax}
    return order(*rows, tax=tax, total=total, discount=discount, detail=detail), cent


@given(documents())
def test_what_business_central_computes_adds_up(document: tuple[OrderRow, Decimal]) -> None:
    row, _ = document
    assert notes(row, bc_excluded_lineitem_skus_from_preprocessing=("OUT",)) == ()


@given(documents(), st.sampled_from([-1, 1]))
def test_a_difference_of_the_smallest_unit_is_told_with_both_figures(
    document: tuple[OrderRow, Decimal], sign: int
) -> None:
    row, cent = document
    total = row.lines[0]["Total_Amount_Incl_VAT"]
    off = total + sign * cent
    lines = [{**one, "Total_Amount_Incl_VAT": off} for one in row.lines]
    mapped = order_to_ipaas(replace(row, lines=lines), context(bc_create_defaults=ACCOUNT))
    (note,) = mapped.notes
    assert f"make {text_of(total)};" in note
    assert f"is {text_of(off)}," in note
    # The document goes on as Business Central has it.
    assert mapped.body["total"] == off


@pytest.mark.parametrize(("includes_tax", "total"), [(False, 120), (True, 100)])
def test_tax_is_added_or_within_the_prices(includes_tax: bool, total: int) -> None:
    detail = {"Prices_Including_VAT": includes_tax}
    assert notes(order(line(), tax=20, total=total, detail=detail)) == ()
    assert len(notes(order(line(), tax=20, total=total + 1, detail=detail))) == 1


def test_sorting_keeps_every_line_and_their_order() -> None:
    rows = [
        line(n, kind, sku)
        for n, kind, sku in ((3, "Item", "A"), (1, "Item", "B"), (2, "Charge (Item)", "C"), (4, " ", ""))
    ]
    lines = sort_lines([SalesLine.model_validate(row) for row in rows], shipping_account=None, excluded=("b",))
    assert [x.Line_No for x in lines.sent] == [3]
    assert [x.Line_No for x in lines.excluded] == [1]
    assert [x.Line_No for x in lines.shipping] == [2]
    assert [x.Line_No for x in lines.comments] == [4]
    assert (lines.subtotal, lines.shipping_amount) == (200, 100)
