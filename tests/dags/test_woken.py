"""What is announced starts its flow at once, in as few runs as can be: by Airflow's own asset events and scheduler."""

from __future__ import annotations

import queue
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from include.sandbox import Sandbox
from include.sandbox.faults import Fault
from include.sync.ledger import Ledger
from include.sync.ledger.tables import transfers
from tests import ledgers
from tests.dags.conftest import RunDag, connect, ledger_file, lose_ledger
from tests.dags.scheduling import (
    date,
    instead_of_a_new_run,
    let_the_scheduler_look,
    pause_all,
    runs_of,
    set_state,
    unpause,
)
from tests.systems import PAIR

pytestmark = pytest.mark.dag

KEY = Sandbox.WEBHOOK_API_KEY
FLOW = "company_from_ipaas"
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


class Woken:
    """What the endpoint has asked Airflow for; each look at its database is one entry."""

    def __init__(self) -> None:
        self.looks: queue.Queue[set[str]] = queue.Queue()

    def __call__(self, flows: Collection[str]) -> None:
        from bridge.waking import wake

        self.looks.put(wake(flows))

    def next(self) -> set[str]:
        """The flows of the next look."""
        return self.looks.get(timeout=60)


@pytest.fixture
def woken(server: Any, sandbox: Sandbox, no_earlier_runs: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Woken]:
    from bridge import server as bridge_server
    from bridge import waking, webhook_endpoint

    pause_all()
    unpause(FLOW)
    connect(monkeypatch, sandbox)
    bridge_server.current.cache.clear()
    lose_ledger()
    spy = Woken()
    monkeypatch.setattr(waking, "PAUSE", 0.0)
    monkeypatch.setattr(webhook_endpoint, "_bell", waking.Bell(spy))
    yield spy
    bridge_server.current.cache.clear()
    unpause(FLOW, paused=True)


@pytest.fixture
def ledger(woken: Woken) -> Iterator[Ledger]:
    opened = Ledger(ledgers.url_of(ledger_file()), PAIR)
    yield opened
    opened.close()


def announce(server: Any, *ids: Any, scope: str = "company/updated") -> None:
    notifications = [{"id": i, "destination": str(Sandbox.SYSTEM_ID), "scope": scope} for i in ids]
    answer = server.post(
        "/ipaas/hooks", headers={"Authorization": f"Bearer {KEY}"}, json={"notifications": notifications}
    )
    assert answer.json() == {"accepted": len(ids)}


def company(sandbox: Sandbox, name: str) -> str:
    return str(sandbox.ipaas.add("company", {"name": name, "addresses": [ADDRESS]})["id"])


def names(sandbox: Sandbox, ids: Collection[str]) -> set[str]:
    return {str(row["Name"]) for no in ids if (row := sandbox.bc.get("Customer", no))}


