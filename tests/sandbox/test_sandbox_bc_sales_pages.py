"""Orders written through pages 42 and 46, and what Business Central refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from callers import BusinessCentral
from selling import LINE, ORDER, made, order, refused, set_up

from include.sandbox import Sandbox
from include.sandbox.bc.rules import OPEN as GENERAL
from include.sandbox.bc.sales_pages import OPEN
from include.sandbox.bc.schema import views


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    set_up(sandbox)


class TestOrderPage:
    def test_the_number_comes_from_the_series(self, bc: BusinessCentral) -> None:
        first = made(bc.page("POST", "SalesOrders", {"Sell_to_Customer_No": "C1"}))
        second = made(bc.page("POST", "SalesOrders", {"Sell_to_Customer_No": "C1"}))
        assert (first["No"], second["No"]) == ("S-ORD101001", "S-ORD101002")
        assert (first["Document_Type"], first["Status"], first["Sell_to_Address"]) == ("Order", "Open", "1 Main Street")

    def test_a_number_by_hand_needs_a_series_that_takes_it(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {"No": "WEB1", "Sell_to_Customer_No": "C1"}
        reply = bc.page("POST", "SalesOrders", body)
        refused(reply, "Application_DialogException")
        assert reply.text == (
            "You may not enter numbers manually. If you want to enter numbers manually, please activate Manual Nos. "
            "in No. Series S-ORD."
        )
        sandbox.bc.allow_manual_numbers("S-ORD", True)
        assert made(bc.page("POST", "SalesOrders", body))["No"] == "WEB1"
        refused(bc.page("POST", "SalesOrders", body), "Internal_EntityWithSameKeyExists", "Sales Header", "No.='WEB1'")

    def test_the_customer_resets_what_was_set_before_it(self, bc: BusinessCentral) -> None:
        body = {"Sell_to_Address": "9 Elsewhere", "Sell_to_Customer_No": "C1", "Sell_to_City": "Chicago"}
        found = made(bc.page("POST", "SalesOrders", body))
        assert (found["Sell_to_Address"], found["Sell_to_City"]) == ("1 Main Street", "Chicago")
        assert (found["Payment_Terms_Code"], found["Shipping_Agent_Code"]) == ("30 DAYS", "DHL")
        path = f"SalesOrders(Document_Type='Order',No='{found['No']}')"
        changed = made(bc.page("PATCH", path, {"Sell_to_Customer_No": "C2"}))
        assert (changed["Sell_to_City"], changed["Currency_Code"], changed["Shipping_Agent_Code"]) == ("", "EUR", "")

    def test_an_order_with_lines_asks_before_it_changes_its_customer(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        order(sandbox)
        refused(bc.page("PATCH", ORDER, {"Sell_to_Customer_No": "C2"}), "Application_CallbackNotAllowed")

    def test_an_order_keeps_its_number(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        refused(
            bc.page("PATCH", ORDER, {"No": "SO2"}), "Application_DialogException", "You cannot rename a Sales Header."
        )

    def test_nobody_and_blocked_customers(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        refused(bc.page("POST", "SalesOrders", {"Sell_to_Customer_No": "C9"}), "Internal_InvalidTableRelation", "C9")
        sandbox.bc.change("Customer", "C1", Blocked="All")
        reply = bc.page("POST", "SalesOrders", {"Sell_to_Customer_No": "C1"})
        refused(reply, "Application_DialogException")
        assert reply.text == "You cannot create this type of document when Customer C1 is blocked with type All"

    @pytest.mark.parametrize("name", ["Ship_to_Name", "Ship_to_Address", "Bill_to_Address", "Bill_to_Name"])
    def test_addresses_that_follow_from_the_customer_are_locked(
        self, bc: BusinessCentral, sandbox: Sandbox, name: str
    ) -> None:
        order(sandbox)
        refused(bc.page("PATCH", ORDER, {name: "X"}), "BadRequest_InvalidOperation", f"Control '{name}' is read-only.")

    def test_the_option_before_them_opens_them(self, bc: BusinessCentral) -> None:
        body = {
            "Sell_to_Customer_No": "C1",
            "ShippingOptions": "Custom Address",
            "Ship_to_Name": "Dock 5",
            "Ship_to_Address": "5 Harbour",
            "BillToOptions": "Custom Address",
            "Bill_to_Address": "Office 7",
        }
        found = made(bc.page("POST", "SalesOrders", body))
        assert (found["Ship_to_Name"], found["Ship_to_Address"], found["Sell_to_Address"]) == (
            "Dock 5",
            "5 Harbour",
            "1 Main Street",
        )
        assert (found["Bill_to_Address"], found["ShippingOptions"]) == ("Office 7", "Custom Address")
        late = {"Sell_to_Customer_No": "C1", "Ship_to_Name": "Dock 5", "ShippingOptions": "Custom Address"}
        refused(bc.page("POST", "SalesOrders", late), "BadRequest_InvalidOperation", "Ship_to_Name")

    @pytest.mark.parametrize("persist", [True, False])
    def test_the_option_of_an_earlier_request(self, bc: BusinessCentral, sandbox: Sandbox, persist: bool) -> None:
        sandbox.switches.page_options_persist = persist
        order(sandbox)
        made(bc.page("PATCH", ORDER, {"ShippingOptions": "Custom Address"}))
        reply = bc.page("PATCH", ORDER, {"Ship_to_City": "Chicago"})
        assert reply.status == (200 if persist else 400)

    def test_another_customer_pays(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {"Sell_to_Customer_No": "C1", "BillToOptions": "Another Customer", "Bill_to_Name": "Blue Yonder"}
        found = made(bc.page("POST", "SalesOrders", body))
        assert (found["Bill_to_Address"], found["Currency_Code"], found["Sell_to_Address"]) == (
            "2 Side Street",
            "EUR",
            "1 Main Street",
        )

    def test_a_contact_buys_for_its_company(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.add_person("CT9", "Anna Smith", customer="C1", email="anna@adatum.example")
        sandbox.bc.add_person("CT8", "Björn Müller", customer="C2", email="b@blue.example")
        body = {"Sell_to_Customer_No": "C1", "Sell_to_Contact_No": "CT9"}
        found = made(bc.page("POST", "SalesOrders", body))
        assert (found["Sell_to_Contact_No"], found["Sell_to_Contact"]) == ("CT9", "Anna Smith")
        body["Sell_to_Contact_No"] = "CT8"
        refused(bc.page("POST", "SalesOrders", body), "Application_DialogException", "different company")

    def test_every_condition_of_the_pages_is_known(self) -> None:
        pages = ("SalesOrders", "SalesOrderLines", "SalesInvoice")
        found = {prop.read_only_when for page in pages for prop in views()[page].properties.values()} - {None}
        assert found <= OPEN.keys() | GENERAL.keys()

    def test_status_and_what_is_computed_are_locked(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        for name, value in (("Status", "Released"), ("Completely_Shipped", True), ("SellToMobilePhoneNo", "1")):
            refused(bc.page("PATCH", ORDER, {name: value}), "BadRequest_InvalidOperation", name)

    def test_a_released_order_takes_no_changes(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        sandbox.sales.release("SO1")
        reply = bc.page("PATCH", ORDER, {"Payment_Terms_Code": "COD"})
        refused(reply, "Application_FieldValidationException")
        assert reply.text == (
            "Status must be equal to 'Open' in Sales Header: Document Type=Order, No.=SO1. Current value is 'Released'."
        )
        for attempt in (
            bc.page("PATCH", LINE, {"Quantity": 5}),
            bc.page(
                "POST",
                "SalesOrderLines",
                {"Document_Type": "Order", "Document_No": "SO1", "Type": "Item", "No": "1000"},
            ),
            bc.page("DELETE", LINE),
        ):
            refused(attempt, "Application_FieldValidationException", "Current value is 'Released'.")
        assert made(bc.page("PATCH", ORDER, {"Package_Tracking_No": "1Z"}))["Package_Tracking_No"] == "1Z"
        sandbox.sales.reopen("SO1")
        assert made(bc.page("PATCH", LINE, {"Quantity": 5}))["Quantity"] == 5

    def test_a_change_needs_the_tag_of_what_was_read(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        path = f"{bc.pages}/{ORDER}"
        refused(bc.call("PATCH", path, {"Your_Reference": "x"}), "BadRequest_InvalidToken")
        tag = bc.page("GET", ORDER).body["@odata.etag"]
        made(bc.page("PATCH", LINE, {"Quantity": 4}))
        # The tag of a header covers what its lines add up to.
        refused(bc.page("PATCH", ORDER, {"Your_Reference": "x"}, If_Match=tag), "Request_EntityChanged", status=409)
        tag = bc.page("GET", ORDER).body["@odata.etag"]
        made(bc.page("PATCH", ORDER, {"Your_Reference": "x"}, If_Match=tag))

    def test_lines_do_not_come_with_their_header(self, bc: BusinessCentral) -> None:
        body = {"Sell_to_Customer_No": "C1", "SalesOrdersSalesLines": [{"Type": "Item", "No": "1000"}]}
        refused(bc.page("POST", "SalesOrders", body), "BadRequest")
        assert bc.page("GET", "SalesOrders").body["value"] == []

    def test_an_order_goes_with_its_lines(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        sandbox.sales.ship("SO1", {10_000: 1})
        refused(bc.page("DELETE", ORDER), "Application_FieldValidationException", "Qty. Shipped Not Invoiced")
        sandbox.sales.invoice("SO1")
        assert bc.page("DELETE", ORDER).status == 204
        assert bc.page("GET", "SalesOrderLines").body["value"] == []
        assert bc.entity("GET", f"salesOrders({identifier})").status == 404


class TestOtherPages:
    def test_draft_invoices_through_page_43(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.publish("SalesInvoice")
        found = made(bc.page("POST", "SalesInvoice", {"Sell_to_Customer_No": "C1"}))
        assert (found["Document_Type"], found["No"]) == ("Invoice", "S-INV102001")
        assert [row["status"] for row in bc.entity("GET", "salesInvoices").body["value"]] == ["Draft"]
        wrong = {"Document_Type": "Order", "Sell_to_Customer_No": "C1"}
        refused(bc.page("POST", "SalesInvoice", wrong), "Application_DialogException", "Document Type must be equal to")

    def test_what_is_posted_stays(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.publish("PostedSalesInvoice")
        order(sandbox)
        sandbox.sales.post("SO1")
        path = "PostedSalesInvoice('PS-INV103001')"
        refused(bc.page("PATCH", path, {"Your_Reference": "x"}), "BadRequest_InvalidOperation", "Your_Reference")
        refused(bc.page("DELETE", path), "Application_FieldValidationException", "No. Printed")
        assert bc.page("POST", "PostedSalesInvoice", {"No": "X"}).status == 405


class TestOrderLinePage:
    def test_the_documented_order_of_fields(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        body = {
            "Document_Type": "Order",
            "Document_No": "SO1",
            "Type": "Item",
            "No": "1001",
            "Quantity": 2,
            "Unit_Price": Decimal("15.5"),
            "Line_Discount_Amount": 1,
        }
        line = made(bc.page("POST", "SalesOrderLines", body))
        assert (line["Line_No"], line["Description"], line["Unit_of_Measure_Code"]) == (20_000, "Item 1001", "PCS")
        assert (line["Line_Amount"], line["Line_Discount_Percent"], line["Qty_to_Ship"]) == (30, Decimal("3.22581"), 2)
        assert line["Total_Amount_Excl_VAT"] == Decimal("59.97")

    def test_a_price_before_the_quantity_is_lost(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        body = {
            "Document_Type": "Order",
            "Document_No": "SO1",
            "Type": "Item",
            "No": "1001",
            "Unit_Price": 5,
            "Quantity": 2,
        }
        assert made(bc.page("POST", "SalesOrderLines", body))["Unit_Price"] == 20

    def test_the_price_of_the_customers_group(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.bc.add(
            "Sales Price",
            {
                "Item No.": "1000",
                "Sales Type": "Customer Price Group",
                "Sales Code": "RETAIL",
                "Minimum Quantity": 10,
                "Unit Price": 8,
            },
        )
        order(sandbox)
        assert bc.page("GET", LINE).body["Unit_Price"] == Decimal("9.99")
        assert made(bc.page("PATCH", LINE, {"Quantity": 10}))["Unit_Price"] == 8

    def test_a_number_of_its_own_and_one_that_is_taken(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        body = {"Line_No": 15_000, "Type": "Item", "No": "1001", "Quantity": 1}
        path = f"{ORDER}/SalesOrdersSalesLines"
        assert made(bc.page("POST", path, body))["Line_No"] == 15_000
        refused(bc.page("POST", path, body), "Internal_EntityWithSameKeyExists", "Line No.='15000'")
        assert made(bc.page("POST", path, {"Type": "Item", "No": "1001"}))["Line_No"] == 25_000

    def test_a_line_amount_is_a_discount(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox, lines=[{"Type": "Item", "No.": "1001", "Quantity": 2}])
        line = made(bc.page("PATCH", LINE, {"Line_Amount": 30}))
        assert (line["Line_Discount_Amount"], line["Line_Discount_Percent"]) == (10, 25)
        line = made(bc.page("PATCH", LINE, {"Invoice_Discount_Amount": 3}))
        assert (line["Inv_Discount_Amount"], line["Total_Amount_Excl_VAT"]) == (3, 27)

    def test_numbers_that_are_none(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        path = f"{ORDER}/SalesOrdersSalesLines"
        refused(
            bc.page("POST", path, {"Type": "Item", "No": "9999"}), "Internal_InvalidTableRelation", "9999", "(Item)"
        )
        refused(
            bc.page("POST", path, {"Type": "G/L Account", "No": "9"}), "Internal_InvalidTableRelation", "(G/L Account)"
        )
        body = {"Document_Type": "Order", "Document_No": "SO9", "Type": "Item", "No": "1000"}
        refused(bc.page("POST", "SalesOrderLines", body), "Internal_InvalidTableRelation", "SO9", "(Sales Header)")
        assert made(bc.page("POST", path, {"Type": " ", "Description": "Leave at the door"}))["Type"] == " "
        reply = bc.page("POST", path, {"Type": " ", "Quantity": 1})
        refused(reply, "BadRequest_InvalidOperation", "Control 'Quantity' is read-only.")

    def test_items_that_may_not_be_sold(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        path = f"{ORDER}/SalesOrdersSalesLines"
        sandbox.bc.change("Item", "1001", **{"Sales Blocked": True})
        reply = bc.page("POST", path, {"Type": "Item", "No": "1001"})
        refused(reply, "Application_DialogException")
        assert reply.text == (
            "You cannot sell Item 1001 because the Sales Blocked check box is selected on the Item card."
        )
        sandbox.bc.change("Item", "1001", Blocked=True)
        refused(
            bc.page("POST", path, {"Type": "Item", "No": "1001"}), "Application_FieldValidationException", "Blocked"
        )

    def test_what_was_shipped_binds(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        sandbox.sales.ship("SO1", {10_000: 2})
        sandbox.sales.reopen("SO1")
        refused(
            bc.page("PATCH", LINE, {"Quantity": 1}), "Application_FieldValidationException", "must not be less than 2"
        )
        reply = bc.page("PATCH", LINE, {"Qty_to_Ship": 4})
        refused(reply, "Application_DialogException")
        assert reply.text == "You cannot ship more than 1 units."
        refused(bc.page("PATCH", LINE, {"No": "1001"}), "Application_FieldValidationException", "Quantity Shipped")
        refused(bc.page("PATCH", LINE, {"Quantity_Shipped": 3}), "BadRequest_InvalidOperation", "Quantity_Shipped")
        refused(bc.page("DELETE", LINE), "Application_FieldValidationException", "Qty. Shipped Not Invoiced")
        assert made(bc.page("PATCH", LINE, {"Quantity": 2}))["Qty_to_Ship"] == 0

    def test_a_line_goes(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        assert bc.page("DELETE", LINE).status == 204
        assert bc.entity("GET", f"salesOrders({identifier})").body["totalAmountIncludingTax"] == 0

    def test_a_refusal_leaves_nothing_behind(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        before = bc.page("GET", LINE).body
        refused(bc.page("PATCH", LINE, {"Unit_Price": 1, "Qty_to_Ship": 99}), "Application_DialogException")
        assert bc.page("GET", LINE).body == before
