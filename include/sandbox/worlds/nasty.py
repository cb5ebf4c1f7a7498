"""What real tenants have: blanks, twins, odd characters, codes that nobody knows, documents that lead nowhere."""

from __future__ import annotations

from typing import Any

from include.sandbox.bc.sales import Sales
from include.sandbox.bc.tenant import Tenant
from include.sandbox.credentials import OTHER_SYSTEM_ID
from include.sandbox.ipaas.platform import Platform

_NEVER = "0001-01-01T00:00:00Z"


def add_nasty(tenant: Tenant, platform: Platform) -> None:
    """Add it to both systems."""
    _customers(tenant)
    _people(tenant)
    _items(tenant)
    _documents(tenant)
    _born_elsewhere(platform)


def _customers(tenant: Tenant) -> None:
    twin = {"E-Mail": "twin@example.com"}
    tenant.add_customer("N1", "", "Company")
    tenant.add_customer("N2", "No Mail", "Person")
    tenant.add_customer("N3", "Twin One", "Person", **twin)
    tenant.add_customer("N4", "Twin Two", "Person", **twin)
    tenant.add_customer("N5", "Same Name Ltd", "Company")
    tenant.add_customer("N6", "Same Name Ltd", "Company")
    tenant.add_customer("N/7 %#?&+", "Odd Key's & Söhne", "Company")
    tenant.add_customer("N8", "Orphan Group", "Company", **{"Customer Price Group": "NOWHERE"})
    tenant.add_customer("N9", "Prince", "Person", **{"E-Mail": "prince@example.com"})
    tenant.add_customer("N10", "  Blanks   everywhere  ", "Company", **{"Address": "  1  Blank  Street "})
    tenant.add_customer("N11", "شركة الاختبار 🏭 ﷽", "Company", **{"City": "القاهرة", "Contact": "李 小龍"})
    tenant.add_customer("N12", "x" * 100, "Company", **{"Address": "y" * 100, "City": "z" * 30})
    tenant.add_customer("N13", "Blocked Person", "Person", **{"E-Mail": "blocked@example.com", "Blocked": "All"})
    tenant.add_customer("N14", "Her own bill-to", "Company", **{"Bill-to Customer No.": "N14"})
    never = tenant.add_customer("N15", "Never Modified", "Company")
    never["systemmodifiedat"] = _NEVER


def _people(tenant: Tenant) -> None:
    tenant.add_person("CTN1", "No Mail Either", customer="N5", email="")
    tenant.add_person("CTN2", "Twin Three", customer="N5", email="twin@example.com")
    stray = {"No.": "CTN3", "Name": "Stray", "Type": "Person", "E-Mail": "stray@example.com"}
    tenant.add("Contact", stray)
    tenant.add_person("CTN4", "Private", customer="N6", email="private@example.com", **{"Privacy Blocked": True})


def _items(tenant: Tenant) -> None:
    def item(no: str, description: str, **fields: Any) -> None:
        base = {"No.": no, "Description": description, "Unit Price": 1, "Base Unit of Measure": "PCS"}
        tenant.add("Item", {**base, "Type": "Inventory", **fields})

    item("N-BLANK", "")
    item("N/1 %#?&+", "Odd key")
    item("N-FREE", "Costs nothing", **{"Unit Price": 0})
    item("N-BLOCKED", "Blocked", Blocked=True)
    item("N-NOSALE", "Not for sale", **{"Sales Blocked": True})
    item("N-CATEGORY", "Of no category", **{"Item Category Code": "NOWHERE"})
    item("N-LONG", "d" * 100, **{"Description 2": "e" * 50})
    item("N-NEVER", "Never modified")
    item("n-lower", "A key that somebody imported in lower case")
    for row in tenant.rows("Item"):
        if row["No."] == "N-NEVER":
            row["systemmodifiedat"] = _NEVER
    item("N-STRAY", "Somewhere")
    tenant.move_stock("N-STRAY", "NOWHERE", 5)
    tenant.move_stock("N-NEVER", "MAIN", 5)
    tenant.move_stock("N-FREE", "MAIN", -3)


