"""Sales documents as Business Central shows them: pages 42, 46, 130-133, 142, 143, and API v2.0."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from callers import BusinessCentral

from include.sandbox import Sandbox

ORDER = "SalesOrders(Document_Type='Order',No='SO1')"


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    tenant = sandbox.bc
    tenant.add(
        "VAT Posting Setup", {"VAT Bus. Posting Group": "DOMESTIC", "VAT Prod. Posting Group": "STANDARD", "VAT %": 25}
    )
    tenant.add_customer(
        "C1",
        "Adatum",
        "Company",
        **{
            "Address": "1 Main Street",
            "City": "Atlanta",
            "E-Mail": "orders@adatum.example",
            "Payment Terms Code": "30 DAYS",
            "Shipping Agent Code": "DHL",
            "VAT Bus. Posting Group": "DOMESTIC",
        },
    )
    tenant.add(
        "Item",
        {
            "No.": "1000",
            "Description": "Bicycle",
            "Base Unit of Measure": "PCS",
            "Type": "Inventory",
            "Unit Price": Decimal("9.99"),
            "VAT Prod. Posting Group": "STANDARD",
        },
    )
    tenant.move_stock("1000", "", 100)


def item_line(quantity: float, **fields: Any) -> dict[str, Any]:
    return {"Type": "Item", "No.": "1000", "Quantity": quantity, **fields}


def order(sandbox: Sandbox, no: str = "SO1", **fields: Any) -> str:
    lines = fields.pop("lines", [item_line(3, **{"Line Discount %": 10}), item_line(2, **{"Unit Price": 5})])
    return str(sandbox.sales.add_order(no, customer="C1", lines=lines, **fields)["systemid"])


class TestOrderPages:
    def test_the_header_takes_over_from_the_customer(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        found = bc.page("GET", ORDER).body
        assert (found["Sell_to_Customer_Name"], found["Ship_to_Address"], found["Bill_to_City"]) == (
            "Adatum",
            "1 Main Street",
            "Atlanta",
        )
        assert (found["Payment_Terms_Code"], found["Shipping_Agent_Code"]) == ("30 DAYS", "DHL")
        assert (found["Status"], found["Completely_Shipped"], found["Job_Queue_Status"]) == ("Open", False, " ")
        assert found["ShippingOptions"] == "Default (Sell-to Address)"

    def test_the_totals_stand_on_each_line(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox, **{"Invoice Discount": 1})
        lines = bc.page("GET", "SalesOrderLines?$filter=Document_No eq 'SO1'").body["value"]
        assert [(line["Line_No"], line["Line_Amount"], line["Line_Discount_Amount"]) for line in lines] == [
            (10_000, Decimal("26.97"), 3),
            (20_000, 10, 0),
        ]
        for line in lines:
            assert line["TotalSalesLine_Line_Amount"] == Decimal("36.97")
            assert (line["Invoice_Discount_Amount"], line["Total_Amount_Excl_VAT"]) == (1, Decimal("35.97"))
            assert (line["Total_VAT_Amount"], line["Total_Amount_Incl_VAT"]) == (Decimal("8.99"), Decimal("44.96"))

    def test_prices_that_include_vat(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox, lines=[item_line(1, **{"Unit Price": 125})], **{"Prices Including VAT": True})
        line = bc.page("GET", "SalesOrderLines").body["value"][0]
        assert (line["Line_Amount"], line["Total_Amount_Excl_VAT"], line["Total_VAT_Amount"]) == (125, 100, 25)

    @pytest.mark.parametrize(("currency", "amount"), [("JPY", 3), ("KWD", Decimal("3.333")), ("", Decimal("3.33"))])
    def test_amounts_have_the_decimals_of_their_currency(
        self, bc: BusinessCentral, sandbox: Sandbox, currency: str, amount: Any
    ) -> None:
        order(sandbox, lines=[item_line(1, **{"Unit Price": Decimal("3.3333")})], **{"Currency Code": currency})
        assert bc.page("GET", "SalesOrderLines").body["value"][0]["Line_Amount"] == amount

    def test_lines_as_the_part_of_their_order(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        order(sandbox, "SO2", lines=[item_line(1)])
        nested = bc.page("GET", f"{ORDER}/SalesOrdersSalesLines?$select=Line_No").body["value"]
        assert [line["Line_No"] for line in nested] == [10_000, 20_000]
        flat = bc.page("GET", "SalesOrdersSalesLines?$filter=Document_No eq 'SO2'").body["value"]
        assert [line["Document_No"] for line in flat] == ["SO2"]
        one = bc.page("GET", f"{ORDER}/SalesOrdersSalesLines(Document_Type='Order',Document_No='SO1',Line_No=20000)")
        assert one.body["Quantity"] == 2
        expanded = bc.page(
            "GET", "SalesOrders?$select=No&$orderby=No desc&$expand=SalesOrdersSalesLines($select=Line_No,No;$top=1)"
        ).body["value"]
        assert [(o["No"], [line["Line_No"] for line in o["SalesOrdersSalesLines"]]) for o in expanded] == [
            ("SO2", [10_000]),
            ("SO1", [10_000]),
        ]

    def test_metadata_names_the_parts(self, bc: BusinessCentral) -> None:
        text = bc.text("ODataV4/$metadata")
        assert 'NavigationProperty Name="SalesOrdersSalesLines" Type="Collection(NAV.SalesOrdersSalesLines)"' in text
        assert 'EntitySet Name="SalesOrdersSalesLines"' in text

    def test_draft_invoices_are_no_orders(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.sales.add_draft_invoice("SI1", customer="C1", lines=[item_line(1)])
        assert bc.page("GET", "SalesOrders").body["value"] == []
        assert bc.page("GET", "SalesOrderLines").body["value"] == []
        assert bc.page("GET", "SalesOrders(Document_Type='Invoice',No='SI1')").status == 404

    def test_a_composite_key_must_be_whole(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        reply = bc.page("GET", "SalesOrders('SO1')")
        assert (reply.status, reply.code) == (400, "BadRequest_NotFound")
        assert "number of keys specified in the URI does not match" in reply.text

    def test_pages_are_there_when_published(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        invoice = sandbox.sales.post("SO1", tracking="1Z999")
        assert invoice is not None
        assert bc.page("GET", "PostedSalesInvoices").status == 404
        for page in ("PostedSalesInvoices", "PostedSalesInvoice", "PostedSalesShipments", "PostedSalesShipment"):
            sandbox.bc.publish(page)
        listed = bc.page("GET", "PostedSalesInvoices").body["value"][0]
        assert (listed["No"], listed["Order_No"], listed["Remaining_Amount"], listed["Closed"]) == (
            invoice["No."],
            "SO1",
            Decimal("46.21"),
            False,
        )
        path = f"PostedSalesInvoice('{invoice['No.']}')/PostedSalesInvoiceSalesInvLines"
        assert bc.page("GET", f"PostedSalesInvoice('{invoice['No.']}')").body["SellToEmail"] == "orders@adatum.example"
        lines = bc.page("GET", path).body["value"]
        assert [(line["Line_Amount"], line["Total_Amount_Incl_VAT"]) for line in lines] == [
            (Decimal("26.97"), Decimal("46.21")),
            (10, Decimal("46.21")),
        ]
        shipment = bc.page("GET", "PostedSalesShipments?$expand=PostedSalesShipmentsX").code
        assert shipment == "BadRequest"
        shipped = bc.page("GET", "PostedSalesShipment?$expand=PostedSalesShipmentSalesShipmLines").body["value"][0]
        assert (shipped["Order_No"], shipped["Package_Tracking_No"]) == ("SO1", "1Z999")
        assert [line["Quantity"] for line in shipped["PostedSalesShipmentSalesShipmLines"]] == [3, 2]


class TestApiOrders:
    def test_status_and_totals(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox, **{"Invoice Discount": 1, "External Document No.": "PO-7"})
        for status, shown in (
            ("Open", "Draft"),
            ("Pending Approval", "In_x0020_Review"),
            ("Pending Prepayment", "Open"),
            ("Released", "Open"),
        ):
            sandbox.sales.set_status("SO1", status)
            assert bc.entity("GET", f"salesOrders({identifier})").body["status"] == shown
        found = bc.entity("GET", f"salesOrders({identifier})").body
        assert (found["number"], found["externalDocumentNumber"], found["currencyCode"]) == ("SO1", "PO-7", "USD")
        assert (found["discountAmount"], found["totalAmountExcludingTax"]) == (1, Decimal("35.97"))
        assert (found["totalTaxAmount"], found["totalAmountIncludingTax"]) == (Decimal("8.99"), Decimal("44.96"))
        assert found["customerId"] == sandbox.bc.get("Customer", "C1")["systemid"]
        # Nothing of it is shipped: the API calls that fully shipped.
        assert (found["partialShipping"], found["fullyShipped"]) == (True, True)

    def test_lines_only_by_their_order(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        reply = bc.entity("GET", "salesOrderLines")
        assert (reply.status, reply.code) == (400, "Application_DialogException")
        assert reply.text == "You must specify an Id or a Document Id to get the lines."
        nested = bc.entity("GET", f"salesOrders({identifier})/salesOrderLines").body["value"]
        filtered = bc.entity("GET", f"salesOrderLines?$filter=documentId eq {identifier}").body["value"]
        assert nested == filtered and len(nested) == 2
        line = nested[0]
        assert (line["lineType"], line["lineObjectNumber"], line["sequence"]) == ("Item", "1000", 10_000)
        assert (line["discountAmount"], line["netAmount"], line["netAmountIncludingTax"]) == (
            3,
            Decimal("26.97"),
            Decimal("33.71"),
        )
        assert bc.entity("GET", f"salesOrderLines({line['id']})").body["sequence"] == 10_000
        assert bc.entity("GET", f"salesOrders({identifier})/salesOrderLines({line['id']})").status == 200

    def test_expand(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        found = bc.entity("GET", "salesOrders?$select=number&$expand=salesOrderLines($select=quantity),customer").body
        assert [line["quantity"] for line in found["value"][0]["salesOrderLines"]] == [3, 2]
        assert found["value"][0]["customer"]["number"] == "C1"
        reply = bc.entity("GET", "salesOrders?$expand=lines")
        assert (reply.status, reply.text) == (
            400,
            "Could not find a property named 'lines' on type 'Microsoft.NAV.salesOrder'.",
        )

    def test_a_changed_line_moves_the_order(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        long_ago = sandbox.bc.now() - timedelta(days=90)
        identifier = order(sandbox, modified=long_ago)
        order(sandbox, "SO2", modified=long_ago)
        since = (sandbox.bc.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        recent = f"salesOrders?$filter=lastModifiedDateTime gt {since}&$select=number"
        assert bc.entity("GET", recent).body["value"] == []
        before = bc.entity("GET", f"salesOrders({identifier})").body["@odata.etag"]
        sandbox.sales.change_line("SO1", 10_000, **{"Unit Price": 7})
        found = bc.entity("GET", recent).body["value"]
        assert [row["number"] for row in found] == ["SO1"]
        assert found[0]["@odata.etag"] != before

    def test_counting(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        order(sandbox, "SO2")
        assert bc.entity("GET", "salesOrders?$count=true&$top=1").body["@odata.count"] == 2

    def test_in_a_batch(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        base = f"companies({sandbox.bc.company_id})"
        draft = sandbox.sales.add_draft_invoice("SI1", customer="C1", lines=[item_line(1)])["systemid"]
        paths = [f"salesOrders({identifier})?$expand=salesOrderLines", f"salesInvoices({draft})/salesInvoiceLines"]
        requests = [{"id": str(n), "method": "GET", "url": f"{base}/{path}"} for n, path in enumerate(paths)]
        answers = bc.post("api/v2.0/$batch", {"requests": requests}).body["responses"]
        assert [answer["status"] for answer in answers] == [200, 200]
        assert len(answers[0]["body"]["salesOrderLines"]) == 2
        assert [line["quantity"] for line in answers[1]["body"]["value"]] == [1]


class TestShipments:
    def test_a_shipment_is_news_of_its_own(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        long_ago = sandbox.bc.now() - timedelta(days=90)
        identifier = order(sandbox, modified=long_ago)
        before = bc.entity("GET", f"salesOrders({identifier})").body
        sandbox.sales.ship("SO1", {10_000: 1}, tracking="1Z999")
        after = bc.entity("GET", f"salesOrders({identifier})").body
        assert after["lastModifiedDateTime"] == before["lastModifiedDateTime"]
        found = bc.entity("GET", "salesShipments?$filter=orderNumber eq 'SO1'&$expand=salesShipmentLines").body["value"]
        assert found[0]["lastModifiedDateTime"] > before["lastModifiedDateTime"]
        assert [line["quantity"] for line in found[0]["salesShipmentLines"]] == [1]
        lines = bc.entity("GET", f"salesOrders({identifier})/salesOrderLines").body["value"]
        assert [(line["shippedQuantity"], line["shipQuantity"]) for line in lines] == [(1, 2), (0, 2)]
        assert "Package" not in str(found[0].keys())

    def test_the_order_moves_too_where_that_is_switched_on(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.switches.shipment_touches_order = True
        identifier = order(sandbox, modified=sandbox.bc.now() - timedelta(days=90))
        before = bc.entity("GET", f"salesOrders({identifier})").body["lastModifiedDateTime"]
        sandbox.sales.ship("SO1")
        after = bc.entity("GET", f"salesOrders({identifier})").body
        assert after["lastModifiedDateTime"] > before and after["fullyShipped"]

    def test_stock_leaves_with_it(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        sandbox.sales.ship("SO1", {10_000: 3})
        assert bc.page("GET", "Itemsbylocation").body["value"][0]["Remaining_Quantity"] == 97
        assert bc.page("GET", ORDER).body["Status"] == "Released"
        assert bc.page("GET", ORDER).body["Completely_Shipped"] is False
        sandbox.sales.ship("SO1")
        assert bc.page("GET", ORDER).body["Completely_Shipped"] is True

    def test_lines_need_their_shipment(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        order(sandbox)
        shipment = sandbox.sales.ship("SO1")
        assert bc.entity("GET", "salesShipmentLines").status == 400
        found = bc.entity("GET", f"salesShipments({shipment['systemid']})/salesShipmentLines").body["value"]
        assert [(line["documentNo"], line["lineType"], line["quantity"]) for line in found] == [
            (shipment["No."], "Item", 3),
            (shipment["No."], "Item", 2),
        ]


class TestInvoices:
    def test_drafts_and_posted_stand_in_one_set(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        sandbox.sales.add_draft_invoice("SI1", customer="C1", lines=[item_line(1)])
        order(sandbox)
        sandbox.sales.post("SO1")
        found = bc.entity("GET", "salesInvoices").body["value"]
        assert sorted((row["number"], row["status"], row["orderNumber"]) for row in found) == [
            ("PS-INV103001", "Open", "SO1"),
            ("SI1", "Draft", ""),
        ]

    def test_an_order_in_full_is_gone_and_its_invoice_has_an_id_of_its_own(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        identifier = order(sandbox)
        sandbox.sales.ship("SO1", {10_000: 3})
        first = sandbox.sales.invoice("SO1")
        assert first is not None
        assert bc.entity("GET", f"salesOrders({identifier})").status == 200
        lines = bc.page("GET", "SalesOrderLines").body["value"]
        assert [line["Quantity_Invoiced"] for line in lines] == [3, 0]
        sandbox.sales.post("SO1")
        assert bc.entity("GET", f"salesOrders({identifier})").status == 404
        assert bc.page("GET", ORDER).status == 404
        assert bc.page("GET", "SalesOrderLines").body["value"] == []
        found = bc.entity("GET", "salesInvoices").body["value"]
        assert [row["orderId"] for row in found] == [identifier, identifier]
        assert identifier not in [row["id"] for row in found]
        assert sum(row["totalAmountIncludingTax"] for row in found) == Decimal("46.21")
        assert sandbox.sales.posted(first["No."])["systemid"] in [row["id"] for row in found]

    def test_parts_of_an_order_add_up_to_it(self, sandbox: Sandbox) -> None:
        order(
            sandbox,
            lines=[item_line(3, **{"Unit Price": Decimal("3.33"), "Line Discount %": 7})],
            **{"Invoice Discount": 1},
        )
        whole = sandbox.sales.lines("SO1")[0]["Amount"]
        parts = []
        for _ in range(3):
            sandbox.sales.ship("SO1", {10_000: 1})
            parts.append(sandbox.sales.invoice("SO1"))
        assert sum(part["Amount"] for part in parts if part) == whole

    def test_a_posted_draft_keeps_its_id_and_changes_its_number(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        draft = sandbox.sales.add_draft_invoice("SI1", customer="C1", lines=[item_line(2)])
        identifier = draft["systemid"]
        before = bc.entity("GET", f"salesInvoices({identifier})/salesInvoiceLines").body["value"]
        posted = sandbox.sales.post_invoice("SI1")
        found = bc.entity("GET", f"salesInvoices({identifier})").body
        assert (found["number"], found["status"], found["orderNumber"]) == (posted["No."], "Open", "")
        assert found["remainingAmount"] == found["totalAmountIncludingTax"] == Decimal("24.98")
        after = bc.entity("GET", f"salesInvoices({identifier})/salesInvoiceLines").body["value"]
        assert [line["id"] for line in after] == [line["id"] for line in before]
        assert bc.entity("GET", f"salesInvoiceLines({after[0]['id']})").body["documentId"] == identifier
        shipments = bc.entity("GET", "salesShipments").body["value"]
        assert [shipment["orderNumber"] for shipment in shipments] == [""]

    @pytest.mark.parametrize(
        ("status", "shown"),
        [
            ("Open", "Draft"),
            ("Pending Approval", "In_x0020_Review"),
            ("Released", "Open"),
            ("Pending Prepayment", "Open"),
        ],
    )
    def test_a_draft_that_is_released_reads_as_one_that_is_posted_and_not_paid(
        self, bc: BusinessCentral, sandbox: Sandbox, status: str, shown: str
    ) -> None:
        identifier = sandbox.sales.add_draft_invoice("SI1", customer="C1", lines=[item_line(2)])["systemid"]
        sandbox.sales.set_status("SI1", status, "Invoice")
        (found,) = bc.entity("GET", f"salesInvoices?$filter=status eq '{shown}'").body["value"]
        assert (found["id"], found["number"], found["status"]) == (identifier, "SI1", shown)
        assert found["remainingAmount"] == found["totalAmountIncludingTax"] == Decimal("24.98")

    def test_paid_and_cancelled(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        long_ago = sandbox.bc.now() - timedelta(days=90)
        for no in ("SI1", "SI2"):
            sandbox.sales.add_draft_invoice(no, customer="C1", lines=[item_line(2)], modified=long_ago)
            sandbox.sales.post_invoice(no, modified=long_ago)
        stock = bc.page("GET", "Itemsbylocation").body["value"][0]["Remaining_Quantity"]
        sandbox.sales.pay_invoice("PS-INV103001", 4)
        first = bc.entity("GET", "salesInvoices?$filter=number eq 'PS-INV103001'").body["value"][0]
        assert (first["status"], first["remainingAmount"]) == ("Open", Decimal("20.98"))
        # The remaining amount is worked out when it is read; nobody changed the invoice.
        assert first["lastModifiedDateTime"] < (sandbox.bc.now() - timedelta(days=80)).isoformat()
        # More than is due is not settled: the rest stays open on the customer's account.
        sandbox.sales.pay_invoice("PS-INV103001", 30)
        sandbox.sales.cancel_invoice("PS-INV103002")
        found = bc.entity("GET", "salesInvoices").body["value"]
        assert [(row["status"], row["remainingAmount"]) for row in found if row["number"] == "PS-INV103001"] == [
            ("Paid", 0)
        ]
        assert [row["status"] for row in found if row["number"] == "PS-INV103002"] == ["Canceled"]
        assert all(row["lastModifiedDateTime"] > (sandbox.bc.now() - timedelta(days=1)).isoformat() for row in found)
        assert bc.page("GET", "Itemsbylocation").body["value"][0]["Remaining_Quantity"] == stock + 2
