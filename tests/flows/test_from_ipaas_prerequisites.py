"""What documents from iPaaS.com rely on: a company that they refer to is brought along, or awaited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.flows import CATALOGUE
from include.ipaas.endpoints import COMPANY, TRANSACTION
from include.mappings.rows_of_ipaas import IPaaSRow
from include.settings import SyncSettings
from include.sources.ipaas_records import IPaaSRecords
from include.sync.asked import IPAAS_ID
from include.sync.context import WriteContext
from include.sync.flow import Flow
from include.sync.ledger.entries import Purpose
from include.sync.outcomes import Result
from include.sync.plan import make_plan
from include.sync.records import Json, Mapped, MappingContext, Missing, Ref
from include.sync.report import Report
from include.sync.run import run
from include.sync.runs import Direction, Mode, RunKind
from include.sync.staging.files import Staging
from include.sync.work import WriteRequest, WriteResult


@dataclass
class Notes:
    """A writer that writes nowhere, and keeps what it was given."""

    table: str = TRANSACTION.table
    written: list[Json] = field(default_factory=list)

    def prepare(self, work: WriteContext, items: Sequence[WriteRequest]) -> None:
        """Needs nothing."""

    def write(self, work: WriteContext, item: WriteRequest) -> WriteResult:
        """Resolve the record's references."""
        self.written.append(work.resolve(item.mapped.body))
        return WriteResult(result=Result.created, unpushed=[(self.table, f"SO{item.key}", int(item.key))])


@dataclass
class Orders:
    """A flow of documents that refer to a company, and a way to run it."""

    bench: Bench
    missing: Missing

    def __post_init__(self) -> None:
        self.notes = Notes()

    def mapping(self, row: IPaaSRow, context: MappingContext) -> Mapped:
        company = str(row.record["company_id"])
        known = row.refs[COMPANY.table].get(company)
        ref = Ref(table=COMPANY.table, source_id=company, missing=self.missing, flow="company_from_ipaas")
        return Mapped(source_id=str(row.record["id"]), body={"Sell_to_Customer_No": known or ref}, linked=row.linked)

    def run(self, *ids: Any, mode: str = "apply") -> Report:
        flow = Flow(
            name="orders",
            record="order",
            direction=Direction.from_ipaas,
            collection="",
            schedule="",
            source=IPaaSRecords(
                endpoint=TRANSACTION,
                flow="orders",
                row=IPaaSRow,
                refs=lambda row: [(COMPANY.table, row.record["company_id"])],
            ),
            skip=lambda row, context: None,
            mapping=self.mapping,
            writer=self.notes,
            id_formats=(IPAAS_ID,),
            poll="missing",
        )
        bench = self.bench
        self.number = getattr(self, "number", 0) + 1
        plan = make_plan(
            flow,
            run_id=f"orders{self.number}",
            kind=RunKind.poll,
            settings=SyncSettings(**bench.settings),
            ledger=bench.ledger,
            ids=[str(i) for i in ids],
            mode=Mode(mode),
        )
        staging = Staging(bench.folder / plan.run_id)
        catalogue = {**CATALOGUE, "orders": flow}
        return run(flow, plan, bench.ledger, staging, catalogue, bc=bench.bc(), ipaas=bench.ipaas())


def order(bench: Bench) -> tuple[Any, Any]:
    """An order, and the company that it is for."""
    company = bench.sandbox.ipaas.add("company", {"name": "Adatum", "account_number": "C1"})
    fields = {"system_id": 1, "transaction_number": "W1", "type": "Order", "status": "Pending", "total": 1}
    return bench.sandbox.ipaas.add("transaction", {**fields, "company_id": company["id"]}), company


def test_a_missing_company_is_brought_along_once(bench: Bench) -> None:
    first, company = order(bench)
    fields = {name: value for name, value in first.items() if name not in ("id", "transaction_number")}
    bench.sandbox.ipaas.add("transaction", {**fields, "transaction_number": "W2"})
    orders = Orders(bench, Missing.transfer)
    assert tally(orders.run()) == {"read": 2, "created": 2}
    assert orders.notes.written == [{"Sell_to_Customer_No": "C1"}] * 2
    assert [row["No."] for row in bench.sandbox.bc.rows("Customer")] == ["C1"]
    # Its link is told with those of the orders.
    assert bench.linked("company", "C1")["id"] == company["id"]
    assert bench.ledger.unpushed() == []
    assert tally(bench.run("company_from_ipaas")) == {}


def test_one_that_an_earlier_run_has_left_half_made_is_completed(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(bc_create_defaults={"company": {"Payment_Terms_Code": "30 DAYS"}})
    _, company = order(bench)
    scope = "customer company from iPaaS.com"
    bench.ledger.reserve(scope, str(company["id"]), "customers", "C1", Purpose.create)
    bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
    assert tally(Orders(bench, Missing.transfer).run()) == {"read": 1, "created": 1}
    assert bench.sandbox.bc.get("Customer", "C1")["Payment Terms Code"] == "30 DAYS"


def test_a_plan_says_that_it_would_be(bench: Bench) -> None:
    order(bench)
    orders = Orders(bench, Missing.transfer)
    assert tally(orders.run(mode="plan")) == {"read": 1, "created": 1}
    assert bench.sandbox.bc.rows("Customer") == []


def test_a_company_that_cannot_go_through_is_named(bench: Bench) -> None:
    record, company = order(bench)
    bench.sandbox.ipaas.records["company"][company["id"]]["addresses"] = [{"id": 1, "country": "a long country name"}]
    report = Orders(bench, Missing.transfer).run()
    assert tally(report) == {"read": 1, "waiting": 1}
    line = outcome_of(report, str(record["id"]))
    assert "Country_Region_Code" in line.message
    # There is something to do: at the company.
    assert line.advice.startswith("Of customer company")
    assert "Shorten" in line.advice
    assert "by itself" in line.advice


def test_one_that_waits_goes_through_when_the_company_has_arrived(bench: Bench) -> None:
    record, _ = order(bench)
    orders = Orders(bench, Missing.wait)
    report = orders.run()
    assert tally(report) == {"read": 1, "waiting": 1}
    assert "not in Business Central yet" in outcome_of(report, str(record["id"])).message
    assert tally(orders.run()) == {}
    bench.run("company_from_ipaas")
    # Nobody asked for it: it has become due.
    assert tally(orders.run()) == {"read": 1, "created": 1}
    assert orders.notes.written == [{"Sell_to_Customer_No": "C1"}]


@pytest.mark.parametrize("way", ["to_ipaas", "from_ipaas"])
def test_a_link_made_by_either_direction_wakes_it(bench: Bench, way: str) -> None:
    _, company = order(bench)
    orders = Orders(bench, Missing.wait)
    orders.run()
    if way == "to_ipaas":
        bench.sandbox.bc.add_customer("X9", "Adatum", "Company")
    bench.run(f"company_{way}")
    assert tally(orders.run()) == {"read": 1, "created": 1}
    assert bench.ledger.external_ids(COMPANY.table, [company["id"]])


def test_an_id_of_one_system_is_never_taken_for_one_of_the_other(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    _, company = order(bench)
    orders = Orders(bench, Missing.wait)
    orders.run()
    # A customer whose number happens to be the iPaaS.com id of the company.
    bench.sandbox.bc.add_customer(str(company["id"]), "Somebody Else", "Company")
    bench.run("company_to_ipaas")
    assert tally(orders.run()) == {}
