"""The state of one Business Central company: tables of rows by field name, a clock, web services, number series."""

from __future__ import annotations

import copy
import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from include.sandbox.bc.derived import StoredRow
from include.sandbox.bc.kept import Kept
from include.sandbox.bc.tables import CODED, next_number
from include.sandbox.switches import Switches

Row = dict[str, Any]
# A business event: its name, a resource of API v2.0, the id of the record there, and its own where that is another.
Raised = tuple[str, str, str, str]
# The fields that make up a table's primary key.
KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys([*CODED, "No. Series"], ("Code",)),
    "Company Information": ("Primary Key",),
    "Customer": ("No.",),
    "Contact": ("No.",),
    "Customer Price Group": ("Code",),
    "Item": ("No.",),
    "Item Category": ("Code",),
    "Item Variant": ("Item No.", "Code"),
    "Item Ledger Entry": ("Entry No.",),
    "Item Unit of Measure": ("Item No.", "Code"),
    "General Ledger Setup": ("Primary Key",),
    "Location": ("Code",),
    "Shipping Agent": ("Code",),
    "Shipping Agent Services": ("Shipping Agent Code", "Code"),
    "G/L Account": ("No.",),
    "Gen. Journal Batch": ("Journal Template Name", "Name"),
    "Sales Price": (
        "Item No.",
        "Sales Type",
        "Sales Code",
        "Starting Date",
        "Currency Code",
        "Variant Code",
        "Unit of Measure Code",
        "Minimum Quantity",
    ),
    "Resource": ("No.",),
    "Item Charge": ("No.",),
    "Fixed Asset": ("No.",),
    "Ship-to Address": ("Customer No.", "Code"),
    "VAT Posting Setup": ("VAT Bus. Posting Group", "VAT Prod. Posting Group"),
    "Tax Detail": ("Tax Jurisdiction Code", "Tax Group Code"),
    "Sales Header": ("Document Type", "No."),
    "Sales Line": ("Document Type", "Document No.", "Line No."),
    "Sales Order Entity Buffer": ("Id",),
    "Sales Invoice Entity Aggregate": ("Id",),
    "Sales Shipment Header": ("No.",),
    "Sales Shipment Line": ("Document No.", "Line No."),
    "Sales Invoice Header": ("No.",),
    "Sales Invoice Line": ("Document No.", "Line No."),
    "Gen. Journal Line": ("Journal Template Name", "Journal Batch Name", "Line No."),
}
# Tables whose rows are the lines of something: the last field of their key counts them.
LINES = ("Sales Line", "Sales Shipment Line", "Sales Invoice Line", "Gen. Journal Line")
# What a new contact takes over from its customer.
_OF_CONTACT = (
    "Address",
    "Address 2",
    "City",
    "County",
    "Post Code",
    "Country/Region Code",
    "Phone No.",
    "E-Mail",
    "Home Page",
)
SEED_SERVICES = (
    "CustomerCard",
    "Locations",
    "ItemCard",
    "ShippingAgents",
    "SalesOrders",
    "SalesOrderLines",
    "Itemsbylocation",
    "CustomerPriceGroups",
)


