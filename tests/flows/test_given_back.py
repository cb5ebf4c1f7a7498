"""A task that ends in order gives back what it has not written: whatever ended it, and wherever it was.

Each call of a run, one after another, is where its end begins. The next run waits for nobody, and what both have made
together is what a run makes that nothing disturbs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from bench import Bench, outcome_of
from test_frozen_tries import SCENARIOS, Scenario, census

from include.errors import ServiceDown, ServiceError
from include.sandbox.faults import Fault
from include.sync import context, load
from include.sync.ledger import Ledger, LedgerFault
from include.sync.ledger.claims import CLAIM_LIFETIME
from include.sync.ledger.entries import iso
from include.sync.ledger.faults import ClaimLost
from include.sync.ledger.tables import claims, tries
from include.writers.ipaas_records import IPaaSWriter

_JSON = {"Content-Type": "application/json"}
_PAUSE = {"status": 429, "headers": {"Retry-After": "900", **_JSON}}
_PAUSES = {
    "business_central": {**_PAUSE, "body": '{"error": {"code": "Application_TooManyRequests", "message": "Wait."}}'},
    "ipaas": {**_PAUSE, "body": '{"code": "AUTZ-1429", "message": "Too many requests."}'},
}


def categories(bench: Bench) -> None:
    """A category that waits for another one, which is read after it."""
    for code, parent in (("A", "Z"), ("B", "Z"), ("Z", "")):
        bench.sandbox.bc.add("Item Category", {"Code": code, "Description": code, "Parent Category": parent})


def stock(bench: Bench) -> None:
    """Two items with stock, which comes along with them, at locations that have to be brought."""
    for no in ("1000", "1001"):
        bench.sandbox.bc.add("Item", {"No.": no, "Description": no, "Type": "Inventory", "Unit Price": 10})
        bench.sandbox.bc.move_stock(no, "MAIN", 5)


FLOWS_OF = ("sales_order_to_ipaas", "invoice_from_ipaas")
CATEGORIES = Scenario(flow="product_category_to_ipaas", world=categories)
WORLDS = [
    CATEGORIES,
    Scenario(flow="product_to_ipaas", world=stock),
    *(scenario for scenario in SCENARIOS if scenario.flow in FLOWS_OF),
]


@dataclass
class Closing:
    """From its call of this number on, a system asks for a long pause."""

    at: int
    met: bool = False

    def meet(self, system: str, method: str, path: str, body: bytes) -> Fault | None:
        """The answer that a call meets, but for those that log in."""
        if "oauth2" in path or "/Auth/" in path:
            return None
        self.at -= 1
        self.met |= self.at <= 0
        return Fault(**_PAUSES[system]) if self.at <= 0 else None


def left_of(bench: Bench, *, in_force: bool = True) -> list[Any]:
    """The tries that have not ended, and the claims that keep others away, or all claims."""
    with bench.ledger.reading() as db:
        since = iso(bench.ledger.database_time(db) - CLAIM_LIFETIME)
        held = sa.select(claims).where(claims.c.renewed_at >= since if in_force else sa.true())
        return [*db.execute(held).all(), *db.execute(sa.select(tries)).all()]


def runs_again(bench: Bench, flow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run, in fair weather, to whom everything is free."""
    with monkeypatch.context() as patched:
        for module in (load, context):
            patched.setattr(module, "BUSY_WAIT", 0.0)
        report = bench.run(flow)
    assert [o.message for o in report.outcomes if "nother run" in o.message] == []
    assert report.counts["failed"] == 0


@pytest.mark.parametrize("scenario", WORLDS, ids=lambda scenario: scenario.flow)
def test_a_run_that_ends_at_a_pause_leaves_nothing_to_wait_for(
    make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, scenario: Scenario
) -> None:
    undisturbed = make_bench(**scenario.settings)
    scenario.world(undisturbed)
    undisturbed.run(scenario.flow)
    expected = census(undisturbed)
    at = 0
    while True:
        at += 1
        bench = make_bench(**scenario.settings)
        scenario.world(bench)
        fair, closing = bench.sandbox.faults.meet, Closing(at)
        bench.sandbox.faults.meet = closing.meet  # type: ignore[method-assign]
        with suppress(ServiceDown, ServiceError):
            bench.run(scenario.flow)
        assert left_of(bench) == [], f"at call {at}"
        if not closing.met:
            break
        bench.sandbox.faults.meet = fair  # type: ignore[method-assign]
        runs_again(bench, scenario.flow, monkeypatch)
        assert census(bench) == expected, f"at call {at}"
    assert at > 3


