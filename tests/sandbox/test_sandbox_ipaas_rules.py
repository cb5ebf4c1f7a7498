"""What the sandbox's iPaaS.com refuses, as the platform says (docs/ipaas.md, "Records and paths")."""

from __future__ import annotations

from typing import Any

import pytest
from callers import IPaaS, Reply

from include.sandbox import Sandbox
from include.sandbox.credentials import OTHER_SYSTEM_ID, SYSTEM_ID

PRODUCT = {
    "sku": "1000",
    "name": "Bicycle",
    "default_price": 10,
    "type": "Physical",
    "status": "Active",
    "tracking_method": "Product",
}
LINE = {"type": "Product", "status": "Pending", "sku": "1000", "qty": 1}


def refused(reply: Reply, code: str, *words: str) -> None:
    assert (reply.status, reply.code) == (404 if code.startswith("NFND") else 400, code), reply.body
    assert all(word in reply.text for word in words), reply.text


def link(external_id: str, system_id: int = SYSTEM_ID) -> list[dict[str, Any]]:
    return [{"system_id": system_id, "external_id": external_id}]


@pytest.fixture
def buyer(ipaas: IPaaS) -> Any:
    return ipaas.create("company", name="Adatum").body


@pytest.fixture
def order(ipaas: IPaaS, buyer: Any) -> dict[str, Any]:
    """The body of an order that the platform takes."""
    ipaas.create("product", **PRODUCT)
    ipaas.create("shipping method", name="UPS", description="United Parcel Service")
    ipaas.create("payment method", name="CARD")
    return {
        "system_id": SYSTEM_ID,
        "transaction_number": "S-1",
        "type": "Order",
        "status": "Pending",
        "total": 10,
        "company_id": buyer["id"],
        "lines": [dict(LINE)],
    }


