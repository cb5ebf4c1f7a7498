"""A product whose sku is not the number of its item: documents name it by its sku there, and by its number here.

It keeps its sku when its item is renumbered; and whoever links one by hand need not mind its sku.
"""

from __future__ import annotations

from typing import Any

import pytest
from bench import Bench, tally
from shop import BELL, BICYCLE, order, set_up, transaction
from test_renumbered import renumber
from webshop import Shop, line

from include.sandbox.faults import Fault

INVOICE = {"shipping_account": "40410", "tax_account": "22700", "payment_journal": "WEBSHOP"}


@pytest.fixture
def shop(make_bench: Any) -> Shop:
    shop = Shop(make_bench(bc_create_defaults={"invoice": INVOICE}))
    shop.customer()
    for number in ("1000", "1001"):
        shop.item(number)
    shop.bench.run("product_to_ipaas")
    return shop


def swap(bench: Bench, one: str, other: str) -> None:
    """Two items exchange their numbers, by and by."""
    for old, new in ((one, "ASIDE"), (other, one), ("ASIDE", other)):
        renumber(bench, "Item", old, new)
        bench.run("product_to_ipaas")


def renumbered(bench: Bench) -> Any:
    """The product of an item that has been renumbered from 1000 to 1000-A, and whose sku has followed."""
    product = bench.linked("product", "1000")
    renumber(bench, "Item", "1000", "1000-A")
    bench.run("product_to_ipaas")
    bench.sandbox.ipaas.edit("product", product["id"], {"sku": "1000-A"})
    return product


def sold(shop: Shop, table: str = "Sales Line") -> list[str]:
    """The numbers of the items on all lines of Business Central."""
    return [str(row["No."]) for row in shop.bench.sandbox.bc.rows(table) if row["Type"] == "Item"]


def skus(bench: Bench, number: str) -> list[str]:
    """What the lines of a document are of in iPaaS.com."""
    return [entry["sku"] for entry in transaction(bench, number)["lines"]]


class TestFromIPaaS:
    def test_an_order_is_of_the_item_that_its_product_is(self, shop: Shop) -> None:
        renumber(shop.bench, "Item", "1000", "1000-A")
        shop.bench.run("product_to_ipaas")
        shop.order()
        assert tally(shop.bench.run("sales_order_from_ipaas")) == {"read": 1, "created": 1}
        assert sold(shop) == ["1000-A", "1001"]

    def test_so_is_an_invoice(self, shop: Shop) -> None:
        renumber(shop.bench, "Item", "1000", "1000-A")
        shop.bench.run("product_to_ipaas")
        shop.order(status="Complete")
        assert tally(shop.bench.run("invoice_from_ipaas")) == {"read": 1, "created": 1}
        assert sold(shop, "Sales Invoice Line") == ["1000-A", "1001"]

    def test_another_item_that_takes_the_number_is_not_sold_instead(self, shop: Shop) -> None:
        renumber(shop.bench, "Item", "1000", "1000-A")
        shop.bench.run("product_to_ipaas")
        shop.bench.sandbox.bc.add("Item", **{"No.": "1000", "Description": "Quite another", "Type": "Inventory"})
        shop.bench.run("product_to_ipaas")
        shop.order(lines=[line("1000")])
        shop.bench.run("sales_order_from_ipaas")
        assert sold(shop) == ["1000-A"]

    def test_nor_one_that_has_exchanged_numbers_with_it(self, shop: Shop) -> None:
        swap(shop.bench, "1000", "1001")
        shop.order(lines=[line("1000")])
        shop.bench.run("sales_order_from_ipaas")
        assert sold(shop) == ["1001"]

    def test_a_number_that_is_given_again_is_that_of_its_own_product(self, shop: Shop) -> None:
        renumbered(shop.bench)
        fields = {"Unit Price": 10, "Gen. Prod. Posting Group": "RETAIL", "Inventory Posting Group": "RESALE"}
        shop.bench.sandbox.bc.add(
            "Item",
            **{"No.": "1000", "Description": "Lamp", "Base Unit of Measure": "PCS", "Type": "Inventory", **fields},
        )
        shop.bench.run("product_to_ipaas")
        shop.order(lines=[line("1000")])
        shop.bench.run("sales_order_from_ipaas")
        assert sold(shop) == ["1000"]

    def test_an_order_waits_for_a_product_whose_item_has_a_new_number(self, shop: Shop) -> None:
        renumber(shop.bench, "Item", "1000", "1000-A")
        shop.order()
        assert tally(shop.bench.run("sales_order_from_ipaas")) == {"read": 1, "waiting": 1}
        shop.bench.run("product_to_ipaas")
        shop.bench.run("sales_order_from_ipaas")
        assert sold(shop) == ["1000-A", "1001"]

    def test_an_order_that_is_there_keeps_its_line(self, shop: Shop) -> None:
        record = shop.order()
        shop.bench.run("sales_order_from_ipaas")
        renumber(shop.bench, "Item", "1000", "1000-A")
        shop.bench.run("product_to_ipaas")
        shop.change(record, lines=[{"id": record["lines"][0]["id"], "qty": 5}], total=80)
        shop.bench.run("sales_order_from_ipaas", str(record["id"]))
        (first, _) = shop.bench.sandbox.bc.rows("Sales Line")
        assert (first["No."], first["Quantity"]) == ("1000-A", 5)

    def test_a_product_that_was_linked_by_hand(self, shop: Shop) -> None:
        product = shop.product("SHOP-7")
        shop.bench.sandbox.bc.add("Item", **{"No.": "7", "Description": "Lamp", "Base Unit of Measure": "PCS"})
        link = [{"system_id": shop.bench.sandbox.SYSTEM_ID, "external_id": "7"}]
        shop.bench.sandbox.ipaas.edit("product", product["id"], {"external_ids": link})
        shop.order(lines=[line("SHOP-7")])
        shop.bench.run("sales_order_from_ipaas")
        assert sold(shop) == ["7"]