class Tenant:
    """One company. Rows hold their fields by AL name, plus `systemid`, `systemmodifiedat` and `version`."""

    def __init__(self, *, company: str, switches: Switches, seed: int = 1) -> None:
        self.switches = switches
        self.random = random.Random(seed)
        self.company = company
        self.company_id = self.guid()
        self.other_company_id = self.guid()
        self.system_version = "29.0.0.0"
        self.local_currency: str = "USD"
        self.tables: dict[str, list[Row]] = {}
        # Published name -> the page or query behind it.
        self.published: dict[str, str] = {name: name for name in SEED_SERVICES}
        # A subscriber's own fields on a page: page -> {property: table field}.
        self.extensions: dict[str, dict[str, str]] = {}
        # How often each table was changed; what is derived from a table is kept until it moves.
        self.generation: Counter[str] = Counter()
        # SystemIds of the records that came in over HTTP, and the keys of those that are gone, for the check.
        self.made: set[str] = set()
        self.removed: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        # What was added or changed, as (table, row, created or updated), while somebody wants to be told.
        self.announces = False
        self.changes: deque[tuple[str, Row, str]] = deque()
        self.kept = Kept()
        # Business events, while somebody has subscribed to any.
        self.raises = False
        self.raised: deque[Raised] = deque()
        self._by_key: dict[str, dict[tuple[str, ...], Row]] = {}
        self._by_id: dict[str, dict[str, Row]] = {}
        self._by_parent: dict[tuple[str, ...], list[Row]] = {}
        self._replica: tuple[datetime, Tenant] | None = None
        self._stock: tuple[object, dict[str, Any]] | None = None
        self._relations: tuple[object, dict[str, list[str]]] | None = None
        self._entry_no = 0

    def guid(self) -> str:
        """A new random GUID, the same for the same seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def now(self) -> datetime:
        """The clock by which records are dated."""
        return datetime.now(UTC) + timedelta(seconds=self.switches.bc_clock_ahead)

    def gateway_now(self) -> datetime:
        """The clock by which answers are dated: that of another machine."""
        return self.now() + timedelta(seconds=self.switches.bc_gateway_ahead)

    # --- rows ------------------------------------------------------------------------------------------------

    def rows(self, table: str) -> list[Row]:
        """The rows of a table."""
        return self.tables.setdefault(table, [])

    def add(self, table: str, fields: Row | None = None, *, modified: datetime | None = None, **more: Any) -> Row:
        """Insert a row. `modified`: when it was last changed, now by default."""
        row: Row = StoredRow(self, table, {**(fields or {}), **more})
        row["systemid"] = row.get("systemid") or self.guid()
        row["version"] = 1
        row["systemmodifiedat"] = stamp(modified or self.now())
        self.rows(table).append(row)
        self._enter(table, row)
        self.generation[table] += 1
        self._announce(table, row, "created")
        return row

    def _announce(self, table: str, row: Row, kind: str) -> None:
        if self.announces:
            self.changes.append((table, row, kind))

    def raise_event(self, event: str, resource: str, api_id: str, record_id: str = "") -> None:
        """Note that something was done to the record that API v2.0 has under an id. It is told once all of it is done."""
        if self.raises:
            self.raised.append((event, resource, api_id, record_id or api_id))

    def change(self, table: str, *key: str, modified: datetime | None = None, **fields: Any) -> Row:
        """Change a row as a user would: its timestamp and its etag move."""
        row = self.get(table, *key)
        if row is None:
            raise KeyError(f"{table} {', '.join(key)}")
        row.update(dict(fields))
        self.touch(row, modified)
        self.generation[table] += 1
        return row

    def touch(self, row: Row, modified: datetime | None = None) -> None:
        """Note that a row was changed."""
        row["version"] += 1
        row["systemmodifiedat"] = stamp(modified or self.now())
        if isinstance(row, StoredRow):
            self._announce(row.table, row, "updated")

    def get(self, table: str, *key: str) -> Row | None:
        """A row by its whole primary key, in any case."""
        return self._by_key.get(table, {}).get(tuple(str(part).upper() for part in key))

    def by_id(self, table: str, identifier: str) -> Row | None:
        """A row by its SystemId."""
        return self._by_id.get(table, {}).get(identifier.lower())

    def lines(self, table: str, *parent: str) -> list[Row]:
        """The lines of a document or a journal, in their order."""
        return list(self._by_parent.get((table, *(part.upper() for part in parent)), ()))

    def remove(self, table: str, row: Row) -> None:
        """Delete a row."""
        rows = self.rows(table)
        del rows[next(place for place, other in enumerate(rows) if other is row)]
        self._leave(table, row)
        self.removed[table].add(self._key_of(table, row))
        self.generation[table] += 1

    def rename(self, table: str, row: Row, key: Row, referring: Iterable[tuple[str, str]]) -> None:
        """Give a row another primary key. `referring`: the tables and fields that follow it."""
        before, after = ([values[name] for name in KEYS[table]] for values in (row, key))
        self._leave(table, row)
        row.update(key)
        self._enter(table, row)
        self.generation[table] += 1
        for other, field in referring if len(after) == 1 else ():
            for each in self.rows(other):
                if each.get(field) == before[0]:
                    each[field] = after[0]

    def _key_of(self, table: str, row: Row) -> tuple[str, ...]:
        return tuple(str(row.get(name, "")).upper() for name in KEYS.get(table, ()))

    def _enter(self, table: str, row: Row) -> None:
        self.kept.moved()
        self._by_id.setdefault(table, {})[row["systemid"]] = row
        if table in KEYS:
            self._by_key.setdefault(table, {})[self._key_of(table, row)] = row
        if table in LINES:
            self._by_parent.setdefault((table, *self._key_of(table, row)[:-1]), []).append(row)
            self._by_parent[table, *self._key_of(table, row)[:-1]].sort(key=lambda line: int(line["Line No."]))

    def _leave(self, table: str, row: Row) -> None:
        self.kept.moved()
        self._by_id.get(table, {}).pop(row["systemid"], None)
        self._by_key.get(table, {}).pop(self._key_of(table, row), None)
        if table in LINES:
            siblings = self._by_parent[table, *self._key_of(table, row)[:-1]]
            del siblings[next(place for place, other in enumerate(siblings) if other is row)]

    def replica(self) -> Tenant:
        """What a replica knows of the company: all of it, or what it was up to `read_lag` seconds ago."""
        lag = timedelta(seconds=self.switches.read_lag)
        if not lag:
            return self
        if self._replica is None or self.now() - self._replica[0] >= lag:
            twin = copy.copy(self)
            twin._by_key, twin._by_id, twin._by_parent, twin._stock = {}, {}, {}, None
            twin._relations, twin.kept = None, Kept()
            twin.tables = {}
            for table, rows in self.tables.items():
                twin.tables[table] = [StoredRow(twin, table, row) for row in rows]
                for row in twin.tables[table]:
                    twin._enter(table, row)
            self._replica = (self.now(), twin)
        return self._replica[1]

    # --- business --------------------------------------------------------------------------------------------

    def add_customer(self, no: str, name: str, kind: str, **fields: Any) -> Row:
        """A customer with its contact, as Business Central makes one: `kind` is Company or Person."""
        row = self.add(
            "Customer",
            **{"No.": no, "Name": name, "Contact Type": kind, "Partner Type": kind, **fields},
        )
        self.add_contact_of(row, f"CT{no}")
        return row

    def add_contact_of(self, customer: Row, no: str) -> Row:
        """The contact that a customer is, under a number."""
        kind, name = customer["Contact Type"], customer.get("Name", "")
        contact = self.add(
            "Contact",
            {
                "No.": no,
                "Name": name,
                "Type": kind,
                "Company No.": no if kind == "Company" else "",
                "Company Name": name if kind == "Company" else "",
                **{field: customer[field] for field in _OF_CONTACT if customer.get(field)},
            },
        )
        customer["contact"] = no
        self.generation["Customer"] += 1
        return contact

    def relate(self, contact: str, relation: str) -> None:
        """Make a contact a Vendor, Bank Account or Employee, too. It becomes a Customer with `add_customer` alone."""
        row = self.get("Contact", contact)
        if row is None:
            raise KeyError(contact)
        row["relations"] = [*(row.get("relations") or ()), relation]
        self.generation["Contact"] += 1

    def business_relations(self) -> dict[str, list[str]]:
        """What each contact is by its own number, for those that are anything."""
        state = (id(self.rows("Customer")), self.generation["Customer"], self.generation["Contact"])
        if self._relations is None or self._relations[0] != state:
            found: dict[str, list[str]] = {}
            for customer in self.rows("Customer"):
                if customer.get("contact"):
                    found.setdefault(str(customer["contact"]), []).append("Customer")
            for contact in self.rows("Contact"):
                if contact.get("relations"):
                    found.setdefault(str(contact["No."]), []).extend(contact["relations"])
            self._relations = (state, found)
        return self._relations[1]

    def add_person(self, no: str, name: str, *, customer: str, email: str, **fields: Any) -> Row:
        """A person who belongs to the company contact of a customer."""
        owner = self.get("Customer", customer)
        if owner is None:
            raise KeyError(customer)
        return self.add(
            "Contact",
            **{
                "No.": no,
                "Name": name,
                "Type": "Person",
                "Company No.": owner["contact"],
                "Company Name": owner["Name"],
                "E-Mail": email,
                **fields,
            },
        )

    def move_stock(
        self,
        item: str,
        location: str,
        quantity: float | Decimal,
        *,
        kind: str | None = None,
        document: str = "",
        modified: datetime | None = None,
    ) -> None:
        """Post an item ledger entry: stock changes, and the item's own timestamp does not.

        `kind`: the entry type; an adjustment by default.
        """
        quantity = Decimal(str(quantity))
        self._entry_no += 1
        self.add(
            "Item Ledger Entry",
            modified=modified,
            fields={
                "Entry No.": self._entry_no,
                "Item No.": item,
                "Location Code": location,
                "Quantity": quantity,
                "Remaining Quantity": quantity,
                "Entry Type": kind or ("Positive Adjmt." if quantity >= 0 else "Negative Adjmt."),
                "Document No.": document,
                "Posting Date": (modified or self.now()).date().isoformat(),
            },
        )

    def stock(self) -> dict[str, Any]:
        """The stock of each item that has entries."""
        entries = self.rows("Item Ledger Entry")
        state = (id(entries), len(entries), self.generation["Item Ledger Entry"])
        if self._stock is None or self._stock[0] != state:
            sums: dict[str, Any] = {}
            for entry in entries:
                no = str(entry["Item No."])
                sums[no] = sums.get(no, 0) + Decimal(str(entry["Remaining Quantity"]))
            self._stock = (state, sums)
        return self._stock[1]

    # --- number series ---------------------------------------------------------------------------------------

    def next_number(self, series: str) -> str:
        """Draw the next number of a number series."""
        row = self._series(series)
        number = str(row["Next No."])
        row["Next No."] = next_number(number)
        return number

    def manual_numbers(self, series: str) -> bool:
        """Whether a series lets users give numbers themselves."""
        return bool(self._series(series)["Manual Nos."])

    def allow_manual_numbers(self, series: str, allowed: bool) -> None:
        """Let users give numbers themselves, or not."""
        self._series(series)["Manual Nos."] = allowed

    def _series(self, code: str) -> Row:
        row = self.get("No. Series", code)
        if row is None:
            raise KeyError(code)
        return row

    # --- web services ----------------------------------------------------------------------------------------

    def unpublish(self, service: str) -> None:
        """Take a web service away."""
        self.published.pop(service, None)

    def publish(self, page: str, name: str | None = None) -> None:
        """Publish a page or query under a name."""
        self.published[name or page] = page

    def extend(self, page: str, name: str, field: str) -> None:
        """Show a field of the subscriber's own on a page."""
        self.extensions.setdefault(page, {})[name] = field


def stamp(moment: datetime) -> str:
    """A moment as Business Central sends it: UTC, milliseconds without trailing zeros."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3].rstrip("0").rstrip(".")
    return f"{text}Z"
