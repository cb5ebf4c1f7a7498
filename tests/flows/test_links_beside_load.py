"""A first transfer from iPaaS.com tells links while it still writes to Business Central; what that leaves, its report tells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from bench import Bench, tally
from test_companies_from_ipaas import DEFAULTS
from test_links_in_bulk import FLOW, MANY, asked, companies, whole

from include.errors import ServiceDown
from include.sandbox.credentials import SYSTEM_ID
from include.sandbox.faults import Fault
from include.sandbox.ipaas.platform import Record
from include.sync import links_in_bulk, load, pushing, run, tell_links
from include.sync.listing import Listing
from include.sync.runs import RunKind
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


def edit(bench: Bench, record: Record) -> None:
    bench.sandbox.ipaas.edit("company", record["id"], {"name": "Another name"})


@pytest.mark.parametrize("beside", [True, False])
def test_what_was_edited_since_the_list_was_read_stays(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, last_waits: list[Callable[[], bool]], beside: bool
) -> None:
    """Where a change has to repeat what a new record needs, which may be hours old by then."""
    bench.sandbox.switches.put_required = True
    records = companies(bench)
    monkeypatch.setattr(links_in_bulk, "_FRESH", 0.0)
    link_whole, edited = links_in_bulk._link_whole, threading.Lock()

    def linking(task: Any, endpoint: Any, record: Any, *more: Any) -> Any:
        if edited.acquire(blocking=False):
            for one in records:
                edit(bench, one)
        return link_whole(task, endpoint, record, *more)

    monkeypatch.setattr(links_in_bulk, "_link_whole", linking)
    first(bench) if beside else bench.run(FLOW)
    assert whole(bench, records)
    assert {one["name"] for one in bench.sandbox.ipaas.records["company"].values()} == {"Another name"}


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
    assert whole(bench, records) and asked(bench, "POST", "UpdateExternalId") > 0


@pytest.mark.parametrize("fields", [{"status": 503}, {"status": 401}, {"cut": True}])
def test_what_stops_it_stops_nothing_else(bench: Bench, fields: dict[str, Any]) -> None:
    records = companies(bench)

    def meanwhile(stage: str) -> None:
        down = Fault(system="ipaas", method="GET", path="Companies", times=100, **fields)
        bench.sandbox.faults.rules = [down] if stage in ("tell_links", "load") else []

    report = first(bench, before=meanwhile)
    assert tally(report) == {"read": MANY, "created": MANY} and not report.warnings
    assert whole(bench, records)


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


def test_what_others_tell_meanwhile_is_not_told_again(bench: Bench, last_waits: list[Callable[[], bool]]) -> None:
    """The report of a poll that comes in between tells what it finds."""
    records = companies(bench)
    bench.sandbox.counters.reset()
    last_waits.append(lambda: asked(bench, "PUT", TOLD) >= 20)
    last_waits.append(lambda: poll_beside(bench))
    assert tally(first(bench)) == {"read": MANY, "created": MANY}
    assert whole(bench, records)
    # Few are told by themselves, a record and its address.
    assert asked(bench, "PUT", TOLD) + asked(bench, "POST", "UpdateExternalId") / 2 == MANY


def told_before_the_report(bench: Bench, then: Callable[[], object] = lambda: None) -> int:
    """How many records a first transfer tells the links of beside its load."""
    told: list[int] = []

    def before(stage: str) -> None:
        if stage == "report":
            told.append(asked(bench, "PUT", TOLD))
            then()

    first(bench, before=before)
    return told[0]


def test_what_another_run_is_telling_is_left_to_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    records = companies(bench)
    monkeypatch.setattr(pushing, "BUSY_WAIT", 0.0)
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
