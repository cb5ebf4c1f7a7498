"""Clearing and repeating old runs, or parts of them, never brings an old version back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from bench import Bench, tally

from include.flows import CATALOGUE, FLOWS
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.report import Report, report
from include.sync.run import task_for
from include.sync.runs import RunKind
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.transform import transform

pytestmark = pytest.mark.both_ledgers

START = datetime(2026, 5, 5, 12, tzinfo=UTC)


@dataclass
class Parts:
    """A run whose tasks are started one by one, as a person does who clears them."""

    bench: Bench
    flow: str
    run_id: str
    ids: tuple[str, ...] = ()
    force: bool = False
    chunks: int = 0
    _plan: Any = field(default=None)

    def extract(self) -> None:
        """Fix the plan and read."""
        self._plan = make_plan(
            FLOWS[self.flow],
            run_id=self.run_id,
            kind=RunKind.poll,
            settings=SyncSettings(**self.bench.settings),
            ledger=self.bench.ledger,
            ids=self.ids,
            force=self.force,
        )
        extract(self._stage("extract"))

    def transform(self) -> None:
        """Map what was read."""
        self.chunks = transform(self._stage("transform"))

    def load(self) -> None:
        """Write every chunk."""
        for chunk in range(self.chunks):
            load(self._stage("load"), chunk, 2)

    def report(self) -> Report:
        """Settle the run."""
        return report(self._stage("report"))

    def _stage(self, name: str) -> TaskContext:
        bench = self.bench
        staging = Staging(bench.folder / self.run_id)
        return task_for(
            name, FLOWS[self.flow], self._plan, bench.ledger, staging, CATALOGUE, bc=bench.bc(), ipaas=bench.ipaas()
        )


@dataclass(frozen=True, kw_only=True)
class Way:
    """One direction: how a record is renamed where it comes from, and what it is called where it goes."""

    flow: str
    ids: tuple[str, ...]
    rename: Callable[[Bench, str], None]
    name: Callable[[Bench], str]


def _rename_in_bc(bench: Bench, name: str) -> None:
    bench.sandbox.bc.change("Customer", "C1", Name=name)


def _name_in_ipaas(bench: Bench) -> str:
    return str(bench.linked("company", "C1")["name"])


def _shop_company(bench: Bench) -> Any:
    return next(iter(bench.sandbox.ipaas.records["company"].values()))


def _rename_in_ipaas(bench: Bench, name: str) -> None:
    bench.sandbox.ipaas.edit("company", _shop_company(bench)["id"], {"name": name})
    bench.ledger.receive([("company_from_ipaas", str(_shop_company(bench)["id"]), "company/updated")])


def _name_in_bc(bench: Bench) -> str:
    (customer,) = bench.sandbox.bc.tables["Customer"]
    return str(customer["Name"])


WAYS = {
    "to": Way(flow="company_to_ipaas", ids=("C1",), rename=_rename_in_bc, name=_name_in_ipaas),
    "from": Way(flow="company_from_ipaas", ids=(), rename=_rename_in_ipaas, name=_name_in_bc),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Either direction."""
    return WAYS[request.param]


