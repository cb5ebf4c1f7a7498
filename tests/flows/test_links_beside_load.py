"""A first transfer from iPaaS.com tells links while it still writes to Business Central; what that leaves, its report tells."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench import QUICK, Bench, tally
from test_companies_from_ipaas import DEFAULTS
from test_links_in_bulk import FLOW, MANY, asked, companies, whole
from webshop import Shop, line

from include.errors import ErrorKind, ServiceDown, ServiceError
from include.flows import CATALOGUE, FLOWS
from include.ipaas.client import IPaaSClient
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.ipaas.platform import Record
from include.settings import SyncSettings
from include.sync import links_in_bulk, load, pushing, run, tell_links
from include.sync.extract import extract
from include.sync.ledger import LedgerFault
from include.sync.links_in_bulk import ListedRecords
from include.sync.listing import Listing
from include.sync.plan import make_plan
from include.sync.run import task_for
from include.sync.runs import Mode, RunKind
from include.sync.staging.files import Staging, StagingFault
from include.sync.task_context import TaskContext
from include.sync.tenure import Tenure
from include.sync.transform import transform
from include.writers.bc_records import BCWriter

PAGES = MANY / 20
TOLD = "Customer/Company"


@pytest.fixture
def bench(make_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = make_bench(**DEFAULTS)
    bench.sandbox.switches.ipaas_page_size = 20
    monkeypatch.setattr(tell_links, "_LOOKS_EVERY", 0.01)
    return bench


@pytest.fixture
def last_waits(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], bool]]:
    """The last record is not written before all of this is so; its test fails when it is not within half a minute."""
    until: list[Callable[[], bool]] = []
    monkeypatch.setattr(load, "_NOTED", 1)
    write, begun = BCWriter.write, list[str]()

    def waiting(writer: Any, work: Any, item: Any) -> Any:
        begun.append(item.key)
        if len(begun) == MANY:
            pause = threading.Event()
            assert any(all(one() for one in until) or pause.wait(0.05) for _ in range(600))
        return write(writer, work, item)

    monkeypatch.setattr(BCWriter, "write", waiting)
    return until


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """This happens between the reading of the list and the telling of the first links."""
    happens, tell = list[Callable[[], object]](), ListedRecords.tell

    def told(self: Any, links: Any) -> int:
        while happens:
            happens.pop()()
        return tell(self, links)

    monkeypatch.setattr(ListedRecords, "tell", told)
    return happens


@pytest.fixture
def hours_later(meanwhile: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """It is an hour after the list was read when the first links are told; and this has happened meanwhile."""
    later = [0.0]
    monkeypatch.setattr(links_in_bulk, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + later[0]))
    meanwhile.append(lambda: later.__setitem__(0, 3_600.0))
    return meanwhile


def first(bench: Bench, **options: Any) -> Any:
    """A first transfer, as Initialize makes it."""
    return bench.run(FLOW, kind=RunKind.backfill, **options)


def test_all_links_but_the_last_are_told_before_the_last_record_is_written(
    bench: Bench, last_waits: list[Callable[[], bool]]
) -> None:
    records = companies(bench)
    bench.sandbox.counters.reset()
    last_waits.append(lambda: asked(bench, "PUT", TOLD) == MANY - 1)
    report = first(bench)
    assert tally(report) == {"read": MANY, "created": MANY}
    assert whole(bench, records) and asked(bench, "PUT", TOLD) == MANY
    # The list is read when the records are, and once to be told; the report finds nothing left.
    assert asked(bench, "GET", "Customer/Companies") == 2 * PAGES
    assert asked(bench, "GET", "External/Lookup") == asked(bench, "POST", "UpdateExternalId") == 0
    assert report.counts["ipaas_requests"] == bench.sandbox.counters.of("ipaas")
    bench.sandbox.counters.reset()
    assert tally(bench.run(FLOW)) == {} and bench.writes() == 0


@pytest.mark.parametrize(
    "options",
    [{}, {"mode": "plan", "kind": RunKind.backfill}, {"compares": True, "kind": RunKind.backfill}],
    ids=["poll", "plan", "reconcile"],
)
def test_no_other_run_does(bench: Bench, options: dict[str, Any]) -> None:
    companies(bench, 25)
    stages: list[str] = []
    bench.run(FLOW, before=stages.append, **options)
    assert "tell_links" not in stages


def test_nor_does_one_of_few_records_read_a_list_for_it(bench: Bench) -> None:
    records = companies(bench, 5)
    bench.sandbox.counters.reset()
    assert tally(first(bench)) == {"read": 5, "created": 5}
    assert whole(bench, records) and asked(bench, "GET", "Customer/Companies") == 0


@pytest.mark.parametrize("switches", [{"put_required": True}, {"list_rows": "summary"}, {"child_identity": "id"}])
def test_whatever_the_platform_is_like_all_are_linked(bench: Bench, switches: dict[str, Any]) -> None:
    for name, value in switches.items():
        setattr(bench.sandbox.switches, name, value)
    records = companies(bench)
    assert tally(first(bench)) == {"read": MANY, "created": MANY}
    assert whole(bench, records) and bench.ledger.unpushed() == []


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("put_required", [True, False])
def test_what_others_changed_since_the_list_was_read_stays(
    bench: Bench, hours_later: list[Callable[[], object]], put_required: bool, beside: bool
) -> None:
    """A change may have to repeat what a new record needs, and has the external ids of other systems."""
    platform, other = bench.sandbox.ipaas, SYSTEM_ID + 1
    bench.sandbox.switches.put_required = put_required
    records = companies(bench)
    for one in records:
        platform.link("customer company", other, one["id"], f"old-{one['id']}")
        hours_later.append(partial(platform.edit, "company", one["id"], {"name": "Another name"}))
        hours_later.append(partial(platform.link, "customer company", other, one["id"], f"new-{one['id']}"))
    bench.sandbox.counters.reset()
    first(bench) if beside else bench.run(FLOW)
    assert whole(bench, records)
    assert {one["name"] for one in records} == {"Another name"}
    assert all(platform.external_id("customer company", other, one["id"]) == f"new-{one['id']}" for one in records)
    # A page is read again, not each of its records, unless a change has to repeat what it needs.
    assert asked(bench, "GET", "Customer/Company/") == (MANY if put_required else 0)
    assert asked(bench, "POST", "UpdateExternalId") == 0


@pytest.mark.parametrize("beside", [True, False])
def test_what_is_repeated_of_a_record_is_what_it_is_by_then(
    bench: Bench, meanwhile: list[Callable[[], object]], beside: bool
) -> None:
    """Where the platform wants what a new record needs once more, an order that the shop has just cancelled stays so."""
    bench.sandbox.switches.put_required = True
    shop, platform, many = Shop(bench), bench.sandbox.ipaas, 25
    shop.customer()
    shop.item("1000")
    records = [shop.order(transaction_number=f"WEB-{n}", lines=[line("1000")]) for n in range(many)]
    for one in records:
        meanwhile.append(partial(platform.change, "transaction", one["id"], {"status": "Cancelled", "total": 7}))
        meanwhile.append(partial(one["lines"][0].update, {"status": "Cancelled"}))
    bench.sandbox.counters.reset()
    report = bench.run("sales_order_from_ipaas", **({"kind": RunKind.backfill} if beside else {}))
    assert tally(report) == {"read": many, "created": many}
    assert all(shop.link_of(one) and shop.link_of(one["lines"][0], "transaction line") for one in records)
    assert {(one["status"], one["total"], one["lines"][0]["status"]) for one in records} == {
        ("Cancelled", 7, "Cancelled")
    }
    # Each is read and changed; its lines are told with it.
    assert asked(bench, "GET", "v2/Transaction/") == asked(bench, "PUT", "v2/Transaction/") == many
    assert asked(bench, "POST", "UpdateExternalId") == 0


def test_links_of_other_systems_stay(bench: Bench) -> None:
    records = companies(bench)
    platform = bench.sandbox.ipaas
    for one in records:
        platform.link("customer company", SYSTEM_ID + 1, one["id"], f"shop-{one['id']}")
    first(bench)
    assert whole(bench, records)
    assert all(
        platform.external_id("customer company", SYSTEM_ID + 1, one["id"]) == f"shop-{one['id']}" for one in records
    )


@pytest.mark.parametrize("status", [400, 500])
def test_what_is_not_taken_is_left_to_the_report(bench: Bench, status: int) -> None:
    records = companies(bench)
    bench.sandbox.faults.add(Fault(system="ipaas", method="PUT", status=status, times=12, body="{}"))
    assert tally(first(bench)) == {"read": MANY, "created": MANY}
    assert whole(bench, records)


@pytest.mark.parametrize("fields", [{"status": 503}, {"status": 401}, {"cut": True}])
def test_what_stops_it_stops_nothing_else(bench: Bench, fields: dict[str, Any]) -> None:
    records = companies(bench)

    def meanwhile(stage: str) -> None:
        down = Fault(system="ipaas", method="GET", path="Companies", times=100, **fields)
        bench.sandbox.faults.rules = [down] if stage in ("tell_links", "load") else []

    report = first(bench, before=meanwhile)
    assert tally(report) == {"read": MANY, "created": MANY} and not report.warnings
    assert whole(bench, records)


def test_other_systems_than_those_it_began_with_are_told_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has changed the Connections meanwhile."""
    companies(bench)
    identify = TaskContext.identify

    def others(task: TaskContext) -> None:
        if task.ipaas_client and task.staging.has("stats-transform"):
            raise ServiceError("Others.", system="The run", kind=ErrorKind.misconfigured, advice="")
        identify(task)

    monkeypatch.setattr(TaskContext, "identify", others)
    assert told_before_the_report(bench) == 0


