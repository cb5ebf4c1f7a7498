"""What only pages tell of a record: taken as they say it, and remembered where they are gone."""

from __future__ import annotations

from typing import Any

import pytest
from sales import context, line, order

from include.flows import FLOWS
from include.mappings.rows import OrderRow
from include.sync.records import Mapped

SHIPMENTS = [{"No": "SH-1", "Package_Tracking_No": "TRACK-1", "Shipping_Agent_Code": "DHL"}]
AGENTS = {"DHL": "DHL Systems"}


def tracking(row: OrderRow, before: Mapped | None = None) -> tuple[Mapped, list[tuple[Any, Any]]]:
    """An order as it is mapped after `before`, and the tracking numbers of its transaction with their agents' names."""
    mapped = FLOWS["sales_order_to_ipaas"].mapping(row, context(memory=before.carry if before else None))
    entries = mapped.body.get("tracking", ())
    return mapped, [(one["tracking_number"], one.get("shipping_method_description")) for one in entries]


@pytest.fixture
def shipped() -> Mapped:
    mapped, entries = tracking(order(line(Quantity_Shipped=2), shipments=SHIPMENTS, agents=AGENTS))
    assert entries == [("TRACK-1", "DHL Systems")]
    return mapped


def test_what_further_pages_told_is_known_still_when_they_are_gone(shipped: Mapped) -> None:
    again, entries = tracking(order(line(Quantity_Shipped=2), shipments=None, agents=None), shipped)
    assert entries == [("TRACK-1", "DHL Systems")]
    assert again.carry == shipped.carry


def test_what_they_say_is_none_any_more_is_none(shipped: Mapped) -> None:
    undone, entries = tracking(order(shipments=[], agents=None), shipped)
    assert entries == []
    assert tracking(order(shipments=None, agents=None), undone)[1] == []


def test_an_agent_that_they_know_no_more_has_no_name(shipped: Mapped) -> None:
    assert tracking(order(line(Quantity_Shipped=2), shipments=SHIPMENTS, agents={}), shipped)[1] == [("TRACK-1", None)]
