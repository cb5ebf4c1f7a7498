"""The last stage: adds up what a run did, writes what an operator reads, moves the position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice

import simplejson

from include.sync.approval.decision import ApprovalDecision, decided, may_need_approval, requests_of_plan
from include.sync.differences import Found, Reconciled
from include.sync.explained import stage_explained
from include.sync.forecast import Applying, Forecast
from include.sync.ledger.entries import moment
from include.sync.lines import URGENCY, outcome_files
from include.sync.outcomes import Difference, Outcome, Result
from include.sync.plan import late_commits
from include.sync.pushing import push_links
from include.sync.records import Json
from include.sync.runs import Mode, RunKind, RunPlan
from include.sync.slots import held_back
from include.sync.staging.chunks import load_chunks, load_name
from include.sync.task_context import TaskContext
from include.sync.telling import tells
from include.sync.tenure import Tenure
from include.sync.vanished import many_vanished
from include.transport.telemetry import instruments

COUNTS = (
    "read",
    "skipped",
    "unchanged",
    "created",
    "updated",
    "waiting",
    "retrying",
    "failed",
    "bc_requests",
    "ipaas_requests",
)
# Lines of the report's own file; the staged outcome files hold all of them.
_LINES = 500


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run did: the counts, and a line for each record that an operator may want to know of."""

    plan: RunPlan
    counts: dict[str, int]
    outcomes: tuple[Outcome, ...]
    warnings: tuple[str, ...] = ()
    left_out: int = 0
    # Whether the service took nothing of what was to be written.
    refused: bool = False
    # What a person has decided of it, if somebody was asked.
    decision: ApprovalDecision | None = None
    # Of a plan, and of nothing else that does not write: what applying it takes.
    applying: Applying | None = None
    # Of a run that compared everything: how the two sides stand.
    reconciled: Reconciled | None = None

    @property
    def failed(self) -> bool:
        """True when the run has to end as failed."""
        return not self.plan.explains and (self.counts["failed"] > 0 or self.refused)

    def as_json(self) -> Json:
        """The report as data."""
        return {
            "flow": self.plan.flow,
            "run_id": self.plan.run_id,
            "mode": self.plan.told_as,
            "kind": self.plan.kind.value,
            "counts": self.counts,
            "warnings": list(self.warnings),
            "records": [outcome.as_json() for outcome in self.outcomes],
            "left_out": self.left_out,
            **({"decision": self.decision.words} if self.decision else {}),
            **({"applying": self.applying.as_json()} if self.applying else {}),
        }


@dataclass(kw_only=True)
class _Sums:
    """What the stages before have said of a run, together; `tried` is of the records that got as far as the service."""

    warnings: list[str]
    counts: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    forecast: Forecast = field(default_factory=Forecast)
    compared: Json = field(default_factory=lambda: {"known": 0, "doubted": None})
    read_from: str | None = None
    held: bool = False
    tasks: int = 1

    @classmethod
    def of(cls, task: TaskContext, chunks: int) -> _Sums:
        """Of all stages so far, and of so many tasks that loaded."""
        sums = cls(warnings=list(task.warnings))
        beside = [name for name in ("look", "tell_links") if task.staging.has(f"stats-{name}")]
        for name in ["extract", "transform", *beside]:
            for stats in task.staging.read(f"stats-{name}"):
                sums._add(stats)
        for number in range(chunks):
            for stats in task.staging.read(f"stats-{load_name(number)}"):
                sums._add(stats)
                sums.tried.update(stats.get("counts", {}))
                sums.forecast.add(**stats.get("forecast", {}))
                sums.tasks = max(sums.tasks, stats.get("tasks", 1))
        return sums

    def _add(self, stats: Json) -> None:
        self.counts.update(stats.get("counts", {}))
        for name in ("bc_requests", "ipaas_requests"):
            self.counts[name] += stats[name]
        self.counts["read"] += stats.get("read", 0)
        self.warnings += [text for text in stats["warnings"] if text not in self.warnings]
        self.read_from = stats.get("read_from", self.read_from)
        self.held = self.held or stats.get("held", False)
        self.compared |= {word: stats[word] for word in self.compared if stats.get(word)}

    @property
    def refused(self) -> bool:
        """Whether the service took nothing of what was to be written."""
        tried = self.tried
        return bool(tried["retrying"]) and not (tried["created"] or tried["updated"] or tried["unchanged"])


@tells
def report(task: TaskContext) -> Report:
    """Add the run up and, when it wrote, settle it: push links, drop finished webhooks, move the position."""
    plan = task.plan
    chunks = load_chunks(task.staging)
    refused = _settle(task) if plan.applies else {}
    sums = _Sums.of(task, chunks)
    counts, warnings, read_from = sums.counts, sums.warnings, sums.read_from
    decision: ApprovalDecision | None = None
    if may_need_approval(plan):
        decision = _approval(task, chunks, counts, warnings)
    elif said := held_back(plan.settings, chunks, sums.tasks):
        warnings.append(said)
    counts.update(task.requests)
    counts["failed"] += sum(1 for _ in task.staging.read("outcomes-extract"))
    if (plan.kind is RunKind.poll or plan.reads_everything) and read_from and not sums.held:
        # Everything that was read is written, or is in the ledger as unfinished.
        _advance(task, moment(read_from))
    if plan.explains:
        stage_explained(task)
    lines = _outcomes(task, outcome_files(task.staging))
    if plan.applies and (counts["created"] or counts["updated"]):
        task.ledger.prune_history(plan.settings.sync_history_days)
    lines = _with_refused(lines, refused, counts)
    found = Found(applies=plan.applies)
    if plan.compares:
        lines = iter(found.through(lines))
    if plan.kind is not RunKind.ids:
        # The same ones are left out by every poll, and nobody asked for them; the tab lists them from the staged files. What was
        # rejected before is told of all the same.
        lines = (line for line in lines if line.result is not Result.skipped or line.difference or line.kind)
    kept, left_out = _most_urgent(lines)
    result = Report(
        plan=plan,
        counts={name: int(counts[name]) for name in COUNTS},
        outcomes=tuple(kept),
        warnings=tuple(warnings),
        left_out=left_out,
        decision=decision,
        applying=None
        if plan.told_as != Mode.plan
        else Applying.of(
            counts, sums.forecast, task.flow.talks_to("load"), plan.settings, side_by_side=plan.links_beside_load
        ),
        reconciled=_reconciled(task, found, counts["read"], read_from, **sums.compared),
        refused=sums.refused,
    )
    _measure(task, result)
    task.staging.write_text("report.json", simplejson.dumps(result.as_json(), use_decimal=True, indent=1))
    return result


