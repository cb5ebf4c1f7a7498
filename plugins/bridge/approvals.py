"""The load task of a run that may have to ask a person first; imported when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from airflow.sdk.exceptions import AirflowRescheduleException

from bridge.announcing import start
from bridge.in_line import ASIDE, waits_for
from bridge.tasks import RunAt, concurrency_of, planned_run
from bridge.turns import answer_question, take_question
from include.sync import load as loading
from include.sync import look as looking
from include.sync.approval.asking import ApprovalQuestion, approved, asks_first, plan_first, refuse
from include.sync.approval.decision import PLANNED, ApprovalDecision, decide, decided
from include.sync.ledger.entries import iso
from include.sync.outcomes import Change, Outcome
from include.sync.shift import Shift
from include.sync.staging.chunks import load_chunks

# How often a run looks whether another question of its flow has been answered.
_LOOKS_AGAIN = timedelta(minutes=5)
# Of a record so many fields are shown, of a value so much; and characters that would make something else of a line of a table.
_DIFFERENCES = 4
_SHOWN = 60
_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>()#+!|~$"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question as Airflow shows it, in Markdown."""

    subject: str
    body: str


def load(chunk: int, context: Mapping[str, Any]) -> Asked | None:
    """Write one chunk, or all of them once that is approved; answers what a person is to be asked first.

    Raises AirflowRescheduleException where it has given way to others, or has to wait until another run has asked.
    """
    asked: Asked | None = None
    again: timedelta | None = None
    with planned_run(context) as run:
        if asks_first(run.plan, run.flow, run.staging):
            asked, again = _load_or_ask(run, context)
        elif not _load_chunk(run, chunk, context):
            again = ASIDE
    if again:
        raise AirflowRescheduleException(datetime.now(UTC) + again)  # type: ignore[no-untyped-call]
    return asked


def _load_chunk(run: RunAt, chunk: int, context: Mapping[str, Any]) -> bool:
    """Write one chunk; answers False when it gave way. A plan does not: of what it has done nothing is remembered."""
    at_once, tasks = concurrency_of(run, context)
    stage = run.stage("load", Shift(waits_for(run.flow, context)).over) if run.plan.applies else run.stage("load")
    ended = loading.load(stage, chunk, at_once, tasks)
    start(stage.wakes, context)
    return ended


def _load_or_ask(run: RunAt, context: Mapping[str, Any]) -> tuple[Asked | None, timedelta | None]:
    """Do what was decided, or ask; or answers after what time to look again whether another run has asked."""
    decision = decided(run.staging)
    if decision and (decision.approved or not decision.settled):
        _carry_out(run, decision, context)
        return None, None
    question = _question(run)
    if question is None:
        _write(run, context, approved_=False)
        return None, None
    other = take_question(context, run.flow.name, question.why)
    if other is None:
        return _in_markdown(question, context), None
    context["ti"].xcom_push(key="waits", value=f"Another run of the flow waits for an approval: {other}.")
    return None, _LOOKS_AGAIN


def answered(context: Mapping[str, Any], *, approves: bool, by: str | None, at: datetime | None) -> None:
    """Do what a person has decided; `by` is None when nobody has in time."""
    with planned_run(context) as run:
        decision = ApprovalDecision(approved=approves, by=by, at=iso(at or datetime.now(UTC)))
        decide(run.staging, decision)
        answer_question(context, run.flow.name)
        _carry_out(run, decision, context)


def _question(run: RunAt) -> ApprovalQuestion | None:
    planned = replace(run, plan=run.plan.as_plan, staging=run.staging.over(PLANNED))
    return plan_first(planned.stage, run.at_once)


def _carry_out(run: RunAt, decision: ApprovalDecision, context: Mapping[str, Any]) -> None:
    if decision.approved:
        if run.plan.looks:
            looking.look(run.stage("look"))  # what was seen before the question may be a day old
        _write(run, context, approved_=True)
    else:
        refuse(run.stage("load"), decision)


def _write(run: RunAt, context: Mapping[str, Any], *, approved_: bool) -> None:
    """Write all chunks, one after another: a run that may have to ask has one load task."""
    for chunk in range(load_chunks(run.staging)):
        steps = approved(run.staging, chunk, run.plan) if approved_ else None
        stage = run.stage("load")
        loading.load(stage, chunk, run.at_once, steps=steps)
        start(stage.wakes, context)


def _in_markdown(question: ApprovalQuestion, context: Mapping[str, Any]) -> Asked:
    run = context["dag_run"]
    tab = f"dags/{quote(str(run.dag_id), safe='')}/runs/{quote(str(run.run_id), safe='')}/plugin/records"
    counts = ", ".join(f"{number:,} {name}" for name, number in question.counts.items())
    parts = [
        f"**{question.collection}** stopped before it wrote anything. {question.why}",
        f"[All of it, record by record and field by field]({tab}). Of {counts}:",
    ]
    if question.jumps:
        rows = [
            (
                *map(_shown, (one.key, one.field, one.before, one.after)),
                "" if one.percent.is_infinite() else f"{one.percent:.1f} %",
            )
            for one in question.jumps
        ]
        parts.append(_table("Prices that change most", ("record", "field", "before", "after", "by"), rows))
    lines = [(_shown(line.key), line.result.value, _differences(line, tab)) for line in question.lines]
    parts.append(_table("Some of the records", ("record", "would be", "differences"), lines))
    if more := question.records - len(lines):
        parts.append(f"[And {more:,} more {'record' if more == 1 else 'records'}]({tab})")
    parts.append(
        "**Approve**: exactly this is written; what has changed meanwhile is left for the next run. **Refuse**: nothing is "
        "written, and the records are kept as some that need you until they change. Without an answer within "
        "24 hours it is as refused."
    )
    return Asked(subject=f"May {question.flow} write {question.records:,} records?", body="\n\n".join(parts))


def _differences(line: Outcome, tab: str) -> str:
    """The first fields of a record with what they are and would be, and the way to the others."""
    told = [_difference(change) for change in line.changes[:_DIFFERENCES]]
    more = len(line.changes) + line.more_changes - len(told)
    return "; ".join([*told, *([f"[and {more:,} more]({tab})"] if more else [])])


def _difference(change: Change) -> str:
    if change.after is None:
        return _shown(change.field)
    before = "∅" if change.before is None else _shown(str(change.before))
    return f"{_shown(change.field)}: {before} → {_shown(str(change.after))}"


def _table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of Markdown as a table."""
    head = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    return f"{title}:\n\n{head}\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return (line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…").translate(_MARKS)
