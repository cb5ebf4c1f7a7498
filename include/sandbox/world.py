"""Seeded worlds: `demo` holds only records that can go through, `nasty` what real tenants have, `empty` set-up tables."""

from __future__ import annotations

from include.sandbox import credentials
from include.sandbox.bc.tenant import Tenant
from include.sandbox.entra import Directory
from include.sandbox.ipaas.platform import Platform
from include.sandbox.state import World
from include.sandbox.switches import Switches
from include.sandbox.worlds.documents import add_documents
from include.sandbox.worlds.masters import add_masters, add_prices
from include.sandbox.worlds.names import Size
from include.sandbox.worlds.nasty import add_nasty
from include.sandbox.worlds.setting import GROUPS, set_up
from include.sandbox.worlds.shop import add_shop

__all__ = ["Size", "build"]


def build(name: str, *, seed: int, size: Size) -> World:
    """A world by name; the same seed gives the same world."""
    switches = Switches()
    tenant = Tenant(company=credentials.COMPANY_NAME, switches=switches, seed=seed)
    platform = Platform(switches)
    set_up(tenant)
    if name in ("demo", "nasty"):
        add_masters(tenant, size)
        add_documents(tenant, size)
        add_prices(tenant, size)
        platform.define("product", *(f"Sales Prices {code}" for code in GROUPS))
        add_shop(tenant, platform, size)
    if name == "nasty":
        add_nasty(tenant, platform)
    return World(switches=switches, tenant=tenant, platform=platform, directory=Directory(switches))
