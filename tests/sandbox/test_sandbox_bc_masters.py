"""Customers, contacts, items and set-up tables of the sandbox's Business Central."""

from __future__ import annotations

from typing import Any

import pytest
from callers import BusinessCentral, Reply

from include.sandbox import Sandbox

MANUAL = "You may not enter numbers manually. If you want to enter numbers manually, please activate Manual Nos."


def refused(reply: Reply, text: str, code: str = "Application_DialogException") -> None:
    assert (reply.status, reply.code) == (400, code), reply.body
    assert text in reply.text, reply.text


def of(sandbox: Sandbox, table: str, key: str) -> Any:
    row = sandbox.bc.get(table, key)
    assert row is not None
    return row


@pytest.fixture
def item(sandbox: Sandbox) -> Any:
    fields = {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS", "Type": "Inventory"}
    return sandbox.bc.add("Item", fields)


class TestCustomers:
    def test_a_name_is_needed_in_the_api(self, bc: BusinessCentral) -> None:
        refused(bc.entity("POST", "customers", {"email": "a@example.com"}), 'A "displayName" must be provided.')
        refused(bc.entity("POST", "customers", {"displayName": " "}), 'The blank "displayName" is not allowed.')
        made = bc.entity("POST", "customers", {"displayName": "Adatum"}).body
        refused(bc.entity("PATCH", f"customers({made['id']})", {"displayName": ""}), 'The blank "displayName"')

    @pytest.mark.parametrize("body", [{"displayName": "Adatum"}, {"displayName": "Adatum", "number": ""}])
    def test_a_blank_number_is_drawn_from_the_series(self, bc: BusinessCentral, body: dict[str, Any]) -> None:
        first, second = (bc.entity("POST", "customers", body).body["number"] for _ in range(2))
        assert (first, second) == ("C00010", "C00011")

    def test_a_number_that_is_taken_is_passed_over(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.add_customer("C00010", "Before", "Company")
        assert bc.entity("POST", "customers", {"displayName": "Adatum"}).body["number"] == "C00011"

    def test_numbers_by_hand_only_where_the_series_allows_them(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        assert bc.entity("POST", "customers", {"displayName": "A", "number": "mine-1"}).body["number"] == "MINE-1"
        sandbox.bc.allow_manual_numbers("CUST", False)
        for reply in (
            bc.entity("POST", "customers", {"displayName": "A", "number": "MINE-2"}),
            bc.page("POST", "CustomerCard", {"No": "MINE-2", "Name": "A"}),
        ):
            refused(reply, f"{MANUAL} in No. Series CUST.")

    @pytest.mark.parametrize("kind", ["Company", "Person"])
    def test_the_api_makes_companies_and_persons(self, bc: BusinessCentral, sandbox: Sandbox, kind: str) -> None:
        made = bc.entity("POST", "customers", {"displayName": "Ann Berg", "type": kind}).body
        assert made["type"] == kind
        contact = of(sandbox, "Contact", of(sandbox, "Customer", made["number"])["contact"])
        assert (contact["Type"], contact["Contact Business Relation"], contact["Name"]) == (
            kind,
            "Customer",
            "Ann Berg",
        )
        (shown,) = bc.entity("GET", f"customers({made['id']})/contactsInformation").body["value"]
        assert (shown["contactNumber"], shown["contactType"]) == (contact["No."], kind)

    def test_the_card_makes_companies_whatever_the_partner_type(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        made = bc.page("POST", "CustomerCard", {"Name": "Ann Berg", "Partner_Type": "Person"}).body
        row = of(sandbox, "Customer", made["No"])
        assert (row["Partner Type"], row["Contact Type"]) == ("Person", "Company")
        assert made["Invoice_Disc_Code"] == made["No"]

    def test_a_changed_customer_changes_its_contact(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.add_customer("C1", "Adatum", "Company")
        sandbox.bc.add_person("CT9", "Ann", customer="C1", email="ann@example.com")
        bc.page("PATCH", "CustomerCard('C1')", {"Name": "Adatum II", "City": "Atlanta"})
        contact = of(sandbox, "Contact", "CTC1")
        assert (contact["Name"], contact["City"]) == ("Adatum II", "Atlanta")
        assert of(sandbox, "Contact", "CT9")["Company Name"] == "Adatum II"

    def test_a_changed_number_renames(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        row = sandbox.bc.add_customer("C1", "Adatum", "Company")
        sandbox.bc.add_customer("C2", "Fabrikam", "Company", **{"Bill-to Customer No.": "C1"})
        path = f"customers({row['systemid']})"
        reply = bc.entity("PATCH", path, {"number": "C2"})
        refused(reply, "No.='C2'", code="Internal_EntityWithSameKeyExists")
        assert bc.entity("PATCH", path, {"number": "C3"}).body["number"] == "C3"
        assert sandbox.bc.get("Customer", "C1") is None
        assert of(sandbox, "Customer", "C2")["Bill-to Customer No."] == "C3"

    def test_ids_stand_for_codes(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        terms, euro = (of(sandbox, *which)["systemid"] for which in (("Payment Terms", "30 DAYS"), ("Currency", "EUR")))
        made = bc.entity("POST", "customers", {"displayName": "A", "paymentTermsId": terms, "currencyId": euro}).body
        assert (made["paymentTermsId"], made["currencyCode"]) == (terms, "EUR")
        assert of(sandbox, "Customer", made["number"])["Payment Terms Code"] == "30 DAYS"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("currencyId", 'The "currencyId" does not match to a Currency.'),
            ("paymentTermsId", 'The "paymentTermsId" does not match to a Payment Terms.'),
            ("shipmentMethodId", 'The "shipmentMethodId" does not match to a Shipment Method.'),
            ("paymentMethodId", 'The "paymentMethodId" does not match to a Payment Method.'),
        ],
    )
    def test_an_id_that_stands_for_nothing(self, bc: BusinessCentral, name: str, text: str) -> None:
        body = {"displayName": "A", name: "11111111-1111-1111-1111-111111111111"}
        refused(bc.entity("POST", "customers", body), text)

    def test_an_id_and_a_code_that_disagree(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {"displayName": "A", "currencyId": of(sandbox, "Currency", "EUR")["systemid"], "currencyCode": "CHF"}
        refused(bc.entity("POST", "customers", body), "The currency values do not match to a specific Currency.")
        refused(
            bc.entity("POST", "customers", {"displayName": "A", "currencyCode": "XXX"}),
            'The "currencyCode" does not match to a Currency.',
        )

    def test_the_local_currency_is_blank_in_the_table(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        made = bc.entity("POST", "customers", {"displayName": "A", "currencyCode": "USD"}).body
        assert not of(sandbox, "Customer", made["number"])["Currency Code"]

    def test_one_with_open_documents_is_not_deleted(self, bc: BusinessCentral, sandbox: Sandbox, item: Any) -> None:
        sandbox.bc.add_customer("C1", "Adatum", "Company")
        order = sandbox.sales.add_order(customer="C1", lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}])
        refused(
            bc.page("DELETE", "CustomerCard('C1')"),
            "You cannot delete Customer C1 because there is at least one outstanding Sales Order for this customer.",
        )
        sandbox.sales.delete_order(order["No."])
        assert bc.page("DELETE", "CustomerCard('C1')").status == 204
        assert of(sandbox, "Contact", "CTC1")["Contact Business Relation"] == "None"

    def test_a_blocked_one_gets_no_documents(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.add_customer("C1", "Adatum", "Company", Blocked="All")
        refused(
            bc.page("POST", "SalesOrders", {"Sell_to_Customer_No": "C1"}),
            "You cannot create this type of document when Customer C1 is blocked with type All",
        )


class TestContacts:
    def test_a_person_belongs_to_a_company_that_is_a_contact(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.add_customer("C1", "Adatum", "Company")
        body = {"displayName": "Ann Berg", "type": "Person", "companyNumber": "CTC1"}
        made = bc.entity("POST", "contacts", body).body
        assert (made["number"], made["companyName"], made["contactBusinessRelation"]) == (
            "CT000010",
            "Adatum",
            "Customer",
        )
        reply = bc.entity("POST", "contacts", {**body, "companyNumber": made["number"]})
        refused(reply, "Company No.", code="Internal_InvalidTableRelation")

    @pytest.mark.parametrize(
        ("company", "own", "shown"),
        [
            ([], [], "None"),
            (["Vendor"], [], "Vendor"),
            ([], ["Employee"], "Employee"),
            (["Customer"], [], "Customer"),
            (["Customer", "Vendor"], [], "Multiple"),
            (["Customer"], ["Vendor"], "Multiple"),
        ],
    )
    def test_people_read_what_they_and_their_company_are(
        self, bc: BusinessCentral, sandbox: Sandbox, company: list[str], own: list[str], shown: str
    ) -> None:
        contact = {"No.": "CTC1", "Type": "Company", "Name": "Adatum", "Company No.": "CTC1"}
        if "Customer" in company:
            sandbox.bc.add_customer("C1", "Adatum", "Company")
        else:
            sandbox.bc.add("Contact", contact)
        sandbox.bc.add("Contact", {"No.": "CT9", "Type": "Person", "Name": "Ann", "Company No.": "CTC1"})
        for number, relations in (("CTC1", company), ("CT9", own)):
            for relation in relations:
                if relation != "Customer":
                    sandbox.bc.relate(number, relation)
        (read,) = bc.entity("GET", "contacts?$filter=number eq 'CT9'").body["value"]
        assert read["contactBusinessRelation"] == shown.replace(" ", "_x0020_")

    def test_customer_contacts_keep_the_id_of_the_row_before(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        customer = sandbox.bc.add_customer("C1", "Adatum", "Company")
        sandbox.bc.add_person("CT1", "Ann Berg", customer="C1", email="ann@example.net")
        sandbox.bc.add_customer("P1", "Ben Dahl", "Person")  # its contact CTP1 has no company
        sandbox.bc.add("Contact", {"No.": "CT0", "Type": "Person", "Name": "Nobody's"})
        rows = bc.entity("GET", "customerContacts").body["value"]
        ids = {str(row["id"]): (row["customerId"], row["customerName"]) for row in rows}
        assert ids == {
            of(sandbox, "Contact", "CT1")["systemid"]: (customer["systemid"], "Adatum"),
            of(sandbox, "Contact", "CTP1")["systemid"]: (customer["systemid"], ""),
        }

    def test_a_name_is_needed(self, bc: BusinessCentral) -> None:
        refused(bc.entity("POST", "contacts", {"type": "Person"}), 'A "displayName" must be provided.')


class TestItems:
    def test_the_card_and_the_api_make_items(self, bc: BusinessCentral) -> None:
        by_page = bc.page("POST", "ItemCard", {"Description": "Bicycle", "Base_Unit_of_Measure": "PCS"}).body
        by_api = bc.entity("POST", "items", {"displayName": "Bicycle", "baseUnitOfMeasureCode": "PCS"}).body
        assert (by_page["No"], by_page["Type"]) == ("70061", "Inventory")
        assert (by_api["number"], by_api["baseUnitOfMeasureCode"]) == ("70062", "PCS")

    def test_numbers_by_hand(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        assert bc.page("POST", "ItemCard", {"No": "web-1"}).body["No"] == "WEB-1"
        sandbox.bc.allow_manual_numbers("ITEM", False)
        refused(bc.page("POST", "ItemCard", {"No": "WEB-2"}), f"{MANUAL} in No. Series ITEM.")

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"taxGroupCode": "X"}, 'The "taxGroupCode" does not match to a Tax Group.'),
            ({"itemCategoryCode": "X"}, 'The "itemCategoryCode" does not match to a Item Category.'),
            (
                {"itemCategoryId": "11111111-1111-1111-1111-111111111111"},
                'The "itemCategoryId" does not match to a specific Item Category group.',
            ),
            ({"inventory": 5}, "Inventory cannot be changed during on insert."),
        ],
    )
    def test_what_the_api_refuses(self, bc: BusinessCentral, body: dict[str, Any], text: str) -> None:
        refused(bc.entity("POST", "items", body), text)

    def test_stock_is_posted_and_not_set(self, bc: BusinessCentral, sandbox: Sandbox, item: Any) -> None:
        sandbox.bc.move_stock("1000", "MAIN", 3)
        assert bc.entity("PATCH", f"items({item['systemid']})", {"inventory": 10}).body["inventory"] == 10
        assert [entry["Quantity"] for entry in sandbox.bc.rows("Item Ledger Entry")] == [3, 7]
        assert bc.page("GET", "ItemCard('1000')").body["Inventory"] == 10

    @pytest.mark.parametrize(
        ("body", "field"), [({"Base_Unit_of_Measure": "BOX"}, "Base Unit of Measure"), ({"Type": "Service"}, "Type")]
    )
    def test_what_entries_have_settled(
        self, bc: BusinessCentral, sandbox: Sandbox, item: Any, body: dict[str, Any], field: str
    ) -> None:
        assert bc.page("PATCH", "ItemCard('1000')", body).status == 200
        sandbox.bc.change("Item", "1000", **{"Base Unit of Measure": "PCS", "Type": "Inventory"})
        sandbox.bc.move_stock("1000", "MAIN", 3)
        refused(
            bc.page("PATCH", "ItemCard('1000')", body),
            f"You cannot change {field} because there are one or more ledger entries for this item.",
        )

    def test_one_that_is_on_an_order_is_not_deleted(self, bc: BusinessCentral, sandbox: Sandbox, item: Any) -> None:
        sandbox.bc.add_customer("C1", "Adatum", "Company")
        sandbox.sales.add_order(customer="C1", lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}])
        refused(bc.page("DELETE", "ItemCard('1000')"), "You cannot delete Item 1000 because there is at least one")


class TestSetUpTables:
    @pytest.mark.parametrize(
        ("entity", "code"),
        [
            ("countriesRegions", "US"),
            ("currencies", "EUR"),
            ("paymentTerms", "30 DAYS"),
            ("paymentMethods", "CARD"),
            ("shipmentMethods", "FOB"),
            ("taxGroups", "FURNITURE"),
            ("taxAreas", "ATLANTA"),
            ("unitsOfMeasure", "PCS"),
            ("salespeoplePurchasers", "JO"),
            ("generalProductPostingGroups", "RETAIL"),
            ("inventoryPostingGroups", "RESALE"),
        ],
    )
    def test_the_api_serves_their_rows(self, bc: BusinessCentral, entity: str, code: str) -> None:
        rows = {row["code"]: row for row in bc.entity("GET", entity).body["value"]}
        assert code in rows
        assert bc.entity("GET", f"{entity}({rows[code]['id']})").body["code"] == code

    def test_currencies_have_decimals_of_their_own(self, bc: BusinessCentral) -> None:
        places = {row["code"]: row["amountDecimalPlaces"] for row in bc.entity("GET", "currencies").body["value"]}
        assert (places["EUR"], places["JPY"], places["KWD"]) == ("2:2", "0:0", "3:3")
