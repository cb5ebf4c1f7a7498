"""Links of many records that were made in Business Central: each goes to iPaaS.com in one change with those of what is
nested in it, several at once, and none is taken from another record, or told by two runs; counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread, Timer
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from bench import QUICK, Bench, outcome_of, tally
from test_companies_from_ipaas import ADDRESS, DEFAULTS, company, link_of

from include.sandbox.credentials import OTHER_SYSTEM_ID, SYSTEM_ID
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.ipaas.platform import Record
from include.sync import pushing
from include.sync.ledger import Ledger
from include.sync.ledger.entries import Claimant, State, iso
from include.sync.ledger.faults import ClaimLost
from include.sync.ledger.tables import claims
from include.sync.listing import Listing
from include.sync.outcomes import Result

FLOW = "company_from_ipaas"
MANY = 60
ADDRESSES = "customer company address"


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    bench = make_bench(**DEFAULTS)
    bench.sandbox.switches.ipaas_page_size = 20
    return bench


def companies(bench: Bench, number: int = MANY) -> list[Record]:
    """So many companies that Business Central does not know, each with an address."""
    return [company(bench, f"Firm {n}", email_address=f"o{n}@firm.example") for n in range(number)]


def asked(bench: Bench, method: str, path: str) -> int:
    return sum(1 for _, m, p in bench.sandbox.counters.paths if m == method and path in p)


def whole(bench: Bench, records: list[Record]) -> bool:
    """Whether all of them and their addresses are linked."""
    return all(
        link_of(bench, one) and link_of(bench, one["addresses"][0], ADDRESSES) == f"{link_of(bench, one)}|address"
        for one in records
    )


def test_each_record_takes_one_change_with_what_is_nested_in_it(bench: Bench) -> None:
    records = companies(bench)
    bench.sandbox.latency["ipaas"] = 0.02
    bench.sandbox.counters.reset()
    assert tally(bench.run(FLOW)) == {"read": MANY, "created": MANY}
    assert whole(bench, records)
    assert asked(bench, "PUT", "Customer/Company") == MANY
    # The list is read when the records are, and once more when they are linked.
    assert asked(bench, "GET", "Customer/Companies") == 2 * MANY / 20
    assert asked(bench, "GET", "External/Lookup") == asked(bench, "POST", "UpdateExternalId") == 0
    assert bench.sandbox.counters.high_water["ipaas"] == 5
    bench.sandbox.counters.reset()
    assert tally(bench.run(FLOW)) == {} and bench.writes() == 0


@pytest.mark.parametrize("switches", [{"put_required": True}, {"list_rows": "summary"}, {"child_identity": "id"}])
def test_whatever_the_platform_is_like_all_are_linked(bench: Bench, switches: dict[str, Any]) -> None:
    for name, value in switches.items():
        setattr(bench.sandbox.switches, name, value)
    records = companies(bench, 25)
    assert tally(bench.run(FLOW)) == {"read": 25, "created": 25}
    assert whole(bench, records) and bench.ledger.unpushed() == []


def test_links_of_other_systems_stay(bench: Bench) -> None:
    records = companies(bench, 25)
    platform = bench.sandbox.ipaas
    for one in records:
        platform.link("customer company", OTHER_SYSTEM_ID, one["id"], f"shop-{one['id']}")
    bench.run(FLOW)
    assert whole(bench, records)
    assert all(
        platform.external_id("customer company", OTHER_SYSTEM_ID, one["id"]) == f"shop-{one['id']}" for one in records
    )


@pytest.mark.parametrize("status", [400, 500])
def test_what_is_not_taken_together_is_linked_by_itself(bench: Bench, status: int) -> None:
    records = companies(bench, 25)
    bench.sandbox.faults.add(Fault(system="ipaas", method="PUT", status=status, times=12, body="{}"))
    assert tally(bench.run(FLOW)) == {"read": 25, "created": 25}
    assert whole(bench, records) and asked(bench, "POST", "UpdateExternalId") > 0


@pytest.mark.parametrize("taken", ["refused", "moved"])
def test_no_link_is_taken_from_another_record(bench: Bench, taken: str) -> None:
    bench.sandbox.switches.taken_external_id = taken
    records = companies(bench, 25)
    number, faster = str(records[0]["id"]), list[Record]()

    def somebody_is_faster(stage: str) -> None:
        if stage == "report":
            faster.append(company(bench, "Somebody else", addresses=[ADDRESS]))
            bench.sandbox.ipaas.link("customer company", SYSTEM_ID, faster[0]["id"], number)

    report = bench.run(FLOW, before=somebody_is_faster)
    assert bench.sandbox.ipaas.moved == [] and link_of(bench, faster[0]) == number
    assert outcome_of(report, number).result is Result.failed
    assert bench.ledger.internal_ids("customer company", [number]) == {number: faster[0]["id"]}
    assert whole(bench, records[1:])


# The flows from iPaaS.com begin at the same tick, and each tells what is untold.


def others(bench: Bench, *flows: str) -> Callable[[str], None]:
    """These flows run through just before the report of the run at hand, from which on requests are counted."""

    def run(stage: str) -> None:
        if stage == "report":
            bench.sandbox.counters.reset()
            for name in flows:
                bench.run(name)

    return run


def test_runs_that_end_at_once_tell_each_link_once(bench: Bench) -> None:
    records = companies(bench)
    bench.sandbox.latency["ipaas"] = 0.02
    beside = [Thread(target=bench.run, args=(name,)) for name in ("customer_from_ipaas", "product_from_ipaas")]

    def at_once(stage: str) -> None:
        if stage == "report":
            bench.sandbox.counters.reset()
            for thread in beside:
                thread.start()

    assert tally(bench.run(FLOW, before=at_once)) == {"read": MANY, "created": MANY}
    for thread in beside:
        thread.join()
    assert whole(bench, records) and bench.ledger.unpushed() == []
    assert asked(bench, "PUT", "Customer/Company") == MANY
    assert asked(bench, "POST", "UpdateExternalId") == 0


def test_of_what_only_other_flows_make_a_run_tells_some(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "_OTHERS", 20)
    records = companies(bench)
    told: list[int] = []

    def other(stage: str) -> None:
        others(bench, "product_from_ipaas")(stage)
        told.append(asked(bench, "PUT", "Customer/Company"))

    bench.run(FLOW, before=other)
    assert told[-1] == 20
    assert whole(bench, records) and asked(bench, "PUT", "Customer/Company") == MANY


@pytest.mark.parametrize("flow", ["sales_order_from_ipaas", "invoice_from_ipaas"])
def test_of_what_a_flow_makes_as_a_prerequisite_it_tells_all(
    bench: Bench, flow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "_OTHERS", 0)
    records = companies(bench)
    orders = others(bench, flow)

    def then(stage: str) -> None:
        orders(stage)
        if stage == "report":
            assert whole(bench, records)

    bench.run(FLOW, before=then)


def test_what_is_told_one_by_one_is_of_the_claimed_kind_alone(bench: Bench) -> None:
    (record,) = companies(bench, 1)
    link = ("customer company", "C1", record["id"])
    bench.ledger.link([link, ("product", "1000", 990002)], pushed=False)
    bench.ledger.claim(pushing._CLAIMS, ["customer company"], "another")
    bench.run("product_from_ipaas")
    assert bench.ledger.unpushed() == [link]


def test_a_run_waits_until_another_one_has_told_what_it_tells(bench: Bench) -> None:
    records = companies(bench, 3)
    told_meanwhile: list[int] = []

    def done() -> None:
        told_meanwhile.append(sum(bool(link_of(bench, one)) for one in records))
        bench.ledger.release(pushing._CLAIMS, ["customer company"], "another")

    def somebody_tells(stage: str) -> None:
        if stage == "report":
            assert bench.ledger.claim(pushing._CLAIMS, ["customer company"], "another")["customer company"].held
            Timer(0.7, done).start()

    bench.run(FLOW, before=somebody_tells)
    assert told_meanwhile == [0] and whole(bench, records)


def test_for_what_others_make_nobody_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    companies(bench, 3)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: pytest.fail("It waited."))
    monkeypatch.setattr(pushing, "time", clock)
    orders = others(bench, "sales_order_from_ipaas", "product_from_ipaas")

    def somebody_tells(stage: str) -> None:
        if stage == "report":
            bench.ledger.claim(pushing._CLAIMS, ["customer company"], "another")
            orders(stage)
            assert len(bench.ledger.unpushed(["customer company"])) == 3
            bench.ledger.release(pushing._CLAIMS, ["customer company"], "another")

    bench.run(FLOW, before=somebody_tells)


def test_whose_claim_was_taken_over_tells_nothing_more(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    records = companies(bench)
    real = pushing._push_all

    def taken_over(*arguments: Any) -> Any:
        bench.ledger.release(pushing._CLAIMS, ["customer company"], Claimant(task="", try_id=tries[0]))
        bench.ledger.claim(pushing._CLAIMS, ["customer company"], "another")
        return real(*arguments)

    tries: list[str] = []
    begin = Ledger.begin_try

    def begun(ledger: Ledger, task: str, under_way: float) -> Any:
        claimant, wait = begin(ledger, task, under_way)
        tries[:] = [claimant.try_id]
        return claimant, wait

    monkeypatch.setattr(Ledger, "begin_try", begun)
    monkeypatch.setattr(pushing, "_push_all", taken_over)
    with pytest.raises(ClaimLost):
        bench.run(FLOW)
    assert not any(link_of(bench, one) for one in records)


def test_a_flow_tells_its_own_links_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ledger.link(
        [("customer", "P1", 990001), ("product", "1000", 990002), ("transaction", "S1", 990003)], pushed=False
    )
    order: list[str] = []
    monkeypatch.setattr(pushing, "_push_all", lambda task, root, *more: order.append(root) or {})
    bench.run("sales_order_from_ipaas")
    bench.run("product_from_ipaas")
    assert order[0] == "transaction" and order[3] == "product"


def test_who_tells_some_links_keeps_nobody_from_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    companies(bench, 1)
    bench.ledger.link([("product", "1000", 990001)], pushed=False)
    real, free = pushing._push_all, list[bool]()

    def looked_at(task: Any, root: str, *more: Any) -> Any:
        if root == "product":
            free.append(bench.ledger.claim(pushing._CLAIMS, ["customer company"], "another")["customer company"].held)
        return real(task, root, *more)

    monkeypatch.setattr(pushing, "_push_all", looked_at)
    bench.run(FLOW)
    assert free == [True]


def test_it_does_not_wait_for_ever_and_the_next_run_tells_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "BUSY_WAIT", 0.0)
    records = companies(bench, 3)
    bench.ledger.claim(pushing._CLAIMS, ["customer company"], "another")
    assert tally(bench.run(FLOW)) == {"read": 3, "created": 3}
    assert len(bench.ledger.unpushed()) == 6
    bench.ledger.release(pushing._CLAIMS, ["customer company"], "another")
    assert tally(bench.run(FLOW)) == {}
    assert whole(bench, records) and bench.ledger.unpushed() == []


def test_of_many_that_of_one_which_is_being_written_is_not_told(bench: Bench) -> None:
    records = companies(bench, 25)
    bench.ledger.link([("customer company", f"C{one['id']}", one["id"]) for one in records], pushed=False)
    bench.ledger.claim("customer company from iPaaS.com", [str(records[7]["id"])], "another")
    bench.run("product_from_ipaas")
    assert [one for one in records if not link_of(bench, one)] == [records[7]]
    assert asked(bench, "PUT", "Customer/Company") == 24


def test_a_list_that_does_not_show_all_is_no_ground_to_tell_any_together(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that it leaves out may have the external id: that is asked before each is told by itself."""
    records = companies(bench, 25)
    monkeypatch.setattr(Listing, "all_seen", lambda self: None)
    bench.run(FLOW)
    assert whole(bench, records) and asked(bench, "PUT", "Customer/Company") == 0