def test_a_load_that_breaks_off_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    companies(bench)
    monkeypatch.setattr(tell_links, "_PATIENCE", 3_600.0)

    def breaks_off(*args: Any, **options: Any) -> bool:
        raise ServiceDown("It is away.")

    monkeypatch.setattr(run, "load", breaks_off)
    with pytest.raises(ServiceDown):
        first(bench)


def test_nor_is_one_for_ever_that_stands_still(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    records = companies(bench)
    monkeypatch.setattr(tell_links, "_PATIENCE", 0.05)
    ended, beside, loads = threading.Event(), run.tell_links, run.load

    def told(task: Any) -> None:
        beside(task)
        ended.set()

    def stands_still(*args: Any, **options: Any) -> bool:
        assert ended.wait(30)
        return loads(*args, **options)

    monkeypatch.setattr(run, "tell_links", told)
    monkeypatch.setattr(run, "load", stands_still)
    assert tally(first(bench)) == {"read": MANY, "created": MANY}
    assert whole(bench, records)


def poll_beside(bench: Bench) -> bool:
    """In a thread of its own, since whoever asks is about to write a record."""
    other = threading.Thread(target=bench.run, args=("customer_from_ipaas",))
    other.start()
    other.join(30)
    return not other.is_alive()


def test_what_others_tell_meanwhile_is_not_told_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, last_waits: list[Callable[[], bool]]
) -> None:
    """The report of a poll that comes in between tells what it finds."""
    records = companies(bench)
    link, alone = IPaaSClient.link, list[Any]()

    def by_itself(self: Any, table: str, *more: Any) -> Any:
        alone.extend([table] if table == "customer company" else ())
        return link(self, table, *more)

    monkeypatch.setattr(IPaaSClient, "link", by_itself)
    bench.sandbox.counters.reset()
    last_waits.append(lambda: asked(bench, "PUT", TOLD) >= 20)
    last_waits.append(lambda: poll_beside(bench))
    assert tally(first(bench)) == {"read": MANY, "created": MANY}
    assert whole(bench, records)
    assert asked(bench, "PUT", TOLD) + len(alone) == MANY


