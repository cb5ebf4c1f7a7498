"""Customers, their people, items with stock, and prices of Business Central: only what can go through."""

from __future__ import annotations

from datetime import timedelta

from include.sandbox.bc.tenant import Tenant
from include.sandbox.worlds.names import FAMILY, PLACES, TRADES, Size, person
from include.sandbox.worlds.setting import CATEGORIES, GROUPS, LOCATIONS

_TERMS = ("30 DAYS", "14 DAYS", "COD", "1M(8D)")
_METHODS = ("BANK", "", "CHECK", "CARD")
_AGENTS = ("DHL", "UPS", "", "FEDEX")


def company_no(number: int) -> str:
    """The No of a company, counted from 0."""
    return f"C{10_000 + number}"


def person_no(number: int) -> str:
    """The No of a person who is a customer, counted from 0."""
    return f"P{20_000 + number}"


def item_no(number: int) -> str:
    """The No of an item, counted from 0."""
    return f"{1000 + number}-S" if number % 3 == 0 else f"{1000 + number}"


def add_masters(tenant: Tenant, size: Size) -> None:
    """Add companies, persons, contacts, and items with their stock."""
    _companies(tenant, size)
    _persons(tenant, size)
    _contacts(tenant, size)
    _items(tenant, size)


def _address(number: int) -> dict[str, str]:
    city, county, post_code, country = PLACES[number % len(PLACES)]
    return {
        "Address": f"{number + 1} Main Street",
        "Address 2": "2nd floor" if number % 5 == 0 else "",
        "City": city,
        "County": county,
        "Post Code": post_code,
        "Country/Region Code": country,
        "Phone No.": f"+1 555 {number:04}",
    }


def _selling(number: int) -> dict[str, str]:
    """What a customer's documents take over. Every third customer is taxed."""
    agent = _AGENTS[number % len(_AGENTS)]
    return {
        "Gen. Bus. Posting Group": "DOMESTIC",
        "VAT Bus. Posting Group": "DOMESTIC" if number % 3 == 1 else "",
        "Customer Posting Group": "DOMESTIC",
        "Payment Terms Code": _TERMS[number % len(_TERMS)],
        "Payment Method Code": _METHODS[number % len(_METHODS)],
        "Shipping Agent Code": agent,
        "Shipping Agent Service Code": {"DHL": "OVERNIGHT", "UPS": "GROUND"}.get(agent, ""),
    }


def _changed(number: int) -> timedelta:
    return timedelta(days=number % 40, minutes=number % 600)


def _companies(tenant: Tenant, size: Size) -> None:
    chance, groups = tenant.random, [*GROUPS, ""]
    for number in range(size.companies):
        name = f"{chance.choice(FAMILY)} {chance.choice(TRADES)} {number + 1}"
        tenant.add_customer(
            company_no(number),
            name,
            "Company",
            modified=tenant.now() - _changed(number),
            **{
                **_address(number),
                **_selling(number),
                "E-Mail": f"office{number}@company{number}.example",
                "Fax No.": f"+1 555 {number + 5000}" if number % 3 == 0 else "",
                "Home Page": f"https://company{number}.example" if number % 2 == 0 else "",
                "VAT Registration No.": f"US{number:09}" if number % 2 else "",
                "Contact": person(chance) if number % 3 else "",
                "Customer Price Group": groups[number % len(groups)],
                "Bill-to Customer No.": company_no(number - 1) if number % 7 == 6 else "",
            },
        )


def _persons(tenant: Tenant, size: Size) -> None:
    chance, groups = tenant.random, [*GROUPS, ""]
    for number in range(size.persons):
        tenant.add_customer(
            person_no(number),
            person(chance),
            "Person",
            modified=tenant.now() - _changed(number),
            **{
                **_address(number),
                **_selling(number),
                "E-Mail": f"person{number}@example.net",
                "Customer Price Group": groups[(number + 1) % len(groups)],
            },
        )


def _contacts(tenant: Tenant, size: Size) -> None:
    for number in range(size.contacts if size.companies else 0):
        tenant.add_person(
            f"CT9{number:05}",
            person(tenant.random),
            customer=company_no(number % size.companies),
            email=f"contact{number}@example.org",
            **{**_address(number), "Job Title": "Buyer" if number % 2 else ""},
        )


def _items(tenant: Tenant, size: Size) -> None:
    chance, categories = tenant.random, [*CATEGORIES, ""]
    for number in range(size.items):
        no = item_no(number)
        tenant.add(
            "Item",
            modified=tenant.now() - _changed(number),
            fields={
                "No.": no,
                "Description": f"{chance.choice(TRADES)} piece {number + 1}",
                "Description 2": "in ash, 2″" if number % 4 == 0 else "",
                "Unit Price": round(chance.uniform(1, 2000), 2),
                "Tax Group Code": "FURNITURE" if number % 2 else "",
                "Net Weight": round(chance.uniform(0, 50), 3),
                "GTIN": f"{4006381000000 + number}" if number % 2 else "",
                "Base Unit of Measure": "PCS",
                "Gen. Prod. Posting Group": "RETAIL",
                "VAT Prod. Posting Group": "STANDARD",
                "Inventory Posting Group": "RESALE" if number % 10 else "",
                "Type": ("Inventory", "Service", "Non-Inventory")[0 if number % 10 else number // 10 % 3],
                "Item Category Code": categories[number % len(categories)],
            },
        )
        if number % 10:
            for location in list(LOCATIONS)[: 1 + number % 3]:
                tenant.move_stock(no, location, chance.randint(1, 500))


def add_prices(tenant: Tenant, size: Size) -> None:
    """Add price-group prices on page 7002, some of them expired, and publish it."""
    tenant.publish("SalesPrices")
    groups = list(GROUPS)
    today = tenant.now().date()
    for number in range(size.prices if size.items else 0):
        expired = number % 5 == 4
        tenant.add(
            "Sales Price",
            {
                "Item No.": item_no(number % size.items),
                "Sales Type": "Customer Price Group",
                "Sales Code": groups[number % len(groups)],
                "Minimum Quantity": (0, 10, 100)[number // size.items % 3],
                "Unit Price": round(tenant.random.uniform(1, 1000), 2),
                "Unit of Measure Code": "PCS",
                "Starting Date": (today - timedelta(days=60)).isoformat(),
                "Ending Date": (today - timedelta(days=1)).isoformat() if expired else "",
            },
        )
