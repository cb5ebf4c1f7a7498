"""The extract stage: reads what may have changed, or what was asked for, and stages it whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from include.errors import ErrorKind, Unreadable
from include.sync.asked import AskedId
from include.sync.batches import batches
from include.sync.flow import Flow, Window
from include.sync.ledger.entries import iso
from include.sync.lines import NAMES
from include.sync.links import side_of
from include.sync.notices import ALL
from include.sync.outcomes import Outcome, Result
from include.sync.records import Json, SourceRecord, staged_row
from include.sync.runs import RunKind
from include.sync.staging.files import FileWriter
from include.sync.staging.keyset import KeySet
from include.sync.task_context import BATCH, TaskContext
from include.sync.telling import tells
from include.sync.values import fold
from include.sync.vanished import Whole, stage_vanished

WEBHOOKS_PER_RUN = 50_000  # those that came later wait for the next run
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
    webhooks = ledger.received(flow.name, WEBHOOKS_PER_RUN) if plan.takes_announced and not leaves_announced else []
    began = datetime.now(UTC)
    not_found: list[Outcome] = []
    with task.staging.write("raw") as raw, task.staging.write(NAMES) as names:
        reading = _Reading(task, raw, names)
        if plan.kind is RunKind.ids:
            not_found = reading.asked(plan.ids)
        else:
            if plan.takes_announced:
                reading.unfinished([ipaas_id for ipaas_id, _ in webhooks if ipaas_id != ALL])
            if plan.kind is not RunKind.announced:
                reading.changed()
            reading.gone()
        reading.refused(began)
        compared_with = reading.compared_with()
    rejected = [*not_found, *task.nameless]
    task.staging.write_all("outcomes-extract", (outcome.as_json() for outcome in rejected))
    task.staging.write_all("webhooks", ({"id": i, "generation": g} for i, g in webhooks))
    # By the service's clock, but never past the run's own start: should that clock run ahead, what it dates rightly
    # would lie behind the position for good.
    read_from = min(task.dated(began), iso(plan.started_at))
    # And never past what could not be read.
    held = task.held or bool(task.nameless)
    read = raw.count + len(rejected)
    task.save_stats("extract", read=read, read_from=read_from, held=held, **compared_with)
    if plan.takes_announced:
        # What is due of this flow has been read; its own schedule may be an hour away for another one.
        task.wakes.update(ledger.flows_due(name for name in task.catalogue if name != flow.name))
    task.headway.end("read", read)


class _Reading:
    """What one task reads, each record once: staged as it comes."""

    def __init__(self, task: TaskContext, raw: FileWriter, names: FileWriter) -> None:
        plan = task.plan
        self._task, self._flow, self._ledger = task, task.flow, task.ledger
        self._raw, self._names = raw, names
        self._by_id: set[str] = set()
        compared = plan.compares and plan.reads_everything
        # A poll that reads everything meets its unfinished records there, and can tell which are gone.
        reads_all = task.flow.poll == "whole" and (plan.kind is RunKind.poll or compared)
        self._everything = KeySet() if reads_all else None
        self._whole = Whole() if compared else None

    def asked(self, ids: Sequence[AskedId]) -> list[Outcome]:
        """Read the records that were asked for; answers an outcome for each that is not there."""
        answered = self._read_by_ids(ids)
        missing = (a for a in ids if answered.isdisjoint(fold(name) for name in (a.text, *a.parts.values())))
        return [_not_found(self._flow, a.text) for a in missing]

    def unfinished(self, announced: Sequence[str]) -> None:
        """Read what was announced and what is to be tried again, by their ids."""
        due = [] if self._everything is not None else self._ledger.due(self._flow.name, RETRIES_PER_RUN)
        asked = [self._flow.again(key) for key in dict.fromkeys([*due, *announced])]
        answered = self._read_by_ids(asked)
        if not self._task.nameless:
            self._forget([one.text for one in asked if not one.points and fold(one.text) not in answered])

    def changed(self) -> None:
        """Read what has changed in the run's window, or everything."""
        plan, since = self._task.plan, datetime.now(UTC)
        window = Window(since=plan.since, until=plan.until, linked=self._whole is not None)
        self._keep_new(self._flow.source.changed(self._task, window), since)

    def gone(self) -> None:
        """Stage, or forget, what is remembered and was not among everything."""
        everything, name = self._everything, self._flow.name
        # One of those that cannot be read may be any: nothing can be told of what is gone.
        if everything is None or self._task.nameless:
            return
        if self._flow.gone:
            since = datetime.now(UTC)
            there = sum(1 for key, sent in self._ledger.keys(name) if sent and key in everything)

            def missing() -> Iterator[str]:
                return (key for key, _ in self._ledger.keys(name) if key not in everything)

            self._keep(self._flow.gone(self._task, missing, there, everything.__contains__), since)
        elif self._whole is None:
            self._forget([key for key in self._ledger.due(name, RETRIES_PER_RUN) if key not in everything])

    def refused(self, since: datetime) -> None:
        """Stage what the service refuses to show, with why."""
        refused = self._task.refused.items()
        self._keep((SourceRecord[Json](key=key, data={}, asked=key, problem=why) for key, why in refused), since)

    def compared_with(self) -> Json:
        """What a comparison found gone; nothing of other runs."""
        return {} if self._whole is None else stage_vanished(self._task, self._whole, self._keep)

    def _read_by_ids(self, asked: Sequence[AskedId]) -> set[str]:
        """Read records by their ids; answers the names of those that are there, folded."""
        answered: set[str] = set()
        for batch in batches(asked, BATCH):
            since = datetime.now(UTC)
            try:
                for record in self._flow.source.by_ids(self._task, batch):
                    # A record may be asked for twice, by its number and by its id.
                    answered.update((fold(record.asked or record.key), fold(record.key)))
                    self._keep_new([record], since)
                    self._by_id.add(record.key)
                answered.update(fold(key) for key in self._task.refused)
            except Unreadable:
                break  # which the run has been told; an id that was asked for is not found
        return answered

    def _keep_new(self, records: Iterable[SourceRecord], since: datetime) -> None:
        self._keep((record for record in records if record.key not in self._by_id), since)

    def _keep(self, records: Iterable[SourceRecord], since: datetime) -> None:
        """Stage records that have been read `since` then."""
        for record in records:
            self._task.headway.at("read", self._raw.count)
            self._raw.add(_raw(record, self._task.dated(since)))
            if record.asked and record.asked != record.key:
                self._names.add({"key": record.key, "name": record.asked})
            if self._everything is not None:
                self._everything.add(record.key)
            if self._whole is not None:
                self._whole.add(record)

    def _forget(self, vanished: Sequence[str]) -> None:
        if vanished:
            self._ledger.forget(self._flow.name, vanished)
            self._task.warn(f"No longer there, so no longer retried: {', '.join(vanished[:20])}")


def stand_aside(task: TaskContext, other: str) -> None:
    """Read nothing, and leave everything to another poll of this flow, which is under way, and to the next."""
    task.warn(
        f"The run {other} of this flow is still under way. What has changed goes with that, or with the next run."
    )
    for name in ("raw", "outcomes-extract", "webhooks"):
        task.staging.write_all(name, ())
    task.save_stats("extract", read=0, held=True)


def _raw(record: SourceRecord, read_at: str) -> Json:
    raw: Json = {"key": record.key, "data": staged_row(record.data), "asked": record.asked, "read_at": read_at}
    more = {"record_id": record.record_id, "problem": record.problem}
    return {**raw, **{name: value for name, value in more.items() if value is not None}}


def _not_found(flow: Flow, text: str) -> Outcome:
    blank = " A blank is part of it: several ids stand one a line, or with commas between them." if " " in text else ""
    return Outcome(
        key=text,
        result=Result.failed,
        kind=ErrorKind.rejected,
        message=f"There is no {flow.record} {text!r} in {side_of(flow.direction).source}.",
        advice=f"Check the id: it may be misspelt, deleted, or of another company.{blank}",
    )
