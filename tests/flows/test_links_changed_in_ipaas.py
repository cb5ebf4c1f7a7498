"""Links that iPaaS.com does not have any more as the ledger remembers them: iPaaS.com is right, and nothing is made twice,
written to the wrong record or left waiting for a person.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from bench import Bench, outcome_of, tally

from tests.counts.drift import unlink_by_hand


def link_of(bench: Bench, record: Any, table: str) -> str | None:
    return bench.sandbox.ipaas.external_id(table, bench.sandbox.SYSTEM_ID, record["id"])


def item(bench: Bench, no: str, name: str) -> None:
    fields = {"Description": name, "Unit Price": Decimal(10), "Base Unit of Measure": "PCS", "Type": "Inventory"}
    bench.sandbox.bc.add("Item", {"No.": no, **fields})


def stock_of(bench: Bench) -> list[tuple[str | None, Any]]:
    rows = bench.sandbox.ipaas.records["product inventory"].values()
    return [(link_of(bench, row, "product inventory"), row["qty_on_hand"]) for row in rows]


class TestMadeAnewInIPaaS:
    """A record that was deleted in iPaaS.com, or merged into another one, and the one that is there in its place."""

    def gone(self, bench: Bench, kind: str, external_id: str) -> None:
        bench.sandbox.ipaas.unlink_all(kind, bench.linked(kind, external_id)["id"])

    def test_a_customer_is_linked_to_the_person_that_it_was(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("P1", "Ann Berg", "Person", **{"E-Mail": "ann@example.net"})
        bench.run("customer_to_ipaas")
        self.gone(bench, "customer", "P1")
        body = {"email_address": "ann@example.net", "first_name": "Ann", "last_name": "Berg"}
        record = bench.sandbox.ipaas.add("customer", body)
        assert tally(bench.run("customer_from_ipaas")) == {"read": 1, "waiting": 1}
        assert tally(bench.run("customer_from_ipaas")) == {"read": 1, "updated": 1}
        assert link_of(bench, record, "customer") == "P1" and len(bench.sandbox.bc.rows("Customer")) == 1

    def test_a_company_is_not_made_a_second_time(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        bench.run("company_to_ipaas")
        self.gone(bench, "company", "C1")
        record = bench.sandbox.ipaas.add("company", {"name": "Adatum"})
        for _ in range(2):
            bench.run("company_from_ipaas")
        assert link_of(bench, record, "customer company") == "C1" and len(bench.sandbox.bc.rows("Customer")) == 1

    def test_a_contact_is_linked_to_what_it_was(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        bench.sandbox.bc.add_person("CT9", "Ann Berg", customer="C1", email="ann@example.net")
        for flow in ("company_to_ipaas", "contact_to_ipaas"):
            bench.run(flow)
        self.gone(bench, "customer", "CT9|contact")
        record = bench.sandbox.ipaas.add("customer", {"email_address": "ann@example.net", "first_name": "Ann"})
        for _ in range(2):
            bench.run("customer_from_ipaas")
        assert link_of(bench, record, "customer") == "CT9|contact" and len(bench.sandbox.bc.rows("Customer")) == 1

    def test_one_that_another_record_is_still_linked_to_is_refused(self, bench: Bench) -> None:
        bench.sandbox.switches.unique_email = False
        bench.sandbox.bc.add_customer("P1", "Ann Berg", "Person", **{"E-Mail": "ann@example.net"})
        bench.run("customer_to_ipaas")
        record = bench.sandbox.ipaas.add("customer", {"email_address": "ann@example.net", "first_name": "Ann"})
        for _ in range(2):
            report = bench.run("customer_from_ipaas")
        assert str(bench.linked("customer", "P1")["id"]) in outcome_of(report, str(record["id"])).message


class TestCorrectedByHand:
    def test_a_product_that_has_the_link_now_is_the_one_that_is_written(self, bench: Bench) -> None:
        item(bench, "1000", "Bicycle")
        bench.run("product_to_ipaas")
        wrong = bench.linked("product", "1000")
        body = {"sku": "B-1", "name": "Bike", "default_price": 1, "type": "Physical", "status": "Active"}
        right = bench.sandbox.ipaas.add("product", {**body, "tracking_method": "Product"})
        unlink_by_hand(bench, "product", wrong["id"])
        bench.sandbox.ipaas.link("product", bench.sandbox.SYSTEM_ID, right["id"], "1000")
        bench.sandbox.bc.change("Item", "1000", **{"Unit Price": Decimal(12)})
        assert tally(bench.run("product_to_ipaas")) == {"read": 1, "updated": 1}
        assert (wrong["default_price"], right["default_price"]) == (10, 12)

    def test_a_record_that_is_another_one_s_now_is_not_written(self, bench: Bench) -> None:
        for no in ("1000", "2000"):
            item(bench, no, f"Item {no}")
        bench.run("product_to_ipaas")
        record, other = bench.linked("product", "1000"), bench.linked("product", "2000")
        for one in (record, other):
            unlink_by_hand(bench, "product", one["id"])
        bench.sandbox.ipaas.link("product", bench.sandbox.SYSTEM_ID, record["id"], "2000")
        bench.sandbox.bc.change("Item", "1000", Description="Another name")
        bench.run("product_to_ipaas")
        assert record["name"] == "Item 1000"

    def test_one_that_has_lost_its_link_is_matched_though_the_ledger_remembers_it(self, bench: Bench) -> None:
        bench.sandbox.bc.add_customer("C9", "Adatum", "Company")
        bench.run("company_to_ipaas")
        record = bench.linked("company", "C9")
        unlink_by_hand(bench, "company", record["id"])
        unlink_by_hand(bench, "", record["addresses"][0]["id"], "customer company address")
        bench.sandbox.bc.change("Customer", "C9", Name="Quite Another")
        bench.sandbox.bc.add_customer("C1", "Adatum", "Company")
        bench.run("company_to_ipaas", "C1")
        assert bench.linked("company", "C1") is record


@pytest.mark.parametrize("first", ["product_to_ipaas", "product_inventory_to_ipaas"])
def test_the_stock_of_an_item_that_was_deleted_and_made_anew_is_that_of_the_new_one(bench: Bench, first: str) -> None:
    item(bench, "1000", "Bicycle")
    bench.sandbox.bc.move_stock("1000", "MAIN", 5)
    bench.run("location_to_ipaas")
    bench.run("product_to_ipaas")
    bench.sandbox.bc.remove("Item", bench.sandbox.bc.get("Item", "1000"))
    for entry in list(bench.sandbox.bc.rows("Item Ledger Entry")):
        bench.sandbox.bc.remove("Item Ledger Entry", entry)
    item(bench, "1000", "Bicycle reborn")
    bench.sandbox.bc.move_stock("1000", "MAIN", 9)
    for _ in range(3):
        bench.run("product_to_ipaas")
    for _ in range(2):
        bench.run(first)
    (row,) = bench.sandbox.bc.rows("Item")
    if first == "product_inventory_to_ipaas":
        bench.run(first, f"MAIN|{row['systemid']}")
    assert stock_of(bench) == [(f"MAIN|{row['systemid']}", 9)]
