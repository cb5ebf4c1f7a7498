"""A company that sells two items to two customers, and what the tests of its sales documents share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from callers import Reply

from include.sandbox import Sandbox

NOWHERE = "11111111-1111-4111-8111-111111111111"
ORDER = "SalesOrders(Document_Type='Order',No='SO1')"
LINE = "SalesOrderLines(Document_Type='Order',Document_No='SO1',Line_No=10000)"


def set_up(sandbox: Sandbox) -> None:
    """Adatum (C1) and Blue Yonder (C2), items 1000 at 9.99 and 1001 at 20, ten of each in stock."""
    tenant = sandbox.bc
    card = {
        "Address": "1 Main Street",
        "City": "Atlanta",
        "Payment Terms Code": "30 DAYS",
        "Shipping Agent Code": "DHL",
        "Customer Price Group": "RETAIL",
    }
    tenant.add_customer("C1", "Adatum", "Company", **card)
    tenant.add_customer("C2", "Blue Yonder", "Company", **{"Address": "2 Side Street", "Currency Code": "EUR"})
    for no, price in (("1000", Decimal("9.99")), ("1001", Decimal(20))):
        fields = {"Description": f"Item {no}", "Base Unit of Measure": "PCS", "Type": "Inventory", "Unit Price": price}
        tenant.add("Item", {"No.": no, **fields})
        tenant.move_stock(no, "", 10)


def order(sandbox: Sandbox, **fields: Any) -> str:
    """Order SO1 of C1, of three pieces of item 1000 unless `lines` says otherwise; answers its id."""
    lines = fields.pop("lines", [{"Type": "Item", "No.": "1000", "Quantity": 3}])
    return str(sandbox.sales.add_order("SO1", customer="C1", lines=lines, **fields)["systemid"])


def customer_id(sandbox: Sandbox, no: str = "C1") -> str:
    """A customer's id."""
    return str(sandbox.bc.get("Customer", no)["systemid"])


def refused(reply: Reply, code: str, *words: str, status: int = 400) -> None:
    """Assert that a call was refused, with a code and with words."""
    assert (reply.status, reply.code) == (status, code), reply.body
    assert all(word in reply.text for word in words), reply.text


def made(reply: Reply) -> Any:
    """The body of a call that must have gone well."""
    assert reply.status in (200, 201), reply.body
    return reply.body
