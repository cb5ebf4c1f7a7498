"""What the sandbox's Business Central refuses of a write (docs/business_central.md, "Writes")."""

from __future__ import annotations

from typing import Any

import pytest
from callers import BusinessCentral, Reply
from selling import refused

from include.sandbox import Sandbox


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    sandbox.bc.add_customer("C1", "Adatum", "Company")
    sandbox.bc.add(
        "Item", {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS", "Type": "Inventory"}
    )


def customer(bc: BusinessCentral, **body: Any) -> Reply:
    return bc.page("PATCH", "CustomerCard('C1')", body)


def item(bc: BusinessCentral, **body: Any) -> Reply:
    return bc.page("PATCH", "ItemCard('1000')", body)


class TestNamesAndTypes:
    def test_an_unknown_property(self, bc: BusinessCentral) -> None:
        refused(customer(bc, Shoe_Size="44"), "BadRequest", "The property 'Shoe_Size' does not exist on type 'NAV.")

    @pytest.mark.parametrize("name", ["Last_Date_Modified", "Balance_LCY", "ShowMap"])
    def test_a_read_only_control_even_unchanged(self, bc: BusinessCentral, name: str) -> None:
        value = bc.page("GET", "CustomerCard('C1')").body[name]
        refused(customer(bc, **{name: value}), "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ({"Unit_Price": "10"}, "Cannot convert the literal '10' to the expected type 'Edm.Decimal'."),
            ({"Description": 10}, "Cannot convert the literal '10' to the expected type 'Edm.String'."),
            ({"Blocked": "true"}, "Cannot convert the literal 'true' to the expected type 'Edm.Boolean'."),
            ({"Statistics_Group": 1.5}, "Cannot convert the literal '1.5' to the expected type 'Edm.Int32'."),
            ({"Description": ["x"]}, "Invalid Request Body"),
        ],
    )
    def test_json_of_another_type(self, bc: BusinessCentral, body: dict[str, Any], text: str) -> None:
        refused(item(bc, **body), "BadRequest", text)

    def test_a_date_is_a_date(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.publish("SalesPrices")
        row = {"Item_No": "1000", "Sales_Type": "All Customers", "Unit_Price": 5}
        for wrong in ("7 May", "2026-02-30", "20260507", 20260507):
            reply = bc.page("POST", "SalesPrices", {**row, "Starting_Date": wrong})
            refused(reply, "BadRequest", "Unable to convert value to Date")
        assert bc.page("POST", "SalesPrices", {**row, "Starting_Date": "2026-05-07"}).status == 201

    def test_a_guid_is_a_guid(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        path = f"customers({sandbox.bc.get('Customer', 'C1')['systemid']})"
        refused(bc.entity("PATCH", path, {"paymentTermsId": "30 DAYS"}), "Application_InvalidGUID")

    def test_an_option_on_a_page_and_in_the_api(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        refused(item(bc, Type="Depreciation"), "Application_EvaluateException", '"Depreciation"', "type Option")
        path = f"items({sandbox.bc.get('Item', '1000')['systemid']})"
        reply = bc.entity("PATCH", path, {"type": "Invalid Type"})
        refused(
            reply,
            "Unknown",
            "'Invalid Type' is not an option. The existing options are: Inventory,Service,Non-Inventory",
        )
        assert bc.entity("PATCH", path, {"type": "Non_x002D_Inventory"}).body["type"] == "Non_x002D_Inventory"

    def test_a_text_that_is_too_long(self, bc: BusinessCentral) -> None:
        refused(
            customer(bc, City="x" * 31),
            "Application_StringExceededLength",
            "The length of the string is 31, but it must be less than or equal to 30 characters. Value: xxx",
        )

    def test_null(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        refused(customer(bc, City=None), "BadRequest_RequiredParamNotProvided", "Field 'City' must not be blank")
        sandbox.switches.null_is_blank_on_pages = True
        assert customer(bc, City=None).body["City"] == ""
        path = f"customers({sandbox.bc.get('Customer', 'C1')['systemid']})"
        refused(bc.entity("PATCH", path, {"city": None}), "BadRequest_RequiredParamNotProvided", "city")

    def test_codes_are_trimmed_and_upper_cased(self, bc: BusinessCentral) -> None:
        body = customer(bc, Payment_Terms_Code=" 30 days ", Post_Code="sw1a 1aa", Name=" adatum ").body
        assert (body["Payment_Terms_Code"], body["Post_Code"]) == ("30 DAYS", "SW1A 1AA")
        assert body["Name"] == " adatum "

    def test_a_body_that_is_no_object(self, bc: BusinessCentral) -> None:
        refused(bc.page("PATCH", "CustomerCard('C1')", ["x"]), "BadRequest", "Invalid Request Body")

    def test_pages_know_no_deep_insert(self, bc: BusinessCentral) -> None:
        body = {"Sell_to_Customer_No": "C1", "SalesOrdersSalesLines": [{"No": "1000"}]}
        refused(bc.page("POST", "SalesOrders", body), "BadRequest")

    def test_nothing_is_stored_of_what_is_refused(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        before = dict(sandbox.bc.get("Customer", "C1"))
        customer(bc, Name="New", Payment_Terms_Code="NOWHERE")
        assert sandbox.bc.get("Customer", "C1") == before


class TestRelations:
    @pytest.mark.parametrize(
        ("name", "field", "table"),
        [
            ("Payment_Terms_Code", "Payment Terms Code", "Payment Terms"),
            ("Country_Region_Code", "Country/Region Code", "Country/Region"),
            ("Customer_Price_Group", "Customer Price Group", "Customer Price Group"),
            ("Gen_Bus_Posting_Group", "Gen. Bus. Posting Group", "Gen. Business Posting Group"),
            ("Tax_Area_Code", "Tax Area Code", "Tax Area"),
            ("Currency_Code", "Currency Code", "Currency"),
            ("Bill_to_Customer_No", "Bill-to Customer No.", "Customer"),
        ],
    )
    def test_a_code_that_its_table_does_not_hold(self, bc: BusinessCentral, name: str, field: str, table: str) -> None:
        refused(
            customer(bc, **{name: "X"}),
            "Internal_InvalidTableRelation",
            f"The field {field} of table Customer contains a value (X) that cannot be found in the related table ({table}).",
        )
        assert customer(bc, **{name: ""}).status == 200

    def test_the_api_writes_the_same_table(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        path = f"customers({sandbox.bc.get('Customer', 'C1')['systemid']})"
        refused(bc.entity("PATCH", path, {"country": "XX"}), "Internal_InvalidTableRelation", "Country/Region")

    def test_a_service_belongs_to_its_agent(self, bc: BusinessCentral) -> None:
        assert customer(bc, Shipping_Agent_Code="DHL", Shipping_Agent_Service_Code="OVERNIGHT").status == 200
        refused(customer(bc, Shipping_Agent_Service_Code="GROUND"), "Internal_InvalidTableRelation", "GROUND")

    def test_a_row_that_its_condition_leaves_out(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        assert customer(bc, Location_Code="MAIN").status == 200
        sandbox.bc.change("Location", "EAST", **{"Use As In-Transit": True})
        refused(customer(bc, Location_Code="EAST"), "Internal_InvalidTableRelation", "EAST")


class TestLockedControls:
    def test_the_price_that_follows_from_the_cost(self, bc: BusinessCentral) -> None:
        assert item(bc, Unit_Price=10).status == 200
        assert item(bc, Price_Profit_Calculation="Price=Cost+Profit").status == 200
        refused(item(bc, Unit_Price=11), "BadRequest_InvalidOperation", "Unit_Price")

    def test_only_stocked_items_have_an_inventory_posting_group(self, bc: BusinessCentral) -> None:
        assert item(bc, Inventory_Posting_Group="RESALE").status == 200
        refused(item(bc, Type="Service", Inventory_Posting_Group="RESALE"), "BadRequest_InvalidOperation")

    def test_the_fields_are_judged_in_the_order_of_the_body(self, bc: BusinessCentral) -> None:
        assert item(bc, Inventory_Posting_Group="RESALE", Type="Service").status == 200

    def test_the_name_of_a_primary_contact(self, bc: BusinessCentral) -> None:
        assert customer(bc, ContactName="Ann").status == 200
        refused(customer(bc, Primary_Contact_No="CTC1", ContactName="Bob"), "BadRequest_InvalidOperation")


class TestKeysAndTags:
    def test_a_tag_is_needed_and_must_be_one(self, bc: BusinessCentral) -> None:
        path = f"{bc.pages}/CustomerCard('C1')"
        for headers in ({}, {"If_Match": "abc"}, {"If_Match": 'W/""'}):
            refused(bc.call("PATCH", path, {"Name": "X"}, **headers), "BadRequest_InvalidToken", "concurrency token")

    @pytest.mark.parametrize("status", [409, 412])
    def test_a_stale_tag(self, bc: BusinessCentral, sandbox: Sandbox, status: int) -> None:
        sandbox.switches.stale_etag_status = status
        tag = bc.page("GET", "CustomerCard('C1')").body["@odata.etag"]
        sandbox.bc.change("Customer", "C1", Name="Changed")
        reply = bc.page("PATCH", "CustomerCard('C1')", {"Name": "X"}, If_Match=tag)
        refused(reply, "Request_EntityChanged", "Another user has already changed the record.", status=status)

    @pytest.mark.parametrize("status", [400, 409])
    def test_a_key_that_is_taken(self, bc: BusinessCentral, sandbox: Sandbox, status: int) -> None:
        sandbox.switches.duplicate_key_status = status
        text = "The record in table Customer already exists. Identification fields and values: No.='C1'"
        for reply in (
            bc.page("POST", "CustomerCard", {"No": "c1", "Name": "Again"}),
            bc.entity("POST", "customers", {"number": "C1", "displayName": "Again"}),
        ):
            refused(reply, "Internal_EntityWithSameKeyExists", text, status=status)

    def test_a_composite_key_is_taken_as_a_whole(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.publish("SalesPrices")
        row = {"Item_No": "1000", "Sales_Type": "Customer Price Group", "Sales_Code": "RETAIL", "Unit_Price": 5}
        assert bc.page("POST", "SalesPrices", row).status == 201
        assert bc.page("POST", "SalesPrices", {**row, "Minimum_Quantity": 10}).status == 201
        refused(bc.page("POST", "SalesPrices", row), "Internal_EntityWithSameKeyExists", "Sales Code='RETAIL'")

    def test_an_id_is_not_changed(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        path = f"customers({sandbox.bc.get('Customer', 'C1')['systemid']})"
        reply = bc.entity("PATCH", path, {"id": "11111111-1111-1111-1111-111111111111"})
        refused(reply, "Application_DialogException", 'The "id" cannot be changed.')


class TestLengths:
    def test_they_count_as_the_server_counts(self, bc: BusinessCentral) -> None:
        assert customer(bc, Name="🎩" * 50).status == 200
        refused(customer(bc, Name="🎩" * 50 + "x"), "Application_StringExceededLength", "is 101,")

    def test_a_no_break_space_is_part_of_a_code(self, bc: BusinessCentral) -> None:
        made = bc.page("POST", "ItemCard", {"No": "1000\u00a0", "Description": "Twin"})
        assert made.body["No"] == "1000\u00a0"
        assert bc.page("POST", "ItemCard", {"No": " 1000 ", "Description": "Twin"}).status == 400


@pytest.mark.parametrize("field", ["Phone_No", "MobilePhoneNo"])
def test_a_phone_number_takes_no_letters(bc: BusinessCentral, field: str) -> None:
    assert customer(bc, **{field: "+1 (555) 010-0 / 12"}).status == 200
    refused(customer(bc, **{field: "+1 555 0100 ext. 12"}), "Application_FieldValidationException", "letters")
