"""What is remembered belongs to one pair of systems; another company, environment or subscription never sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from include.errors import ErrorKind, ServiceError
from tests.flows.bench import Bench, tally
from tests.systems import PAIR

pytestmark = pytest.mark.both_ledgers

FLOW = "customer_category_to_ipaas"


def test_a_company_made_anew_under_the_same_name_begins_with_an_empty_memory(bench: Bench) -> None:
    first = tally(bench.run(FLOW))
    before = bench.ledger.known.number
    bench.sandbox.bc.company_id = bench.sandbox.bc.guid()
    bench.sandbox.counters.reset()
    with pytest.raises(ServiceError, match="is not the one that had this name before") as stopped:
        bench.run(FLOW)
    assert stopped.value.kind is ErrorKind.misconfigured
    assert bench.writes() == 0
    reopen(bench)
    assert bench.ledger.known.number != before
    report = bench.run(FLOW)
    # Nothing is taken for unchanged: each is compared with what iPaaS.com has.
    assert tally(report)["read"] == first["read"]
    assert report.counts["ipaas_requests"] > 0
    assert any("first run of this flow with company" in warning for warning in report.warnings)
    again = bench.run(FLOW)
    assert again.warnings == () and tally(again) == {"read": first["read"], "unchanged": first["read"]}


def test_going_back_finds_the_old_memory(bench: Bench) -> None:
    first = tally(bench.run(FLOW))["read"]
    old = bench.sandbox.bc.company_id
    for company in (bench.sandbox.bc.guid(), old):
        bench.sandbox.bc.company_id = company
        with pytest.raises(ServiceError):
            bench.run(FLOW)
        reopen(bench)
    report = bench.run(FLOW)
    assert tally(report) == {"read": first, "unchanged": first}
    assert report.counts["ipaas_requests"] == 0


def test_a_run_does_not_go_on_with_the_systems_of_another(bench: Bench) -> None:
    bench.ledger = bench.ledger.of(replace(PAIR, environment="Other"))
    with pytest.raises(ServiceError, match="names another system now"):
        bench.run(FLOW)
    assert bench.writes() == 0


@pytest.mark.parametrize("flow", ["company_from_ipaas", "customer_category_to_ipaas"])
@pytest.mark.parametrize("system_id", [4712, 4713, 1])
def test_a_subscription_of_another_system_stops_the_run_before_anything_is_written(
    bench: Bench, flow: str, system_id: int
) -> None:
    bench.sandbox.ipaas.add("company", {"name": "Ours"})
    bench.system_id = system_id
    bench.ledger = bench.ledger.of(replace(PAIR, system_id=system_id))
    with pytest.raises(ServiceError, match="is not one of Business Central") as stopped:
        bench.run(flow)
    assert stopped.value.kind is ErrorKind.misconfigured
    assert "system_id" in stopped.value.advice
    assert bench.writes() == 0


@pytest.mark.parametrize("system_id", [4712, 4713, 1])
def test_the_check_refuses_a_subscription_of_another_system(bench: Bench, system_id: int) -> None:
    bench.system_id = system_id
    works, said = bench.ipaas().check()
    assert not works
    assert "not one of Business Central" in said and "system_id" in said


def test_the_subscription_is_asked_for_once_in_the_life_of_a_pair(bench: Bench) -> None:
    bench.run("company_from_ipaas")
    bench.sandbox.counters.reset()
    bench.run("company_from_ipaas")
    bench.run(FLOW)
    assert not [path for path in map(str, bench.sandbox.counters.paths) if "Subscription" in path]


def test_hooks_received_under_a_name_follow_the_company_that_has_it(bench: Bench) -> None:
    bench.run(FLOW)
    endpoint = bench.ledger.of(PAIR)
    endpoint.receive([("company_from_ipaas", "17", "company/updated")])
    bench.sandbox.bc.company_id = bench.sandbox.bc.guid()
    with pytest.raises(ServiceError):
        bench.run(FLOW)
    assert [i for i, _ in bench.ledger.of(PAIR).received("company_from_ipaas")] == ["17"]


def reopen(bench: Bench) -> None:
    """Open the ledger as a new task does: by what the Connections name."""
    bench.ledger = bench.ledger.of(PAIR)
