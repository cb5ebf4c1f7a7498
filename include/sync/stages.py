"""The stages of a run: extract, transform, (load), report. Each can be a task of its own; each can be repeated.

`load` has a module of its own. `run` strings them together for those who need no Airflow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from include.settings import SyncSettings
from include.sync.flow import AskedId, Flow, Window
from include.sync.keyset import KeySet
from include.sync.ledger import Finish, Ledger, Transfer, iso
from include.sync.model import (
    Json,
    Mapped,
    MappingContext,
    Missing,
    Mode,
    Outcome,
    Ref,
    Rejected,
    Result,
    RunKind,
    RunPlan,
    SourceRecord,
    Waiting,
    fingerprint,
    fold,
    mapped_from_wire,
    mapped_to_wire,
    refs,
)
from include.sync.route import LinkLookup, route_of
from include.sync.staging import Staging
from include.transport.errors import ErrorKind

if TYPE_CHECKING:
    from include.business_central.client import BusinessCentralClient
    from include.ipaas.client import IPaaSClient

# A poll reads again what was modified this long before the position: late commits, clock differences and lagging
# read replicas lose nothing, and an unchanged record costs one hash.
OVERLAP = timedelta(minutes=10)
CHUNK = 5_000  # records per load task, which holds them in memory
# Long documents fill a task sooner: this many records and nested records, but never fewer records than the second.
HEAVY, FEWEST = 100_000, 1_250
HOOKS_PER_RUN = 50_000  # those that came later wait for the next run
SPLIT_FROM = 400  # with this many records a single chunk is worth two tasks
# How often a poll of what is missing reads again what was left out or failed for good: a change of it that no hook
# told of is noticed then.
LOOK_AGAIN = timedelta(days=1)
_BATCH = 400


@dataclass(kw_only=True)
class Stage:
    """What one stage of one run works with. At most one of the two clients is there: see `Flow.talks_to`."""

    flow: Flow
    plan: RunPlan
    ledger: Ledger
    staging: Staging
    catalogue: Mapping[str, Flow]
    bc_client: BusinessCentralClient | None = None
    ipaas_client: IPaaSClient | None = None
    warnings: list[str] = field(default_factory=list)
    _sent_before: tuple[int, int] = (0, 0)
    _links: LinkLookup | None = None

    def __post_init__(self) -> None:
        # A client may serve several stages, one after another.
        self._sent_before = self._sent()

    def _sent(self) -> tuple[int, int]:
        bc, ipaas = self.bc_client, self.ipaas_client
        return bc.requests if bc else 0, ipaas.requests if ipaas else 0

    @property
    def requests(self) -> dict[str, int]:
        """Requests that this stage has sent to each system."""
        bc, ipaas = (now - before for now, before in zip(self._sent(), self._sent_before, strict=True))
        return {"bc_requests": bc, "ipaas_requests": ipaas}

    @property
    def settings(self) -> SyncSettings:
        """The settings as they were when the run started."""
        return self.plan.settings

    @property
    def bc(self) -> BusinessCentralClient:
        """Business Central."""
        if self.bc_client is None:
            raise RuntimeError(f"This stage of {self.flow.name} does not talk to Business Central")
        return self.bc_client

    @property
    def ipaas(self) -> IPaaSClient:
        """iPaaS.com."""
        if self.ipaas_client is None:
            raise RuntimeError(f"This stage of {self.flow.name} does not talk to iPaaS.com")
        return self.ipaas_client

    @property
    def links(self) -> LinkLookup:
        """Links as iPaaS.com has them, each asked for once."""
        if self._links is None:
            self._links = LinkLookup(self.ledger, self.ipaas, remember=self.plan.applies)
        return self._links

    def warn(self, text: str) -> None:
        """Tell the operator something about the run, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def context(self, memory: Mapping[str, Any]) -> MappingContext:
        """The mapping context for a record that left `memory` the last time."""
        today = self.plan.started_at.astimezone(ZoneInfo(self.settings.bc_time_zone)).date()
        return MappingContext(settings=self.settings, system_id=self.plan.system_id, today=today, memory=memory)

    def save_stats(self, name: str, **values: Any) -> None:
        """Stage what this stage did, for the report."""
        self.staging.write_all(f"stats-{name}", [{**self.requests, "warnings": self.warnings, **values}])


