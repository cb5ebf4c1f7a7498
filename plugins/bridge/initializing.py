"""What Initialize ends with: the sums of all its flows. Imported when it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from bridge.advice import advised, show_problem
from bridge.form import is_wanted
from include.flows import FLOWS
from include.sync import report as reporting
from include.sync.forecast import Applying
from include.sync.problems import Problem


def sum_up(flows: Sequence[str], context: Mapping[str, Any]) -> dict[str, int]:
    """Add up a run that goes through several flows; fails it when records failed, or a flow did not end."""
    with advised(context):
        ti = context["ti"]
        wanted = [name for name in flows if is_wanted(FLOWS[name], context["params"])]
        counts = {name: found for name in wanted if (found := ti.xcom_pull(task_ids=f"{name}.report"))}
        total: Counter[str] = Counter()
        for found in counts.values():
            total.update(found)
        forecasts = [ti.xcom_pull(task_ids=f"{name}.report", key="applying") for name in counts]
        applying = Applying.together([Applying.from_json(forecast) for forecast in forecasts if forecast])
        if applying:
            ti.xcom_push(key="applying", value=applying.as_json())
        problem = _left_undone([name for name in wanted if name not in counts], counts)
        result = {name: total[name] for name in reporting.COUNTS}
        if problem:
            ti.xcom_push(key="return_value", value=result)
            show_problem(context, problem)
            raise AirflowFailException(str(problem))
    return result


def _left_undone(not_ended: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> Problem | None:
    """What a run through several flows did not do."""
    if not_ended:
        return Problem(
            what=f"These flows did not come to their end: {', '.join(not_ended)}.",
            advice="Correct what the first of them names, and clear it with the tasks after it: the run goes on from there.",
            again=False,
        )
    undone = {name: one["failed"] + one["retrying"] for name, one in counts.items() if one["failed"] or one["retrying"]}
    if undone:
        return Problem(
            what=f"Records were not transferred: {', '.join(f'{name} {number}' for name, number in undone.items())}.",
            advice="The tab Records of the run says of each why, and what to do; all others went through. What can be "
            "tried again is tried by the flows' schedules.",
            again=False,
        )
    return None