class TestToIPaaS:
    def test_an_order_names_the_product_by_its_sku(self, bench: Bench) -> None:
        set_up(bench)
        renumber(bench, "Item", "1000", "1000-A")
        bench.run("product_to_ipaas")
        number = order(bench, {**BICYCLE, "No.": "1000-A"}, BELL)
        assert tally(bench.run("sales_order_to_ipaas")) == {"read": 1, "created": 1}
        assert skus(bench, number) == ["1000", "2000"]

    def test_items_that_have_exchanged_numbers_are_not_mistaken(self, bench: Bench) -> None:
        set_up(bench)
        swap(bench, "1000", "2000")
        number = order(bench, BICYCLE)
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["2000"]

    def test_not_even_while_the_product_is_being_written(self, bench: Bench) -> None:
        set_up(bench)
        renumber(bench, "Item", "1000", "1000-A")
        read_again = Fault(system="ipaas", method="GET", path=r"Catalog/Product/\d+$", skip=1, times=9, status=503)
        bench.sandbox.faults.add(read_again)
        bench.run("product_to_ipaas")
        bench.sandbox.faults.clear()
        number = order(bench, {**BICYCLE, "No.": "1000-A"})
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["1000"]

    def test_a_change_of_the_product_may_be_what_finds_the_new_number(self, bench: Bench) -> None:
        set_up(bench)
        product = bench.linked("product", "1000")
        renumber(bench, "Item", "1000", "1000-A")
        bench.sandbox.ipaas.edit("product", product["id"], {"name": "Fast bicycle"})
        bench.run("product_from_ipaas", str(product["id"]))
        number = order(bench, {**BICYCLE, "No.": "1000-A"})
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["1000"]

    def test_a_sku_that_follows_the_number_is_what_it_is_named_by(self, bench: Bench) -> None:
        set_up(bench)
        renumbered(bench)
        bench.sandbox.bc.change("Item", "1000-A", Description="Fast bicycle")
        bench.run("product_to_ipaas")
        number = order(bench, {**BICYCLE, "No.": "1000-A"})
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["1000-A"]

    def test_a_sku_that_is_changed_in_ipaas_is_what_it_is_named_by(self, bench: Bench) -> None:
        set_up(bench)
        product = bench.linked("product", "1000")
        for sku in ("NEW-1000", "NEWER-1000"):
            bench.run("product_from_ipaas", str(product["id"]))
            bench.sandbox.ipaas.edit("product", product["id"], {"sku": sku})
        bench.run("product_from_ipaas", str(product["id"]))
        number = order(bench, BICYCLE)
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["NEWER-1000"]

    def test_a_number_that_is_given_again_is_named_by_none_but_its_own_product(self, bench: Bench) -> None:
        set_up(bench)
        product = renumbered(bench)
        bench.sandbox.bc.add("Item", **{"No.": "1000", "Description": "Lamp", "Base Unit of Measure": "PCS"})
        for _ in range(2):
            bench.run("product_to_ipaas")
        number = order(bench, {**BICYCLE, "No.": "1000-A"}, BICYCLE)
        bench.run("product_from_ipaas", str(product["id"]))
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["1000-A", "1000"]

    def test_a_product_that_was_linked_by_hand(self, bench: Bench) -> None:
        set_up(bench)
        bench.sandbox.bc.add("Item", **{"No.": "7", "Description": "Lamp", "Base Unit of Measure": "PCS"})
        link = [{"system_id": bench.sandbox.SYSTEM_ID, "external_id": "7"}]
        fields = {"sku": "SHOP-7", "name": "Lamp", "default_price": 1, "type": "Physical", "status": "Active"}
        bench.sandbox.ipaas.add("product", {**fields, "tracking_method": "Product", "external_ids": link})
        bench.run("product_to_ipaas")
        number = order(bench, {**BICYCLE, "No.": "7"})
        bench.run("sales_order_to_ipaas")
        assert skus(bench, number) == ["SHOP-7"]
