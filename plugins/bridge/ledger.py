"""Where the ledger lies, the Connection `sync_ledger` or SQLite in Airflow's home, and whose memory a run works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.engine import URL

from bridge.staging import home
from include.sync.ledger import LedgerFault
from include.sync.runs import Pair


class Place(Protocol):
    """A Connection of Airflow's, in a task or in a server."""

    conn_type: str
    host: str | None
    schema: str | None
    login: str | None
    password: str | None
    port: int | None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extra as an object."""


def ledger_url(place: Place | None) -> URL:
    """The ledger's database, by the fields of the Connection if there is one.

    The extra holds options of the database's driver, such as sslmode. Raises LedgerFault for a Connection of a type
    that no ledger can have.
    """
    if place is None:
        return URL.create("sqlite", database=str(home() / "sync_ledger.db"))
    kind = (place.conn_type or "").partition("+")[0].casefold()
    if kind == "sqlite":
        file = place.host or place.schema or ""
        return URL.create("sqlite", database=file if file.startswith("/") else str(home() / file))
    if kind not in ("postgres", "postgresql"):
        raise LedgerFault(
            f"The ledger cannot be used: the Connection sync_ledger has the type {place.conn_type!r}.", again=False
        )
    return URL.create(
        "postgresql+psycopg2",
        username=place.login or None,
        password=place.password or None,
        host=place.host or None,
        port=place.port,
        database=place.schema or None,
        query=_options(place.extra_dejson),
    )


def _options(extra: Mapping[str, Any]) -> dict[str, str]:
    """What the driver is told beside the fields; what has a structure of its own is none of its options."""
    plain = {
        name: value for name, value in extra.items() if isinstance(value, str | int | float) and name != "__extra__"
    }
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in plain.items()}


def pair_of(business_central: Mapping[str, Any], ipaas: Mapping[str, Any]) -> Pair | None:
    """The two systems that the extras of the two Connections name; None while one of them is not filled in."""
    tenant_id, environment, company_name = (
        str(business_central.get(name) or "").strip() for name in ("tenant_id", "environment", "company_name")
    )
    system_id = str(ipaas.get("system_id") or "").strip()
    if not (tenant_id and environment and company_name and system_id.isdigit()):
        return None
    return Pair(
        tenant_id=tenant_id,
        environment=environment,
        company_name=company_name,
        ipaas_company_id=str(ipaas.get("company_id") or ""),
        system_id=int(system_id),
    )