def make_plan(
    flow: Flow,
    *,
    run_id: str,
    kind: RunKind,
    settings: SyncSettings,
    system_id: int,
    ledger: Ledger,
    ids: Sequence[str] = (),
    mode: Mode = Mode.apply,
    force: bool = False,
    interval: tuple[datetime, datetime] | None = None,
    now: datetime | None = None,
) -> RunPlan:
    """Fix what a run does. Raises InvalidId when an id given by hand has none of the flow's formats."""
    now = now or datetime.now(UTC)
    for text in ids:
        flow.ask(text)
    since: datetime | None = None
    until: datetime | None = None
    if kind is RunKind.backfill:
        if not flow.initialization and interval:
            since, until = interval
    elif kind is RunKind.poll and flow.poll == "lookback":
        since = lookback_start(now, settings)
    elif kind is RunKind.poll and flow.poll == "position":
        position = ledger.position(flow.name)
        since = position - OVERLAP if position else None
    elif kind is RunKind.poll and flow.poll == "missing":
        position = ledger.position(flow.name)
        since = position if position and now - position < LOOK_AGAIN else None
    return RunPlan(
        flow=flow.name,
        direction=flow.direction,
        run_id=run_id,
        kind=kind,
        mode=mode,
        force=force,
        ids=tuple(dict.fromkeys(text.strip() for text in ids)),
        since=since,
        until=until,
        started_at=now,
        system_id=system_id,
        settings=settings,
    )


def lookback_start(now: datetime, settings: SyncSettings) -> datetime:
    """The start of the day that lies Transaction Poll Search Days back, in the company's time zone."""
    local = now.astimezone(ZoneInfo(settings.bc_time_zone)) - timedelta(days=settings.bc_transaction_poll_search_days)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


# --- extract ----------------------------------------------------------------------------------------------------


def extract(stage: Stage) -> None:
    """Read what may have changed, or what was asked for, and stage it whole."""
    flow, plan, ledger = stage.flow, stage.plan, stage.ledger
    hooks = ledger.received(flow.name, HOOKS_PER_RUN) if plan.kind is RunKind.poll else []
    client = stage.bc_client or stage.ipaas_client
    not_found: list[Outcome] = []
    read_from: datetime | None = None
    seen: set[str] = set()
    # A poll that reads everything meets its unfinished records there, and can tell which are gone.
    everything = KeySet() if plan.kind is RunKind.poll and flow.poll == "whole" else None

    def new(records: Iterable[SourceRecord]) -> Iterator[SourceRecord]:
        nonlocal read_from
        for record in records:
            read_from = read_from or (client.server_time if client else None)
            if record.key not in seen:
                yield record

    def by_ids(asked: Sequence[AskedId], answered: set[str]) -> Iterator[SourceRecord]:
        for start in range(0, len(asked), _BATCH):
            for record in flow.source.by_ids(stage, asked[start : start + _BATCH]):
                # A record may be asked for twice, by its number and by its id.
                answered.update((fold(record.asked or record.key), fold(record.key)))
                yield from new([record])
                seen.add(record.key)

    def forget(vanished: Sequence[str]) -> None:
        if vanished and plan.applies:
            ledger.forget(flow.name, vanished)
            stage.warn(f"No longer there, so no longer retried: {', '.join(vanished[:20])}")

    with stage.staging.write("raw") as raw:

        def keep(records: Iterable[SourceRecord]) -> None:
            for record in records:
                raw.add({"key": record.key, "data": record.data, "asked": record.asked})

        if plan.kind is RunKind.ids:
            asked = [flow.ask(text) for text in plan.ids]
            answered: set[str] = set()
            keep(by_ids(asked, answered))
            not_found = [
                _not_found(flow, a.text)
                for a in asked
                if answered.isdisjoint(fold(name) for name in (a.text, *a.parts.values()))
            ]
        else:
            if plan.kind is RunKind.poll:
                due = [] if everything is not None else ledger.due(flow.name)
                keys = list(dict.fromkeys([*due, *(ipaas_id for ipaas_id, _ in hooks)]))
                answered = set()
                keep(by_ids([flow.ask(key) for key in keys], answered))
                forget([key for key in keys if fold(key) not in answered])
            for record in new(flow.source.changed(stage, Window(since=plan.since, until=plan.until))):
                raw.add({"key": record.key, "data": record.data, "asked": None})
                if everything is not None:
                    everything.add(record.key)
            if everything is not None and flow.gone:
                keep(flow.gone(stage, (key for key, _ in ledger.keys(flow.name) if key not in everything)))
            elif everything is not None:
                forget([key for key in ledger.due(flow.name) if key not in everything])
    stage.staging.write_all("outcomes-extract", (outcome.as_json() for outcome in not_found))
    stage.staging.write_all("hooks", ({"id": i, "generation": g} for i, g in hooks))
    read_from = read_from or (client.server_time if client else None) or plan.started_at
    stage.save_stats("extract", read=raw.count + len(not_found), read_from=iso(read_from))


def _not_found(flow: Flow, text: str) -> Outcome:
    return Outcome(
        key=text,
        result=Result.failed,
        kind=ErrorKind.rejected,
        message=f"There is no {flow.record} {text!r} in {route_of(flow.direction).source}.",
        advice="Check the id: it may be misspelt, deleted, or of another company.",
    )