def test_a_webhook_starts_its_flow_without_waiting_for_the_schedule(
    server: Any, woken: Woken, sandbox: Sandbox, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, untold = company(sandbox, "Told"), company(sandbox, "Untold")
    announce(server, told)
    assert woken.next() == {FLOW}
    let_the_scheduler_look()
    (run,) = runs_of(FLOW)
    assert run.run_type == "asset_triggered"
    instead_of_a_new_run(monkeypatch, run.run_id)
    ended = run_dag(FLOW)
    assert (ended.run_id, ended.state) == (run.run_id, "success")
    # It reads what was announced, and nothing else.
    assert ended.counts["read"] == ended.counts["created"] == 1
    assert names(sandbox, [told, untold]) == {"Told"}


def test_a_burst_is_one_run(server: Any, woken: Woken, ledger: Ledger) -> None:
    for start in range(1, 10_001, 100):
        announce(server, *range(start, start + 100))
    assert woken.next() == {FLOW}
    let_the_scheduler_look()
    for _ in range(20):
        announce(server, 7)
        woken.next()
        let_the_scheduler_look()
    assert len(runs_of(FLOW)) == 1, "a run that is yet to read takes along what comes"
    assert len(ledger.received(FLOW)) == 10_000


def test_what_comes_after_a_run_has_begun_to_read_starts_one_more(server: Any, woken: Woken) -> None:
    announce(server, 1)
    woken.next()
    let_the_scheduler_look()
    (run,) = runs_of(FLOW)
    set_state(FLOW, run.run_id, "running", {"extract": "running"})
    for number in range(2, 12):
        announce(server, number)
        woken.next()
        let_the_scheduler_look()
    first, second = runs_of(FLOW)
    set_state(FLOW, second.run_id, "running", {"extract": "deferred"})
    announce(server, 12)
    assert woken.next() == set(), "the second one waits for the first, and takes it along"
    set_state(FLOW, first.run_id, "success", {"extract": "success"})


def test_nothing_is_started_of_a_flow_that_is_paused_nor_at_once_when_it_goes_on(
    server: Any, woken: Woken, ledger: Ledger
) -> None:
    unpause(FLOW, paused=True)
    announce(server, 1, 2, 3)
    assert woken.next() == set()
    let_the_scheduler_look()
    unpause(FLOW)
    let_the_scheduler_look()
    assert runs_of(FLOW) == []
    assert len(ledger.received(FLOW)) == 3
    announce(server, 4)
    assert woken.next() == {FLOW}


def test_a_scope_starts_the_flows_that_listen_to_it_and_no_others(server: Any, woken: Woken) -> None:
    unpause("sales_order_from_ipaas", "invoice_from_ipaas", "customer_from_ipaas")
    announce(server, 17, scope="transaction/created")
    assert woken.next() == {"sales_order_from_ipaas", "invoice_from_ipaas"}
    announce(server, 18, scope="customer/address/updated")
    assert woken.next() == {"customer_from_ipaas"}
    unpause("sales_order_from_ipaas", "invoice_from_ipaas", "customer_from_ipaas", paused=True)


def test_what_cannot_be_started_is_kept_for_the_next_poll(
    server: Any, woken: Woken, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import waking, webhook_endpoint

    tried: queue.Queue[set[str]] = queue.Queue()

    def fails(flows: Collection[str]) -> None:
        tried.put(set(flows))
        raise OSError("Airflow's database is away")

    monkeypatch.setattr(webhook_endpoint, "_bell", waking.Bell(fails))
    announce(server, 1)
    assert tried.get(timeout=60) == {FLOW}
    announce(server, 2)
    assert tried.get(timeout=60) == {FLOW}
    assert len(ledger.received(FLOW)) == 2


def test_a_run_of_a_webhook_waits_for_the_one_before_it(
    server: Any, woken: Woken, sandbox: Sandbox, run_dag: RunDag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until that has ended: of what it reads nothing is read twice, and of what came too late for it nothing is lost."""
    from bridge import extract_task

    told = company(sandbox, "Told")
    announce(server, told)
    woken.next()
    let_the_scheduler_look()
    (first,) = runs_of(FLOW)
    set_state(FLOW, first.run_id, "running", {"extract": "success"})
    announce(server, told)
    woken.next()
    let_the_scheduler_look()
    second = runs_of(FLOW)[-1]
    (tmp_path / "staging" / FLOW).mkdir(parents=True)
    (tmp_path / "staging" / FLOW / "announced").write_text(first.run_id)
    waited: list[set[str]] = []

    async def first_ends(seconds: float) -> None:
        waited.append(names(sandbox, [told]))
        set_state(FLOW, first.run_id, "success")

    monkeypatch.setattr(extract_task, "sleep", first_ends)
    instead_of_a_new_run(monkeypatch, second.run_id)
    ended = run_dag(FLOW)
    assert waited == [set()]
    assert (ended.state, ended.counts["created"]) == ("success", 1)


def test_no_more_than_one_run_waits(
    server: Any,
    woken: Woken,
    sandbox: Sandbox,
    ledger: Ledger,
    run_dag: RunDag,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = company(sandbox, "Told")
    for state in ("success", "running", "queued"):
        announce(server, told)
        woken.next()
        let_the_scheduler_look()
        set_state(FLOW, runs_of(FLOW)[-1].run_id, "running", {"extract": state})
    first, second, third = runs_of(FLOW)
    (tmp_path / "staging" / FLOW).mkdir(parents=True)
    (tmp_path / "staging" / FLOW / "announced").write_text(first.run_id)
    (tmp_path / "staging" / FLOW / "waiting").write_text(second.run_id)
    instead_of_a_new_run(monkeypatch, third.run_id)
    ended = run_dag(FLOW)
    assert (ended.state, ended.counts["read"]) == ("success", 0)
    assert [ipaas_id for ipaas_id, _ in ledger.received(FLOW)] == [told]
    for run in (first, second):
        set_state(FLOW, run.run_id, "success")


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_poll_leaves_what_was_announced_to_the_run_that_takes_it(
    server: Any,
    woken: Woken,
    sandbox: Sandbox,
    run_dag: RunDag,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
) -> None:
    """Where that run has failed, the poll takes it."""
    from bridge import tasks

    left: list[bool] = []
    extract = tasks.extracting.extract

    def spying(task: Any, *, leaves_announced: bool = False) -> None:
        left.append(leaves_announced)
        extract(task, leaves_announced=leaves_announced)

    monkeypatch.setattr(tasks.extracting, "extract", spying)
    told = company(sandbox, "Told")
    announce(server, told)
    woken.next()
    let_the_scheduler_look()
    (first,) = runs_of(FLOW)
    set_state(FLOW, first.run_id, state, {"extract": "running"})
    date(FLOW, first.run_id)
    (tmp_path / "staging" / FLOW).mkdir(parents=True)
    (tmp_path / "staging" / FLOW / "announced").write_text(first.run_id)
    ended = run_dag(FLOW)
    assert (ended.state, names(sandbox, [told])) == ("success", set() if state == "running" else {"Told"})
    assert left == [state == "running"]
    set_state(FLOW, first.run_id, "success")


class TestWhatAServiceDidNotTake:
    """It is tried again as soon as it may be, whenever the next tick of its own flow is."""

    MINE = "company_to_ipaas"

    @pytest.fixture
    def down(
        self, dags: Any, sandbox: Sandbox, run_dag: RunDag, no_earlier_runs: None, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Ledger]:
        """iPaaS.com has taken no company; it is up again."""
        pause_all()
        unpause(self.MINE)
        connect(monkeypatch, sandbox)
        sandbox.faults.add(Fault(system="ipaas", method="POST", path="v2/Customer/Company", times=1_000, status=503))
        for before in ("customer_category_to_ipaas", "location_to_ipaas"):
            run_dag(before)
        failed = run_dag(self.MINE)
        assert failed.state == "failed"
        assert failed.counts["retrying"]
        sandbox.faults.clear()
        opened = Ledger(ledgers.url_of(ledger_file()), PAIR)
        yield opened
        opened.close()
        unpause(self.MINE, paused=True)

    def started(self) -> list[str]:
        """What was started beside the clock of the flow."""
        let_the_scheduler_look()
        return [run.run_id for run in runs_of(self.MINE) if run.run_type == "asset_triggered"]

    def make_due(self, ledger: Ledger) -> None:
        """The next try of all that was not taken has come."""
        with ledger._writing() as db:
            db.execute(update(transfers).where(transfers.c.flow == self.MINE).values(next_try="2026-01-01T00:00:00Z"))

    def test_goes_through_at_once_when_any_flow_finds_the_service_up_again(
        self, down: Ledger, sandbox: Sandbox, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not down.due(self.MINE)
        sandbox.bc.add("Shipping Agent", {"Code": "NEW", "Name": "A new one"})
        assert run_dag("shipping_method_to_ipaas").counts["created"]
        (run_id,) = self.started()
        instead_of_a_new_run(monkeypatch, run_id)
        ended = run_dag(self.MINE)
        assert (ended.state, ended.counts["created"]) == ("success", ended.counts["read"])
        assert not down.flows_due([self.MINE])

    def test_is_begun_by_the_next_poll_of_any_flow_once_it_is_due(
        self, down: Ledger, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_dag("location_to_ipaas")
        assert not self.started(), "it is not due yet"
        self.make_due(down)
        run_dag("location_to_ipaas", {"mode": "plan"})
        assert not self.started(), "a plan starts nothing"
        run_dag("location_to_ipaas")
        assert len(self.started()) == 1

    def test_is_not_begun_once_more_by_the_run_that_takes_it(self, down: Ledger, run_dag: RunDag) -> None:
        self.make_due(down)
        assert run_dag(self.MINE).counts["created"]
        assert not self.started()
