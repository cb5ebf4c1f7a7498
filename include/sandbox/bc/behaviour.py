"""What a table does when its records are written: the moments that Business Central's own code hooks into."""

from __future__ import annotations

from include.sandbox.bc.answers import Fault, dialog
from include.sandbox.bc.rules import check_relation, is_open, referring
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

    def leading(self) -> tuple[str, ...]:
        """The properties that are set first, wherever they stand in the body: a record's keys are known from the start."""
        return self.view.keys

    def begin(self, row: Row) -> Row:
        """A copy of a row of the view, to be changed."""
        return dict(row)

    def editable(self, record: Row, prop: Property, *, creating: bool) -> bool:
        """Whether a property may be written as the record stands; keys may be on create."""
        return is_open(self.tenant, self.view, prop, record, creating=creating)

    def related(self, record: Row, prop: Property, value: object) -> None:
        """Raise Fault unless a value is found in the table that its field refers to."""
        check_relation(self.tenant, self.view.table, prop.field, value, record)

    def assign(self, record: Row, prop: Property, value: object, *, creating: bool) -> None:
        """Set one field, with what follows from it (OnValidate). Raises Fault when the value cannot stand."""
        record[prop.field] = value

    def insert(self, record: Row) -> Row:
        """Store a new record (OnInsert) and answer the row that the view shows."""
        table = self.view.table
        if table not in KEYS:
            raise not_allowed("POST", self.view.name)
        keys = KEYS[table]
        if not record.get(keys[0]):
            raise dialog(f"{keys[0]} must be filled in.")
        if self.tenant.get(table, *(str(record.get(key, "")) for key in keys)):
            raise self.duplicate(record, *keys)
        return self.tenant.add(table, record)

    def modify(self, row: Row, record: Row) -> Row:
        """Store a changed record (OnModify) and answer the row that the view shows."""
        table = self.view.table
        keys = KEYS.get(table, ())
        if any(record.get(key) != row.get(key) for key in keys):
            # A changed key is a rename.
            if self.tenant.get(table, *(str(record.get(key, "")) for key in keys)) not in (None, row):
                raise self.duplicate(record, *keys)
            self.tenant.rename(table, row, {key: record.get(key) for key in keys}, referring(table))
        row.update(record)
        self.tenant.touch(row)
        self.tenant.generation[table] += 1
        return row

    def delete(self, row: Row) -> None:
        """Delete a record (OnDelete)."""
        self.tenant.remove(self.view.table, row)

    def duplicate(self, record: Row, *keys: str) -> Fault:
        """The refusal of a key that is taken."""
        shown = ",".join(f"{key}='{record.get(key, '')}'" for key in keys)
        return Fault(
            self.tenant.switches.duplicate_key_status,
            "Internal_EntityWithSameKeyExists",
            f"The record in table {self.view.table} already exists. Identification fields and values: {shown}",
        )


def not_allowed(method: str, name: str) -> Fault:
    """The refusal of a method that a set does not take."""
    return Fault(405, "BadRequest_MethodNotAllowed", f"'{method}' requests for '{name}' are not allowed.")