def _reconciled(
    task: TaskContext, found: Found, read: int, read_from: str | None, *, known: int, doubted: str | None
) -> Reconciled | None:
    """How the two sides stand, when all records were compared and every line was gone through."""
    if not (task.plan.compares and task.plan.reads_everything) or read_from is None:
        return None
    left = dict(found.left)
    # With those of the target, which writers have looked for in vain.
    if too_many := many_vanished(task, left[Difference.vanished], max(read, known)):
        doubted = doubted or too_many
        left[Difference.vanished] = 0
    return Reconciled(
        flow=task.flow.name,
        as_of=moment(read_from),
        compared=read,
        left=left,
        healed=found.healed,
        unfinished=found.unfinished,
        doubted=doubted,
    )


def _approval(task: TaskContext, chunks: int, counts: Counter[str], warnings: list[str]) -> ApprovalDecision | None:
    """What was decided of the run, if it had to ask; counts what planning it has cost, and says what was decided."""
    for stats in requests_of_plan(task.staging, chunks):
        counts.update({name: stats[name] for name in task.requests})
    decision = decided(task.staging)
    if decision:
        warnings.insert(0, _words(decision))
    return decision


def _words(decision: ApprovalDecision) -> str:
    if decision.approved:
        return f"The run was {decision.words}. What had changed since it was shown was left for the next run."
    return (
        f"Nothing was written: the run was {decision.words}. Of each record that would have been, it says so; they need a "
        "person now. Correct them, or retry them: then the run that takes them asks again."
    )


def _measure(task: TaskContext, result: Report) -> None:
    """Tell the sums, here alone: a task before this one may have been repeated."""
    plan = result.plan
    task.did({word: n for word, n in result.counts.items() if not word.endswith("_requests")})
    of = {"sync.flow": plan.flow, "sync.run.kind": plan.kind.value, "sync.run.mode": plan.mode.value}
    for word, number in task.done.items():
        instruments().records.add(number, {**of, "sync.record.result": word})


def _settle(task: TaskContext) -> dict[str, Outcome]:
    """Tell iPaaS.com of new links, and be done with the webhooks that the run has read; answers what was refused."""
    refused: dict[str, Outcome] = {}
    if task.flow.talks_to("report"):
        # What an earlier try may still be sending does no harm when it arrives: the same link twice is as once.
        with Tenure(task.ledger, task.plan.task("report"), under_way=0) as tenure:
            refused = _push(task, tenure)
    webhooks = [(webhook["id"], webhook["generation"]) for webhook in task.staging.read("webhooks")]
    task.ledger.dealt_with(task.flow.name, webhooks)
    return refused


def _advance(task: TaskContext, read_from: datetime) -> None:
    """Move the position of a flow to when this run began to read. One that reads everything each time does without one;
    it says that the flow has run, and as of when."""
    if task.flow.poll != "missing" or task.plan.since is None:
        task.ledger.advance(task.flow.name, read_from)
    if task.plan.late:
        task.ledger.advance(late_commits(task.flow), read_from)


def _push(task: TaskContext, tenure: Tenure) -> dict[str, Outcome]:
    """Push links; what was refused is staged, so that a repeated task reports it, too."""
    before = {outcome.key: outcome for outcome in map(Outcome.from_json, task.staging.read_if_there("outcomes-report"))}
    refused = before | push_links(task, tenure)
    task.staging.write_all("outcomes-report", (outcome.as_json() for outcome in refused.values()))
    return refused


def _with_refused(lines: Iterator[Outcome], refused: Mapping[str, Outcome], counts: Counter[str]) -> Iterator[Outcome]:
    """The lines, where a record whose link was refused is a failed one; the counts are moved along with it."""
    counts["failed"] += len(refused)
    for outcome in lines:
        if outcome.key in refused:
            counts[outcome.result.value] -= 1
        else:
            yield outcome
    yield from refused.values()


def _outcomes(task: TaskContext, names: list[str]) -> Iterator[Outcome]:
    return (Outcome.from_json(data) for data in chain.from_iterable(task.staging.read(name) for name in names))


def _most_urgent(outcomes: Iterable[Outcome]) -> tuple[tuple[Outcome, ...], int]:
    """The lines for the report page, failures first, and how many others there are. Holds no more than a page each."""
    pages: dict[Result, list[Outcome]] = {result: [] for result in URGENCY}
    number = 0
    for outcome in outcomes:
        number += 1
        page = pages[outcome.result]
        if len(page) < _LINES:
            page.append(outcome)
    kept = tuple(islice(chain.from_iterable(pages.values()), _LINES))
    return kept, number - len(kept)
