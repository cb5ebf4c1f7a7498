"""The set-up tables of a world's company, and what a subscriber publishes and defines beside the defaults."""

from __future__ import annotations

from include.sandbox.bc.tables import set_up as set_up_tables
from include.sandbox.bc.tenant import Tenant
from include.sandbox.worlds.names import PLACES

GROUPS = {"RETAIL": "Retail customers", "WHOLESALE": "Wholesale & trade", "VIP": "Très important"}
LOCATIONS = {"MAIN": "Main Warehouse", "EAST": "East Warehouse", "WEST": "West Warehouse", "OUTLET": "Outlet"}
AGENTS = {"DHL": "DHL Systems, Inc.", "FEDEX": "Federal Express", "OWNLOG": "", "UPS": "United Parcel Service"}
CATEGORIES = {
    "FURN": ("Furniture", ""),
    "CHAIR": ("Chairs", "FURN"),
    "TABLE": ("Tables", "FURN"),
    "SWIVEL": ("Swivel chairs", "CHAIR"),
    "SUPPLY": ("Supplies", ""),
    "PAPER": ("Paper & ink", "SUPPLY"),
}


def set_up(tenant: Tenant) -> None:
    """Fill the set-up tables, and publish the page that knows the parents of item categories."""
    set_up_tables(tenant)
    for code, description in GROUPS.items():
        tenant.add("Customer Price Group", Code=code, Description=description)
    for code, name in LOCATIONS.items():
        city, county, post_code, _ = PLACES[len(code) % len(PLACES)]
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
    for code, name in AGENTS.items():
        tenant.add("Shipping Agent", Code=code, Name=name)
    for code, (description, parent) in CATEGORIES.items():
        tenant.add("Item Category", {"Code": code, "Description": description, "Parent Category": parent})
    tenant.publish("ItemCategoryCard")
