"""What is read as when it was last found unchanged is not mapped to find that out again; whatever changes is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bench import Bench, tally
from test_categories_companies_customers import company
from test_companies_from_ipaas import DEFAULTS
from test_companies_from_ipaas import company as shop_company

import include
from include.sync import seen
from include.sync.flow import Flow
from include.sync.runs import RunKind

pytestmark = pytest.mark.both_ledgers

TO, FROM = "company_to_ipaas", "company_from_ipaas"
EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
UNCHANGED = {"read": 1, "unchanged": 1}


@dataclass
class Mapped:
    """Runs that read everything, and how many records each of them has mapped."""

    bench: Bench
    records: list[Any] = field(default_factory=list)

    def again(self, flow: str, **how: Any) -> tuple[dict[str, int], int]:
        """Read everything once more: what came of it, and how many records were mapped."""
        self.records.clear()
        found = tally(self.bench.run(flow, **{"kind": RunKind.backfill, "interval": EVER, **how}))
        return found, len(self.records)


@pytest.fixture
def mapped(make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> Mapped:
    """Counts what is mapped."""
    found = Mapped(make_bench(**DEFAULTS))
    take = Flow.take

    def counted(flow: Any, row: Any, context: Any) -> Any:
        found.records.append(row)
        return take(flow, row, context)

    monkeypatch.setattr(Flow, "take", counted)
    return found


def settled(mapped: Mapped, flow: str) -> Bench:
    """A company that was transferred, and has been found unchanged since."""
    bench = mapped.bench
    if flow == TO:
        company(bench)
    else:
        shop_company(bench, account_number="ADATUM")
    assert bench.run(flow).counts["created"] == 1
    assert mapped.again(flow) == (UNCHANGED, 1)
    return bench


@pytest.mark.parametrize("flow", [TO, FROM])
def test_once_found_unchanged_it_is_mapped_no_more(mapped: Mapped, flow: str) -> None:
    bench = settled(mapped, flow)
    bench.sandbox.counters.reset()
    assert [mapped.again(flow) for _ in range(2)] == [(UNCHANGED, 0)] * 2
    assert bench.writes() == 0


@pytest.mark.parametrize("flow", [TO, FROM])
def test_what_has_changed_is_transferred(mapped: Mapped, flow: str) -> None:
    bench = settled(mapped, flow)
    if flow == TO:
        bench.sandbox.bc.change("Customer", "C1", Name="Fabrikam")
    else:
        bench.sandbox.ipaas.edit("company", bench.linked("company", "ADATUM")["id"], {"name": "Fabrikam"})
    assert mapped.again(flow) == ({"read": 1, "updated": 1}, 1)
    assert mapped.again(flow) == (UNCHANGED, 1)
    assert mapped.again(flow) == (UNCHANGED, 0)


@pytest.mark.parametrize("how", [{"force": True}, {"compares": True}, {"mode": "plan", "force": True}])
def test_who_asks_for_all_has_all_looked_at(mapped: Mapped, how: dict[str, Any]) -> None:
    settled(mapped, TO)
    assert mapped.again(TO, **how)[1] == 1


def test_who_asks_for_it_by_name_is_told_of_it(mapped: Mapped) -> None:
    report = settled(mapped, TO).run(TO, "C1")
    assert [outcome.message for outcome in report.outcomes] == ["Equal to what was last written."]


def test_other_settings_make_another_record_of_it(mapped: Mapped) -> None:
    bench = settled(mapped, TO)
    bench.settings["sync_history_days"] = 7
    assert mapped.again(TO) == (UNCHANGED, 1)


def test_so_does_other_code(mapped: Mapped, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(mapped, TO)
    monkeypatch.setattr(seen, "_code", lambda: b"written anew")
    assert mapped.again(TO) == (UNCHANGED, 1)


def test_code_that_was_replaced_since_it_was_loaded_is_not_taken_for_what_maps(
    mapped: Mapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(mapped, TO)
    seen._code.cache_clear()
    monkeypatch.setattr(include, "LOADED_AT", include.LOADED_AT - 10 * 365 * 24 * 3_600)
    assert [mapped.again(TO) for _ in range(2)] == [(UNCHANGED, 1)] * 2
    seen._code.cache_clear()
    monkeypatch.undo()
    assert seen._code()


def test_what_the_ledger_is_to_look_at_again_is_looked_at(mapped: Mapped) -> None:
    bench = settled(mapped, TO)
    bench.ledger.look_again(TO, ["C1"])
    assert mapped.again(TO)[1] == 1
    assert bench.ledger.due(TO) == []


def test_so_is_what_something_else_was_written_of_though_it_looks_the_same(mapped: Mapped) -> None:
    bench = settled(mapped, TO)
    bench.ledger.settle([(TO, "C1", {"Name": ("Fabrikam", "Adatum Corporation")})], "2026-05-01")
    assert mapped.again(TO)[1] >= 1


def test_so_is_what_brings_others_along_whose_own_flow_remembers_them(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Bicycle", "Type": "Inventory", "Unit Price": 10})
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    bench.run("location_to_ipaas")
    mapped, stock = Mapped(bench), "product_inventory_to_ipaas"
    assert mapped.again("product_to_ipaas")[0] == {"read": 1, "created": 1}
    assert [mapped.again("product_to_ipaas")[0] for _ in range(2)] == [UNCHANGED] * 2
    key = next(key for key, _ in bench.ledger.keys(stock))
    bench.ledger.look_again(stock, [key])
    mapped.again("product_to_ipaas")
    assert bench.ledger.due(stock) == []


def test_what_the_flow_the_other_way_has_written_is_looked_at(mapped: Mapped) -> None:
    bench = settled(mapped, TO)
    record = bench.linked("company", "C1")
    bench.sandbox.ipaas.edit("company", record["id"], {"name": "Fabrikam"})
    assert bench.run(FROM, str(record["id"])).counts["updated"] == 1
    # Meanwhile somebody has put it back.
    bench.sandbox.bc.change("Customer", "C1", Name="Adatum Corporation")
    assert mapped.again(TO)[0] == {"read": 1, "updated": 1}
    assert record["name"] == "Adatum Corporation"


def test_a_price_ends_by_itself(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(bc_transfer_customer_price_groups=True, bc_exclude_expired_rules=True)
    bench.sandbox.bc.publish("SalesPrices")
    bench.sandbox.ipaas.custom_fields["product"] = {"Sales Prices RETAIL"}
    bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Advice", "Type": "Service", "Unit Price": 10})
    ends = datetime.now(UTC).date() + timedelta(days=2)
    price = {"Item No.": "1000", "Sales Type": "Customer Price Group", "Sales Code": "RETAIL", "Unit Price": 9}
    bench.sandbox.bc.add("Sales Price", {**price, "Ending Date": ends.isoformat()})
    mapped = Mapped(bench)
    assert mapped.again("product_to_ipaas")[0] == {"read": 1, "created": 1}
    assert [mapped.again("product_to_ipaas")[0] for _ in range(2)] == [UNCHANGED] * 2
    later = datetime.now(UTC) + timedelta(days=3)
    assert mapped.again("product_to_ipaas", now=later)[0] == {"read": 1, "updated": 1}
