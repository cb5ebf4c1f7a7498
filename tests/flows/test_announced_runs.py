"""A run that a webhook has started: it reads what was announced and what is due, and nothing else; polls stay the net."""

from __future__ import annotations

from include.errors import ErrorKind
from include.flows import CATALOGUE, FLOWS
from include.sandbox.faults import Fault
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.plan import make_plan
from include.sync.run import task_for
from include.sync.runs import RunKind
from include.sync.staging.files import Staging
from tests.flows.bench import Bench, tally

FLOW = "company_from_ipaas"
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


def company(bench: Bench, name: str) -> str:
    return str(bench.sandbox.ipaas.add("company", {"name": name, "addresses": [ADDRESS]})["id"])


def announce(bench: Bench, *ids: str) -> None:
    bench.ledger.receive([(FLOW, ipaas_id, "company/updated") for ipaas_id in ids])


def test_it_reads_what_was_announced_and_leaves_the_rest_to_the_poll(bench: Bench) -> None:
    told, untold = company(bench, "Told"), company(bench, "Untold")
    announce(bench, told)
    assert tally(bench.run(FLOW, kind=RunKind.announced)) == {"read": 1, "created": 1}
    assert bench.sandbox.bc.get("Customer", untold) is None
    assert bench.ledger.received(FLOW) == []
    assert bench.ledger.position(FLOW) is None, "nothing says that all was read"
    assert bench.run(FLOW).counts["created"] == 1
    assert bench.sandbox.bc.get("Customer", untold)["Name"] == "Untold"


def test_what_it_asks_does_not_grow_with_what_is_there(bench: Bench) -> None:
    bench.run(FLOW)
    asked = []
    for _ in range(2):
        told = company(bench, f"Told {len(asked)}")
        announce(bench, told)
        report = bench.run(FLOW, kind=RunKind.announced)
        asked.append((report.counts["bc_requests"], report.counts["ipaas_requests"]))
        for n in range(50):
            company(bench, f"Beside {len(asked)} {n}")
    assert asked[0] == asked[1]


def test_a_poll_beside_it_leaves_it_what_was_announced(bench: Bench) -> None:
    told, untold = company(bench, "Told"), company(bench, "Untold")
    announce(bench, told)
    plan = make_plan(FLOWS[FLOW], run_id="beside", kind=RunKind.poll, settings=SyncSettings(), ledger=bench.ledger)
    staging = Staging(bench.folder / "beside")
    extract(
        task_for("extract", FLOWS[FLOW], plan, bench.ledger, staging, CATALOGUE, ipaas=bench.ipaas()),
        leaves_announced=True,
    )
    assert list(staging.read("webhooks")) == []
    assert [record["key"] for record in staging.read("raw")] == [untold]


def test_it_tries_what_is_due_again(bench: Bench) -> None:
    told = company(bench, "Told")
    announce(bench, told)
    refusal = '{"error": {"code": "Application_DialogException", "message": "Not today."}}'
    bench.sandbox.faults.add(Fault(system="business_central", method="POST", status=400, body=refusal))
    assert bench.run(FLOW, kind=RunKind.announced).counts["failed"] == 1
    assert tally(bench.run(FLOW, kind=RunKind.announced)) == {}
    bench.ledger.retry_now(FLOW, [told])
    assert tally(bench.run(FLOW, kind=RunKind.announced)) == {"read": 1, "created": 1}


def test_nothing_announced_is_nothing_read(bench: Bench) -> None:
    company(bench, "Untold")
    report = bench.run(FLOW, kind=RunKind.announced)
    assert tally(report) == {}
    assert report.counts["bc_requests"] == 0


def test_a_record_that_is_gone_is_forgotten_and_said(bench: Bench) -> None:
    announce(bench, "999999")
    report = bench.run(FLOW, kind=RunKind.announced)
    assert tally(report) == {}
    assert any("999999" in warning for warning in report.warnings)
    assert bench.ledger.received(FLOW) == []
    assert ErrorKind.rejected not in {outcome.kind for outcome in report.outcomes}
