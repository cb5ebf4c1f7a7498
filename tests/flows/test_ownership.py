"""Who owns a transaction, and so what may be written to it (docs/mappings.md, "Who owns a document")."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import Rejected
from include.sync.records import Follower, Json
from include.writers.ipaas_ownership import SETTLED, fulfilment, gone_order, within_ownership

OURS, SHOP = 7, 8
STATUSES = ("Pending", "Complete", "Cancelled", "Shipped", "Backorder", "Partial Refunded", "Refunded")


def child(external_id: str, **fields: Any) -> Json:
    return {"external_ids": [{"system_id": OURS, "external_id": external_id}], **fields}


def changes(**fields: Any) -> Json:
    """What an order has to say about its transaction."""
    return {
        "system_id": OURS,
        "transaction_number": "S-1",
        "type": "Order",
        "status": "Shipped",
        "company_id": 5,
        "total": 100,
        "lines": [child("S-1|10000", sku="1000", unit_price=50, qty=2, qty_shipped=2, status="Shipped")],
        "addresses": [child("S-1|billing")],
        "payments": [child("S-1|payment")],
        "taxes": [child("S-1|tax")],
        "tracking": [child("S-1|T", tracking_number="T")],
        "custom_fields": [{"custom_field_name": "x", "value": "y"}],
        **fields,
    }


def record(system: int | str = SHOP, *, lines: tuple[str, ...] = ("s-1|10000",), **fields: Any) -> Json:
    """A transaction as iPaaS.com answers it."""
    base = {"id": 17, "system_id": system, "type": "Order", "status": "Pending"}
    return {**base, "lines": [child(line, id=n) for n, line in enumerate(lines)], **fields}


def test_our_own_is_written_whole() -> None:
    assert within_ownership(changes(), record(OURS), OURS, {}) == changes()
    assert within_ownership(changes(), record(str(OURS)), OURS, {}) == changes()


@pytest.mark.parametrize("status", sorted(SETTLED))
def test_our_own_order_is_not_opened_again(status: str) -> None:
    written = within_ownership(changes(), record(OURS, status=status), OURS, {})
    assert written == {name: value for name, value in changes().items() if name != "status"}


def test_an_invoice_may_be_cancelled_after_it_was_complete() -> None:
    body = changes(type="Invoice", status="Cancelled")
    assert within_ownership(body, record(OURS, type="Invoice", status="Complete"), OURS, {})["status"] == "Cancelled"


def test_of_another_system_only_what_fulfilment_adds() -> None:
    assert within_ownership(changes(), record(), OURS, {}) == {
        "status": "Shipped",
        "lines": [child("S-1|10000", qty_shipped=2, status="Shipped")],
        "tracking": [child("S-1|T", tracking_number="T")],
    }


def test_a_link_to_one_of_ours_of_another_type_is_refused() -> None:
    with pytest.raises(Rejected, match="of type Invoice, not Order"):
        within_ownership(changes(), record(OURS, type="Invoice"), OURS, {})


def test_lines_that_it_does_not_have_are_not_added() -> None:
    assert "lines" not in fulfilment(changes(), record(lines=()), OURS, {})


def test_whether_a_line_is_shipped_goes_by_what_its_owner_has_ordered() -> None:
    present = record()
    present["lines"][0] |= {"qty": 3}
    written = fulfilment(changes(), present, OURS, {})
    assert written["lines"] == [child("S-1|10000", qty_shipped=2, status="Pending")]
    assert "status" not in written


def test_what_an_earlier_version_has_staged_of_an_order_that_is_gone_says_nothing() -> None:
    follower = Follower(kind="posted order", external_id="S-1", body={"status": "Complete"})
    assert gone_order(follower, record(), OURS) == ({}, ())


@given(
    st.sampled_from(STATUSES),
    st.sampled_from(["Pending", "Shipped"]),
    st.dictionaries(st.text(max_size=8), st.integers(), max_size=4),
)
def test_another_systems_fields_are_never_touched(present: str, status: str, more: dict[str, int]) -> None:
    written = within_ownership({**more, **changes(status=status)}, record(status=present), OURS, {})
    assert set(written) <= {"status", "lines", "tracking"}
    # A status goes forward only.
    assert written.get("status", "Shipped") == "Shipped"
    assert "status" not in written or present not in SETTLED
