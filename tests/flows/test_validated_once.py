"""What is read of a record is made into a model once: later steps take that over, and do not read the row again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import simplejson
from bench import DEFAULTS, Bench
from pydantic import BaseModel
from shop import BELL, BICYCLE, OTHER_SYSTEM, order, set_up

# Payment terms are read as what documents refer to, and are records of another flow besides.
REFERRED_TO = {"ApiCode"}
ROOMS = ("include.business_central.records", "include.ipaas.records")
Validated = Counter[tuple[str, str]]


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> Validated:
    """How often each row was made into each model."""
    found: Validated = Counter()
    validate = BaseModel.model_validate.__func__  # type: ignore[attr-defined]

    def counted(model: type[BaseModel], row: Any, **more: Any) -> Any:
        if model.__module__.startswith(ROOMS) and model.__name__ not in REFERRED_TO:
            found[model.__name__, simplejson.dumps(row, use_decimal=True, sort_keys=True, default=str)] += 1
        return validate(model, row, **more)

    monkeypatch.setattr(BaseModel, "model_validate", classmethod(counted))
    return found


def test_on_the_way_to_ipaas(bench: Bench, validated: Validated) -> None:
    shop = set_up(bench, transferred=False)
    shop.sandbox.bc.move_stock("1000", "MAIN", 5)
    order(shop, BICYCLE, BELL)
    shop.sandbox.sales.post(order(shop, BELL))
    shipped = order(shop, BICYCLE, BELL)
    shop.sandbox.sales.ship(shipped, {10000: 2, 20000: 1}, tracking="TRACK-1", agent="DHL")
    shop.sandbox.sales.invoice(shipped)
    for flow, model in (
        ("product_to_ipaas", "ItemCard"),
        ("product_inventory_to_ipaas", "StockRow"),
        ("company_to_ipaas", "CustomerCard"),
        ("customer_to_ipaas", "CustomerCard"),
        ("sales_order_to_ipaas", "SalesHeader"),
        ("sales_invoice_to_ipaas", "SalesHeader"),
    ):
        validated.clear()
        counts = shop.run(flow).counts
        # A product has brought its stock along.
        assert counts["created"] or counts["unchanged"]
        assert {name for name, _ in validated} >= {model}
        assert not {name: times for name, times in validated.items() if times > 1}, flow


@pytest.mark.parametrize(
    ("flow", "kind", "model"),
    [
        ("company_from_ipaas", "company", "Company"),
        ("customer_from_ipaas", "customer", "Customer"),
        ("product_from_ipaas", "product", "Product"),
        ("sales_order_from_ipaas", "transaction", "Transaction"),
        ("invoice_from_ipaas", "transaction", "Transaction"),
    ],
)
def test_on_the_way_from_ipaas_by_each_task(
    bench: Bench, validated: Validated, flow: str, kind: str, model: str
) -> None:
    bench.settings["bc_create_defaults"] = DEFAULTS
    shop = set_up(bench)
    company = shop.linked("company", "C1")["id"]
    line = {"sku": "1000", "type": "Product", "status": "Pending", "qty": 2, "unit_price": 50}
    web = {
        "system_id": OTHER_SYSTEM,
        "transaction_number": "WEB-1",
        "company_id": company,
        "total": 100,
        "lines": [line],
    }
    status = {"type": "Invoice", "status": "Complete"} if flow == "invoice_from_ipaas" else {"type": "Order"}
    records = {
        "company": {"name": "Coho"},
        "customer": {"first_name": "Ann", "last_name": "Beebe", "email_address": "ann@example.net"},
        "product": {
            "sku": "WEB-1",
            "name": "Lamp",
            "default_price": 5,
            "type": "Physical",
            "status": "Active",
            "tracking_method": "Product",
        },
        "transaction": {"status": "Pending", "created_datetime": "2026-05-01T10:00:00Z", **web, **status},
    }
    shop.sandbox.ipaas.add(kind, records[kind])
    made: dict[str, Counter[str]] = {}
    validated.clear()

    def begins(stage: str) -> None:
        made[stage] = Counter(name for name, _ in validated)
        assert not {row: times for row, times in validated.items() if times > 1}, f"before {stage}"
        validated.clear()

    counts = shop.run(flow, before=begins).counts
    assert (counts["read"], counts["skipped"]) == (1, 0)
    assert made["transform"][model] == 1, "by extract"
    assert made["load"][model] == 1, "by transform"
