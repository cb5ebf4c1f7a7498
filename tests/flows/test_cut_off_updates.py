"""An update whose answer is lost, and then the process dies: what it wrote is the flow's own, and no edit of the other side."""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, outcome_of, tally
from webshop import Outage

from include.sandbox.bc.masters import Items
from include.sandbox.bc.tenant import Row
from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync.outcomes import Outcome

BODY = {"sku": "1000", "default_price": 50, "type": "Physical", "status": "Active", "tracking_method": "Product"}


@pytest.fixture
def product(bench: Bench) -> Record:
    """A product that both sides agree on."""
    made: Record = bench.sandbox.ipaas.add("product", {**BODY, "name": "Bicycle"})
    for flow in ("product_from_ipaas", "product_to_ipaas"):
        bench.run(flow)
    return made


def cut_off(bench: Bench, flow: str, key: str, *, system: str, method: str) -> None:
    """Run a flow whose first write takes effect without an answer, and which does not come any further."""
    last = Fault(system=system, method=method, path="ItemCard|Product/", lost=True)
    bench.sandbox.faults.rules += [last, Outage(system=system, after=last)]
    bench.run(flow, key)
    bench.sandbox.faults.clear()
    assert last.times == 0


def from_ipaas(bench: Bench, product: Record) -> Outcome:
    return outcome_of(bench.run("product_from_ipaas", str(product["id"])), str(product["id"]))


def to_ipaas(bench: Bench) -> Outcome:
    return outcome_of(bench.run("product_to_ipaas", "1000"), "1000")


def names(bench: Bench, product: Record) -> tuple[Any, Any]:
    return bench.sandbox.bc.get("Item", "1000")["Description"], product["name"]


@pytest.mark.parametrize("then", ["Tandem", "Bicycle"], ids=["another", "the former"])
class TestTheSideItCameFromIsEditedOnceMore:
    def test_from_ipaas(self, bench: Bench, product: Record, then: str) -> None:
        bench.sandbox.ipaas.edit("product", product["id"], {"name": "Cycle"})
        cut_off(bench, "product_from_ipaas", str(product["id"]), system="business_central", method="PATCH")
        bench.sandbox.ipaas.edit("product", product["id"], {"name": then})
        outcome = from_ipaas(bench, product)
        assert (outcome.result, outcome.notes) == ("updated", ())
        assert names(bench, product) == (then, then)
        bench.run("product_to_ipaas", "1000")
        assert names(bench, product) == (then, then)

    def test_to_ipaas(self, bench: Bench, product: Record, then: str) -> None:
        bench.sandbox.bc.change("Item", "1000", Description="Cycle")
        cut_off(bench, "product_to_ipaas", "1000", system="ipaas", method="PUT")
        bench.sandbox.bc.change("Item", "1000", Description=then)
        outcome = to_ipaas(bench)
        assert (outcome.result, outcome.notes) == ("updated", ())
        assert names(bench, product) == (then, then)
        bench.run("product_from_ipaas", str(product["id"]))
        assert names(bench, product) == (then, then)


@pytest.mark.parametrize("then", ["Tandem", "Bicycle"], ids=["another", "the former"])
class TestTheOtherDirectionComesFirst:
    """What it finds is no edit of its own side, and hides none of the other."""

    def test_after_one_from_ipaas(self, bench: Bench, product: Record, then: str) -> None:
        bench.sandbox.ipaas.edit("product", product["id"], {"name": "Cycle"})
        cut_off(bench, "product_from_ipaas", str(product["id"]), system="business_central", method="PATCH")
        bench.sandbox.ipaas.edit("product", product["id"], {"name": then})
        report = bench.run("product_to_ipaas", "1000")
        assert (tally(report), report.outcomes) == ({"read": 1, "unchanged": 1}, ())
        assert names(bench, product) == ("Cycle", then)
        outcome = from_ipaas(bench, product)
        assert (outcome.result, outcome.notes) == ("updated", ())
        assert names(bench, product) == (then, then)

    def test_after_one_to_ipaas(self, bench: Bench, product: Record, then: str) -> None:
        bench.sandbox.bc.change("Item", "1000", Description="Cycle")
        cut_off(bench, "product_to_ipaas", "1000", system="ipaas", method="PUT")
        bench.sandbox.bc.change("Item", "1000", Description=then)
        report = bench.run("product_from_ipaas", str(product["id"]))
        assert (tally(report), report.outcomes) == ({"read": 1, "unchanged": 1}, ())
        assert names(bench, product) == (then, "Cycle")
        outcome = to_ipaas(bench)
        assert (outcome.result, outcome.notes) == ("updated", ())
        assert names(bench, product) == (then, then)


def test_what_a_person_did_there_meanwhile_is_an_edit_of_both_sides(bench: Bench, product: Record) -> None:
    bench.sandbox.ipaas.edit("product", product["id"], {"name": "Cycle"})
    cut_off(bench, "product_from_ipaas", str(product["id"]), system="business_central", method="PATCH")
    bench.sandbox.bc.change("Item", "1000", Description="Tricycle")
    from_ipaas(bench, product)
    assert names(bench, product)[0] == "Tricycle"
    bench.run("product_to_ipaas", "1000")
    assert names(bench, product) == ("Tricycle", "Tricycle")


def test_a_price_of_the_accountants_that_was_set_back_stays_his(
    bench: Bench, product: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An extension works the price out anew when the description changes: it is set back, and nothing is heard of that."""
    stores = Items.modify

    def prices_anew(self: Items, row: Row, record: Row) -> Row:
        renamed = record["Description"] != row["Description"]
        return stores(self, row, {**record, "Unit Price": 77} if renamed else record)

    monkeypatch.setattr(Items, "modify", prices_anew)
    bench.sandbox.bc.change("Item", "1000", **{"Unit Price": 60})
    bench.sandbox.ipaas.edit("product", product["id"], {"name": "Cycle"})
    setting_back = Fault(
        system="business_central", method="PATCH", path="ItemCard", body_contains="Unit_Price", lost=True
    )
    bench.sandbox.faults.rules += [setting_back, Outage(after=setting_back)]
    bench.run("product_from_ipaas", str(product["id"]))
    bench.sandbox.faults.clear()
    assert setting_back.times == 0
    bench.run("product_from_ipaas", str(product["id"]))
    assert bench.sandbox.bc.get("Item", "1000")["Unit Price"] == 60
    to_ipaas(bench)
    assert product["default_price"] == 60


def test_what_was_sent_is_forgotten_once_it_is_agreed(bench: Bench, product: Record) -> None:
    key = str(product["id"])
    bench.sandbox.ipaas.edit("product", product["id"], {"name": "Cycle"})
    assert tally(bench.run("product_from_ipaas", key))["updated"] == 1
    base = bench.ledger.transfers("product_from_ipaas", [key], base=True)[key].base
    assert base and "sent" not in base


def test_what_was_tried_is_forgotten_by_the_flow_the_other_way_once_it_is_agreed(bench: Bench, product: Record) -> None:
    bench.sandbox.ipaas.edit("product", product["id"], {"name": "Cycle"})
    assert tally(bench.run("product_from_ipaas", str(product["id"])))["updated"] == 1
    base = bench.ledger.transfers("product_to_ipaas", ["1000"], base=True)["1000"].base
    assert base and "tried" not in base
