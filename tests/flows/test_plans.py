"""A plan: the same path as a run that applies, and nothing written anywhere, whoever tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from bench import DEFAULTS, Bench, outcome_of, tally
from test_invoices_from_ipaas import DEFAULTS as INVOICES
from test_invoices_from_ipaas import complete
from webshop import Shop, selling

from include.errors import PlanWrites
from include.flows import FLOWS
from include.ipaas.endpoints import PRODUCT
from include.sync.context import WriteContext
from include.sync.ledger import Ledger, ReadOnlyLedger
from include.sync.ledger.entries import Claimant
from include.sync.ledger.tables import metadata
from include.sync.report import Report
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

# Whose memory it is, and how many calls the systems are sent: of no record.
NOT_OF_RECORDS = {"sync_pairs", "sync_windows", "sync_window_leases", "sync_window_line", "sync_schema"}


def rows(ledger: Ledger) -> dict[str, list[Any]]:
    """All that the ledger remembers of records."""
    with ledger.reading() as db:
        return {
            table.name: sorted(map(repr, db.execute(sa.select(table))))
            for table in metadata.sorted_tables
            if table.name not in NOT_OF_RECORDS
        }


def planned(bench: Bench, name: str, *ids: str, **more: Any) -> Report:
    """A plan, which must leave both systems and the ledger as they were."""
    before = rows(bench.ledger)
    bench.sandbox.counters.reset()
    report = bench.run(name, *ids, mode="plan", **more)
    assert bench.writes() == 0
    assert rows(bench.ledger) == before
    return report


@pytest.mark.parametrize("name", list(FLOWS))
def test_on_a_fresh_home_nothing_is_written(world: Bench, name: str) -> None:
    report = planned(world, name)
    assert not any(rows(world.ledger).values())
    assert report.applying and str(report.applying).startswith("Applying it takes about ")


def test_with_all_there_is_nothing_is_written_either(world: Bench) -> None:
    # After those on a fresh home: pytest keeps the order of a file.
    for name in FLOWS:
        world.run(name)
    for name in FLOWS:
        planned(world, name, force=True)


@pytest.mark.parametrize("name", [name for name in FLOWS if FLOWS[name].direction is Direction.to_ipaas])
def test_it_says_what_applying_does(make_bench: Callable[..., Bench], name: str) -> None:
    bench = make_bench("demo", bc_create_defaults=DEFAULTS)
    for other in FLOWS[name].after:
        bench.run(other)
    said = planned(bench, name)
    bench.sandbox.counters.reset()
    done = bench.run(name)
    assert tally(said) == tally(done)
    assert said.applying
    assert said.applying.ipaas_requests == pytest.approx(done.counts["ipaas_requests"], rel=0.1, abs=4)
    assert said.applying.bc_requests == pytest.approx(done.counts["bc_requests"], rel=0.1, abs=2)


class TestARefusedWrite:
    def test_a_writer_that_writes_past_the_plan_is_refused(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.sandbox.bc.add("Item", {"No.": "1000", "Description": "Bicycle", "Type": "Inventory"})

        def forgetful(self: IPaaSWriter, work: WriteContext, item: Any) -> Any:
            return work.ipaas.create(PRODUCT, {"name": "Bicycle", "sku": "1000", "type": "Physical"})

        monkeypatch.setattr(IPaaSWriter, "write", forgetful)
        bench.sandbox.counters.reset()
        with pytest.raises(PlanWrites, match=r"A plan was to write to iPaaS.com \(POST /.*Product"):
            bench.run("product_to_ipaas", mode="plan")
        assert bench.writes() == 0
        assert not list(bench.sandbox.ipaas.records["product"])

    def test_so_is_one_to_business_central(self, bench: Bench) -> None:
        from include.business_central.odata import Api, Page

        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        reader = bench.bc().read_only
        (row,) = reader.read_many(Page("CustomerCard"), "No", ["C1"])
        (other,) = reader.read_many(Api("customers"), "number", ["C1"])
        bench.sandbox.counters.reset()
        for write in (
            lambda: reader.create(Page("CustomerCard"), {"No": "C2"}),
            lambda: reader.update(Page("CustomerCard"), "C1", row["@odata.etag"], {"Name": "Other"}),
            lambda: reader.delete(Api("customers"), str(other["id"])),
            lambda: reader.action(Api("salesInvoices"), str(other["id"]), "post"),
        ):
            with pytest.raises(PlanWrites, match="Business Central"):
                write()
        assert bench.writes() == 0 and not bench.sandbox.counters.paths

    def test_what_reads_by_post_goes(self, bench: Bench) -> None:
        record = Shop(bench).product("A/B")
        bench.ipaas().link(PRODUCT.table, record["id"], "A/B")
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        assert str(bench.ipaas().read_only.internal_id(PRODUCT.table, "A/B")) == str(record["id"])
        assert bench.bc().read_only.batch_get(["customers?$select=number"])[0].body["value"]

    def test_no_transaction_of_the_ledger_writes(self, bench: Bench) -> None:
        ledger = ReadOnlyLedger(bench.ledger)
        before = rows(bench.ledger)
        me = Claimant(task="a", try_id="b")
        with pytest.raises(PlanWrites, match="the ledger"):
            ledger.mark_pushed(("product", "1000"))
        with pytest.raises(PlanWrites, match="the ledger"):
            ledger.dealt_with("product_to_ipaas", [("1", "g")])
        ledger.link([("product", "1000", 7)])
        ledger.begin("product_to_ipaas", "1000", "run", "print")
        ledger.receive([("product_from_ipaas", "7", "product/created")])
        assert ledger.claim("product", ["1000"], me)["1000"].held
        assert rows(bench.ledger) == before


class TestFromIPaaS:
    def applied(self, bench: Bench, name: str, *ids: str) -> Report:
        """The run that applies, after a plan that says the same of results and requests."""
        said = planned(bench, name, *ids)
        done = bench.run(name, *ids)
        assert tally(said) == tally(done)
        assert said.applying
        # What is left is the login of the last task, which a plan does not come to.
        assert said.applying.ipaas_requests == pytest.approx(done.counts["ipaas_requests"], abs=2)
        assert said.applying.bc_requests == pytest.approx(done.counts["bc_requests"], abs=1)
        return said

    def test_an_order_with_its_lines_and_discount(self, bench: Bench) -> None:
        shop = selling(bench)
        record = shop.order(discount_amount=5)
        said = outcome_of(self.applied(bench, "sales_order_from_ipaas"), str(record["id"]))
        changes = {change.field: change.after for change in said.changes}
        assert changes["Sell_to_Customer_No"] == "P1"
        assert (changes["lines[new|10000].No"], changes["lines[new|20000].Quantity"]) == ("1000", 3)
        assert changes["discount"] == 5
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}])
        key = str(record["id"])
        said = outcome_of(self.applied(bench, "sales_order_from_ipaas", key), key)
        assert next((c.before, c.after) for c in said.changes) == (2, 5)

    def test_an_invoice_with_its_payment(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_create_defaults=INVOICES)
        record = complete(selling(bench))
        said = outcome_of(self.applied(bench, "invoice_from_ipaas"), str(record["id"]))
        changes = {change.field: change.after for change in said.changes}
        assert changes["lines[10000].lineObjectNumber"] == "1000"
        assert [value for name, value in changes.items() if name.startswith("payments[")] == [60]

    def test_masters(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum Corporation", "Company")
        bench.sandbox.ipaas.add("company", {"name": "Adatum Corporation", "account_number": "C1", "phone_number": "1"})
        new = bench.sandbox.ipaas.add("company", {"name": "Contoso"})
        said = outcome_of(self.applied(bench, "company_from_ipaas"), str(new["id"]))
        assert ("Name", None, "Contoso") in [(c.field, c.before, c.after) for c in said.changes]
        bench.sandbox.ipaas.add(
            "customer", {"email_address": "ann@example.net", "first_name": "Ann", "last_name": "Lee"}
        )
        self.applied(bench, "customer_from_ipaas")


class TestPrerequisites:
    def test_a_company_before_its_order(self, make_bench: Callable[..., Bench]) -> None:
        bench = make_bench(bc_processing_company_creation_in_prerequisite=True)
        shop = selling(bench)
        company = shop.company(name="Contoso")
        record = shop.order(company_id=company["id"])
        report = planned(bench, "sales_order_from_ipaas")
        said = outcome_of(report, str(record["id"]))
        assert said.result == "created", said
        assert any("company" in note and "is created first" in note and "Contoso" in note for note in said.notes), said
        done = bench.run("sales_order_from_ipaas")
        assert report.applying
        assert report.applying.bc_requests == pytest.approx(done.counts["bc_requests"], abs=3)

    def test_a_category_before_its_company(self, bench: Bench) -> None:
        bench.sandbox.bc.add("Customer Price Group", Code="GOLD", Description="Gold")
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company", **{"Customer Price Group": "GOLD"})
        said = outcome_of(planned(bench, "company_to_ipaas"), "C1")
        assert said.result == "created"
        assert any("'GOLD' is created first" in note and "Gold" in note for note in said.notes), said

    def test_a_parent_that_the_run_makes_itself(self, bench: Bench) -> None:
        bench.sandbox.bc.add("Item Category", Code="BIKES", Description="Bicycles")
        bench.sandbox.bc.add("Item Category", **{"Code": "RACE", "Description": "Racing", "Parent Category": "BIKES"})
        report = planned(bench, "product_category_to_ipaas")
        said = outcome_of(report, "RACE")
        assert said.result == "created"
        assert any("'BIKES' is created first" in note for note in said.notes), said


class TestFields:
    def test_a_new_record_is_told_with_its_values_and_its_children(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer(
            "C1", "Adatum Corporation", "Company", **{"City": "Atlanta", "Post Code": "31772"}
        )
        changes = {c.field: (c.before, c.after) for c in outcome_of(planned(bench, "company_to_ipaas"), "C1").changes}
        assert changes["name"] == (None, "Adatum Corporation")
        assert changes["addresses[C1|address].city"] == (None, "Atlanta")

    def test_a_changed_one_with_before_and_after(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer(
            "C1", "Adatum Corporation", "Company", **{"City": "Atlanta", "Post Code": "31772"}
        )
        bench.run("company_to_ipaas")
        bench.sandbox.bc.change("Customer", "C1", City="Boston")
        changes = {c.field: (c.before, c.after) for c in outcome_of(planned(bench, "company_to_ipaas"), "C1").changes}
        assert changes == {"addresses[C1|address].city": ("Atlanta", "Boston")}