# --- transform --------------------------------------------------------------------------------------------------


def transform(stage: Stage) -> int:
    """Filter, map and fingerprint what was read; stage what differs from what was last written. Returns the chunks."""
    counts: Counter[str] = Counter()
    chunks = _Chunks(stage.staging)
    wanted: dict[tuple[str, str], Ref] = {}
    raw = stage.staging.read("raw")
    with stage.staging.write("outcomes-transform") as outcomes:
        while batch := list(islice(raw, _BATCH)):
            known = stage.ledger.transfers(stage.flow.name, (record["key"] for record in batch))
            ends: list[Finish] = []
            for record in batch:
                transfer = known.get(record["key"])
                decided = _decide(stage, record, transfer)
                if isinstance(decided, Mapped):
                    for ref in refs([decided.body, list(decided.also)]):
                        if ref.missing is Missing.transfer and ref.flow:
                            wanted.setdefault((ref.table, fold(ref.external_id)), ref)
                    chunks.add(record["key"], decided)
                    continue
                outcome, end = decided
                counts[outcome.result.value] += 1
                if outcome.message or outcome.notes:
                    outcomes.add(outcome.as_json())
                if end:
                    ends.append(end)
            if ends and stage.plan.applies:
                claims = route_of(stage.flow.direction).claims(stage.flow.writer.table)
                # This task holds no claim, and what another one is writing at the moment stays claimed.
                stage.ledger.finish(stage.flow.name, claims, ends, [], owner=f"{stage.plan.run_id}#transform")
    number = chunks.close()
    own = stage.flow.writer.table
    if any(table == own for table, _ in wanted):
        # What this run writes anyway needs no fetching; whoever refers to it is written after it.
        for external_id in chunks.external_ids():
            wanted.pop((own, fold(external_id)), None)
    _stage_prerequisites(stage, wanted)
    stage.save_stats("transform", counts=dict(counts), chunks=number, changed=chunks.total)
    return number


def _decide(stage: Stage, record: Json, transfer: Transfer | None) -> Mapped | tuple[Outcome, Finish | None]:
    """The mapped record when it has to be written, else what became of it and what the ledger should remember."""
    key, data = record["key"], record["data"]
    unfinished = transfer is not None and transfer.state != "done"
    context = stage.context(transfer.memory if transfer else {})
    source_print = fingerprint(Mapped(external_id=key, body=data))
    try:
        reason = stage.flow.skip(data, context)
        if reason:
            if unfinished and stage.plan.applies:
                stage.ledger.forget(stage.flow.name, [key])
            message = reason if stage.plan.kind is RunKind.ids else ""
            outcome = Outcome(key=key, result=Result.skipped, message=message)
            # What stays missing on the other side is remembered, so that not every poll reads it again.
            return outcome, _left_out(stage.plan, outcome, source_print) if stage.flow.poll == "missing" else None
        mapped = stage.flow.mapping(data, context)
    except (Rejected, Waiting) as problem:
        if unfinished and transfer and _rests(stage.plan, transfer, source_print):
            return _resting(key, transfer), None
        outcome = problem_outcome(key, problem)
        return outcome, finish_failed(stage.plan, outcome, source_print, problem)
    print_ = fingerprint(mapped)
    if transfer and not stage.plan.force:
        route = route_of(stage.flow.direction)
        same = transfer.fingerprint == print_ and not unfinished
        if same and route.stands(stage.ledger, stage.flow.writer.table, mapped, transfer):
            asked = stage.plan.kind is RunKind.ids
            message = "Equal to what was last written." if asked else ""
            return Outcome(key=key, result=Result.unchanged, message=message), None
        if unfinished and _rests(stage.plan, transfer, print_):
            return _resting(key, transfer), None
    return mapped


def _left_out(plan: RunPlan, outcome: Outcome, print_: str) -> Finish:
    return Finish(
        key=outcome.key,
        state="done",
        run_id=plan.run_id,
        outcome=outcome.as_json(),
        read_at=iso(plan.started_at),
        fingerprint=print_,
    )


def _rests(plan: RunPlan, transfer: Transfer, print_: str) -> bool:
    """True while a transfer that could not be finished is not to be tried again: same record, next try not yet due."""
    if plan.kind is RunKind.ids or plan.force or transfer.tried_fingerprint != print_:
        return False
    return transfer.next_try is None or transfer.next_try > iso(plan.started_at)


