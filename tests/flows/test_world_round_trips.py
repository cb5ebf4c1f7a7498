"""A whole world goes to the other side and back, of every type and in every order: nothing is written any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bench import DEFAULTS, SMALL, Bench

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.check import check
from include.sync.runs import Direction, RunKind

# What each flow from iPaaS.com reads there.
READS = {
    "company_from_ipaas": "company",
    "customer_from_ipaas": "customer",
    "product_from_ipaas": "product",
    "sales_order_from_ipaas": "transaction",
    "invoice_from_ipaas": "transaction",
}
ORDERS = ("FTF", "TFT", "TTFF")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Sandbox("demo", size=SMALL) as sandbox:
        made = Bench(sandbox, tmp_path_factory.mktemp("trips"), {"bc_create_defaults": DEFAULTS})
        for name in FLOWS:
            made.run(name)
        yield made
        made.close()


def once(bench: Bench, way: str) -> None:
    """Every flow of one direction, over every record there is."""
    ever = datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    for name, flow in FLOWS.items():
        if way == "F" and flow.direction is Direction.from_ipaas:
            report = bench.run(name, *(str(i) for i in bench.sandbox.ipaas.records[READS[name]]))
        elif way == "T" and flow.direction is Direction.to_ipaas:
            report = bench.run(name, kind=RunKind.backfill, interval=ever)
        else:
            continue
        told = [o.as_json() for o in report.outcomes if o.result not in ("unchanged", "skipped")]
        assert not told, (name, told)


@pytest.mark.parametrize("ledger", ["kept", "lost"])
@pytest.mark.parametrize("order", ORDERS)
def test_nothing_is_written(bench: Bench, order: str, ledger: str) -> None:
    bench.sandbox.counters.reset()
    for way in order:
        if ledger == "lost":
            bench.lose_ledger()
        once(bench, way)
        assert bench.writes() == 0, (way, [call for call in bench.sandbox.counters.paths if call[0] != "GET"])
    assert check(bench.sandbox.bc, bench.sandbox.ipaas).ok
