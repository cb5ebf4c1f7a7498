"""The state of iPaaS.com: records, external ids, custom-field definitions, users, tokens, hooks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from include.sandbox import credentials
from include.sandbox.ipaas.types import CHILD_MODELS, CHILD_REFS, CHILD_REQUIRED, TYPES, RecordType
from include.sandbox.switches import Switches

Record = dict[str, Any]


class Refused(Exception):
    """The platform refuses a request: a stable code, a status, a text."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


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
        self.subscriptions = {
            credentials.SYSTEM_ID: "Dynamics365_Integration",
            credentials.OTHER_SYSTEM_ID: "Web shop",
            1: "iPaaS.com",
        }
        self.user_tokens: set[str] = set()
        self.company_tokens: dict[str, datetime] = {}
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

    def add(self, type_name: str, body: Mapping[str, Any]) -> Record:
        """Create a record as POST does; returns it as it is stored."""
        kind = TYPES[type_name]
        self._check(kind, body, None)
        internal_id = self.new_id()
        now = datetime.now(UTC).isoformat()
        record: Record = {"id": internal_id, "created_datetime": now, "updated_datetime": now}
        links = self._links_to_make(kind.table, body, internal_id)
        self._merge(kind, record, body)
        self.records[type_name][internal_id] = record
        if kind.part_of:
            parent_type, name = kind.part_of
            self.records[parent_type][int(record["parent_id"])].setdefault(name, []).append(record)
        self._make_links(kind.table, links, internal_id)
        self.changes.append((f"{kind.name}/created", type_name, internal_id))
        return record

    def edit(self, type_name: str, internal_id: int, body: Mapping[str, Any]) -> Record:
        """Change a record as PUT does: what is not sent stays."""
        kind = TYPES[type_name]
        record = self.records[type_name].get(internal_id)
        if record is None:
            raise Refused("NFND-1005", f"The {kind.name} {internal_id} was not found.", 404)
        self._check(kind, body, internal_id)
        links = self._links_to_make(kind.table, body, internal_id)
        self._merge(kind, record, body)
        self._make_links(kind.table, links, internal_id)
        record["updated_datetime"] = datetime.now(UTC).isoformat()
        self.changes.append((f"{kind.name}/updated", type_name, internal_id))
        return record

    def shown(self, type_name: str, record: Record) -> Record:
        """A record as the platform sends it: with its external ids, and those of its children."""
        kind = TYPES[type_name]
        result = self._shown(record, kind.table)
        for name, table in kind.children.items():
            result[name] = [self._shown(child, table) for child in record.get(name, ())]
        return result

    def _shown(self, record: Record, table: str) -> Record:
        own = self.links.get(table, {})
        external = [
            {"id": record["id"], "system_id": system, "external_id": text, "internal_id": str(record["id"])}
            for system in self.subscriptions
            if (text := own.get((system, record["id"])))
        ]
        return {**record, "id": self.shown_id(record["id"]), "external_ids": external}

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
        """Create or change a link."""
        if system_id not in self.subscriptions:
            raise Refused("VALD-1017", f"The system id {system_id} is not valid.")
        if not external_id:
            raise Refused("VALD-1001", "The external id must not be empty.")
        holder = self.internal_id(table, system_id, external_id)
        if holder is not None and holder != internal_id:
            raise Refused(
                "BIZL-1003", f"The external id {external_id!r} must be unique and already exists on the {table} table."
            )
        name = self._table(table)
        before = self.links.setdefault(name, {}).get((system_id, internal_id))
        if before is not None:
            self._by_external.pop((name.lower(), system_id, before), None)
        self.links[name][system_id, internal_id] = external_id
        self._by_external[name.lower(), system_id, external_id] = internal_id

    def unlink_all(self, type_name: str, internal_id: int) -> None:
        """Delete a record softly: its links answer DELETED."""
        name = TYPES[type_name].table
        self.records[type_name].pop(internal_id, None)
        for (system, linked_id), text in list(self.links.get(name, {}).items()):
            if linked_id == internal_id and not text.startswith("DELETED:"):
                self.links[name][system, linked_id] = f"DELETED:{text}"
        self.changes.append((f"{TYPES[type_name].name}/deleted", type_name, internal_id))

    def missing(self, table: str, system_id: int) -> list[int]:
        """Ids of the records of a table that have no external id of a system."""
        kind = next((t for t in TYPES.values() if t.table.lower() == table.lower()), None)
        if kind is None:
            raise Refused("NFND-1005", f"There is no table {table!r}.", 404)
        own = self.links.get(kind.table, {})
        return [i for i in self.records[kind.name] if (system_id, i) not in own]

    def _table(self, name: str) -> str:
        known = {t.table for t in TYPES.values()} | {c for t in TYPES.values() for c in t.children.values()}
        for table in known:
            if table.lower() == name.lower():
                return table
        raise Refused("VALD-1025", f"There is no table {name!r}.")

    # --- rules -----------------------------------------------------------------------------------------------

    def _check(self, kind: RecordType, body: Mapping[str, Any], internal_id: int | None) -> None:
        if not isinstance(body, dict):
            raise Refused("VALD-1025", "The request could not be read.")
        present = self.records[kind.name].get(internal_id, {}) if internal_id else {}
        whole = {**present, **body}
        for name in kind.required:
            if whole.get(name) in (None, ""):
                raise Refused("VALD-1025", f"{name} is required.")
        for names in kind.one_of:
            if not any(whole.get(name) for name in names):
                code = "VALD-1049" if "first_name" in names else "VALD-1025"
                raise Refused(code, f"One of {' and '.join(names)} is required.")
        for name, allowed in kind.enums.items():
            if name in body and body[name] not in allowed:
                raise Refused("VALD-1025", f"{name} {body[name]!r} is not valid. Allowed: {', '.join(allowed)}.")
        self._check_refs(kind.refs, body)
        for name in kind.unique:
            value = str(body.get(name) or "").casefold()
            for other in self.records[kind.name].values() if value else ():
                if other["id"] != internal_id and str(other.get(name) or "").casefold() == value:
                    raise Refused("BIZL-1004", f"{name} {body[name]!r} must be unique and is used by {other['id']}.")
        self._check_custom_fields(kind.model, body)
        for name in kind.children:
            for child in body.get(name) or ():
                self._check_child(name, child)
        for item in body.get("categories") or ():
            wanted = "customer category" if kind.family == "customers" else "product category"
            self._check_refs({"id": wanted, "category_id": wanted}, item)

    def _check_child(self, name: str, child: Mapping[str, Any]) -> None:
        new = child.get("id") is None
        for required in CHILD_REQUIRED.get(name, ()) if new else ():
            # A child that is known by its external id is an update, and need not be whole.
            if child.get(required) in (None, "") and not child.get("external_ids"):
                raise Refused("VALD-1025", f"{name}: {required} is required.")
        self._check_refs(CHILD_REFS.get(name, {}), child)
        self._check_custom_fields(CHILD_MODELS.get(name), child)
        if name == "payments" and child.get("method"):
            self._check_name("payment method", child["method"])
        if name in ("tracking", "addresses") and child.get("shipping_method"):
            self._check_name("shipping method", child["shipping_method"])

    def _check_name(self, type_name: str, name: str) -> None:
        if not any(record["name"] == name for record in self.records[type_name].values()):
            raise Refused("VALD-1038", f"The referenced {type_name} {name!r} does not exist, create it first.")

    def _check_refs(self, refs: Mapping[str, str], body: Mapping[str, Any]) -> None:
        for name, type_name in refs.items():
            value = body.get(name)
            if value is None:
                continue
            if not str(value).isdigit() or int(value) <= 0:
                raise Refused("VALD-1006", f"{name} is not a valid integer or is not greater than 0.")
            if int(value) not in self.records[type_name]:
                raise Refused("VALD-1038", f"The referenced {type_name} id {value} does not exist, create it first.")

    def _check_custom_fields(self, model: str | None, body: Mapping[str, Any]) -> None:
        for item in body.get("custom_fields") or ():
            name = item.get("custom_field_name")
            if name not in self.custom_fields.get(model or "", set()):
                raise Refused("VALD-1025", f"The custom field {name!r} does not exist for {model or 'this record'}.")
            if not isinstance(item.get("value"), str) or not item["value"]:
                raise Refused("VALD-1025", f"The custom field {name!r} needs a value of type string.")

    # --- merging ---------------------------------------------------------------------------------------------

    def _merge(self, kind: RecordType, record: Record, body: Mapping[str, Any]) -> None:
        for name, value in body.items():
            if name in ("id", "external_ids"):
                continue
            if name in kind.children:
                self._merge_children(kind, name, record, value or ())
            elif name == "custom_fields":
                self._merge_custom_fields(record, value or ())
            else:
                record[name] = value

    def _merge_children(self, kind: RecordType, name: str, record: Record, sent: Any) -> None:
        table, present = kind.children[name], record.setdefault(name, [])
        alone = next((t for t in TYPES.values() if t.part_of == (kind.name, name)), None)
        for child in sent:
            found = next((c for c in present if str(c["id"]) == str(child.get("id"))), None)
            for link in child.get("external_ids") or ():
                linked = self.internal_id(table, int(link["system_id"]), link["external_id"])
                found = found or next((c for c in present if c["id"] == linked), None)
            if found is None:
                if child.get("id") is not None:
                    raise Refused("NFND-1005", f"The {table} {child['id']} was not found.", 404)
                found = {"id": self.new_id()}
                present.append(found)
                if alone:
                    # The same record is read and written at an endpoint of its own, too.
                    found["parent_id"] = record["id"]
                    self.records[alone.name][found["id"]] = found
            links = self._links_to_make(table, child, found["id"])
            found.update({n: v for n, v in child.items() if n not in ("id", "external_ids", "custom_fields")})
            self._merge_custom_fields(found, child.get("custom_fields") or ())
            self._make_links(table, links, found["id"])

    def _merge_custom_fields(self, record: Record, sent: Any) -> None:
        values = {item["custom_field_name"]: item for item in record.get("custom_fields", ())}
        for item in sent:
            known = values.get(item["custom_field_name"], {"id": self.new_id()})
            values[item["custom_field_name"]] = {**known, **item}
        if values:
            record["custom_fields"] = list(values.values())

    def _links_to_make(self, table: str, body: Mapping[str, Any], internal_id: int) -> list[tuple[int, str]]:
        """The links a body asks for, refused before anything is stored when one is taken."""
        wanted = [(int(item["system_id"]), str(item["external_id"])) for item in body.get("external_ids") or ()]
        for system, text in wanted:
            holder = self.internal_id(table, system, text)
            if holder is not None and holder != internal_id:
                raise Refused("BIZL-1005", f"Duplicate external id {text!r} on the {table} request.")
        return wanted

    def _make_links(self, table: str, links: list[tuple[int, str]], internal_id: int) -> None:
        for system, text in links:
            self.link(table, system, internal_id, text)
