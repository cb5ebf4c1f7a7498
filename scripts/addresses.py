"""Where Connections point: at a real tenant, or at this machine, where the sandbox is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

# The Connections of the two systems; a database on this machine harms nobody.
SYSTEMS = ("business_central", "ipaas")
# What names a system beside its address.
_WHOSE = ("tenant_id", "environment", "company_name", "company_id", "system_id")


def systems_of(connections: Mapping[str, Any]) -> str:
    """The two systems that Connections name, in one line."""
    told = (
        f"{name} {found.host} {' '.join(str(found.extra_dejson.get(key) or '-') for key in _WHOSE)}"
        for name, found in sorted(connections.items())
    )
    return "; ".join(told)


def own_addresses(connection: Any) -> Iterator[tuple[str, str]]:
    """The fields of a Connection that hold an address, with it."""
    if connection.host:
        yield "host", f"{connection.host}:{connection.port}" if connection.port else connection.host
    extra: Mapping[str, Any] = connection.extra_dejson
    for name, value in extra.items():
        if value and (name == "authority" or name.endswith("_url")):
            yield f"extra {name}", str(value)


def on_this_machine(address: str) -> bool:
    """Whether an address is of this machine."""
    try:
        host = (urlsplit(address if "://" in address else f"//{address}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_loopback or number.is_unspecified
