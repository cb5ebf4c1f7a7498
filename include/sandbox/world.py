"""Seeded worlds: `demo` holds only records that can go through, `nasty` what real tenants have, `empty` set-up tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from include.sandbox import credentials
from include.sandbox.app import World
from include.sandbox.bc.tables import set_up
from include.sandbox.bc.tenant import Tenant
from include.sandbox.entra import Directory
from include.sandbox.ipaas.platform import Platform
from include.sandbox.switches import Switches

_GIVEN = ("Anna", "José", "Zoë", "Li", "Björn", "Fatima", "Seán", "Renée", "Mateusz", "Amélie", "Kofi", "Yuki")
_FAMILY = (
    "O'Brien",
    "Müller",
    "García",
    "Nguyễn",
    "Smith",
    "Łukasiewicz",
    "d'Angelo",
    "van der Berg",
    "Sørensen",
    "Tanaka",
)
_TRADES = (
    "Bakery",
    "Hardware",
    "Textiles",
    "Logistics",
    "Books",
    "Garden Centre",
    "Optics",
    "Furniture",
    "Tools",
    "Foods",
)
_CITIES = (("Atlanta", "GA", "31772"), ("Chicago", "IL", "61236"), ("München", "", "80331"), ("Zürich", "ZH", "8001"))
_COUNTRIES = ("US", "US", "DE", "CH")
_GROUPS = {"RETAIL": "Retail customers", "WHOLESALE": "Wholesale & trade", "VIP": "Très important"}
_LOCATIONS = {"MAIN": "Main Warehouse", "EAST": "East Warehouse", "WEST": "West Warehouse", "OUTLET": "Outlet"}
_AGENTS = {"DHL": "DHL Systems, Inc.", "FEDEX": "Federal Express", "OWNLOG": "", "UPS": "United Parcel Service"}
_CATEGORIES = {
    "FURN": ("Furniture", ""),
    "CHAIR": ("Chairs", "FURN"),
    "TABLE": ("Tables", "FURN"),
    "SWIVEL": ("Swivel chairs", "CHAIR"),
    "SUPPLY": ("Supplies", ""),
    "PAPER": ("Paper & ink", "SUPPLY"),
}


@dataclass(frozen=True)
class Size:
    """How many records of each kind a world holds."""

    companies: int = 30
    persons: int = 30
    contacts: int = 20
    items: int = 60


def build(name: str, *, seed: int, size: Size) -> World:
    """A world by name; the same seed gives the same world."""
    switches = Switches()
    tenant = Tenant(company=credentials.COMPANY_NAME, switches=switches, seed=seed)
    world = World(switches=switches, tenant=tenant, platform=Platform(switches), directory=Directory(switches))
    _set_up(tenant)
    if name in ("demo", "nasty"):
        _demo(tenant, size)
    if name == "nasty":
        _nasty(tenant)
    return world


def _set_up(tenant: Tenant) -> None:
    set_up(tenant)
    for code, description in _GROUPS.items():
        tenant.add("Customer Price Group", Code=code, Description=description)
    for code, name in _LOCATIONS.items():
        city, county, post_code = _CITIES[len(code) % len(_CITIES)]
        tenant.add(
            "Location",
            {
                "Code": code,
                "Name": name,
                "Address": "1 Dock Road",
                "City": city,
                "County": county,
                "Post Code": post_code,
                "Country/Region Code": "US",
                "Phone No.": "+1 555 0100",
                "E-Mail": f"{code.lower()}@example.com",
                "Contact": "The foreman",
            },
        )
    for code, name in _AGENTS.items():
        tenant.add("Shipping Agent", Code=code, Name=name)
    for code, (description, parent) in _CATEGORIES.items():
        tenant.add("Item Category", {"Code": code, "Description": description, "Parent Category": parent})
    tenant.publish("ItemCategoryCard")


def _demo(tenant: Tenant, size: Size) -> None:
    chance = tenant.random
    groups = [*_GROUPS, ""]

    def address(number: int) -> dict[str, str]:
        place = number % len(_CITIES)
        city, county, post_code = _CITIES[place]
        return {
            "Address": f"{number + 1} Main Street",
            "Address 2": "2nd floor" if number % 5 == 0 else "",
            "City": city,
            "County": county,
            "Post Code": post_code,
            "Country/Region Code": _COUNTRIES[place],
            "Phone No.": f"+1 555 {number:04}",
        }

    def changed(number: int) -> timedelta:
        return timedelta(days=number % 40, minutes=number % 600)

    for number in range(size.companies):
        name = f"{chance.choice(_FAMILY)} {chance.choice(_TRADES)} {number + 1}"
        tenant.add_customer(
            f"C{10_000 + number}",
            name,
            "Company",
            modified=tenant.now() - changed(number),
            **{
                **address(number),
                "E-Mail": f"office{number}@company{number}.example",
                "Fax No.": f"+1 555 {number + 5000}" if number % 3 == 0 else "",
                "Home Page": f"https://company{number}.example" if number % 2 == 0 else "",
                "VAT Registration No.": f"US{number:09}" if number % 2 else "",
                "Contact": f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}" if number % 3 else "",
                "Customer Price Group": groups[number % len(groups)],
                "Bill-to Customer No.": f"C{10_000 + number - 1}" if number % 7 == 6 else "",
            },
        )
    for number in range(size.persons):
        name = f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}"
        tenant.add_customer(
            f"P{20_000 + number}",
            name,
            "Person",
            modified=tenant.now() - changed(number),
            **{
                **address(number),
                "E-Mail": f"person{number}@example.net",
                "Customer Price Group": groups[(number + 1) % len(groups)],
            },
        )
    for number in range(size.contacts if size.companies else 0):
        tenant.add_person(
            f"CT9{number:05}",
            f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}",
            customer=f"C{10_000 + number % size.companies}",
            email=f"contact{number}@example.org",
            **{**address(number), "Job Title": "Buyer" if number % 2 else ""},
        )
    categories = [*_CATEGORIES, ""]
    for number in range(size.items):
        no = f"{1000 + number}-S" if number % 3 == 0 else f"{1000 + number}"
        tenant.add(
            "Item",
            modified=tenant.now() - changed(number),
            fields={
                "No.": no,
                "Description": f"{chance.choice(_TRADES)} piece {number + 1}",
                "Description 2": "in ash, 2″" if number % 4 == 0 else "",
                "Unit Price": round(chance.uniform(1, 2000), 2),
                "Tax Group Code": "FURNITURE" if number % 2 else "",
                "Net Weight": round(chance.uniform(0, 50), 3),
                "GTIN": f"{4006381000000 + number}" if number % 2 else "",
                "Base Unit of Measure": "PCS",
                "Type": ("Inventory", "Service", "Non-Inventory")[0 if number % 10 else number // 10 % 3],
                "Item Category Code": categories[number % len(categories)],
            },
        )
        if number % 10:
            for location in list(_LOCATIONS)[: 1 + number % 3]:
                tenant.move_stock(no, location, chance.randint(1, 500))


def _nasty(tenant: Tenant) -> None:
    """What real tenants have."""
    tenant.add_customer("N1", "", "Company")
    tenant.add_customer("N2", "No Mail", "Person")
    tenant.add_customer("N3", "Twin One", "Person", **{"E-Mail": "twin@example.com"})
    tenant.add_customer("N4", "Twin Two", "Person", **{"E-Mail": "twin@example.com"})
    tenant.add_customer("N5", "Same Name Ltd", "Company")
    tenant.add_customer("N6", "Same Name Ltd", "Company")
    tenant.add_customer("N/7 %#?&+", "Odd Key's & Söhne", "Company")
    tenant.add_customer("N8", "Orphan Group", "Company", **{"Customer Price Group": "NOWHERE"})
    tenant.add_customer("N9", "Prince", "Person", **{"E-Mail": "prince@example.com"})