def _resting(key: str, transfer: Transfer) -> Outcome:
    when = f"Next try {transfer.next_try[:16]}Z." if transfer.next_try else "No further try unless it changes."
    return Outcome(
        key=key,
        result=Result.waiting,
        kind=ErrorKind(transfer.kind) if transfer.kind else ErrorKind.waiting,
        message=f"{transfer.message or ''} (tried {transfer.attempts} times. {when})",
        advice=transfer.advice or "",
    )


def problem_outcome(key: str, problem: Rejected | Waiting) -> Outcome:
    """What a record's own fault looks like to the operator."""
    waiting = isinstance(problem, Waiting)
    return Outcome(
        key=key,
        result=Result.waiting if waiting else Result.failed,
        kind=ErrorKind.waiting if waiting else ErrorKind.rejected,
        message=problem.message,
        advice=problem.advice,
    )


def finish_failed(plan: RunPlan, outcome: Outcome, print_: str, problem: Exception | None = None) -> Finish:
    """What the ledger remembers of an attempt that did not go through."""
    states = {ErrorKind.waiting: "waiting", ErrorKind.rejected: "failed"}
    waits_for = None
    if isinstance(problem, Waiting) and problem.table:
        waits_for = route_of(plan.direction).waits_for(problem.table, problem.external_id)
    return Finish(
        key=outcome.key,
        state=states.get(outcome.kind or ErrorKind.rejected, "retry"),
        run_id=plan.run_id,
        outcome=outcome.as_json(),
        read_at=iso(plan.started_at),
        fingerprint=print_,
        kind=outcome.kind.value if outcome.kind else None,
        message=outcome.message,
        advice=outcome.advice,
        waits_for=waits_for,
        at_once=isinstance(problem, Waiting) and problem.at_once,
    )


class _Chunks:
    """Writes the records to load into chunk files."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._records: list[Json] = []
        self._number = 0
        self._weight = 0
        self.total = 0

    def add(self, key: str, mapped: Mapped) -> None:
        """Stage one record."""
        self._records.append({"key": key, "fingerprint": fingerprint(mapped), "mapped": mapped_to_wire(mapped)})
        self.total += 1
        self._weight += 1 + sum(len(value) for value in mapped.body.values() if isinstance(value, list))
        number = len(self._records)
        if number == CHUNK or (number >= FEWEST and self._weight >= HEAVY):
            self._flush(self._records)
            self._records, self._weight = [], 0

    def close(self) -> int:
        """Write what is left; returns how many chunks there are."""
        if self._number == 0 and len(self._records) >= SPLIT_FROM:
            half = len(self._records) // 2
            self._flush(self._records[:half])
            self._records = self._records[half:]
        if self._records:
            self._flush(self._records)
        return self._number

    def external_ids(self) -> Iterator[str]:
        """The external ids of all records that were staged."""
        for number in range(self._number):
            for record in self._staging.read(f"load-{number:04}"):
                yield record["mapped"]["external_id"]

    def _flush(self, records: Sequence[Json]) -> None:
        self._staging.write_all(f"load-{self._number:04}", records)
        self._number += 1


def _stage_prerequisites(stage: Stage, wanted: dict[tuple[str, str], Ref]) -> None:
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
                for start in range(0, len(missing), _BATCH):
                    part = missing[start : start + _BATCH]
                    asked = [flow.ask(ref.external_id) for ref in part]
                    absent = {fold(ref.external_id): ref for ref in part}
                    for record in flow.source.by_ids(stage, asked):
                        absent.pop(fold(record.key), None)
                        prerequisite = _prerequisite(stage, flow, record)
                        if prerequisite is None:
                            continue
                        out.add(prerequisite)
                        for ref in refs(_bodies(prerequisite)):
                            place = (ref.table, fold(ref.external_id))
                            if ref.missing is Missing.transfer and ref.flow and place not in staged:
                                wanted.setdefault(place, ref)
                    for ref in absent.values():
                        out.add({"flow": flow_name, "table": ref.table, "key": ref.external_id, "absent": True})


def _bodies(prerequisite: Json) -> Any:
    mapped = mapped_from_wire(prerequisite["mapped"]) if "mapped" in prerequisite else None
    return [mapped.body, list(mapped.also)] if mapped else []


def _prerequisite(stage: Stage, flow: Flow, record: SourceRecord) -> Json | None:
    entry: Json = {"flow": flow.name, "table": flow.writer.table, "key": record.key}
    context = stage.context({})
    try:
        reason = flow.skip(record.data, context)
        if reason:
            return {**entry, "problem": reason}
        mapped = flow.mapping(record.data, context)
    except (Rejected, Waiting) as problem:
        return {**entry, "problem": problem.message}
    return {**entry, "fingerprint": fingerprint(mapped), "mapped": mapped_to_wire(mapped)}


def load_chunks(staging: Staging) -> int:
    """How many chunks `transform` staged."""
    return int(next(staging.read("stats-transform"))["chunks"])
