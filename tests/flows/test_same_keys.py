"""Records that share a natural key, whichever way they go, and however many at a time: one is made, the others hear of it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from include.sandbox.faults import Fault
from include.sync.report import Report
from include.writers.ipaas_records import IPaaSWriter

TO, FROM = "to_ipaas", "from_ipaas"
ADDRESS = {"address_1": "1 Main Street", "city": "Atlanta", "country": "US", "is_primary_billing": True}


def person(bench: Bench, no: str, email: str = "ann@example.net", name: str = "Ann Berg", **fields: Any) -> None:
    bench.sandbox.bc.add_customer(no, name, "Person", **{"E-Mail": email, **fields})


def customer(bench: Bench, email: str = "ann@example.net", **fields: Any) -> Any:
    body = {"email_address": email, "first_name": "Ann", "last_name": "Berg", **fields}
    return bench.sandbox.ipaas.add("customer", body)


def link_of(bench: Bench, record: Any, table: str) -> str | None:
    return bench.sandbox.ipaas.external_id(table, bench.sandbox.SYSTEM_ID, record["id"])


class TestToIPaaS:
    @pytest.mark.parametrize("others", [0, 12])
    def test_three_customers_of_one_e_mail_are_one_record_and_two_rejections(self, bench: Bench, others: int) -> None:
        for number in range(3):
            person(bench, f"P{number}", ("ann", "ANN", "Ann")[number] + "@example.net")
        for number in range(others):  # many are looked for in a list that is read once
            person(bench, f"Q{number}", f"q{number}@example.net")
        bench.sandbox.faults.add(Fault(system="ipaas", method="POST", path="Customer$", delay=0.05, times=99))
        report = bench.run("customer_to_ipaas")
        assert tally(report) == {"read": 3 + others, "created": 1 + others, "failed": 2}
        made = [r for r in bench.sandbox.ipaas.records["customer"].values() if "ann" in r["email_address"].casefold()]
        assert len(made) == 1
        holder = link_of(bench, made[0], "customer")
        for number in {"P0", "P1", "P2"} - {holder}:
            message = outcome_of(report, number).message
            assert repr(holder) in message and repr(number) in message

    def test_a_customer_and_a_contact_of_one_e_mail_in_two_runs_at_once(self, bench: Bench) -> None:
        person(bench, "P1")
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        bench.sandbox.bc.add_person("CT9", "Ann Berg", customer="C1", email="ann@example.net")
        bench.run("company_to_ipaas")
        bench.sandbox.faults.add(Fault(system="ipaas", method="POST", path="Customer$", delay=0.2, times=9))
        at_once(bench, "customer_to_ipaas", "contact_to_ipaas")
        assert len(bench.sandbox.ipaas.records["customer"]) == 1

    def test_the_next_one_goes_when_the_first_is_refused(self, bench: Bench) -> None:
        person(bench, "P1", **{"Customer Price Group": "NOWHERE"})
        person(bench, "P2")
        assert tally(bench.run("customer_to_ipaas")) == {"read": 2, "created": 1, "failed": 1}
        assert bench.linked("customer", "P2")

    def test_what_another_task_made_since_the_list_was_read_is_found(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        person(bench, "P1")
        for number in range(12):  # many are looked for in a list that is read once
            person(bench, f"Q{number}", f"q{number}@example.net")
        claim = ("customer by natural key", ["ann@example.net"], "another task")
        bench.ledger.claim(*claim)
        prepare = IPaaSWriter.prepare

        def then_the_other_one_is_done(writer: Any, load: Any, items: Any) -> None:
            prepare(writer, load, items)
            customer(bench, external_ids=[{"system_id": bench.sandbox.SYSTEM_ID, "external_id": "P0"}])
            bench.ledger.release(*claim)

        monkeypatch.setattr(IPaaSWriter, "prepare", then_the_other_one_is_done)
        report = bench.run("customer_to_ipaas")
        assert tally(report) == {"read": 13, "created": 12, "failed": 1}
        assert "'P0'" in outcome_of(report, "P1").message


class TestFromIPaaS:
    def test_two_customers_of_one_e_mail_are_one_and_a_rejection_that_names_both(self, bench: Bench) -> None:
        bench.sandbox.switches.unique_email = False
        records = [customer(bench) for _ in range(2)]
        report = bench.run("customer_from_ipaas")
        assert tally(report) == {"read": 2, "created": 1, "failed": 1}
        (made,) = bench.sandbox.bc.rows("Customer")
        first = next(r for r in records if link_of(bench, r, "customer") == made["No."])
        second = next(r for r in records if r is not first)
        message = outcome_of(report, str(second["id"])).message
        assert str(first["id"]) in message and str(second["id"]) in message and made["No."] in message

    def test_two_products_of_one_sku_are_one_item_and_a_rejection(self, bench: Bench) -> None:
        body = {
            "name": "Bell",
            "default_price": 1,
            "type": "Physical",
            "status": "Active",
            "tracking_method": "Product",
        }
        bench.sandbox.ipaas.add("product", {**body, "sku": "BELL"})
        second = bench.sandbox.ipaas.add("product", {**body, "sku": "BELL-2"})
        bench.sandbox.ipaas.change("product", second["id"], {"sku": "bell"})
        report = bench.run("product_from_ipaas")
        assert tally(report) == {"read": 2, "created": 1, "failed": 1}
        assert len(bench.sandbox.bc.rows("Item")) == 1

    def test_companies_may_share_a_name(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        records = [bench.sandbox.ipaas.add("company", {"name": "Adatum"}) for _ in range(3)]
        for _ in range(3):
            bench.run("company_from_ipaas")
        links = {link_of(bench, record, "customer company") for record in records}
        assert len(links) == 3 and None not in links and "C1" in links
        assert len(bench.sandbox.bc.rows("Customer")) == 3


def both_sides(bench: Bench) -> None:
    """Five of each kind on both sides, unlinked, alike by their natural keys alone."""
    for n in range(5):
        bench.sandbox.bc.add_customer(f"C{n}", f"Company {n}", "Company")
        bench.sandbox.ipaas.add("company", {"name": f"company {n}"})
        person(bench, f"P{n}", f"p{n}@example.net")
        customer(bench, f"P{n}@example.net", last_name="Other")
        item = {"No.": f"I{n}", "Description": f"Item {n}", "Unit Price": 1, "Base Unit of Measure": "PCS"}
        bench.sandbox.bc.add("Item", {**item, "Type": "Inventory"})
        body = {"sku": f"i{n}", "name": "x", "default_price": 1, "type": "Physical", "status": "Active"}
        bench.sandbox.ipaas.add("product", {**body, "tracking_method": "Product"})


def at_once(bench: Bench, *flows: str) -> list[Report]:
    reports: list[Report] = []
    threads = [threading.Thread(target=lambda flow=flow: reports.append(bench.run(flow))) for flow in flows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return reports


@pytest.mark.parametrize("order", ["from first", "to first", "at once"])
@pytest.mark.parametrize("record", ["company", "customer", "product"])
def test_what_is_on_both_sides_is_linked_whichever_way_comes_first(bench: Bench, record: str, order: str) -> None:
    both_sides(bench)
    flows = [f"{record}_{FROM}", f"{record}_{TO}"]
    for _ in range(3):
        if order == "at once":
            at_once(bench, *flows)
        else:
            for flow in flows if order == "from first" else reversed(flows):
                bench.run(flow)
    letter = {"company": "C", "customer": "P", "product": "I"}[record]
    assert len(bench.sandbox.ipaas.records[record]) == 5
    assert all(bench.linked(record, f"{letter}{n}") for n in range(5))
    assert len(bench.sandbox.bc.rows("Customer")) == 10 and len(bench.sandbox.bc.rows("Item")) == 5


def contact(bench: Bench, no: str = "CT9", email: str = "ann@example.net", company: str = "C1") -> None:
    """A person of a company that is a customer."""
    if bench.sandbox.bc.get("Customer", company) is None:
        bench.sandbox.bc.add_customer(company, "Adatum", "Company")
    bench.sandbox.bc.add_person(no, "Ann Berg", customer=company, email=email)


class TestContacts:
    """A customer of the shop who is a person contact in Business Central is one on both sides."""

    @pytest.mark.parametrize("order", ["from first", "to first", "at once", "from alone"])
    def test_it_does_not_matter_which_flow_runs_first(self, bench: Bench, order: str) -> None:
        for n in range(5):
            contact(bench, f"CT9{n}", f"p{n}@example.net; other{n}@example.net", f"C{n}")
        records = [customer(bench, f"P{n}@example.net", addresses=[dict(ADDRESS)]) for n in range(5)]
        bench.run("company_to_ipaas")
        flows = ["customer_from_ipaas", "contact_to_ipaas"]
        before = len(bench.sandbox.bc.rows("Contact"))
        for _ in range(3):
            if order == "at once":
                at_once(bench, *flows)
            else:
                orders = {"from first": flows, "to first": flows[::-1], "from alone": flows[:1]}
                for flow in orders[order]:
                    bench.run(flow)
        assert [link_of(bench, record, "customer") for record in records] == [f"CT9{n}|contact" for n in range(5)]
        assert len(bench.sandbox.ipaas.records["customer"]) == 5
        assert len(bench.sandbox.bc.rows("Customer")) == 5 and len(bench.sandbox.bc.rows("Contact")) == before
        for flow in flows:
            assert "failed" not in tally(bench.run(flow))
        assert all(len(record["addresses"]) == 1 for record in records)

    def test_many_are_looked_for_in_few_requests_and_only_for_those_that_would_be_created(self, bench: Bench) -> None:
        for n in range(40):
            person(bench, f"P{n}", f"p{n}@example.net")
            customer(bench, f"p{n}@example.net")
        bench.sandbox.counters.reset()
        bench.run("customer_from_ipaas")
        assert not [path for *_, path in bench.sandbox.counters.paths if path.endswith("/contacts")]
        for n in range(40):
            customer(bench, f"q{n}@example.net")
        bench.sandbox.counters.reset()
        assert tally(bench.run("customer_from_ipaas"))["created"] == 40
        assert len([path for *_, path in bench.sandbox.counters.paths if path.endswith("/contacts")]) <= 4

    def test_several_contacts_of_one_e_mail_are_a_rejection_that_names_them(self, bench: Bench) -> None:
        contact(bench, "CT8")
        contact(bench, "CT9")
        record = customer(bench)
        report = bench.run("customer_from_ipaas")
        assert tally(report) == {"read": 1, "failed": 1}
        message = outcome_of(report, str(record["id"])).message
        assert "CT8" in message and "CT9" in message
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_a_second_customer_of_the_e_mail_is_rejected_naming_the_first(self, bench: Bench) -> None:
        bench.sandbox.switches.unique_email = False
        contact(bench)
        records = [customer(bench) for _ in range(2)]
        bench.run("customer_from_ipaas")
        report = bench.run("customer_from_ipaas")
        links = [link_of(bench, record, "customer") for record in records]
        assert sorted(links, key=str) == ["CT9|contact", None]
        report = bench.run("customer_from_ipaas", *(str(record["id"]) for record in records))
        second = records[links.index(None)]
        message = outcome_of(report, str(second["id"])).message
        assert "CT9" in message and str(records[links.index("CT9|contact")]["id"]) in message
        assert len(bench.sandbox.bc.rows("Customer")) == 1

    def test_a_contact_that_is_not_transferred_is_none(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company", **{"E-Mail": "ann@example.net"})
        customer(bench)
        assert tally(bench.run("customer_from_ipaas")) == {"read": 1, "created": 1}

    def test_a_plan_links_nothing(self, bench: Bench) -> None:
        contact(bench)
        record = customer(bench)
        bench.run("customer_from_ipaas", mode="plan")
        assert link_of(bench, record, "customer") is None


class TestLookAlikes:
    def items(self, bench: Bench, *numbers: str) -> None:
        for number in numbers:
            item = {"No.": number, "Description": repr(number), "Unit Price": 1, "Base Unit of Measure": "PCS"}
            bench.sandbox.bc.add("Item", {**item, "Type": "Inventory"})

    def test_two_keys_that_fold_to_one_are_both_rejected_naming_each_other(self, bench: Bench) -> None:
        self.items(bench, "1000", "1000\u00a0", "2000")
        report = bench.run("product_to_ipaas")
        assert tally(report) == {"read": 3, "created": 1, "failed": 2}
        for key, other in (("1000", "1000\u00a0"), ("1000\u00a0", "1000")):
            assert repr(key) in outcome_of(report, key).message and repr(other) in outcome_of(report, key).message
        assert len(bench.sandbox.ipaas.records["product"]) == 1

    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    @pytest.mark.parametrize(("first", "second"), [("1000", "1000\u00a0"), ("1000\u00a0", "1000")])
    def test_one_is_never_written_over_the_other(self, bench: Bench, first: str, second: str, ledger: str) -> None:
        self.items(bench, first)
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "created": 1}
        self.items(bench, second)
        if ledger == "lost":
            bench.lose_ledger()
        report = bench.run("product_to_ipaas", bench.sandbox.bc.get("Item", second)["systemid"])  # type: ignore[index]
        assert bench.linked("product", first)["name"] == repr(first)
        if ledger == "kept":
            assert tally(report) == {"read": 1, "failed": 1}
            assert repr(first) in outcome_of(report, second).message

    def test_one_that_has_no_twin_goes_under_its_own_key(self, bench: Bench) -> None:
        self.items(bench, "1000\u00a0")
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "created": 1}
        assert bench.linked("product", "1000\u00a0")["sku"] == "1000\u00a0"
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "unchanged": 1}


class TestOddNumbers:
    @pytest.mark.parametrize("ledger", ["kept", "lost"])
    @pytest.mark.parametrize("number", ["#1303", "+44 20 5550 100"])
    def test_they_are_transferred_and_found_again(self, bench: Bench, number: str, ledger: str) -> None:
        person(bench, number, name="Ann Berg [B]")
        assert tally(bench.run("customer_to_ipaas")) == {"read": 1, "created": 1}
        if ledger == "lost":
            bench.lose_ledger()
        assert tally(bench.run("customer_to_ipaas")) == {"read": 1, "unchanged": 1}
        assert tally(bench.run("customer_to_ipaas", number)) == {"read": 1, "unchanged": 1}
        assert bench.linked("customer", number)["last_name"] == "[B]"
