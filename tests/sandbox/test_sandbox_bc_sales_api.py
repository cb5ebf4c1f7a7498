"""Orders, invoices and payments written through API v2.0, and what Business Central refuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from callers import BusinessCentral
from selling import LINE, NOWHERE, ORDER, customer_id, made, order, refused, set_up

from include.sandbox import Sandbox


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    set_up(sandbox)


class TestApiOrders:
    def test_a_customer_is_needed_and_must_be_one(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, 'A "customerNumber" or a "customerId" must be provided.'),
            ({"customerNumber": "C9"}, "The sell-to customer cannot be found."),
            ({"customerId": NOWHERE}, "The sell-to customer cannot be found."),
            (
                {"customerId": customer_id(sandbox), "customerNumber": "C2"},
                "The sell-to customer values do not match to a specific Customer.",
            ),
            ({"customerNumber": "C1", "billToCustomerNumber": "C9"}, "The bill-to customer cannot be found."),
            ({"customerNumber": "C1", "currencyCode": "XXX"}, 'The "currencyCode" does not match to a Currency.'),
            (
                {"customerNumber": "C1", "paymentTermsId": NOWHERE},
                'The "paymentTermsId" does not match to a Payment Terms.',
            ),
        ]
        for body, text in cases:
            reply = bc.entity("POST", "salesOrders", body)
            refused(reply, "Application_DialogException")
            assert reply.text == text
        assert bc.entity("GET", "salesOrders").body["value"] == []

    def test_the_number_is_locked_but_taken_on_create(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {"number": "WEB1", "customerNumber": "C1"}
        refused(bc.entity("POST", "salesOrders", body), "Application_DialogException", "No. Series S-ORD.")
        sandbox.bc.allow_manual_numbers("S-ORD", True)
        found = made(bc.entity("POST", "salesOrders", body))
        assert found["number"] == "WEB1"
        refused(
            bc.entity("PATCH", f"salesOrders({found['id']})", {"number": "WEB2"}),
            "BadRequest_InvalidOperation",
            "number",
        )
        refused(
            bc.entity("PATCH", f"salesOrders({found['id']})", {"id": NOWHERE}),
            "Application_DialogException",
            'The "id" cannot be changed.',
        )

    def test_deep_insert(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {
            "customerNumber": "C1",
            "externalDocumentNumber": "T-1",
            "salesOrderLines": [
                {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 2},
                {"lineType": "Comment", "description": "Gift"},
            ],
        }
        assert "salesOrderLines" not in made(bc.entity("POST", "salesOrders", body))
        found = made(bc.entity("POST", "salesOrders?$expand=salesOrderLines", body))
        assert [line["lineType"] for line in found["salesOrderLines"]] == ["Item", "Comment"]
        assert found["totalAmountIncludingTax"] == Decimal("19.98")
        body["salesOrderLines"] = [{"itemId": NOWHERE}]
        refused(bc.entity("POST", "salesOrders", body), "Application_DialogException", "Item does not exist.")
        assert len(bc.entity("GET", "salesOrders").body["value"]) == 2

    @pytest.mark.parametrize(("switch", "left"), [("one", None), ("parts", 1), ("torn", 1)])
    def test_a_deep_insert_that_breaks_off_may_leave_what_it_has_made(
        self, bc: BusinessCentral, sandbox: Sandbox, switch: str, left: int | None
    ) -> None:
        sandbox.switches.deep_insert = switch
        lines = [{"lineType": "Item", "lineObjectNumber": "1000", "quantity": 2}, {"itemId": NOWHERE}]
        answer = bc.entity(
            "POST", "salesOrders?$expand=salesOrderLines", {"customerNumber": "C1", "salesOrderLines": lines}
        )
        assert answer.status == (500 if switch == "torn" else 400)
        found = bc.entity("GET", "salesOrders?$expand=salesOrderLines").body["value"]
        assert [len(order["salesOrderLines"]) for order in found] == ([] if left is None else [left])

    def test_the_discount_of_the_whole_order(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox, lines=[{"Type": "Item", "No.": no, "Quantity": 2} for no in ("1000", "1001")])
        before = bc.entity("GET", f"salesOrders({identifier})/salesOrderLines").body["value"]
        found = made(bc.entity("PATCH", f"salesOrders({identifier})", {"discountAmount": 5}))
        assert (found["discountAmount"], found["totalAmountExcludingTax"]) == (5, Decimal("54.98"))
        lines = bc.entity("GET", f"salesOrders({identifier})/salesOrderLines").body["value"]
        assert [line["invoiceDiscountAllocation"] for line in lines] == [Decimal("1.67"), Decimal("3.33")]
        assert all(now["@odata.etag"] != then["@odata.etag"] for now, then in zip(lines, before, strict=True))

    def test_lines(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        item, account = (sandbox.bc.get(t, n)["systemid"] for t, n in (("Item", "1001"), ("G/L Account", "40410")))
        path = f"salesOrders({identifier})/salesOrderLines"
        line = made(bc.entity("POST", path, {"itemId": item, "quantity": 2, "unitPrice": 4}))
        assert (line["sequence"], line["lineObjectNumber"], line["amountExcludingTax"]) == (20_000, "1001", 8)
        freight = {"documentId": identifier, "accountId": account, "quantity": 1, "unitPrice": 7}
        found = made(bc.entity("POST", "salesOrderLines", freight))
        assert (found["lineType"], found["description"]) == ("Account", "Shipping charged to customers")
        cases: list[tuple[dict[str, Any], str]] = [
            (
                {"itemId": item, "accountId": account},
                'Both "itemId" and "accountId" are specified. Specify only one of them.',
            ),
            ({"itemId": NOWHERE}, "Item does not exist."),
            ({"accountId": NOWHERE}, "Account does not exist."),
            ({"sequence": 10_000, "itemId": item}, "You cannot insert a line because a line already exists."),
        ]
        for body, text in cases:
            reply = bc.entity("POST", path, body)
            refused(reply, "Application_DialogException")
            assert reply.text == text
        own = f"salesOrderLines({line['id']})"
        refused(
            bc.entity("PATCH", own, {"sequence": 5}), "Application_DialogException", "Delete and insert the line again."
        )
        refused(bc.entity("PATCH", own, {"documentId": NOWHERE}), "Application_DialogException", '"documentId"')
        refused(
            bc.entity("PATCH", own, {"lineObjectNumber": "1000"}), "Application_DialogException", '"lineObjectNumber"'
        )
        refused(bc.entity("PATCH", own, {"shippedQuantity": 1}), "BadRequest_InvalidOperation", "shippedQuantity")
        assert made(bc.entity("PATCH", own, {"unitPrice": 5}))["amountExcludingTax"] == 10
        assert bc.entity("DELETE", own).status == 204
        assert [row["sequence"] for row in bc.entity("GET", path).body["value"]] == [10_000, 30_000]

    def test_a_released_order_takes_no_lines(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        sandbox.sales.release("SO1")
        path = f"salesOrders({identifier})/salesOrderLines"
        refused(
            bc.entity("POST", path, {"lineType": "Item", "lineObjectNumber": "1000"}),
            "Application_FieldValidationException",
            "Current value is 'Released'.",
        )


class TestActions:
    def test_ship_and_invoice(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        made(bc.page("PATCH", LINE, {"Qty_to_Ship": 1}))
        path = f"salesOrders({identifier})/Microsoft.NAV.shipAndInvoice"
        assert bc.entity("POST", path).status == 204
        assert bc.page("GET", LINE).body["Quantity_Invoiced"] == 1
        assert bc.entity("POST", path.lower().replace("salesorders", "salesOrders")).status == 204
        assert bc.entity("GET", f"salesOrders({identifier})").status == 404
        assert [row["orderNumber"] for row in bc.entity("GET", "salesInvoices").body["value"]] == ["SO1", "SO1"]

    def test_an_order_without_lines_or_quantities(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox, lines=[])
        path = f"salesOrders({identifier})/Microsoft.NAV.shipAndInvoice"
        refused(
            bc.entity("POST", path), "Application_DialogException", "Please add at least one line item to the document."
        )
        sandbox.sales.add_line("SO1", **{"Type": "Item", "No.": "1000"})
        refused(bc.entity("POST", path), "Application_FieldValidationException", "Quantity must have a value")

    def test_what_stops_a_posting(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox, lines=[{"Type": "Item", "No.": "1000", "Quantity": 11}])
        path = f"salesOrders({identifier})/Microsoft.NAV.shipAndInvoice"
        sandbox.switches.prevent_negative_inventory = True
        refused(
            bc.entity("POST", path),
            "Application_DialogException",
            "You have insufficient quantity of Item 1000 on inventory.",
        )
        sandbox.switches.prevent_negative_inventory = False
        sandbox.switches.posting_groups_required = True
        refused(
            bc.entity("POST", path),
            "Application_FieldValidationException",
            "Customer Posting Group must have a value in Customer: No.=C1. It cannot be zero or empty.",
        )
        sandbox.switches.posting_groups_required = False
        sandbox.switches.posting_allowed_from = "9999-01-01"
        refused(bc.entity("POST", path), "Application_DialogException", "allowed posting dates")
        sandbox.switches.posting_allowed_from = ""
        made(bc.page("PATCH", ORDER, {"Shipping_Advice": "Complete"}))
        made(bc.page("PATCH", LINE, {"Qty_to_Ship": 1}))
        refused(bc.entity("POST", path), "Application_DialogException", "This order must be a complete shipment.")
        made(bc.page("PATCH", ORDER, {"Shipping_Advice": "Partial"}))
        sandbox.bc.change("Customer", "C1", Blocked="Ship")
        refused(
            bc.entity("POST", path),
            "Application_DialogException",
            "You cannot post this type of document when Customer C1 is blocked with type Ship",
        )
        assert bc.entity("GET", "salesShipments").body["value"] == []

    def test_invoices_from_draft_to_cancelled(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {
            "customerNumber": "C1",
            "salesInvoiceLines": [{"lineType": "Item", "lineObjectNumber": "1000", "quantity": 1}],
        }
        draft = made(bc.entity("POST", "salesInvoices", body))
        own = f"salesInvoices({draft['id']})"
        assert (draft["status"], draft["number"]) == ("Draft", "S-INV102001")
        refused(
            bc.entity("POST", f"{own}/Microsoft.NAV.cancel"),
            "Application_DialogException",
            "The action can be applied to a posted invoice only.",
        )
        assert bc.entity("POST", f"{own}/Microsoft.NAV.Post").status == 204
        posted = bc.entity("GET", own).body
        assert (posted["id"], posted["number"], posted["status"]) == (draft["id"], "PS-INV103001", "Open")
        refused(
            bc.entity("POST", f"{own}/Microsoft.NAV.post"),
            "Application_DialogException",
            "The action can be applied to a draft invoice only.",
        )
        refused(bc.entity("PATCH", own, {"discountAmount": 1}), "Application_DialogException")
        refused(bc.entity("POST", f"{own}/salesInvoiceLines", {"itemId": NOWHERE}), "Application_DialogException")
        refused(
            bc.entity("POST", f"{own}/Microsoft.NAV.send"), "Application_DialogException", "The send-to email is empty."
        )
        assert bc.entity("POST", f"{own}/Microsoft.NAV.cancel").status == 204
        assert bc.entity("GET", own).body["status"] == "Canceled"
        refused(
            bc.entity("POST", f"{own}/Microsoft.NAV.cancel"),
            "Application_DialogException",
            "The invoice cannot be canceled because it has already been canceled.",
        )

    def test_a_released_draft_is_posted_and_one_that_is_in_approval_is_not(
        self, bc: BusinessCentral, sandbox: Sandbox
    ) -> None:
        no = sandbox.sales.add_draft_invoice(customer="C1", lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}])[
            "No."
        ]
        own = f"salesInvoices({sandbox.sales.draft(no)['systemid']})"
        line = {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 1}
        for status, words in (
            ("Pending Approval", "when the approval process is complete"),
            ("Pending Prepayment", "unpaid prepayment invoices"),
        ):
            sandbox.sales.set_status(no, status, "Invoice")
            refused(bc.entity("POST", f"{own}/Microsoft.NAV.post"), "Application_DialogException", words)
        sandbox.sales.release(no, "Invoice")
        closed = bc.entity("POST", f"{own}/salesInvoiceLines", line)
        refused(closed, "Application_FieldValidationException", "Current value is 'Released'")
        assert bc.entity("POST", f"{own}/Microsoft.NAV.post").status == 204
        refused(bc.entity("POST", f"{own}/Microsoft.NAV.post"), "Application_DialogException", "draft invoice only")

    def test_an_action_that_is_none(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        identifier = order(sandbox)
        reply = bc.entity("POST", f"salesOrders({identifier})/Microsoft.NAV.release")
        refused(reply, "BadRequest_NotFound", status=404)


class TestDraftInvoices:
    def test_tax_and_freight_on_accounts(self, bc: BusinessCentral, sandbox: Sandbox) -> None:
        body = {
            "customerId": customer_id(sandbox),
            "externalDocumentNumber": "T-100",
            "invoiceDate": "2026-05-01",
            "postingDate": "2026-05-02",
            "sellToAddressLine1": "5 Harbour",
            "email": "someone@example.com",
            "salesperson": "JO",
            "currencyCode": "USD",
        }
        draft = made(bc.entity("POST", "salesInvoices", body))
        assert (draft["dueDate"], draft["currencyCode"], draft["sellToAddressLine1"]) == (
            "2026-05-31",
            "USD",
            "5 Harbour",
        )
        own = f"salesInvoices({draft['id']})"
        for account, amount in (("40410", Decimal("7.5")), ("22700", Decimal("1.23"))):
            line = {"lineType": "Account", "lineObjectNumber": account, "quantity": 1, "unitPrice": amount}
            made(bc.entity("POST", f"{own}/salesInvoiceLines", line))
        found = made(bc.entity("PATCH", own, {"discountAmount": Decimal("0.73")}))
        assert found["totalAmountIncludingTax"] == Decimal("8.00")
        assert bc.entity("DELETE", own).status == 204
        assert bc.entity("GET", "salesInvoices").body["value"] == []


class TestPayments:
    @pytest.fixture
    def journal(self, bc: BusinessCentral) -> Any:
        found = bc.entity("GET", "customerPaymentJournals").body["value"]
        assert sorted(row["code"] for row in found) == ["GENERAL", "WEBSHOP"]  # not those of other templates
        return next(row for row in found if row["code"] == "WEBSHOP")

    def test_a_payment_for_an_invoice(self, bc: BusinessCentral, sandbox: Sandbox, journal: Any) -> None:
        draft = sandbox.sales.add_draft_invoice(customer="C1", lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}])
        identifier, no = draft["systemid"], sandbox.sales.post_invoice(draft["No."])["No."]
        own = f"customerPaymentJournals({journal['id']})/customerPayments"
        body = {
            "customerNumber": "C1",
            "postingDate": "2026-05-02",
            "amount": Decimal("-9.99"),
            "appliesToInvoiceId": identifier,
            "externalDocumentNumber": "PAY-1",
        }
        payment = made(bc.entity("POST", own, body))
        assert (payment["journalDisplayName"], payment["lineNumber"]) == ("WEBSHOP", 10_000)
        assert (payment["appliesToInvoiceNumber"], payment["amount"]) == (no, Decimal("-9.99"))
        assert payment["customerId"] == customer_id(sandbox) and payment["documentNumber"]
        assert made(bc.entity("POST", "customerPayments", {**body, "journalId": journal["id"]}))["lineNumber"] == 20_000
        filtered = bc.entity("GET", f"customerPayments?$filter=journalId eq {journal['id']}").body["value"]
        assert [row["lineNumber"] for row in filtered] == [10_000, 20_000]
        # A payment in a journal has not been posted: the invoice is still owed.
        assert bc.entity("GET", f"salesInvoices({identifier})").body["remainingAmount"] == Decimal("9.99")
        assert bc.entity("DELETE", f"customerPayments({payment['id']})").status == 204
        assert sandbox.sales.post_payments("WEBSHOP") == 1
        assert bc.entity("GET", f"salesInvoices({identifier})").body["status"] == "Paid"
        assert bc.entity("GET", own).body["value"] == []

    def test_what_is_refused(self, bc: BusinessCentral, sandbox: Sandbox, journal: Any) -> None:
        own = f"customerPaymentJournals({journal['id']})/customerPayments"
        draft = sandbox.sales.add_draft_invoice(customer="C1", lines=[{"Type": "Item", "No.": "1000", "Quantity": 1}])
        cases: list[tuple[dict[str, Any], str]] = [
            ({"customerNumber": "C9"}, 'The "customerNumber" does not match to a Customer.'),
            ({"customerId": NOWHERE}, 'The "customerId" does not match to a Customer.'),
            (
                {"customerId": customer_id(sandbox), "customerNumber": "C2"},
                "The customer values do not match to a specific Customer.",
            ),
            (
                {"appliesToInvoiceId": draft["systemid"]},
                'The "appliesToInvoiceId" should be the ID of an Open, Paid, Corrective, or Canceled Invoice.',
            ),
        ]
        for body, text in cases:
            reply = bc.entity("POST", own, body)
            refused(reply, "Application_DialogException")
            assert reply.text == text
        for reply in (bc.entity("GET", "customerPayments"), bc.entity("POST", "customerPayments", {"amount": -1})):
            refused(reply, "Application_DialogException", "You must specify a journal batch ID or a journal ID")

    def test_the_journal_may_stand_anywhere_in_the_body(self, bc: BusinessCentral, journal: Any) -> None:
        body = {"amount": -5, "customerNumber": "C1", "journalId": journal["id"]}
        assert made(bc.entity("POST", "customerPayments", body))["journalDisplayName"] == "WEBSHOP"