def at_the_end_of_a_record(monkeypatch: pytest.MonkeyPatch, number: int, fault: BaseException) -> None:
    """Something ends the task as a record is settled."""
    settle, left = load._settle, [number]

    def settles(*args: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise fault
        return settle(*args)

    monkeypatch.setattr(load, "_settle", settles)


@pytest.mark.parametrize(
    ("answer", "left"),
    [(_PAUSES["ipaas"], False), ({**_PAUSE, "body": "{}"}, True)],
    ids=["in its words", "of a gateway"],
)
def test_a_write_that_was_not_processed_leaves_no_suspect_behind(
    bench: Bench, answer: dict[str, Any], left: bool
) -> None:
    """Whoever comes next need not look for what the service itself says it has not done."""
    bench.sandbox.bc.add("Item Category", {"Code": "A", "Description": "A"})
    bench.sandbox.faults.add(Fault(system="ipaas", method="POST", path="Categor", times=100, **answer))
    with pytest.raises((ServiceDown, ServiceError)):
        bench.run(CATEGORIES.flow)
    assert bool(left_of(bench, in_force=False)) is left


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt(), LedgerFault("It is gone for a moment.", again=True)], ids=["told to end", "ledger"]
)
def test_so_does_one_that_is_told_to_end_or_whose_ledger_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, number: int, fault: BaseException
) -> None:
    CATEGORIES.world(bench)
    with monkeypatch.context() as patched:
        at_the_end_of_a_record(patched, number, fault)
        with pytest.raises(type(fault)):
            bench.run(CATEGORIES.flow)
    assert left_of(bench) == []
    # What was sent, and whose outcome is not noted, is looked for by whoever comes next.
    assert len(left_of(bench, in_force=False)) <= 1
    runs_again(bench, CATEGORIES.flow, monkeypatch)
    there = list(bench.sandbox.bc.rows("Item Category"))
    assert len(bench.sandbox.ipaas.records["product category"]) == len(there)


def test_what_ended_the_task_is_what_is_read_when_the_claims_cannot_be_given_back_either(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Ledger, *_: object) -> None:
        raise LedgerFault("It is gone.", again=True)

    CATEGORIES.world(bench)
    monkeypatch.setattr(Ledger, "end_try", away)
    at_the_end_of_a_record(monkeypatch, 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        bench.run(CATEGORIES.flow)


def test_whoever_lost_the_claim_on_a_natural_key_makes_no_second_record_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen task wakes when another one has taken its claims over, and works on another record of the same e-mail."""
    for number in ("P1", "P2"):
        bench.sandbox.bc.add_customer(number, "Ann", "Person", **{"E-Mail": "ann@example.net"})
    write = IPaaSWriter.write

    def frozen(writer: Any, work: Any, item: Any) -> Any:
        with bench.ledger._writing() as db:
            db.execute(sa.update(claims).where(claims.c.key == "ann@example.net").values(try_id="another"))
        return write(writer, work, item)

    monkeypatch.setattr(IPaaSWriter, "write", frozen)
    with pytest.raises(ClaimLost):
        bench.run("customer_to_ipaas")
    assert not bench.sandbox.ipaas.records["customer"]


def test_what_a_dead_task_holds_goes_on_with_the_first_run_that_finds_it_free(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    bench.ledger.claim("customer company", ["C1"], "dead")
    with monkeypatch.context() as patched:
        patched.setattr(load, "BUSY_WAIT", 0.0)
        assert "Another run is writing this record" in outcome_of(bench.run("company_to_ipaas"), "C1").message
    with bench.ledger._writing() as db:
        db.execute(sa.update(claims).values(renewed_at=iso(datetime(2000, 1, 1, tzinfo=UTC))))
    assert bench.run("company_to_ipaas").counts["created"] == 1