def _documents(tenant: Tenant) -> None:
    sales = Sales(tenant)
    line = {"Type": "Item", "No.": "N-NEVER", "Quantity": 3, "Unit Price": 9.99}
    tenant.add_customer("NYEN", "Yen House", "Company", **{"Currency Code": "JPY"})
    tenant.add_customer("NKWD", "Dinar House", "Company", **{"Currency Code": "KWD"})
    tenant.add_customer("NINC", "Prices With VAT", "Company", **{"Prices Including VAT": True})
    for customer in ("NYEN", "NKWD", "NINC", "N2", "N/7 %#?&+"):
        sales.release(sales.add_order(customer=customer, lines=[line])["No."])
    only_words = sales.add_order(customer="N5", lines=[{"Type": " ", "Description": "Nothing to sell"}])
    sales.release(only_words["No."])
    free = sales.add_order(customer="N5", lines=[{**line, "Line Discount %": 100}])
    sales.release(free["No."])
    odd = [{**line, "Quantity": 0.33333, "Unit Price": 0.01}, {**line, "Quantity": 7, "Line Discount %": 33.33333}]
    discount: dict[str, Any] = {"Invoice Discount": 0.05}
    sales.release(sales.add_order(customer="N6", lines=odd, **discount)["No."])
    cancelled = sales.post_invoice(sales.add_draft_invoice(customer="N6", lines=[line])["No."])
    sales.cancel_invoice(cancelled["No."])
    gone = sales.add_order(customer="N6", lines=[line])
    sales.release(gone["No."])
    sales.delete_order(gone["No."])


def _born_elsewhere(platform: Platform) -> None:
    def born(type_name: str, external_id: str, **body: Any) -> int:
        link = {"system_id": OTHER_SYSTEM_ID, "external_id": f"nasty-{external_id}"}
        return int(platform.add(type_name, {**body, "external_ids": [link]})["id"])

    abroad = {"address_1": "1 Nowhere", "country": "XX", "is_primary_billing": True}
    product = {"default_price": 1, "type": "Physical", "status": "Active", "tracking_method": "Product"}
    born("company", "long", name="L" * 101)
    born("company", "abroad", name="Abroad", addresses=[abroad])
    born("company", "twin", name="Same Name Ltd")
    born("company", "number", name="Long number", account_number="A" * 21)
    born("customer", "one", email_address="one@example.com", last_name="Cher")
    born("customer", "bare", email_address="bare@example.com", first_name="🎩", last_name="")
    born("product", "long", sku="S" * 21, name="A sku of 21 characters", **product)
    born("product", "tax", sku="N-TAX", name="Of an unknown tax class", tax_class="NOWHERE", **product)
    born("product", "lower", sku="n-web-lower", name="A sku in lower case", **product)
    buyer = born("customer", "buyer", email_address="buyer@example.com", first_name="Nick", last_name="Nasty")
    line = {"type": "Product", "status": "Pending", "sku": "n-web-lower", "qty": 1, "unit_price": 5}
    order = {"system_id": OTHER_SYSTEM_ID, "customer_id": buyer, "type": "Order", "lines": [line]}
    born("transaction", "untied", **order, transaction_number="N-UNTIED", status="Complete", total=6, subtotal=5)
    born("transaction", "hold", **{**order, "type": "Hold"}, transaction_number="N-HOLD", status="Pending", total=5)
    born("transaction", "twin-1", **order, transaction_number="N-TWIN", status="Pending", total=5)
    born("transaction", "twin-2", **order, transaction_number="N-TWIN", status="Pending", total=5)
    long = "N" * 36
    born("transaction", "long", **order, transaction_number=long, status="Pending", total=5)
