"""What was born in iPaaS.com: the records of the Web shop, another system of the same company."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from include.sandbox.bc.tenant import Tenant
from include.sandbox.credentials import OTHER_SYSTEM_ID
from include.sandbox.ipaas.platform import Platform, Record
from include.sandbox.worlds.masters import item_no
from include.sandbox.worlds.names import FAMILY, PLACES, TRADES, Size, person

Body = dict[str, Any]
_CENT = Decimal("0.01")


def add_shop(tenant: Tenant, platform: Platform, size: Size) -> None:
    """Add the shop's companies, customers, products, pending orders and complete transactions."""
    shop = Shop(tenant, platform)
    for number in range(size.shop_companies):
        shop.company(number)
    for number in range(size.shop_customers):
        shop.customer(number)
    for number in range(size.shop_products):
        shop.product(number)
    if size.shop_orders + size.shop_invoices:
        shop.methods()
        shop.sell_items(min(3, size.items))
    if size.contacts:
        shop.contact()
    for number in range(size.shop_orders):
        shop.order(number)
    for number in range(size.shop_invoices):
        shop.sale(number)


class Shop:
    """Makes the Web shop's records, each linked to the shop's own system."""

    def __init__(self, tenant: Tenant, platform: Platform) -> None:
        self.tenant, self.platform = tenant, platform
        self.chance = Random(tenant.random.random())
        self.buyers: list[Body] = []
        self.products: list[Record] = []
        self.contacts: list[Body] = []

    def company(self, number: int) -> Record:
        """A company."""
        name = f"{self.chance.choice(FAMILY)} {self.chance.choice(TRADES)} (web {number + 1})"
        address = self._address(number, name)
        body: Body = {
            "name": name,
            "account_number": f"WEB{number:03}",
            "email_address": f"orders{number}@webcompany{number}.example",
            "phone_number": address["phone_number"],
            "addresses": [address | {"company": name, "is_primary_billing": True, "is_primary_shipping": True}],
        }
        record = self._add("company", body, f"company-{number}")
        self.buyers.append({"company_id": record["id"]})
        return record

    def customer(self, number: int) -> Record:
        """A customer."""
        name = person(self.chance)
        body = {
            "customer_number": f"WP{number:04}",
            "email_address": f"shopper{number}@example.net",
            **_names(name),
            "addresses": [self._address(number, name) | {"is_primary_billing": True, "is_primary_shipping": True}],
        }
        record = self._add("customer", body, f"customer-{number}")
        self.buyers.append({"customer_id": record["id"]})
        return record

    def contact(self) -> Record:
        """A customer of the shop who is a contact of Business Central, known by the same e-mail address."""
        contact = next(row for row in self.tenant.rows("Contact") if row["Type"] == "Person" and row["Company No."])
        body = {"email_address": contact["E-Mail"], **_names(contact["Name"])}
        record = self._add("customer", body, "customer-contact")
        self.contacts.append({"customer_id": record["id"]})
        return record

    def product(self, number: int) -> Record:
        """A product that only the shop knows."""
        sku = f"WEB-{number + 1:03}"
        body = {
            **_product(sku, f"{self.chance.choice(TRADES)} kit {number + 1}", self._price()),
            "weight": round(self.chance.uniform(0.1, 9), 2),
        }
        if number % 2:
            body["tax_class"] = "SUPPLIES"
        return self._keep(self._add("product", body, f"product-{number}"))

    def sell_items(self, count: int) -> None:
        """Items of Business Central that the shop sells under the same sku."""
        for number in range(1, count + 1):
            item = self.tenant.get("Item", item_no(number))
            if item is not None:
                body = _product(item["No."], item["Description"], Decimal(str(item["Unit Price"])))
                self._keep(self._add("product", body, f"item-{number}"))

    def methods(self) -> None:
        """The shop's ways to ship and to pay; two of each carry names of Business Central's codes."""
        for name in ("UPS", "DHL"):
            self._add("shipping method", {"name": name, "description": f"{name} (web)"}, f"ship-{name}")
        for name in ("CARD", "PAYPAL", "Gift voucher"):
            self._add("payment method", {"name": name}, f"pay-{name}")

    def order(self, number: int) -> Record:
        """A pending order; the first buyer of each round is the contact."""
        buyers = [*self.contacts, *self.buyers]
        body = self._transaction(f"WEB-{1001 + number}", number, buyers[number % len(buyers)])
        return self._add("transaction", body | {"type": "Order", "status": "Pending"}, f"order-{number}")

    def sale(self, number: int) -> Record:
        """A complete transaction, with the payments it has had: none, some or all of its total."""
        body = self._transaction(f"WEB-S{1001 + number}", number, self.buyers[number % len(self.buyers)])
        kind = "Invoice" if number % 2 else "Order"
        paid = {0: body["total"], 1: Decimal(0), 2: (body["total"] / 2).quantize(_CENT)}[number % 3]
        if paid:
            link = {"system_id": OTHER_SYSTEM_ID, "external_id": f"sale-{number}|payment"}
            payment = {"method": "CARD", "amount": paid, "status": "Complete", "external_ids": [link]}
            body["payments"] = [payment]
        return self._add("transaction", body | {"type": kind, "status": "Complete"}, f"sale-{number}")

    def _transaction(self, text: str, number: int, buyer: Body) -> Body:
        lines = [self._line(text, number, place) for place in range(1 + number % 3)]
        subtotal = sum((line["extended_price"] for line in lines), Decimal(0))
        discounts = sum((line["discount_amount"] for line in lines), Decimal(0))
        shipping = Decimal("7.50") if number % 2 else Decimal(0)
        tax = (subtotal * Decimal("0.07")).quantize(_CENT) if number % 4 == 1 else Decimal(0)
        name = person(self.chance)
        when = datetime.now(UTC) - timedelta(days=number % 4, hours=1)
        body: Body = {
            **buyer,
            "system_id": OTHER_SYSTEM_ID,
            "transaction_number": text,
            "email_address": f"buyer{number}@example.net",
            "created_datetime": when.isoformat(timespec="seconds"),
            "lines": lines,
            "subtotal": subtotal,
            "discount_amount": discounts,
            "shipping_amount": shipping,
            "tax_amount": tax,
            "total": subtotal + shipping + tax,
            "total_qty": sum(line["qty"] for line in lines),
            "addresses": [
                self._address(number, name) | {"is_primary_billing": True, "is_primary_shipping": False},
                self._address(number + 1, name)
                | {"is_primary_billing": False, "is_primary_shipping": True, "shipping_method": "UPS"},
            ],
        }
        if tax:
            body["taxes"] = [{"authority": "State", "amount": tax}]
        return body

    def _line(self, text: str, number: int, place: int) -> Body:
        product = self.products[(number + place) % len(self.products)]
        price, quantity = Decimal(str(product["default_price"])), 1 + (number + place) % 4
        percent = Decimal(10) if (number + place) % 5 == 4 else Decimal(0)
        discount = (price * quantity * percent / 100).quantize(_CENT)
        return {
            "external_ids": [{"system_id": OTHER_SYSTEM_ID, "external_id": f"{text}|{place + 1}"}],
            "sequence_number": place + 1,
            "type": "Product",
            "status": "Pending",
            "sku": product["sku"],
            "description": product["name"],
            "qty": quantity,
            "unit_price": price,
            "original_unit_price": price,
            "discount_percent": percent,
            "discount_amount": discount,
            "extended_price": price * quantity - discount,
        }

    def _address(self, number: int, name: str) -> Body:
        city, region, postal_code, country = PLACES[number % len(PLACES)]
        address = {
            **_names(name),
            "address_1": f"{number + 7} Web Lane",
            "city": city,
            "region": region,
            "country": country,
            "postal_code": postal_code,
            "phone_number": f"+1 555 {7000 + number}",
        }
        return {field: value for field, value in address.items() if value}

    def _price(self) -> Decimal:
        return Decimal(str(round(self.chance.uniform(2, 300), 2)))

    def _keep(self, record: Record) -> Record:
        self.products.append(record)
        return record

    def _add(self, type_name: str, body: Body, external_id: str) -> Record:
        link = {"system_id": OTHER_SYSTEM_ID, "external_id": external_id}
        return self.platform.add(type_name, {**body, "external_ids": [link]})


def _names(name: str) -> Body:
    head, _, tail = name.rpartition(" ")
    return {"first_name": head or name, "last_name": tail}


def _product(sku: str, name: str, price: Decimal) -> Body:
    fixed = {"type": "Physical", "status": "Active", "tracking_method": "Product", "unit": "EA"}
    return {"sku": sku, "name": name, "description": name, "default_price": price, **fixed}