def test_who_takes_nothing_is_not_asked_for_each_and_the_next_run_tells_them(bench: Bench) -> None:
    records = companies(bench, 100)
    links = [("customer company", f"C{one['id']}", one["id"]) for one in records]
    bench.ledger.link(links, pushed=False)
    away = [
        Fault(system="ipaas", method=method, path=path, times=10_000, **GATEWAY["503"])
        for method, path in (("PUT", "Customer/Company/"), ("POST", "UpdateExternalId"))
    ]
    bench.sandbox.faults.rules = [*away]
    warnings = bench.run(FLOW).warnings
    # Together and by themselves: what is noted together comes to its end, and so does what is under way then.
    assert all(0 < 10_000 - one.times <= QUICK.attempts * 35 for one in away)
    assert any("takes no links at the moment" in text for text in warnings)
    bench.sandbox.faults.rules.clear()
    bench.run(FLOW)
    assert all(link_of(bench, one) for one in records)


@pytest.mark.parametrize("flow", ["product_from_ipaas", FLOW])
@pytest.mark.parametrize("alive", [True, False])
def test_a_link_of_what_is_being_written_is_neither_told_nor_given_up(bench: Bench, flow: str, alive: bool) -> None:
    """Whoever writes it may take it back. Of one whose writer has died it is tried, and kept where it is refused."""
    bench.sandbox.switches.taken_external_id = "refused"
    (record,) = companies(bench, 1)
    link = ("customer company", "C1", record["id"])
    faster = company(bench, "Somebody else", addresses=[ADDRESS])
    bench.sandbox.ipaas.link("customer company", SYSTEM_ID, faster["id"], "C1")
    bench.ledger.link([link], pushed=False)
    bench.ledger.claim("customer company from iPaaS.com", [str(record["id"])], "another")
    if not alive:
        with bench.ledger._writing() as db:
            db.execute(sa.update(claims).values(renewed_at=iso(datetime(2000, 1, 1, tzinfo=UTC))))
    warnings = bench.run(flow, *([str(faster["id"])] if flow == FLOW else [])).warnings
    assert any("is not in iPaaS.com yet" in text for text in warnings) is not alive
    assert bench.ledger.unpushed(["customer company"]) == [link]
    assert str(record["id"]) not in dict(bench.ledger.keys(FLOW))


