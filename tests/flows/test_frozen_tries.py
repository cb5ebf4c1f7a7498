"""A task that is still alive beside its own retry: frozen before a write, it wakes when the retry has come to its end.

Every write of a run, one after another, is where the first try freezes. What the two have made together is compared with
what a run makes that nothing disturbed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bench import Bench
from shop import BELL, BICYCLE, order, set_up
from webshop import Shop, line, selling

from include.flows import CATALOGUE, FLOWS
from include.settings import SyncSettings
from include.sync.extract import extract
from include.sync.ledger.faults import ClaimLost
from include.sync.load import load
from include.sync.plan import make_plan
from include.sync.report import report
from include.sync.run import task_for
from include.sync.runs import RunKind
from include.sync.staging.files import Staging
from include.sync.task_context import TaskContext
from include.sync.tenure import Tenure
from include.sync.transform import transform
from include.transport import session
from include.transport.guard import Unsent

INVOICES = {
    "bc_create_defaults": {
        "invoice": {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"}
    }
}
# What is posted and changes nothing.
NO_WRITES = ("/oauth2/", "/Auth/", "$batch", "Lookup")
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


def companies_of_bc(bench: Bench) -> None:
    set_up(bench, transferred=False)


def orders_of_bc(bench: Bench) -> None:
    set_up(bench)
    order(bench, BICYCLE, BELL)


def companies_of_ipaas(bench: Bench) -> None:
    bench.sandbox.ipaas.add("company", {"name": "Adatum", "addresses": [ADDRESS]})


def customers_of_ipaas(bench: Bench) -> None:
    fields = {"first_name": "Anna", "last_name": "Berg", "email_address": "anna@example.net", "addresses": [ADDRESS]}
    bench.sandbox.ipaas.add("customer", fields)


def products_of_ipaas(bench: Bench) -> None:
    Shop(bench).product("1000")


def orders_of_ipaas(bench: Bench) -> None:
    selling(bench).order()


def invoices_of_ipaas(bench: Bench) -> None:
    method = {"method": "Card", "status": "Complete", "amount": 50}
    lines = [line("1000", status="Complete"), line("1001", 3, status="Complete")]
    selling(bench).order(status="Complete", lines=lines, payments=[method])


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A flow with something to write."""

    flow: str
    world: Callable[[Bench], None]
    settings: dict[str, Any] = field(default_factory=dict)


SCENARIOS = [
    Scenario(flow="company_to_ipaas", world=companies_of_bc),
    Scenario(flow="customer_to_ipaas", world=companies_of_bc),
    Scenario(flow="product_to_ipaas", world=companies_of_bc),
    Scenario(flow="sales_order_to_ipaas", world=orders_of_bc),
    Scenario(flow="company_from_ipaas", world=companies_of_ipaas),
    Scenario(flow="customer_from_ipaas", world=customers_of_ipaas),
    Scenario(flow="product_from_ipaas", world=products_of_ipaas),
    Scenario(flow="sales_order_from_ipaas", world=orders_of_ipaas),
    Scenario(flow="invoice_from_ipaas", world=invoices_of_ipaas, settings=INVOICES),
]