@pytest.fixture
def clock() -> Any:
    """The clock of this machine and of both services, in the tests' hand."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(make_bench: Callable[..., Bench], way: Way, clock: Any) -> Bench:
    """One company, transferred under the name `first`."""
    bench = make_bench()
    if way.flow == "company_to_ipaas":
        bench.sandbox.bc.add_customer("C1", "first", "Company")
    else:
        bench.sandbox.ipaas.add("company", {"name": "first"})
    assert tally(bench.run(way.flow))["created"] == 1
    clock.shift(timedelta(hours=1))
    return bench


def settle(bench: Bench, way: Way, clock: Any, name: str) -> None:
    """With the next runs everything is as it is where it comes from, and nothing is due any more."""
    for _ in range(2):
        clock.shift(timedelta(minutes=5))
        bench.run(way.flow)
    assert way.name(bench) == name
    assert bench.ledger.due(way.flow) == []


@pytest.mark.parametrize("force", [False, True])
def test_a_load_repeated_alone_writes_nothing_older_than_what_is_there(
    world: Bench, way: Way, clock: Any, force: bool
) -> None:
    old = Parts(world, way.flow, "old", force=force)
    way.rename(world, "second")
    old.extract()
    old.transform()
    clock.shift(timedelta(minutes=1))
    way.rename(world, "third")
    world.run(way.flow)
    clock.shift(timedelta(minutes=1))
    assert way.name(world) == "third"
    old.load()
    assert tally(old.report())["unchanged"] == 1
    assert way.name(world) == "third"
    settle(world, way, clock, "third")


def test_what_changed_back_meanwhile_stays_so(world: Bench, way: Way, clock: Any) -> None:
    """The run in between wrote nothing, since there was nothing to write; it has read it later all the same."""
    old = Parts(world, way.flow, "old")
    way.rename(world, "second")
    old.extract()
    old.transform()
    clock.shift(timedelta(minutes=1))
    way.rename(world, "first")
    assert tally(world.run(way.flow)).get("updated") is None
    clock.shift(timedelta(minutes=1))
    old.load()
    old.report()
    assert way.name(world) == "first"
    settle(world, way, clock, "first")


def test_a_run_that_another_one_overtakes_while_it_is_under_way_writes_nothing_older(
    world: Bench, way: Way, clock: Any
) -> None:
    """The other run comes between the look at the ledger with which a load begins and the claim on the record."""
    old = Parts(world, way.flow, "old")
    way.rename(world, "second")
    old.extract()
    old.transform()
    clock.shift(timedelta(minutes=1))
    way.rename(world, "third")
    claim = world.ledger.claim
    ran: list[bool] = []

    def meeting(*arguments: Any, **more: Any) -> Any:
        if not ran:
            ran.append(True)
            world.run(way.flow)
        return claim(*arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ledger, "claim", meeting)
        old.load()
    old.report()
    assert way.name(world) == "third"
    settle(world, way, clock, "third")


def test_a_repeated_run_reads_anew(world: Bench, way: Way, clock: Any) -> None:
    """Everything of the run is cleared; what it wrote the first time does not pass for what it reads now."""
    run = Parts(world, way.flow, "same")
    way.rename(world, "second")
    for _ in range(2):
        run.extract()
        run.transform()
        run.load()
        run.report()
        clock.shift(timedelta(minutes=1))
        way.rename(world, "third")
    assert way.name(world) == "third"


def test_a_repeated_task_finds_what_its_earlier_try_did(world: Bench, way: Way) -> None:
    run = Parts(world, way.flow, "same")
    way.rename(world, "second")
    run.extract()
    run.transform()
    run.load()
    before = world.writes()
    run.load()
    assert world.writes() == before
    assert tally(run.report())["updated"] == 1


def test_an_old_reading_that_cannot_be_mapped_does_not_take_the_place_of_what_is_done(
    world: Bench, way: Way, clock: Any
) -> None:
    old = Parts(world, way.flow, "old")
    way.rename(world, " ")
    old.extract()
    clock.shift(timedelta(minutes=1))
    way.rename(world, "third")
    world.run(way.flow)
    clock.shift(timedelta(minutes=1))
    old.transform()
    old.load()
    assert tally(old.report()).get("failed") is None
    settle(world, way, clock, "third")


def test_what_failed_later_is_not_replaced_by_an_older_version(world: Bench, way: Way, clock: Any) -> None:
    old = Parts(world, way.flow, "old")
    way.rename(world, "second")
    old.extract()
    old.transform()
    clock.shift(timedelta(minutes=1))
    way.rename(world, " ")
    assert tally(world.run(way.flow))["failed"] == 1
    clock.shift(timedelta(minutes=1))
    old.load()
    old.report()
    assert way.name(world) == "first"
    way.rename(world, "third")
    settle(world, way, clock, "third")


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_differ_do_not_make_old_what_is_new(
    make_bench: Callable[..., Bench], way: Way, clock: Any, hours: int
) -> None:
    """Two machines that are an hour apart read one after the other: what the second one reads is the newer."""
    bench = make_bench()
    if way.flow == "company_to_ipaas":
        bench.sandbox.bc.add_customer("C1", "first", "Company")
    else:
        bench.sandbox.ipaas.add("company", {"name": "first"})
    bench.run(way.flow)
    # The services' clocks stand still while ours jumps, as on another machine.
    clock.shift(timedelta(hours=hours, minutes=1))
    bench.sandbox.switches.bc_clock_ahead = bench.sandbox.switches.ipaas_clock_ahead = -3600 * hours
    way.rename(bench, "second")
    bench.run(way.flow)
    assert way.name(bench) == "second"


def test_a_run_that_has_read_everything_moves_the_position_and_one_of_an_interval_does_not(bench: Bench) -> None:
    flow = "company_to_ipaas"
    bench.run(flow, kind=RunKind.backfill, interval=(START, START + timedelta(days=1)))
    assert bench.ledger.position(flow) is None
    bench.run(flow, kind=RunKind.backfill)
    assert bench.ledger.position(flow) is not None