class TestTransactions:
    def test_one_is_taken(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        assert ipaas.create("transaction", **order).status == 200

    @pytest.mark.parametrize("field", ["system_id", "transaction_number", "type", "status", "total"])
    def test_what_every_transaction_needs(self, ipaas: IPaaS, order: dict[str, Any], field: str) -> None:
        del order[field]
        refused(ipaas.create("transaction", **order), "VALD-1025", field)

    def test_it_needs_a_buyer(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        del order["company_id"]
        refused(ipaas.create("transaction", **order), "VALD-1025", "customer_id", "company_id")

    @pytest.mark.parametrize("field", ["type", "status"])
    def test_what_every_line_needs(self, ipaas: IPaaS, order: dict[str, Any], field: str) -> None:
        del order["lines"][0][field]
        refused(ipaas.create("transaction", **order), "VALD-1025", f"lines: {field}")

    @pytest.mark.parametrize(("field", "value"), [("type", "Sale"), ("status", "Open")])
    def test_types_and_statuses_are_a_closed_list(
        self, ipaas: IPaaS, order: dict[str, Any], field: str, value: str
    ) -> None:
        refused(ipaas.create("transaction", **order | {field: value}), "VALD-1025", value)

    def test_a_sku_must_be_a_product(self, ipaas: IPaaS, sandbox: Sandbox, order: dict[str, Any]) -> None:
        order["lines"][0]["sku"] = "9999"
        refused(ipaas.create("transaction", **order), "VALD-1038", "9999")
        sandbox.switches.ipaas_skus_must_exist = False
        assert ipaas.create("transaction", **order).status == 200

    def test_a_service_line_names_no_product(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        order["lines"][0] |= {"type": "Service", "sku": "40100"}
        assert ipaas.create("transaction", **order).status == 200

    @pytest.mark.parametrize("name", ["ups", "DHL"])
    def test_shipping_methods_must_exist_in_this_very_case(
        self, ipaas: IPaaS, order: dict[str, Any], name: str
    ) -> None:
        refused(ipaas.create("transaction", **order, addresses=[{"shipping_method": name}]), "VALD-1038", name)
        tracking = [{"tracking_number": "1Z", "shipping_method": name}]
        refused(ipaas.create("transaction", **order, tracking=tracking), "VALD-1038", name)

    def test_payment_methods_must_exist(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        refused(ipaas.create("transaction", **order, payments=[{"method": "CASH", "amount": 10}]), "VALD-1038", "CASH")
        assert ipaas.create("transaction", **order, payments=[{"method": "CARD", "amount": 10}]).status == 200

    @pytest.mark.parametrize(("field", "value"), [("customer_id", 99), ("transaction_parent_id", 99)])
    def test_references_must_exist(self, ipaas: IPaaS, order: dict[str, Any], field: str, value: int) -> None:
        refused(ipaas.create("transaction", **order | {field: value}), "VALD-1038", "99")

    def test_a_subscription_must_be_the_companys(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        refused(ipaas.create("transaction", **order | {"system_id": 99}), "VALD-1017", "99")

    @pytest.mark.parametrize(
        ("field", "value"), [("total", "10"), ("transaction_number", 7), ("created_datetime", "yesterday")]
    )
    def test_json_of_another_type_cannot_be_read(
        self, ipaas: IPaaS, order: dict[str, Any], field: str, value: Any
    ) -> None:
        refused(ipaas.create("transaction", **order | {field: value}), "VALD-1042", field)

    def test_nothing_is_stored_of_what_is_refused(self, ipaas: IPaaS, sandbox: Sandbox, order: dict[str, Any]) -> None:
        saved = ipaas.create("transaction", **order, external_ids=link("S-1")).body
        bad = [{**LINE, "external_ids": link("S-1|10000")}, {"id": 1, "qty": 2}]
        refused(ipaas.change("transaction", saved, status="Complete", lines=bad), "NFND-1005", "1")
        now = ipaas.read("transaction", saved).body
        assert (now["status"], len(now["lines"])) == ("Pending", 1)
        assert sandbox.ipaas.internal_id("Transaction Line", SYSTEM_ID, "S-1|10000") is None


class TestNestedRecords:
    def test_an_update_adds_and_changes_and_leaves_the_rest(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        order["lines"] = [{**LINE, "external_ids": link("S-1|1")}, {**LINE, "external_ids": link("S-1|2")}]
        saved = ipaas.create("transaction", **order).body
        first, second = saved["lines"]
        changes = [
            {"id": first["id"], "qty": 5},
            {"external_ids": link("S-1|2"), "qty": 6},
            {**LINE, "qty": 7},
        ]
        lines = ipaas.change("transaction", saved, lines=changes).body["lines"]
        assert [(line["id"], line["qty"]) for line in lines][:2] == [(first["id"], 5), (second["id"], 6)]
        assert [line["qty"] for line in lines] == [5, 6, 7]
        assert lines[1]["sku"] == "1000"

    def test_one_external_id_twice_in_a_list(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        order["lines"] = [{**LINE, "external_ids": link("S-1|1")}, {**LINE, "external_ids": link("S-1|1")}]
        refused(ipaas.create("transaction", **order), "BIZL-1002", "S-1|1")

    def test_the_external_id_of_another_parents_child(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        order["lines"][0]["external_ids"] = link("S-1|1")
        ipaas.create("transaction", **order)
        refused(ipaas.create("transaction", **order | {"transaction_number": "S-2"}), "BIZL-1005", "S-1|1")

    def test_tracking_has_an_endpoint_of_its_own(self, ipaas: IPaaS, order: dict[str, Any]) -> None:
        saved = ipaas.create("transaction", **order).body
        refused(ipaas.create("transaction tracking", parent_id=saved["id"]), "VALD-1025", "tracking_number")
        made = ipaas.create("transaction tracking", parent_id=saved["id"], tracking_number="1Z").body
        ipaas.change("transaction tracking", made, shipping_method="UPS")
        (shown,) = ipaas.read("transaction", saved).body["tracking"]
        assert (shown["tracking_number"], shown["shipping_method"]) == ("1Z", "UPS")

    def test_addresses_as_the_screens_want_them(self, ipaas: IPaaS, sandbox: Sandbox) -> None:
        address = {"address_1": "1 Main Street", "city": "Atlanta"}
        assert ipaas.create("company", name="One", addresses=[address]).status == 200
        sandbox.switches.ipaas_addresses_complete = True
        refused(ipaas.create("company", name="Two", addresses=[address]), "VALD-1025", "first_name")


class TestMasters:
    def test_a_customer_needs_an_address_and_a_name(self, ipaas: IPaaS) -> None:
        refused(ipaas.create("customer", first_name="Ann"), "VALD-1025", "email_address")
        refused(ipaas.create("customer", email_address="ann@example.com"), "VALD-1049", "first_name")

    @pytest.mark.parametrize(
        ("type_name", "body", "field"),
        [
            ("product", PRODUCT, "sku"),
            ("customer", {"email_address": "ann@example.com", "last_name": "Ann"}, "email_address"),
            ("location", {"name": "MAIN"}, "name"),
            ("shipping method", {"name": "UPS", "description": "UPS"}, "name"),
        ],
    )
    def test_what_is_unique_is_so_in_any_case(
        self, ipaas: IPaaS, type_name: str, body: dict[str, Any], field: str
    ) -> None:
        first = ipaas.create(type_name, **body).body
        refused(ipaas.create(type_name, **body | {field: body[field].upper()}), "BIZL-1004", str(first["id"]))
        assert ipaas.change(type_name, first, **{field: body[field]}).status == 200
        ipaas.change(type_name, first, **{field: "another"})
        assert ipaas.create(type_name, **body).status == 200

    def test_companies_may_share_a_name(self, ipaas: IPaaS) -> None:
        assert ipaas.create("company", name="Same").status == ipaas.create("company", name="Same").status == 200

    def test_a_products_categories_are_assignments_with_ids_of_their_own(self, ipaas: IPaaS) -> None:
        chairs = ipaas.create("product category", name="CHAIR").body["id"]
        tables = ipaas.create("product category", name="TABLE").body["id"]
        saved = ipaas.create("product", **PRODUCT, categories=[{"category_id": chairs}]).body
        (assigned,) = saved["categories"]
        assert assigned["id"] not in (chairs, saved["id"])
        assert assigned["category_name"] == "CHAIR"
        both = ipaas.change("product", saved, categories=[{"category_id": tables}, {"category_id": chairs}]).body
        assert [item["category_id"] for item in both["categories"]] == [tables, chairs]
        assert both["categories"][1]["id"] == assigned["id"]
        assert ipaas.change("product", saved, categories=[]).body["categories"] == []
        refused(ipaas.change("product", saved, categories=[{"category_id": 99}]), "VALD-1038", "99")

    def test_a_payment_method_can_be_made_and_listed_and_no_more(self, ipaas: IPaaS) -> None:
        made = ipaas.create("payment method", name="CARD").body
        assert [method["name"] for method in ipaas.get("transactions/v2/PaymentMethods").body] == ["CARD"]
        assert ipaas.change("payment method", made, description="Cards").status == 405

    def test_ids_may_be_text(self, ipaas: IPaaS, sandbox: Sandbox, order: dict[str, Any]) -> None:
        sandbox.switches.ipaas_ids_are_strings = True
        saved = ipaas.create("transaction", **order | {"company_id": str(order["company_id"])}).body
        assert isinstance(saved["id"], str)
        assert saved["company_id"] == str(order["company_id"])
        assert isinstance(saved["lines"][0]["id"], str)


class TestCustomFields:
    def test_one_that_is_not_defined(self, ipaas: IPaaS) -> None:
        fields = [{"custom_field_name": "Tier", "value": "Gold"}]
        refused(ipaas.create("company", name="Adatum", custom_fields=fields), "VALD-1025", "Tier", "company")

    def test_definitions_are_each_models_own(self, ipaas: IPaaS, sandbox: Sandbox, order: dict[str, Any]) -> None:
        sandbox.ipaas.define("transaction line", "Engraving")
        sandbox.ipaas.define("tracking", "Carrier note")
        fields = [{"custom_field_name": "Engraving", "value": "For Ann"}]
        note = [{"custom_field_name": "Carrier note", "value": "Fragile"}]
        order["lines"][0]["custom_fields"] = fields
        order["tracking"] = [{"tracking_number": "1Z", "custom_fields": note}]
        saved = ipaas.create("transaction", **order).body
        assert saved["lines"][0]["custom_fields"][0]["value"] == "For Ann"
        assert saved["tracking"][0]["custom_fields"][0]["value"] == "Fragile"
        refused(ipaas.change("transaction", saved, custom_fields=fields), "VALD-1025", "Engraving")

    @pytest.mark.parametrize("value", ["", None, 7, True])
    def test_a_value_is_text_and_never_empty(self, ipaas: IPaaS, sandbox: Sandbox, value: Any) -> None:
        sandbox.ipaas.define("company", "Tier")
        fields = [{"custom_field_name": "Tier", "value": value}]
        refused(ipaas.create("company", name="Adatum", custom_fields=fields), "VALD-1025", "Tier", "string")

    @pytest.mark.parametrize(
        ("data_type", "good", "bad"),
        [("number", "-1.5", "many"), ("bool", "true", "yes"), ("date", "2026-05-07", "7 May")],
    )
    def test_a_value_conforms_to_its_data_type(
        self, ipaas: IPaaS, sandbox: Sandbox, data_type: str, good: str, bad: str
    ) -> None:
        sandbox.ipaas.define("company", "Odd", data_type=data_type)
        saved = ipaas.create("company", name="Adatum", custom_fields=[{"custom_field_name": "Odd", "value": good}])
        assert saved.status == 200
        wrong = [{"custom_field_name": "Odd", "value": bad}]
        refused(ipaas.change("company", saved.body, custom_fields=wrong), "VALD-1025", "Odd", data_type)


class TestExternalIds:
    def update(self, ipaas: IPaaS, external_id: str, internal_id: Any, table: str = "customer company") -> Reply:
        body = {"table_name": table, "system_id": SYSTEM_ID, "external_id": external_id, "internal_id": internal_id}
        return ipaas.post("customers/v2/External/UpdateExternalId", body)

    def test_unique_within_a_system_and_a_table(self, ipaas: IPaaS, buyer: Any) -> None:
        other = ipaas.create("company", name="Other").body
        assert self.update(ipaas, "C1", buyer["id"]).status == 200
        refused(self.update(ipaas, "C1", other["id"]), "BIZL-1003", "C1")
        refused(ipaas.create("company", name="Third", external_ids=link("C1")), "BIZL-1005", "C1")
        assert ipaas.create("company", name="Third", external_ids=link("C1", OTHER_SYSTEM_ID)).status == 200

    def test_a_create_that_is_refused_leaves_no_record(self, ipaas: IPaaS, sandbox: Sandbox, buyer: Any) -> None:
        self.update(ipaas, "C1", buyer["id"])
        ipaas.create("company", name="Third", external_ids=link("C1"))
        assert len(sandbox.ipaas.records["company"]) == 1

    def test_only_records_that_exist_are_linked(self, ipaas: IPaaS) -> None:
        refused(self.update(ipaas, "C1", 99), "NFND-1005", "99")

    def test_missing_lists_what_lacks_our_link(self, ipaas: IPaaS, buyer: Any) -> None:
        shop = ipaas.create("company", name="Shop's", external_ids=link("77", OTHER_SYSTEM_ID)).body
        path = f"customers/v2/External/Missing/{SYSTEM_ID}/customer%20company"
        assert ipaas.get(path).body == [buyer["id"], shop["id"]]
        self.update(ipaas, "C1", buyer["id"])
        assert ipaas.get(path).body == [shop["id"]]

    def test_a_deleted_record(self, ipaas: IPaaS, sandbox: Sandbox, buyer: Any) -> None:
        self.update(ipaas, "C1", buyer["id"])
        sandbox.ipaas.unlink_all("company", buyer["id"])
        lookups = (
            ipaas.get(f"customers/v2/External/LookupExternal/{buyer['id']}/{SYSTEM_ID}/customer%20company"),
            ipaas.get(f"customers/v2/External/LookupSpaceport/{SYSTEM_ID}/customer%20company/C1"),
        )
        assert [reply.body for reply in lookups] == ["DELETED:C1", f"DELETED:{buyer['id']}"]
        assert ipaas.read("company", buyer).status == 404

    @pytest.mark.parametrize("free", [True, False])
    def test_whether_a_new_record_may_take_a_deleted_ones_link(
        self, ipaas: IPaaS, sandbox: Sandbox, buyer: Any, free: bool
    ) -> None:
        sandbox.switches.ipaas_deleted_links_are_free = free
        self.update(ipaas, "C1", buyer["id"])
        sandbox.ipaas.unlink_all("company", buyer["id"])
        reply = ipaas.create("company", name="Adatum", external_ids=link("C1"))
        assert reply.status == (200 if free else 400)
        if free:
            assert sandbox.ipaas.linked("company", "C1")["id"] == reply.body["id"]


def test_lists_come_in_pages(ipaas: IPaaS, sandbox: Sandbox) -> None:
    sandbox.switches.ipaas_page_size = 2
    for number in range(5):
        sandbox.ipaas.add("location", {"name": f"L{number}"})
    reply = ipaas.get("products/v2/Catalog/Locations?pageNumber=3")
    assert [record["name"] for record in reply.body] == ["L0"]
    assert '"current_Page": 3' in reply.headers["X-Pagination"]
    assert '"total_Pages": 3' in reply.headers["X-Pagination"]