class Freezer:
    """Freezes whoever is about to send the `number`-th write, as a host does that stands still, until it is woken."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._lock = threading.Lock()
        self.frozen, self.woken = threading.Event(), threading.Event()

    def freeze(self) -> None:
        """Before a write."""
        with self._lock:
            self._left -= 1
            now = self._left == 0
        if now:
            self.frozen.set()
            assert self.woken.wait(60)


class Tries:
    """A run whose `load` is tried twice."""

    def __init__(self, bench: Bench, flow: str, folder: Path) -> None:
        self._bench, self._flow = bench, FLOWS[flow]
        self._staging = Staging(folder)
        self._plan = make_plan(
            self._flow,
            run_id="run",
            kind=RunKind.poll,
            settings=SyncSettings(**bench.settings),
            ledger=bench.ledger,
        )
        extract(self.stage("extract"))
        self.chunks = transform(self.stage("transform"))

    def stage(self, name: str) -> TaskContext:
        """A task of the run."""
        bc, ipaas = self._bench.bc(), self._bench.ipaas()
        return task_for(name, self._flow, self._plan, self._bench.ledger, self._staging, CATALOGUE, bc=bc, ipaas=ipaas)

    def load(self) -> None:
        """One try of the task."""
        for chunk in range(self.chunks):
            load(self.stage("load"), chunk, 1)

    def report(self) -> dict[str, int]:
        """The last task."""
        return report(self.stage("report")).counts


def census(bench: Bench) -> Counter[str]:
    """How many records of each kind there are in both systems."""
    there = Counter({f"bc {name}": len(list(bench.sandbox.bc.rows(name))) for name in bench.sandbox.bc.tables})
    there.update({f"ipaas {name}": len(records) for name, records in bench.sandbox.ipaas.records.items()})
    there.update({f"link {name}": len(links) for name, links in bench.sandbox.ipaas.links.items()})
    return +there


def freeze_and_retry(
    bench: Bench, flow: str, number: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> BaseException | bool | None:
    """Freeze the first try before its write of this number. Answers how it ended; False when it wrote less."""
    tries = Tries(bench, flow, folder)
    freezer = Freezer(number)
    check = session.before_writing

    def before_writing() -> Unsent:
        freezer.freeze()
        return check()

    ended: list[BaseException | None] = []

    def first_try() -> None:
        try:
            tries.load()
        except Exception as fault:  # noqa: BLE001 - how it ended is what is asked
            ended.append(fault)
        else:
            ended.append(None)
            freezer.frozen.set()

    with monkeypatch.context() as patched:
        patched.setattr(session, "before_writing", before_writing)
        first = threading.Thread(target=first_try)
        first.start()
        assert freezer.frozen.wait(60)
        if ended:
            first.join()
            return False
        tries.load()
        freezer.woken.set()
        first.join(60)
    assert tries.report()["failed"] == 0
    return ended[0]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.flow)
def test_wherever_the_first_try_freezes_each_record_is_made_once(
    make_bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: Scenario
) -> None:
    undisturbed = make_bench(**scenario.settings)
    scenario.world(undisturbed)
    undisturbed.run(scenario.flow)
    expected = census(undisturbed)
    number = 0
    while True:
        number += 1
        bench = make_bench(**scenario.settings)
        scenario.world(bench)
        ended = freeze_and_retry(bench, scenario.flow, number, tmp_path / f"staging{number}", monkeypatch)
        if ended is False:
            break
        assert census(bench) == expected, f"frozen before write {number}"
        assert isinstance(ended, ClaimLost)
        assert "sends nothing more" in str(ended)
    assert number > 1


@pytest.mark.parametrize("scenario", SCENARIOS[::2], ids=lambda scenario: scenario.flow)
def test_what_the_first_try_has_sent_is_given_the_time_to_arrive_before_it_is_looked_for(
    make_bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenario: Scenario
) -> None:
    """The first try has asked, and its request is still on its way when the second one begins."""
    undisturbed = make_bench(**scenario.settings)
    scenario.world(undisturbed)
    undisturbed.run(scenario.flow)
    expected = census(undisturbed)
    bench = make_bench(**scenario.settings)
    scenario.world(bench)
    tries = Tries(bench, scenario.flow, tmp_path / "staging")
    freezer = Freezer(1)
    send = session.Session.send_once

    def send_once(self: Any, method: str, url: str, **kwargs: Any) -> Any:
        if method != "GET" and not any(part in url for part in NO_WRITES):
            freezer.freeze()
        return send(self, method, url, **kwargs)

    ended: list[BaseException | None] = []

    def first_try() -> None:
        try:
            tries.load()
        except Exception as fault:  # noqa: BLE001 - how it ended is what is asked
            ended.append(fault)

    first = threading.Thread(target=first_try)

    def let_arrive(self: Tenure, seconds: float) -> None:
        assert 0 < seconds <= 130
        freezer.woken.set()
        first.join(60)

    monkeypatch.setattr(session.Session, "send_once", send_once)
    monkeypatch.setattr(Tenure, "_let_arrive", let_arrive)
    monkeypatch.setattr(TaskContext, "under_way", 130.0)
    first.start()
    assert freezer.frozen.wait(60)
    tries.load()
    assert freezer.woken.is_set()
    assert [type(fault) for fault in ended] == [ClaimLost]
    assert tries.report()["failed"] == 0
    assert census(bench) == expected


def test_a_report_that_wakes_beside_its_retry_links_nothing_any_more(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    companies_of_ipaas(bench)
    tries = Tries(bench, "company_from_ipaas", tmp_path / "staging")
    tries.load()
    freezer = Freezer(2)  # the login is the first
    check = session.before_writing

    def before_writing() -> Unsent:
        freezer.freeze()
        return check()

    ended: list[BaseException | None] = []

    def first_try() -> None:
        try:
            tries.report()
        except Exception as fault:  # noqa: BLE001 - how it ended is what is asked
            ended.append(fault)

    monkeypatch.setattr(session, "before_writing", before_writing)
    first = threading.Thread(target=first_try)
    first.start()
    assert freezer.frozen.wait(60)
    assert tries.report()["created"] == 1
    freezer.woken.set()
    first.join(60)
    assert [type(fault) for fault in ended] == [ClaimLost]
