"""Whether a run has to ask a person before it writes, what it asks, and what becomes of what was refused.

A run that may change more than it may do unasked is planned first, into files of its own beside the run's. What was
approved is then applied, and nothing else; what was refused stays in the ledger as records that need a person, so that
nothing is lost, and nobody is asked again for the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from include.errors import ErrorKind
from include.sync.approval.decision import PLANNED, ApprovalDecision, decide, may_need_approval
from include.sync.approval.prices import Jump, Prices
from include.sync.approval.steps import Approved, Noted, Shape
from include.sync.batches import batches
from include.sync.endings import finish_failed
from include.sync.flow import Flow
from include.sync.ledger.entries import Finish
from include.sync.links import side_of
from include.sync.load import load
from include.sync.outcomes import Outcome, Result
from include.sync.records import Json
from include.sync.report import Report, report
from include.sync.runs import RunPlan
from include.sync.staging.chunks import chunk_records, load_chunks, load_name
from include.sync.staging.files import Staging
from include.sync.task_context import BATCH, TaskContext
from include.sync.work import WriteRequest

# Lines of a question; all others are on the page that it links to.
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class ApprovalQuestion:
    """What a run would do, in so far as it is more than it may do unasked.

    `records` would be created or updated, `prices` changed by more than `percent`; `jumps` are those that change most, and
    `lines` some of the records.
    """

    flow: str
    collection: str
    records: int
    counts: Mapping[str, int]
    prices: int
    percent: Any
    jumps: tuple[Jump, ...]
    lines: tuple[Outcome, ...]

    @property
    def why(self) -> str:
        """In words, why it asks."""
        said = f"{self.records:,} {'record' if self.records == 1 else 'records'} would be written"
        if self.prices:
            many = "1 price" if self.prices == 1 else f"{self.prices:,} prices"
            said += f", and {many} changed by more than {self.percent} %"
        return f"{said}."


def asks_first(plan: RunPlan, flow: Flow, staging: Staging) -> bool:
    """Whether what `transform` has staged may be more than the run may write unasked, so that it is planned first."""
    if not may_need_approval(plan):
        return False
    above = plan.settings.sync_approve_above
    changed = int(next(staging.read("stats-transform"))["changed"])
    if above.records is not None and changed > above.records:
        return True
    return bool(above.price_change_percent is not None and flow.prices and changed)


def plan_first(task_of: Callable[[str], TaskContext], at_once: int) -> ApprovalQuestion | None:
    """Plan a run; answers what a person is to be asked, or None when it does no more than it may.

    `task_of` makes the context of a stage of the plan (`RunPlan.as_plan`), over the files of the run (`PLANNED`).
    """
    reporting = task_of("report")
    above = reporting.settings.sync_approve_above
    prices = Prices(settings=reporting.settings, limit=above.price_change_percent)
    for chunk in range(load_chunks(reporting.staging)):
        task = task_of("load")
        noted = Noted(prices)
        load(task, chunk, at_once, steps=noted)
        lines = ({"flow": flow, "key": key, **shape.as_json()} for (flow, key), shape in noted.shapes.items())
        task.staging.write_all(f"shapes-{chunk:04}", lines)
    said = report(reporting)
    records = said.counts["created"] + said.counts["updated"]
    if not ((above.records is not None and records > above.records) or prices.count):
        return None
    return _question(reporting.flow, said, records, prices)


def _question(flow: Flow, said: Report, records: int, prices: Prices) -> ApprovalQuestion:
    written = [line for line in said.outcomes if line.result in (Result.created, Result.updated)]
    counts = {name: n for name, n in said.counts.items() if n and not name.endswith("_requests")}
    return ApprovalQuestion(
        flow=flow.name,
        collection=flow.collection,
        records=records,
        counts=counts,
        prices=prices.count,
        percent=prices.limit,
        jumps=tuple(prices.most),
        lines=tuple(written[:_SHOWN]),
    )


def approved(staging: Staging, chunk: int, plan: RunPlan) -> Approved:
    """What was approved of a chunk."""
    lines = staging.over(PLANNED).read(f"shapes-{chunk:04}")
    return Approved({(line["flow"], line["key"]): Shape.from_json(line) for line in lines}, plan.run_id)


def refuse(task: TaskContext, decision: ApprovalDecision) -> None:
    """Write nothing of a run, and keep in the ledger what would have been written; then its position may move on."""
    planned = task.staging.over(PLANNED)
    for chunk in range(load_chunks(task.staging)):
        name = load_name(chunk)
        lines = {line["key"]: Outcome.from_json(line) for line in planned.read(f"outcomes-{name}")}
        outcomes: list[Outcome] = []
        for batch in batches(chunk_records(task.staging, chunk), BATCH):
            ended = [
                _refused(task, record, lines[record["key"]], decision) for record in batch if record["key"] in lines
            ]
            outcomes += [outcome for outcome, _ in ended]
            ends = [end for _, end in ended if end]
            claims = side_of(task.flow.direction).claim_scope(task.flow.writer.table)
            task.ledger.finish(task.flow.name, claims, ends, [], owner=task.plan.task("refused"))
        counts = Counter(outcome.result.value for outcome in outcomes)
        task.staging.write_all(f"outcomes-{name}", (outcome.as_json() for outcome in outcomes))
        task.save_stats(name, counts=dict(counts))
    decide(task.staging, replace(decision, settled=True))


def _refused(
    task: TaskContext, record: Json, line: Outcome, decision: ApprovalDecision
) -> tuple[Outcome, Finish | None]:
    """What becomes of one record of a run that was refused: what was planned of it, but for what would be written."""
    if line.result in (Result.unchanged, Result.skipped):
        return line, None
    item = WriteRequest.staged(task.flow, record)
    would = line.result in (Result.created, Result.updated)
    outcome = (
        line
        if not would
        else replace(
            line,
            result=Result.failed,
            kind=ErrorKind.rejected,
            message=f"{task.flow.record.capitalize()} {line.key} would have been {line.result.value}, which was {decision.words}.",
            advice="It was not written. Correct it where it is wrong: the change brings it back. Or retry it: it is asked for again, "
            "if it still has to be.",
        )
    )
    end = finish_failed(task.plan, outcome, item.tried, item.read_at)
    return outcome, replace(end, claimed=False, rests=would)
