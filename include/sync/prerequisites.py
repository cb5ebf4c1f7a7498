"""Reads, maps and stages the records that others need first, so that `load` can bring them over on the way."""

from __future__ import annotations

from typing import Any

from include.sync.batches import batches
from include.sync.endings import unexpected
from include.sync.flow import Flow, Unreadable
from include.sync.model import (
    Json,
    Missing,
    Ref,
    Rejected,
    SourceRecord,
    Waiting,
    fingerprint,
    fold,
    mapped_from_wire,
    mapped_to_wire,
    refs,
)
from include.sync.route import route_of
from include.sync.stage import BATCH, Stage


def stage_prerequisites(stage: Stage, wanted: dict[tuple[str, str], Ref]) -> None:
    """Read and map the records that others need first and that no link is known of, and theirs in turn."""
    staged: set[tuple[str, str]] = set()
    route = route_of(stage.flow.direction)
    with stage.staging.write("prerequisites") as out:
        while wanted:
            level, wanted = wanted, {}
            for flow_name in sorted({ref.flow for ref in level.values() if ref.flow}):
                flow = stage.catalogue[flow_name]
                group = [ref for place, ref in level.items() if ref.flow == flow_name and place not in staged]
                staged |= {(ref.table, fold(ref.external_id)) for ref in group}
                tables = {ref.table for ref in group}
                linked = {
                    (table, folded)
                    for table in tables
                    for folded in route.known(
                        stage.ledger, table, (ref.external_id for ref in group if ref.table == table)
                    )
                }
                missing = [ref for ref in group if (ref.table, fold(ref.external_id)) not in linked]
                for part in batches(missing, BATCH):
                    asked = [flow.again(ref.external_id) for ref in part]
                    absent = {fold(ref.external_id): ref for ref in part}
                    why = "absent"
                    try:
                        for record in flow.source.by_ids(stage, asked):
                            absent.pop(fold(record.key), None)
                            prerequisite = _prerequisite(stage, flow, record)
                            out.add(prerequisite)
                            for ref in refs(_bodies(prerequisite)):
                                place = (ref.table, fold(ref.external_id))
                                if ref.missing is Missing.transfer and ref.flow and place not in staged:
                                    wanted.setdefault(place, ref)
                    except Unreadable:
                        why = "unreadable"
                    for ref in absent.values():
                        out.add({"flow": flow_name, "table": ref.table, "key": ref.external_id, why: True})


def _bodies(prerequisite: Json) -> Any:
    mapped = mapped_from_wire(prerequisite["mapped"]) if "mapped" in prerequisite else None
    return [mapped.body, list(mapped.also)] if mapped else []


def _prerequisite(stage: Stage, flow: Flow, record: SourceRecord) -> Json:
    entry: Json = {"flow": flow.name, "table": flow.writer.table, "key": record.key}
    context = stage.context({})
    try:
        mapped = flow.take(record.data, context)
    except (Rejected, Waiting) as problem:
        return {**entry, "problem": problem.message}
    except Exception as defect:  # noqa: BLE001 - it must not stop the records that do not need it
        return {**entry, "problem": unexpected("mapping", defect).message}
    if isinstance(mapped, str):
        return {**entry, "problem": mapped}
    return {**entry, "fingerprint": fingerprint(mapped), "mapped": mapped_to_wire(mapped)}