def told_before_the_report(bench: Bench, then: Callable[[], object] = lambda: None, fault: Fault | None = None) -> int:
    """How many changes a first transfer sends beside its load; `fault`: what they meet."""
    told: list[int] = []

    def before(stage: str) -> None:
        if stage == "tell_links" and fault:
            bench.sandbox.faults.add(fault)
        if stage == "report":
            told.append(asked(bench, "PUT", TOLD))
            then()

    first(bench, before=before)
    return told[0]


def test_what_another_run_is_telling_is_left_to_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    records = companies(bench)
    monkeypatch.setattr(tell_links, "_PATIENCE", 1.0)
    claim = (pushing._CLAIMS, ["customer company"], "another")
    bench.ledger.claim(*claim)
    assert told_before_the_report(bench, lambda: bench.ledger.release(*claim)) == 0
    assert whole(bench, records)


def test_a_list_that_does_not_show_all_is_no_ground_to_tell_any(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that it leaves out may have the external id."""
    records = companies(bench)
    monkeypatch.setattr(Listing, "all_seen", lambda self: None)
    assert told_before_the_report(bench) == 0
    assert whole(bench, records)


def test_a_report_that_waits_for_the_claim_gets_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own kind it is waited for; who tells for hours lets it in between."""
    companies(bench)
    monkeypatch.setattr(tell_links, "_CLAIMED", 15)
    monkeypatch.setattr(tell_links, "_LOOKS_EVERY", 1.0)
    bench.sandbox.latency["ipaas"] = 0.05
    got: list[bool] = []

    def wait_for_it() -> None:
        while not asked(bench, "PUT", TOLD):
            time.sleep(0.01)
        tenure = Tenure(bench.ledger, "another run#report", under_way=0)
        with tenure, pushing.links_claimed(bench.ledger, tenure, "customer company", waits=True) as mine:
            got.append(mine and asked(bench, "PUT", TOLD) < MANY)

    other = threading.Thread(target=wait_for_it)
    other.start()
    assert tally(first(bench)) == {"read": MANY, "created": MANY}
    other.join(30)
    assert got == [True]


def test_who_takes_nothing_is_not_asked_for_each(bench: Bench) -> None:
    """Each asks several times; the claim and the slots are held meanwhile."""
    companies(bench)
    away = Fault(system="ipaas", method="PUT", times=10_000, **GATEWAY["503"])
    # What is under way when the tenth has failed is awaited, and what is noted together comes to its end.
    told = told_before_the_report(bench, lambda: bench.sandbox.faults.rules.clear(), away)
    assert told <= QUICK.attempts * 40 < QUICK.attempts * MANY


@pytest.mark.parametrize(
    "fault",
    [
        StagingFault("No bucket.", advice="", again=True),
        LedgerFault("No database.", advice="", again=True),
        OSError("No disk."),
    ],
)
def test_no_fault_of_it_is_one_of_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    records = companies(bench)

    def breaks(*args: Any) -> bool:
        raise fault

    monkeypatch.setattr(tell_links, "is_loaded", breaks)
    report = first(bench)
    assert tally(report) == {"read": MANY, "created": MANY} and not report.warnings
    assert whole(bench, records)


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_an_external_id_of_nobody_stops_no_other_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, beside: bool, nested: bool
) -> None:
    records = companies(bench)
    odd = records[7]["addresses"][0] if nested else records[7]
    platform = bench.sandbox.ipaas
    shown = platform.shown

    def without_a_system(type_name: str, record: Record) -> Record:
        found = shown(type_name, record)
        place = found["addresses"][0] if nested and found.get("addresses") else found
        if place["id"] == odd["id"]:
            place["external_ids"] = [*place.get("external_ids", ()), {"external_id": "X"}]
        return found

    monkeypatch.setattr(platform, "shown", without_a_system)
    first(bench) if beside else bench.run(FLOW)
    assert whole(bench, [one for one in records if one is not records[7]])