def test_a_link_that_is_refused_to_another_flows_run_is_its_own_records_fault(bench: Bench) -> None:
    bench.sandbox.switches.taken_external_id = "refused"
    records = companies(bench, 25)
    number = str(records[0]["id"])
    warnings: list[str] = []

    def another_tells(stage: str) -> None:
        if stage == "report":
            faster = company(bench, "Somebody else", addresses=[ADDRESS])
            bench.sandbox.ipaas.link("customer company", SYSTEM_ID, faster["id"], number)
            warnings.extend(bench.run("customer_from_ipaas").warnings)

    bench.run(FLOW, before=another_tells, run_id="the-one")
    known = bench.ledger.transfers(FLOW, [number])[number]
    assert known.state == State.failed and known.run_id == "the-one"
    assert known.message and "refuses the link" in known.message
    assert any(number in text and "merge them" in text for text in warnings)
    assert whole(bench, records[1:])


def test_a_process_that_dies_as_it_notes_a_refused_link_leaves_the_rest_to_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.sandbox.switches.taken_external_id = "refused"
    (record,) = companies(bench, 1)
    number = str(record["id"])
    finish = Ledger.finish

    def somebody_is_faster(stage: str) -> None:
        if stage == "report":
            faster = company(bench, "Somebody else", addresses=[ADDRESS])
            bench.sandbox.ipaas.link("customer company", SYSTEM_ID, faster["id"], number)
            monkeypatch.setattr(Ledger, "finish", dies)

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(FLOW, before=somebody_is_faster)
    monkeypatch.setattr(Ledger, "finish", finish)
    bench.run("product_from_ipaas")
    known = bench.ledger.transfers(FLOW, [number])[number]
    assert known.state == State.failed and known.message and "refuses the link" in known.message
