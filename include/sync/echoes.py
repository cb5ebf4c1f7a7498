"""What the flow the other way has written into a record since it was last agreed: found out before it is loaded.

The mapping tells which fields of the target that concerns: it is asked what it makes of the record with what was there
before, and with what was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from include.errors import Rejected, Waiting
from include.sync.base import Base
from include.sync.fields import put, values_of
from include.sync.fingerprints import canonical
from include.sync.ledger.entries import Transfer
from include.sync.records import Json, Mapped
from include.sync.runs import Direction
from include.sync.task_context import TaskContext
from include.sync.values import fold
from include.sync.wire import from_wire, to_wire

# What a page or an API entity tells its records apart by.
_KEYS = frozenset({"No", "Code", "id", "number", "code"})


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Fields of a body as they were agreed (`before`) and as the other direction has written them (`after`).

    `whole`: there is no base of this flow's own; what the other direction has agreed is all of it. `partial`: that has only
    matched the record, and does not know what is not named here.
    """

    before: Json
    after: Json
    whole: bool = False
    partial: bool = False

    def as_json(self) -> Json:
        """For staging."""
        return {
            "before": to_wire(self.before),
            "after": to_wire(self.after),
            "whole": self.whole,
            "partial": self.partial,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settled:
        """Read back what `as_json` wrote."""
        before, after = from_wire(data["before"]), from_wire(data["after"])
        return cls(before=before, after=after, whole=data["whole"], partial=data.get("partial", False))


class Echoes:
    """The same for the records of one batch; nothing is read but for those that it may concern."""

    def __init__(self, task: TaskContext, batch: Sequence[Json], known: Mapping[str, Transfer]) -> None:
        """`known` are the transfers of the batch."""
        self._task = task
        self._known = known
        self._layout = _LAYOUTS[task.flow.direction]
        self._bases: dict[str, Base] = {}
        self._agreed: dict[str, Base] = {}
        if task.flow.counterpart is None:
            return
        # Whoever writes into a record takes its fingerprint away.
        touched = {transfer.key: key for key, transfer in known.items() if transfer.fingerprint is None}
        if touched:
            found = task.ledger.transfers(task.flow.name, touched, base=True)
            # One that was renumbered is known under the number that it had.
            bases = {key: Base.from_json(t.base).renumbered(key, touched[key]) for key, t in found.items() if t.base}
            self._bases = {touched[key]: base for key, base in bases.items()}
        new = [record for record in batch if self._is_new(str(record["key"]))]
        self._agreed = self._agreed_there(task.flow.counterpart.flow, new) if new else {}

    def _is_new(self, key: str) -> bool:
        return key not in self._known or (self._known[key].fingerprint is None and not self._has_values(key))

    def _has_values(self, key: str) -> bool:
        return key in self._bases and bool(self._bases[key].values)

    def _agreed_there(self, flow: str, records: Sequence[Json]) -> dict[str, Base]:
        """What the other direction has last agreed of these records; with what a try of its that has not come to its end
        has sent of them, and has arrived.

        How its last try ended does not matter: what it could not send yet is still to be sent, and nobody's to put back.
        """
        task, table = self._task, self._task.flow.writer.table
        ends = self._layout.other_ends(task, table, records)
        found = task.ledger.transfers(flow, ends.values(), base=True) if ends else {}
        bases = {key: Base.from_json(data) for key, end in ends.items() if end in found and (data := found[end].base)}
        there = {str(record["key"]): record["data"] for record in records}
        return {
            key: base.with_own(self._layout.fields(there[key], task.plan.system_id))
            for key, base in bases.items()
            if base.values
        }

    def of(self, record: Json) -> Json:
        """What `load` is to know of a record beside its body."""
        counterpart = self._task.flow.counterpart
        if counterpart is None:
            return self._layout.told_alone(record["data"])
        key, data = str(record["key"]), record["data"]
        more: Json = self._layout.own(data)
        if key in self._agreed:
            if (settled := self._settled_there(key, data)) is not None:
                more["settled"] = settled.as_json()
        elif self._has_values(key) and (written := self._written(key, data)):
            system_id = self._task.plan.system_id
            before = self._body(key, self._layout.put(data, {n: was for n, (was, _) in written.items()}, system_id))
            after = self._body(key, self._layout.put(data, {n: now for n, (_, now) in written.items()}, system_id))
            if before is not None and after is not None:
                names = [n for n in {**before, **after} if canonical(before.get(n)) != canonical(after.get(n))]
                more["settled"] = Settled(
                    before={n: before[n] for n in names if n in before},
                    after={n: after[n] for n in names if n in after},
                ).as_json()
        return more

    def _settled_there(self, key: str, data: Json) -> Settled | None:
        base = self._agreed[key]
        after = self._body(key, self._layout.rebuilt(data, base, self._task))
        if after is None:
            return None
        if not base.made:
            # What it has of the record is what it names; a blank may as well be a field that it does not know.
            after = {name: value for name, value in after.items() if value not in (None, "", [])}
        return Settled(before={}, after=after, whole=True, partial=not base.made)

    def _written(self, key: str, data: Json) -> Mapping[str, tuple[Any, Any]]:
        base = self._bases[key]
        return base.written_by_now(self._layout.fields(data, self._task.plan.system_id)) if base.tried else base.written

    def _body(self, key: str, data: Json) -> Json | None:
        flow, transfer = self._task.flow, self._known.get(key)
        try:
            mapped = flow.take(flow.row_of(data), self._task.context(transfer.memory if transfer else {}))
        except (Rejected, Waiting):
            return None
        if not isinstance(mapped, Mapped):
            return None
        return {name: value for name, value in mapped.body.items() if name not in mapped.create_only}


class _Layout(Protocol):
    """Where a record's fields stand in what a source has read of it."""

    def own(self, data: Json) -> Json:
        """Its fields and its time, for `load`."""

    def fields(self, data: Json, system_id: int) -> Json:
        """Its fields, under the names that the other direction writes them by."""

    def told_alone(self, data: Json) -> Json:
        """The same where no flow goes the other way."""

    def put(self, data: Json, values: Mapping[str, Any], system_id: int) -> Json:
        """The same with other values of these fields."""

    def rebuilt(self, data: Json, base: Base, task: TaskContext) -> Json:
        """The record as the other direction has agreed it."""

    def other_ends(self, task: TaskContext, table: str, records: Sequence[Json]) -> dict[str, str]:
        """By key: the key that the flow the other way knows it by, for those that are linked."""


class _FromBusinessCentral:
    """Records of Business Central: the fields of the page, in `detail`."""

    def own(self, data: Json) -> Json:
        own = {name: value for name, value in data["detail"].items() if value not in (None, "")}
        return {"own": own, "modified": (data.get("feed") or {}).get("lastModifiedDateTime")}

    def fields(self, data: Json, system_id: int) -> Json:
        return dict(data["detail"])

    def told_alone(self, data: Json) -> Json:
        return {}

    def put(self, data: Json, values: Mapping[str, Any], system_id: int) -> Json:
        return {**data, "detail": {**data["detail"], **{n: v for n, v in values.items() if n in data["detail"]}}}

    def rebuilt(self, data: Json, base: Base, task: TaskContext) -> Json:
        if base.made:
            return self.put(data, {**base.values, **base.kept}, task.plan.system_id)
        agreed = {name: value for name, value in base.values.items() if name not in base.kept}
        return {**data, "detail": {name: value for name, value in data["detail"].items() if name in _KEYS} | agreed}

    def other_ends(self, task: TaskContext, table: str, records: Sequence[Json]) -> dict[str, str]:
        links = task.ledger.internal_ids(table, [str(record["key"]) for record in records])
        return {str(r["key"]): str(links[end]) for r in records if (end := fold(str(r["key"]))) in links}


class _FromIPaaS:
    """Records of iPaaS.com, in `record`."""

    def own(self, data: Json) -> Json:
        return {"modified": data["record"].get("updated_datetime")}

    def fields(self, data: Json, system_id: int) -> Json:
        return values_of(data["record"], system_id)

    def told_alone(self, data: Json) -> Json:
        return self.own(data)

    def put(self, data: Json, values: Mapping[str, Any], system_id: int) -> Json:
        return {**data, "record": put(data["record"], values, system_id)}

    def rebuilt(self, data: Json, base: Base, task: TaskContext) -> Json:
        """The record with nothing but what was agreed of it."""
        record = data["record"]
        kept = base.kept if base.made else dict.fromkeys(base.kept)
        made = put({"id": record["id"]}, {**base.values, **kept}, task.plan.system_id, add=True)
        return {**data, "record": made}

    def other_ends(self, task: TaskContext, table: str, records: Sequence[Json]) -> dict[str, str]:
        return {str(r["key"]): str(linked) for r in records if (linked := r["data"].get("linked"))}


_LAYOUTS: Mapping[Direction, _Layout] = {Direction.to_ipaas: _FromBusinessCentral(), Direction.from_ipaas: _FromIPaaS()}
