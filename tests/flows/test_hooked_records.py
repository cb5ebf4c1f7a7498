"""Records that iPaaS.com announced by hooks: how they move, and how long an announcement is remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.errors import ServiceDown
from include.flows import FLOWS
from include.sandbox.faults import Fault
from include.sandbox.ipaas.hooks import notification
from include.sync.extract import WEBHOOKS_PER_RUN
from include.sync.task_context import TaskContext
from include.sync.transform import transform
from include.sync.webhooks import listeners, read_webhook, take
from tests.unfinished import unfinished

FLOW = "company_from_ipaas"
DEFAULTS = {
    "bc_create_defaults": {
        "company": {
            "Gen_Bus_Posting_Group": "DOMESTIC",
            "Customer_Posting_Group": "DOMESTIC",
            "Payment_Terms_Code": "30 DAYS",
            "Tax_Area_Code": "ATLANTA",
        }
    }
}
OLD, NEW = "old@example.com", "new@example.com"
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench on which every company is linked already, so that hooks alone announce changes."""
    made = make_bench(**DEFAULTS)
    made.run(FLOW)
    return made


def company(bench: Bench, name: str) -> str:
    """A company of iPaaS.com that a run has brought over; answers its id."""
    record = bench.sandbox.ipaas.add("company", {"name": name, "email_address": OLD, "addresses": [ADDRESS]})
    bench.run(FLOW)
    assert bench.sandbox.bc.get("Customer", str(record["id"]))
    return str(record["id"])


def change(bench: Bench, *ids: str, **fields: Any) -> None:
    """Change companies in iPaaS.com, and take the hooks that this sends."""
    for ipaas_id in ids:
        bench.sandbox.ipaas.edit("company", int(ipaas_id), fields)
    announce(bench, *ids)


def announce(bench: Bench, *ids: str) -> None:
    """Take hooks about companies, as the endpoint does."""
    body = json.dumps({"notifications": [notification("company/updated", i) for i in ids]}).encode()
    taken = take(read_webhook(body), listeners(FLOWS.values()), bench.sandbox.SYSTEM_ID)
    assert taken.accepted == len(ids)
    bench.ledger.receive(taken.entries)


def waiting(bench: Bench) -> list[str]:
    """The ids whose hooks are still remembered."""
    return [ipaas_id for ipaas_id, _ in bench.ledger.received(FLOW)]


def email(bench: Bench, ipaas_id: str) -> Any:
    """What Business Central has."""
    return bench.sandbox.bc.get("Customer", ipaas_id)["E-Mail"]


def test_what_is_announced_moves_in_the_next_run_and_is_then_forgotten(bench: Bench) -> None:
    ids = [company(bench, f"Company {n}") for n in range(3)]
    change(bench, *ids, email_address=NEW)
    announce(bench, *ids)
    assert tally(bench.run(FLOW))["updated"] == 3
    assert {email(bench, i) for i in ids} == {NEW}
    assert waiting(bench) == []


def test_a_plan_says_what_would_change_and_forgets_nothing(bench: Bench) -> None:
    one = company(bench, "Company")
    change(bench, one, email_address=NEW)
    assert outcome_of(bench.run(FLOW, mode="plan"), one).result.value == "updated"
    assert waiting(bench) == [one]
    assert email(bench, one) == OLD
    assert tally(bench.run(FLOW))["updated"] == 1


def test_a_change_announced_while_the_run_works_waits_for_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = company(bench, "Company")
    change(bench, one, email_address=NEW)

    def meanwhile(task: TaskContext) -> int:
        if waiting(bench) == [one]:
            change(bench, one, email_address="newest@example.com")
        return transform(task)

    monkeypatch.setattr("include.sync.run.transform", meanwhile)
    bench.run(FLOW)
    monkeypatch.undo()
    assert email(bench, one) == NEW
    assert waiting(bench) == [one]
    bench.run(FLOW)
    assert email(bench, one) == "newest@example.com"


def test_a_record_that_fails_is_forgotten_by_the_inbox_and_kept_by_the_ledger(bench: Bench) -> None:
    good, bad = company(bench, "Good"), company(bench, "Bad")
    change(bench, good, bad, email_address=NEW)
    bench.sandbox.ipaas.edit("company", int(bad), {"name": "B" * 101})
    report = bench.run(FLOW)
    assert report.failed
    assert outcome_of(report, bad).kind == "rejected"
    assert email(bench, good) == NEW
    assert waiting(bench) == []
    assert [t.key for t in unfinished(bench.ledger, FLOW)] == [bad]


def test_a_run_that_dies_forgets_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [company(bench, f"Company {n}") for n in range(12)]
    change(bench, *ids, email_address=NEW)
    bench.sandbox.faults.add(Fault(system="business_central", method="PATCH", status=503, times=10_000))
    with pytest.raises(ServiceDown):
        bench.run(FLOW)
    assert sorted(waiting(bench)) == sorted(ids)
    bench.sandbox.faults.clear()
    monkeypatch.setattr(
        "include.sync.ledger.claims.CLAIM_LIFETIME", timedelta(0)
    )  # as when the claims of the dead have ended
    bench.run(FLOW, now=datetime.now(UTC) + timedelta(hours=1))
    assert {email(bench, i) for i in ids} == {NEW}
    assert waiting(bench) == []


def test_what_does_not_fit_into_a_run_waits_for_the_next(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [company(bench, f"Company {n}") for n in range(5)]
    change(bench, *ids, email_address=NEW)
    monkeypatch.setattr("include.sync.extract.WEBHOOKS_PER_RUN", 3)
    bench.run(FLOW)
    assert len(waiting(bench)) == 2
    bench.run(FLOW)
    assert {email(bench, i) for i in ids} == {NEW}
    assert waiting(bench) == []


def test_a_run_reads_the_hooks_of_a_minute_of_ten_thousand() -> None:
    assert WEBHOOKS_PER_RUN >= 10_000


def test_an_announced_record_that_is_gone_is_said_once(bench: Bench) -> None:
    announce(bench, "999999")
    report = bench.run(FLOW)
    assert not report.failed
    assert any("999999" in warning for warning in report.warnings)
    assert waiting(bench) == []


def test_what_we_wrote_ourselves_comes_back_and_ends_unchanged(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("demo", **DEFAULTS)
    bench.run("customer_category_to_ipaas")
    bench.run("company_to_ipaas")
    bench.run(FLOW)  # what the web shop has made comes first
    announced = [str(i) for _, kind, i in bench.sandbox.ipaas.changes if kind == "company"]
    assert announced
    announce(bench, *announced)
    bench.sandbox.counters.reset()
    report = bench.run(FLOW)
    assert report.counts["unchanged"] == len(set(announced))
    assert bench.writes() == 0
    assert waiting(bench) == []
