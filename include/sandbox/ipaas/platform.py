"""The state of iPaaS.com: records, external ids, custom-field definitions, users, tokens, hooks."""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from include.sandbox import credentials
from include.sandbox.ipaas.rules import Refused, check, known_system, links_of, record_type
from include.sandbox.ipaas.subscriptions import SUBSCRIPTIONS
from include.sandbox.ipaas.types import CHILD_REFS, TYPES, RecordType
from include.sandbox.switches import Switches

Record = dict[str, Any]


class Platform:
    """One company of iPaaS.com with its subscriptions."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.records: dict[str, dict[int, Record]] = {name: {} for name in TYPES}
        # table -> (system id, internal id) -> external id; an id starts with DELETED: when its record is gone.
        self.links: dict[str, dict[tuple[int, int], str]] = {}
        self._by_external: dict[tuple[str, int, str], int] = {}
        self.custom_fields: dict[str, set[str]] = {
            "customer": {"Customer Type", "Record Type", "Role", "Active", "iPaaS.com Company ID"}
        }
        self.subscriptions = dict(SUBSCRIPTIONS)
        # (model, custom field) -> its data type, where that is not string.
        self.custom_field_types: dict[tuple[str, str], str] = {}
        # Records that somebody has deactivated, by type.
        self.inactive: dict[str, set[int]] = {name: set() for name in TYPES}
        # Ids of the records that came in over HTTP, for the check: the others were born here.
        self.made: set[int] = set()
        # Ids of the records by type, in the order in which they were made; and by (record type, field) -> value without
        # case: neither a search nor what is unique is looked for among all of them.
        self._order: dict[str, list[int]] = {name: [] for name in TYPES}
        self._holders: dict[tuple[str, str], dict[str, list[int]]] = {}
        # table of nested records -> their ids.
        self._children: dict[str, set[int]] = {}
        self.user_tokens: set[str] = set()
        self.company_tokens: dict[str, datetime] = {}
        # (table, external id, from, to) of every external id that silently went over to another record.
        self.moved: list[tuple[str, str, int, int]] = []
        # (scope, record type, id) of every change, as hooks would announce them.
        self.changes: list[tuple[str, str, int]] = []
        self._next_id = 1_000

    # --- tokens ----------------------------------------------------------------------------------------------

    def login(self, email: str, password: str) -> str:
        """A user's token, or Refused."""
        if (email, password) != (credentials.IPAAS_EMAIL, credentials.IPAAS_PASSWORD):
            raise Refused("AUTH-1002", "The e-mail address or the password is wrong.", 401)
        token = f"user-{secrets.token_urlsafe(16)}"
        self.user_tokens.add(token)
        return token

    def company_token(self, company_id: str) -> tuple[str, datetime]:
        """A company's token and when it ends, or Refused."""
        if company_id.lower() != credentials.IPAAS_COMPANY_ID:
            raise Refused("AUTH-1004", "The company id was not found.", 401)
        token = f"company-{secrets.token_urlsafe(16)}"
        ends = datetime.now(UTC) + timedelta(seconds=self.switches.ipaas_token_lifetime)
        self.company_tokens[token] = ends
        return token, ends

    def knows(self, token: str) -> bool:
        """Whether a company token is good."""
        return self.company_tokens.get(token, datetime.min.replace(tzinfo=UTC)) > datetime.now(UTC)

    # --- records ---------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        """The next id; ids are positive whole numbers over all types."""
        self._next_id += 1
        return self._next_id

    def shown_id(self, internal_id: int) -> Any:
        """An id as the platform sends it."""
        return str(internal_id) if self.switches.ipaas_ids_are_strings else internal_id

    def now(self) -> datetime:
        """The platform's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.switches.ipaas_clock_ahead)

    def add(self, type_name: str, body: Mapping[str, Any], modified: datetime | None = None) -> Record:
        """Create a record as POST does; returns it as it is stored. `modified`: when that was, now by default."""
        kind = TYPES[type_name]
        check(self, kind, body, None)
        internal_id = self.new_id()
        refused: Refused | None = None
        try:
            links = self._links_to_make(kind.table, body, internal_id)
        except Refused as refusal:
            if self.switches.create_with_link != "stays":
                raise
            links, refused = [], refusal
        now = (modified or self.now()).isoformat()
        record: Record = {"id": internal_id, "created_datetime": now, "updated_datetime": now}
        self._merge(kind, record, body)
        self._file(kind, record)
        if kind.part_of:
            parent_type, name = kind.part_of
            self.records[parent_type][int(record["parent_id"])].setdefault(name, []).append(record)
        self._make_links(kind.table, links, internal_id)
        self.changes.append((f"{kind.name}/created", type_name, internal_id))
        if refused:
            raise refused
        return record

    def edit(
        self, type_name: str, internal_id: int, body: Mapping[str, Any], modified: datetime | None = None
    ) -> Record:
        """Change a record as PUT does: what is not sent stays. `modified`: when that was, now by default."""
        kind = TYPES[type_name]
        record = self.find(type_name, internal_id)
        check(self, kind, body, internal_id)
        links = self._links_to_make(kind.table, body, internal_id)
        self._let_go(kind, record)
        self._merge(kind, record, body)
        self._hold(kind, record)
        self._make_links(kind.table, links, internal_id)
        record["updated_datetime"] = (modified or self.now()).isoformat()
        self.changes.append((f"{kind.name}/updated", type_name, internal_id))
        return record

    def change(self, type_name: str, internal_id: int, values: Mapping[str, Any]) -> None:
        """Change fields of a record past all rules, as an import may; nothing is announced, and it keeps its time."""
        kind, record = TYPES[type_name], self.records[type_name][internal_id]
        # Whoever looks for it by such a field finds it by the new value.
        self._let_go(kind, record)
        record.update(values)
        self._hold(kind, record)

    def find(self, type_name: str, internal_id: int) -> Record:
        """A record by its id. Raises Refused when there is none, or none that is shown."""
        record = self.records[type_name].get(internal_id)
        if record is None or self.hides(type_name, internal_id):
            raise Refused("NFND-1005", f"The {TYPES[type_name].name} {internal_id} was not found.", 404)
        return record

    def hides(self, type_name: str, internal_id: int) -> bool:
        """Whether a record is deactivated, and deactivated ones are not shown."""
        return internal_id in self.inactive[type_name] and self.switches.deactivated == "hidden"

    def deactivate(self, type_name: str, internal_id: int) -> None:
        """Take a record out of use: its links answer DELETED, and what is unique of it stays taken."""
        self.inactive[type_name].add(internal_id)
        self._delete_links(TYPES[type_name].table, internal_id)
        self.changes.append((f"{type_name}/deleted", type_name, internal_id))

    def unassign(self, product_id: int, category_id: int) -> None:
        """Take a category from a product. Raises Refused when it does not have it."""
        record = self.find("product", product_id)
        kept = [item for item in record.get("categories", ()) if int(item["category_id"]) != category_id]
        if len(kept) == len(record.get("categories", ())):
            raise Refused("NFND-1005", f"Product {product_id} is not in category {category_id}.", 404)
        record["categories"] = kept
        self.changes.append(("product/updated", "product", product_id))

    def unique(self, kind: RecordType) -> tuple[str, ...]:
        """The fields of a type that no two records may share."""
        return tuple(f for f in kind.unique if f != "email_address" or self.switches.unique_email)

    def holder(self, type_name: str, field: str, value: Any) -> int | None:
        """The id of the record that holds a value, in any case, in a field that is unique."""
        held = self._holders.get((type_name, field), {}).get(_folded(value))
        return held[-1] if value and held else None

    def found(self, kind: RecordType, wanted: Mapping[str, str]) -> Sequence[int]:
        """The ids of the records that have these values, in any case, in fields that are searched by; the oldest first."""
        lists = [self._holders.get((kind.name, name), {}).get(value.casefold(), []) for name, value in wanted.items()]
        ids = min(lists, key=len, default=self._order[kind.name])
        if len(lists) > 1:
            ids = [i for i in ids if all(i in others for others in lists)]
        if self.inactive[kind.name] and self.switches.deactivated == "hidden":
            return [i for i in ids if not self.hides(kind.name, i)]
        return ids

    def _file(self, kind: RecordType, record: Record) -> None:
        self.records[kind.name][record["id"]] = record
        self._order[kind.name].append(record["id"])
        self._hold(kind, record)

    def _hold(self, kind: RecordType, record: Record) -> None:
        for field in kind.looked_up_by:
            ids = self._holders.setdefault((kind.name, field), {}).setdefault(_folded(record.get(field)), [])
            ids.insert(bisect_left(ids, record["id"]), record["id"])

    def _let_go(self, kind: RecordType, record: Record) -> None:
        for field in kind.looked_up_by:
            ids = self._holders[kind.name, field][_folded(record.get(field))]
            del ids[bisect_left(ids, record["id"])]

    def define(self, model: str, *names: str, data_type: str = "string") -> None:
        """Define custom fields of a model: transaction, transaction line, tracking, customer, company, product."""
        self.custom_fields.setdefault(model, set()).update(names)
        self.custom_field_types.update({(model, name): data_type for name in names if data_type != "string"})

    def shown(self, type_name: str, record: Record) -> Record:
        """A record as the platform sends it: with its external ids, and those of its children."""
        kind = TYPES[type_name]
        result = self._shown(record, kind.table, kind.refs)
        for name, table in kind.children.items():
            result[name] = [self._shown(child, table, CHILD_REFS.get(name, {})) for child in record.get(name, ())]
        return result

    def _shown(self, record: Record, table: str, refs: Mapping[str, str]) -> Record:
        own = self.links.get(table, {})
        external = [
            {"id": record["id"], "system_id": system, "external_id": text, "internal_id": str(record["id"])}
            for system in self.subscriptions
            if (text := own.get((system, record["id"])))
        ]
        ids = {name: self.shown_id(record[name]) for name in ("id", *refs) if record.get(name)}
        return {**record, **ids, "external_ids": external}

    def linked(self, type_name: str, external_id: str, system_id: int = credentials.SYSTEM_ID) -> Record | None:
        """The record linked to an external id; for tests and the check."""
        internal_id = self.internal_id(TYPES[type_name].table, system_id, external_id)
        return self.records[type_name].get(internal_id) if internal_id else None

    # --- external ids ----------------------------------------------------------------------------------------

    def internal_id(self, table: str, system_id: int, external_id: str) -> int | None:
        """The id linked to an external id."""
        return self._by_external.get((table.lower(), system_id, external_id))

    def external_id(self, table: str, system_id: int, internal_id: int) -> str | None:
        """The external id of a record."""
        return self.links.get(self._table(table), {}).get((system_id, internal_id))

    def link(self, table: str, system_id: int, internal_id: int, external_id: str) -> None:
        """Create or change a link, as UpdateExternalId does."""
        known_system(self, system_id)
        if not external_id:
            raise Refused("VALD-1001", "The external id must not be empty.")
        name = self._table(table)
        kind = record_type(name)
        known = self.records[kind.name] if kind else self._children.get(name, set())
        if internal_id not in known:
            raise Refused("NFND-1005", f"The {name} {internal_id} was not found.", 404)
        holder = self.internal_id(name, system_id, external_id)
        if holder is not None and holder != internal_id and not self.is_free(name, system_id, holder):
            if self.switches.taken_external_id == "moved":
                self.moved.append((name, external_id, holder, internal_id))
                self._link(name, system_id, internal_id, external_id)
                return
            raise Refused(
                "BIZL-1003", f"The external id {external_id!r} must be unique and already exists on the {table} table."
            )
        self._link(name, system_id, internal_id, external_id)

    def _link(self, table: str, system_id: int, internal_id: int, external_id: str) -> None:
        own = self.links.setdefault(table, {})
        holder = self.internal_id(table, system_id, external_id)
        if holder is not None and holder != internal_id:
            own.pop((system_id, holder), None)
        before = own.get((system_id, internal_id))
        if before is not None:
            self._by_external.pop((table.lower(), system_id, before), None)
        own[system_id, internal_id] = external_id
        self._by_external[table.lower(), system_id, external_id] = internal_id

    def is_free(self, table: str, system_id: int, holder: int) -> bool:
        """Whether another record may take over the link of one that is deleted."""
        text = self.links.get(self._table(table), {}).get((system_id, holder), "")
        return self.switches.ipaas_deleted_links_are_free and text.startswith("DELETED:")

    def unlink_all(self, type_name: str, internal_id: int) -> None:
        """Delete a record softly: its links answer DELETED."""
        kind = TYPES[type_name]
        record = self.records[type_name].pop(internal_id, None)
        if record is not None:
            self._let_go(kind, record)
            order = self._order[type_name]
            del order[bisect_left(order, internal_id)]
        if record is not None and kind.part_of:
            parent_type, name = kind.part_of
            siblings = self.records[parent_type][int(record["parent_id"])][name]
            siblings[:] = [other for other in siblings if other is not record]
        self._delete_links(kind.table, internal_id)
        self.changes.append((f"{kind.name}/deleted", type_name, internal_id))

    def _delete_links(self, table: str, internal_id: int) -> None:
        own = self.links.get(table, {})
        for system in self.subscriptions:
            text = own.get((system, internal_id))
            if text is not None and not text.startswith("DELETED:"):
                own[system, internal_id] = f"DELETED:{text}"

    def missing(self, table: str, system_id: int) -> list[int]:
        """Ids of the records of a table that have no external id of a system."""
        kind = record_type(table)
        if kind is None:
            raise Refused("NFND-1005", f"There is no table {table!r}.", 404)
        own = self.links.get(kind.table, {})
        unused = self.inactive[kind.name]
        return [i for i in self.records[kind.name] if (system_id, i) not in own and i not in unused]

    def _table(self, name: str) -> str:
        known = {t.table for t in TYPES.values()} | {c for t in TYPES.values() for c in t.children.values()}
        for table in known:
            if table.lower() == name.lower():
                return table
        raise Refused("VALD-1025", f"There is no table {name!r}.")

    # --- merging ---------------------------------------------------------------------------------------------

    def _merge(self, kind: RecordType, record: Record, body: Mapping[str, Any]) -> None:
        for name, value in body.items():
            if name in ("id", "external_ids"):
                continue
            if name in kind.children:
                self._merge_children(kind, name, record, value or ())
            elif name == "custom_fields":
                self._merge_custom_fields(record, value or ())
            elif name == "categories" and kind.family == "products":
                record[name] = self._assignments(record, value or ())
            else:
                record[name] = value

    def _assignments(self, record: Record, sent: Any) -> list[Record]:
        """A product's categories, each assignment with an id of its own: what is sent, and, where it only adds, what
        was there."""
        adds = self.switches.category_set == "adds"
        present = {int(item["category_id"]): item for item in record.get("categories", ())}
        numbers = [int(item["id" if adds else "category_id"]) for item in sent]
        found = []
        for number in dict.fromkeys([*present, *numbers] if adds else numbers):
            name = self.records["product category"][number]["name"]
            own = {"id": f"{record['id']}|{number}"} if adds else present.get(number) or {"id": self.new_id()}
            found.append({**own, "category_id": number, "category_name": name})
        return found

    def _merge_children(self, kind: RecordType, name: str, record: Record, sent: Any) -> None:
        table, present = kind.children[name], record.setdefault(name, [])
        alone = next((t for t in TYPES.values() if t.part_of == (kind.name, name)), None)
        by_id = {child["id"]: child for child in present}
        for child in sent:
            links = list(links_of(self, child))
            linked = (self.internal_id(table, system, text) for system, text in links)
            by_link = next((i for i in linked if i in by_id), None) if self._finds_by_link() else None
            wanted = int(child["id"]) if child.get("id") is not None else by_link
            found = by_id.get(wanted) if wanted is not None else None
            if found is None:
                found = {"id": self.new_id()}
                present.append(found)
                by_id[found["id"]] = found
                self._children.setdefault(table, set()).add(found["id"])
                if alone:
                    # The same record is read and written at an endpoint of its own, too.
                    found["parent_id"] = record["id"]
                    self._file(alone, found)
            found.update({n: v for n, v in child.items() if n not in ("id", "external_ids", "custom_fields")})
            if child.get("custom_fields"):
                self._merge_custom_fields(found, child["custom_fields"])
            self._make_links(table, links, found["id"])

    def _finds_by_link(self) -> bool:
        return self.switches.child_identity == "external"

    def _merge_custom_fields(self, record: Record, sent: Any) -> None:
        replaces = self.switches.custom_field_list == "replaces"
        values = {item["custom_field_name"]: item for item in record.get("custom_fields", ())}
        for item in sent:
            known = values.get(item["custom_field_name"], {"id": self.new_id()})
            values[item["custom_field_name"]] = {**known, **item}
        sent_names = {item["custom_field_name"] for item in sent}
        kept = [item for name, item in values.items() if not replaces or name in sent_names]
        if kept or replaces:
            record["custom_fields"] = kept

    def _links_to_make(self, table: str, body: Mapping[str, Any], internal_id: int) -> list[tuple[int, str]]:
        """The links a body asks for, refused before anything is stored when one is taken."""
        wanted = list(links_of(self, body))
        for system, text in wanted:
            holder = self.internal_id(table, system, text)
            if holder is not None and holder != internal_id and not self.is_free(table, system, holder):
                if self.switches.taken_external_id != "moved":
                    raise Refused("BIZL-1005", f"Duplicate external id {text!r} on the {table} request.")
                self.moved.append((table, text, holder, internal_id))
        return wanted

    def _make_links(self, table: str, links: list[tuple[int, str]], internal_id: int) -> None:
        for system, text in links:
            self._link(table, system, internal_id, text)


def _folded(value: Any) -> str:
    return str(value or "").casefold()
