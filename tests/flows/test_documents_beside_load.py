"""What a first load still writes is not told: it may not come true, and is noted once more when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
import test_invoices_from_ipaas as invoices
from bench import Bench, tally
from test_links_in_bulk import asked
from webshop import Shop

from include.business_central.client import BusinessCentralClient
from include.sync import tell_links
from include.sync.runs import RunKind

MANY = 30


@pytest.fixture
def shop(make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(tell_links, "_LOOKS_EVERY", 0.05)
    shop = Shop(make_bench(bc_create_defaults=invoices.DEFAULTS))
    shop.customer()
    shop.item("1000")
    shop.item("1001")
    shop.bench.sandbox.ipaas.add("payment method", {"name": "Card"})
    return shop


@pytest.mark.parametrize("flow", ["sales_order_from_ipaas", "invoice_from_ipaas"])
def test_each_document_is_told_once(shop: Shop, flow: str) -> None:
    for n in range(MANY):
        made = shop.order if flow.startswith("sales") else lambda **fields: invoices.complete(shop, **fields)
        made(transaction_number=f"WEB-{n}")
    shop.bench.sandbox.latency["business_central"] = 0.05
    shop.bench.sandbox.counters.reset()
    assert tally(shop.bench.run(flow, kind=RunKind.backfill)) == {"read": MANY, "created": MANY}
    assert asked(shop.bench, "PUT", "v2/Transaction") == MANY
    assert asked(shop.bench, "POST", "UpdateExternalId") == 0


@pytest.mark.parametrize("by", ["the task beside its load", "the report of another flow"])
def test_a_draft_whose_posting_is_refused_is_not_told(shop: Shop, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    beside = by.startswith("the task")
    records = [invoices.complete(shop, transaction_number=f"WEB-{n}") for n in range(MANY)]
    shop.bench.sandbox.switches.posting_allowed_from = "2026-04-01"
    action = BusinessCentralClient.action

    other: list[Thread] = []

    def takes_a_moment(*args: Any, **options: Any) -> Any:
        if beside:
            time.sleep(0.3)
        elif not other:
            # In a thread of its own, since this one is about to write a record.
            other.append(Thread(target=shop.bench.run, args=("product_from_ipaas",)))
            other[0].start()
            other[0].join(30)
        return action(*args, **options)

    monkeypatch.setattr(BusinessCentralClient, "action", takes_a_moment)
    kind = RunKind.backfill if beside else RunKind.poll
    assert tally(shop.bench.run(invoices.FLOW, kind=kind)) == {"read": MANY, "failed": MANY}
    assert not [one for one in records if shop.link_of(one)]
    for draft in invoices.drafts(shop):
        shop.delete_draft(draft["No."])
    shop.bench.sandbox.switches.posting_allowed_from = ""
    assert tally(invoices.run(shop, *records)) == {"read": MANY, "created": MANY}
