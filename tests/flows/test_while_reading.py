"""What changes, is spoilt or is odd while Business Central is read: nothing is lost, and no record stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bench import Bench, tally
from shop import BELL, BICYCLE, children, order, set_up, transaction

from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Resource
from include.errors import ErrorKind
from include.flows import FLOWS
from include.sync.outcomes import Result
from include.sync.runs import Direction

NEVER = datetime(1, 1, 1, tzinfo=UTC)


def item(bench: Bench, no: str, *, modified: datetime | None = None, **fields: Any) -> None:
    base = {"No.": no, "Description": "Bicycle", "Unit Price": 10, "Type": "Inventory"}
    bench.sandbox.bc.add("Item", {**base, **fields}, modified=modified)


def client(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, of: str, seen: Callable[[int, Any], bool]
) -> BusinessCentralClient:
    """A client that shows each record of a resource to `seen` as it is read; False hides it, as a lagging replica
    does. What is read by name is not hidden."""
    bc = bench.bc()
    read = bc.read

    def watched(resource: Resource, **options: Any) -> Iterator[Any]:
        rows = read(resource, **options)
        if resource.name != of or " eq " in str(options.get("filter")):
            return rows
        return (row for number, row in enumerate(rows) if seen(number, row))

    monkeypatch.setattr(bc, "read", watched)
    return bc


class TestPagesThatChange:
    def test_records_that_come_and_go_between_two_pages_move_no_other(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(60):
            item(bench, f"{1000 + number}")
        bench.sandbox.switches.max_page_size = 20

        def change(number: int, row: Any) -> bool:
            if number == 10:
                bench.sandbox.bc.remove("Item", bench.sandbox.bc.get("Item", "1005"))
                item(bench, "0999")
            return True

        bench.run("product_to_ipaas", bc=client(bench, monkeypatch, "items", change))
        missing = [n for n in range(1000, 1060) if n != 1005 and not bench.linked("product", str(n))]
        assert (missing, len(bench.sandbox.ipaas.records["product"])) == ([], 59)
        assert bench.run("product_to_ipaas").counts["created"] == 1, "the one that came in meanwhile"

    def test_what_a_lagging_replica_does_not_show_is_asked_for_by_name(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(150):
            item(bench, f"{1000 + number}")
        lagging = client(bench, monkeypatch, "ItemCard", lambda number, row: row["No"] != "1077")
        report = bench.run("product_to_ipaas", bc=lagging)
        assert tally(report) == {"read": 150, "created": 150}

    @pytest.mark.parametrize("how", ["poll", "id"])
    def test_an_order_that_is_posted_while_it_is_read_keeps_its_lines(
        self, bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_up(bench)
        number = order(bench, BICYCLE, BELL)
        bench.run("sales_order_to_ipaas")
        bc = bench.bc()
        read_many = bc.read_many

        def posts_first(resource: Resource, *args: Any, **options: Any) -> Iterator[Any]:
            if resource.name == "SalesOrderLines":
                bench.sandbox.sales.ship(number)
                bench.sandbox.sales.invoice(number)
            return read_many(resource, *args, **options)

        monkeypatch.setattr(bc, "read_many", posts_first)
        report = bench.run("sales_order_to_ipaas", *([number] if how == "id" else []), bc=bc, force=True)
        assert report.counts["updated"] == report.counts["failed"] == 0
        bench.run("sales_invoice_to_ipaas")
        lines = children(bench, transaction(bench, number), "lines")
        assert [(line["qty"], line["qty_shipped"]) for line in lines.values()] == [(2, 2), (3, 3)]


class TestOneBadRecord:
    def test_a_key_with_a_bar_is_rejected_or_waits_like_any_other(self, bench: Bench) -> None:
        item(bench, "A|B", **{"Item Category Code": "CHAIR"})
        item(bench, "C")
        assert tally(bench.run("product_to_ipaas")) == {"read": 2, "created": 1, "waiting": 1}
        bench.run("product_category_to_ipaas")
        bench.run("product_to_ipaas")
        assert bench.linked("product", "A|B")["sku"] == "A|B"

    def test_a_contact_whose_number_has_a_bar_goes_through_by_itself(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        person = {"No.": "P|1", "Name": "Anna Berg", "Type": "Person", "E-Mail": "anna@example.net"}
        bench.sandbox.bc.add("Contact", {**person, "Company No.": "CTC1"})
        assert tally(bench.run("contact_to_ipaas"))["waiting"] == 1
        bench.run("company_to_ipaas")
        bench.run("contact_to_ipaas")
        assert bench.linked("customer", "P|1|contact")

    def test_one_without_a_code_fails_alone(self, bench: Bench) -> None:
        groups = len(bench.sandbox.bc.rows("Customer Price Group"))
        bench.sandbox.bc.add("Customer Price Group", {"Code": "", "Description": "imported"})
        report = bench.run("customer_category_to_ipaas")
        assert tally(report) == {"read": groups + 1, "created": groups, "failed": 1}
        (nameless,) = [outcome for outcome in report.outcomes if outcome.result is Result.failed]
        assert nameless.kind is ErrorKind.rejected
        # It has no key: it is named by where it stands.
        assert nameless.key and "Customer" in nameless.key + nameless.message, nameless

    def test_codes_without_a_code_do_not_stop_the_documents(self, bench: Bench) -> None:
        set_up(bench)
        bench.sandbox.bc.add("Payment Terms", {"Code": "", "Description": "imported"})
        bench.sandbox.bc.add("Shipping Agent", {"Code": "", "Name": "imported"})
        order(bench, **{"Shipping Agent Code": "DHL"})
        assert tally(bench.run("sales_order_to_ipaas")) == {"read": 1, "created": 1}

    @pytest.mark.parametrize("name", [name for name, f in FLOWS.items() if f.direction is Direction.to_ipaas])
    def test_a_record_that_nobody_thought_of_stops_no_other(
        self, bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_up(bench)
        for _ in range(2):
            number = order(bench)
            bench.sandbox.sales.ship(number)
            bench.sandbox.sales.invoice(number)
            order(bench)
        for no in ("1000", "2000"):
            bench.sandbox.bc.move_stock(no, "MAIN", 5)
        bench.sandbox.bc.add_customer("C2", "Fabrikam", "Company")
        bench.sandbox.bc.add_customer("P2", "Ben Dahl", "Person", **{"E-Mail": "ben@example.net"})
        for no in ("CT8", "CT9"):
            person = {"No.": no, "Name": "Eva", "Type": "Person", "E-Mail": f"{no}@example.net"}
            bench.sandbox.bc.add("Contact", person)
        bench.lose_ledger()
        flow, spoilt = FLOWS[name], []
        mapping = flow.mapping

        def spoils_the_first(data: Any, context: Any) -> Any:
            spoilt.append(data)
            if len(spoilt) == 1:
                raise KeyError("something")
            return mapping(data, context)

        monkeypatch.setitem(flow.__dict__, "mapping", spoils_the_first)
        report = bench.run(name)
        counts = report.counts
        assert (counts["failed"], counts["waiting"]) == (1, 0)
        others = counts["read"] - counts["skipped"] - 1
        assert counts["created"] + counts["updated"] + counts["unchanged"] == others > 0
        assert [o.message for o in report.outcomes if o.kind] == [
            "Unexpected fault while mapping it: KeyError: 'something'"
        ]


@pytest.mark.parametrize("flow", ["product_to_ipaas", "company_to_ipaas", "customer_to_ipaas", "contact_to_ipaas"])
def test_a_first_run_takes_what_was_never_modified(bench: Bench, flow: str) -> None:
    item(bench, "1000", modified=NEVER)
    for no, kind in (("C1", "Company"), ("P1", "Person")):
        customer = bench.sandbox.bc.add_customer(no, "Anna", kind, **{"E-Mail": "anna@example.net"})
        bench.sandbox.bc.touch(customer, NEVER)
    person = {"No.": "CT9", "Name": "Eva", "Type": "Person", "E-Mail": "eva@example.net"}
    bench.sandbox.bc.add("Contact", person, modified=NEVER)
    assert bench.run(flow).counts["created"] == 1