@pytest.mark.parametrize("shows", ["none of them", "summaries"])
@pytest.mark.usefixtures("hours_later")
def test_what_a_page_does_not_show_again_is_left_to_the_report(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, shows: str
) -> None:
    records = companies(bench)
    page = IPaaSClient.page

    def shown(*args: Any) -> Any:
        found = page(*args)
        summaries = [{"id": record["id"], "name": record["name"]} for record in found.records]
        return replace(found, records=summaries if shows == "summaries" else [], whole=shows != "summaries")

    monkeypatch.setattr(IPaaSClient, "page", shown)
    assert told_before_the_report(bench) == 0
    assert whole(bench, records)


def test_a_page_is_read_again_once_whatever_has_moved_away_from_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = companies(bench)
    monkeypatch.setattr(links_in_bulk, "_FRESH", 0.0)
    again: list[int] = []

    def without_them(self: Any, endpoint: Any, number: int) -> None:
        again.append(number)

    monkeypatch.setattr(IPaaSClient, "page", without_them)
    bench.run(FLOW)
    assert sorted(again) == [1, 2, 3]
    assert whole(bench, records)


def test_a_plan_asks_nothing_for_it(bench: Bench, tmp_path: Path) -> None:
    """In Airflow its task runs in any mode."""
    companies(bench)
    flow, staging, settings = FLOWS[FLOW], Staging(tmp_path), SyncSettings(**bench.settings)
    plan = make_plan(flow, run_id="r", kind=RunKind.backfill, settings=settings, ledger=bench.ledger, mode=Mode.plan)

    def stage(name: str) -> TaskContext:
        return task_for(name, flow, plan, bench.ledger, staging, CATALOGUE, bc=bench.bc(), ipaas=bench.ipaas())

    extract(stage("extract"))
    transform(stage("transform"))
    bench.sandbox.counters.reset()
    tell_links.tell_links(stage("tell_links"))
    assert bench.sandbox.counters.of("ipaas") == 0


def test_a_plan_says_what_it_takes_and_how_long_side_by_side(bench: Bench) -> None:
    companies(bench)
    said = first(bench, mode="plan").applying
    alone = bench.run(FLOW, mode="plan").applying
    done = first(bench).counts
    for plan, takes in ((said, max), (alone, lambda *both: sum(both))):
        # The list is read again to tell the links, and the task logs in.
        assert plan.ipaas_requests == pytest.approx(done["ipaas_requests"], abs=PAGES + 3)
        assert plan.bc_requests == pytest.approx(done["bc_requests"], abs=2)
        settings = SyncSettings(**bench.settings)
        of_bc = plan.bc_requests * settings.bc_throttle_seconds / settings.bc_throttle_limit
        of_ipaas = plan.ipaas_requests * settings.ipaas_throttle_seconds / settings.ipaas_throttle_limit
        assert plan.seconds == math.ceil(takes(of_bc, of_ipaas))
