"""What a table does when its records are written: the moments that Business Central's own code hooks into."""

from __future__ import annotations

from include.sandbox.bc.answers import Fault
from include.sandbox.bc.schema import Property, View
from include.sandbox.bc.tenant import KEYS, Row, Tenant


class Behaviour:
    """The moments of a write, as a plain table lives them; a table with rules of its own overrides some.

    A record is worked on as a copy, so that a refusal at any moment leaves nothing behind.
    """

    def __init__(self, tenant: Tenant, view: View) -> None:
        self.tenant, self.view = tenant, view

    def fresh(self, fixed: Row) -> Row:
        """A new record before its first field is set (OnNewRecord). `fixed`: what the address gives."""
        return dict(fixed)

    def begin(self, row: Row) -> Row:
        """A copy of a row of the view, to be changed."""
        return dict(row)

    def editable(self, record: Row, prop: Property, *, creating: bool) -> bool:
        """Whether a property may be written as the record stands; keys may be on create."""
        return not prop.read_only or (creating and prop.key)

    def assign(self, record: Row, prop: Property, value: object, *, creating: bool) -> None:
        """Set one field, with what follows from it (OnValidate). Raises Fault when the value cannot stand."""
        record[prop.field] = value

    def insert(self, record: Row) -> Row:
        """Store a new record (OnInsert) and answer the row that the view shows."""
        table = self.view.table
        if table not in KEYS:
            raise not_allowed("POST", self.view.name)
        key = KEYS[table][0]
        if not record.get(key):
            raise Fault(400, "Application_DialogException", f"{key} must be filled in.")
        if self.tenant.get(table, str(record[key])):
            raise self.duplicate(record, key)
        return self.tenant.add(table, record)

    def modify(self, row: Row, record: Row) -> Row:
        """Store a changed record (OnModify) and answer the row that the view shows."""
        row.update(record)
        self.tenant.touch(row)
        return row

    def delete(self, row: Row) -> None:
        """Delete a record (OnDelete)."""
        self.tenant.remove(self.view.table, row)

    def duplicate(self, record: Row, *keys: str) -> Fault:
        """The refusal of a key that is taken."""
        shown = ",".join(f"{key}='{record[key]}'" for key in keys)
        return Fault(
            self.tenant.switches.duplicate_key_status,
            "Internal_EntityWithSameKeyExists",
            f"The record in table {self.view.table} already exists. Identification fields and values: {shown}",
        )


def not_allowed(method: str, name: str) -> Fault:
    """The refusal of a method that a set does not take."""
    return Fault(405, "BadRequest_MethodNotAllowed", f"'{method}' requests for '{name}' are not allowed.")


# View name -> its behaviour; views that are not named here behave as plain tables.
BEHAVIOURS: dict[str, type[Behaviour]] = {}


def behaviour_of(tenant: Tenant, view: View) -> Behaviour:
    """The behaviour of what is written through a view."""
    return BEHAVIOURS.get(f"api:{view.name}" if view.api else view.name, Behaviour)(tenant, view)
