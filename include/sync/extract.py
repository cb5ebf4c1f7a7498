"""The extract stage: reads what may have changed, or what was asked for, and stages it whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from include.errors import ErrorKind, Unreadable
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Flow, Window
from include.sync.ledger.entries import iso
from include.sync.links import side_of
from include.sync.notices import ALL
from include.sync.outcomes import Outcome, Result
from include.sync.records import Json, SourceRecord, staged_row
from include.sync.runs import RunKind
from include.sync.staging.keyset import KeySet
from include.sync.task_context import BATCH, TaskContext
from include.sync.telling import tells
from include.sync.values import fold
from include.sync.vanished import Whole, stage_vanished

HOOKS_PER_RUN = 50_000  # those that came later wait for the next run
RETRIES_PER_RUN = 50_000  # likewise


@tells
def extract(task: TaskContext, *, leaves_announced: bool = False) -> None:
    """Read what may have changed, or what was asked for, and stage it whole.

    `leaves_announced`: another run of the flow is taking what was announced.
    """
    flow, plan, ledger = task.flow, task.plan, task.ledger
    task.identify()
    if ledger.begins:
        task.warn(f"The first run of this flow with {ledger.known.systems}: its links are read from iPaaS.com.")
    hooks = ledger.received(flow.name, HOOKS_PER_RUN) if plan.takes_announced and not leaves_announced else []
    began = datetime.now(UTC)
    not_found: list[Outcome] = []
    seen: set[str] = set()
    # A poll that reads everything meets its unfinished records there, and can tell which are gone.
    compared = plan.compares and plan.reads_everything
    everything = KeySet() if flow.poll == "whole" and (plan.kind is RunKind.poll or compared) else None
    whole = Whole() if compared else None

    def new(records: Iterable[SourceRecord]) -> Iterator[SourceRecord]:
        for record in records:
            if record.key not in seen:
                yield record

    def by_ids(asked: Sequence[AskedId], answered: set[str]) -> None:
        for batch in batches(asked, BATCH):
            since = datetime.now(UTC)
            try:
                for record in flow.source.by_ids(task, batch):
                    # A record may be asked for twice, by its number and by its id.
                    answered.update((fold(record.asked or record.key), fold(record.key)))
                    keep(new([record]), since)
                    seen.add(record.key)
                answered.update(fold(key) for key in task.refused)
            except Unreadable:
                return  # which the run has been told; an id that was asked for is not found

    def forget(vanished: Sequence[str]) -> None:
        if vanished:
            ledger.forget(flow.name, vanished)
            task.warn(f"No longer there, so no longer retried: {', '.join(vanished[:20])}")

    with task.staging.write("raw") as raw:

        def keep(records: Iterable[SourceRecord], since: datetime) -> None:
            """Stage records that have been read `since` then."""
            for record in records:
                read_at = task.dated(since)
                raw.add(_raw(record, read_at))
                if everything is not None:
                    everything.add(record.key)
                if whole is not None:
                    whole.add(record)

        if plan.kind is RunKind.ids:
            answered: set[str] = set()
            by_ids(plan.ids, answered)
            not_found = [
                _not_found(flow, a.text)
                for a in plan.ids
                if answered.isdisjoint(fold(name) for name in (a.text, *a.parts.values()))
            ]
        else:
            if plan.takes_announced:
                due = [] if everything is not None else ledger.due(flow.name, RETRIES_PER_RUN)
                keys = list(dict.fromkeys([*due, *(ipaas_id for ipaas_id, _ in hooks if ipaas_id != ALL)]))
                answered = set()
                by_ids([flow.again(key) for key in keys], answered)
                if not task.nameless:
                    forget([key for key in keys if fold(key) not in answered])
            if plan.kind is not RunKind.announced:
                since = datetime.now(UTC)
                window = Window(since=plan.since, until=plan.until, linked=compared)
                keep(new(flow.source.changed(task, window)), since)
            if task.nameless:
                # One of those that cannot be read may be any: nothing can be told of what is gone.
                everything = None
            if everything is not None and flow.gone:
                since = datetime.now(UTC)
                there = sum(1 for key, sent in ledger.keys(flow.name) if sent and key in everything)
                vanished = flow.gone(
                    task,
                    lambda: (k for k, _ in ledger.keys(flow.name) if k not in everything),
                    there,
                    everything.__contains__,
                )
                keep(vanished, since)
            elif everything is not None and not compared:
                forget([key for key in ledger.due(flow.name, RETRIES_PER_RUN) if key not in everything])
        refused = (SourceRecord[Json](key=key, data={}, asked=key, problem=why) for key, why in task.refused.items())
        keep(refused, began)
        compared_with = stage_vanished(task, whole, keep) if whole is not None else {}
    rejected = [*not_found, *task.nameless]
    task.staging.write_all("outcomes-extract", (outcome.as_json() for outcome in rejected))
    task.staging.write_all("hooks", ({"id": i, "generation": g} for i, g in hooks))
    # By the service's clock, but never past the run's own start: should that clock run ahead, what it dates rightly
    # would lie behind the position for good.
    read_from = min(task.dated(began), iso(plan.started_at))
    # And never past what could not be read.
    held = task.held or bool(task.nameless)
    task.save_stats("extract", read=raw.count + len(rejected), read_from=read_from, held=held, **compared_with)


def stand_aside(task: TaskContext, other: str) -> None:
    """Read nothing, and leave everything to another poll of this flow, which is under way, and to the next."""
    task.warn(
        f"The run {other} of this flow is still under way. What has changed goes with that, or with the next run."
    )
    for name in ("raw", "outcomes-extract", "hooks"):
        task.staging.write_all(name, ())
    task.save_stats("extract", read=0, held=True)


def _raw(record: SourceRecord, read_at: str) -> Json:
    raw: Json = {"key": record.key, "data": staged_row(record.data), "asked": record.asked, "read_at": read_at}
    more = {"record_id": record.record_id, "problem": record.problem}
    return {**raw, **{name: value for name, value in more.items() if value is not None}}


def _not_found(flow: Flow, text: str) -> Outcome:
    return Outcome(
        key=text,
        result=Result.failed,
        kind=ErrorKind.rejected,
        message=f"There is no {flow.record} {text!r} in {side_of(flow.direction).source}.",
        advice="Check the id: it may be misspelt, deleted, or of another company.",
    )
