"""The sets that a tenant serves: which rows they hold, and how one of them is found quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from include.sandbox.bc.entities import EntitySet, has
from include.sandbox.bc.joined import source
from include.sandbox.bc.schema import View
from include.sandbox.bc.tenant import KEYS, Row, Tenant

# The journals that API v2.0 takes for those of customer payments: the cash receipt ones.
PAYMENT_TEMPLATE = "CASHRCPT"
_WHERE = {"api:customerPaymentJournals": (("Journal Template Name", PAYMENT_TEMPLATE),)}


def entity_set(tenant: Tenant, view: View, name: str) -> EntitySet:
    """The whole set of a view, under the name that the request gives it."""
    where = view.where or _WHERE.get(view.key, ())

    def belongs(row: Row) -> bool:
        return all(row.get(field, value) == value for field, value in where)

    rows: Iterable[Row] = source(tenant, view.table)
    lookup = _lookup(tenant, view, belongs)
    return EntitySet(
        name=name,
        view=view,
        rows=(row for row in rows if belongs(row)) if where else rows,
        lookup=lookup,
        whole=lookup is not None,
    )


def _lookup(tenant: Tenant, view: View, belongs: Callable[[Row], bool]) -> Callable[[Row], Row | None] | None:
    if not tenant.tables.get(view.table):
        return None
    keys = KEYS.get(view.table, ())

    def find(wanted: Row) -> Row | None:
        if set(wanted) <= {"systemid", "Id"}:
            row = tenant.by_id(view.table, str(next(iter(wanted.values()))))
        elif set(wanted) == set(keys):
            row = tenant.get(view.table, *(str(wanted[key]) for key in keys))
        else:
            row = next((r for r in tenant.rows(view.table) if has(r, wanted)), None)
        return row if row is not None and belongs(row) else None

    return find
