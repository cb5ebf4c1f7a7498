"""The sum of a reconcile, over all of its flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from bridge.advice import advised, show_problem
from bridge.form import HEAL, MODE
from bridge.tasks import is_compared
from include.sync.problems import Problem


def sum_up(flows: Sequence[str], context: Mapping[str, Any]) -> dict[str, int]:
    """How many differences there are of each kind; fails when a flow did not come to its end, or could not be healed."""
    with advised(context):
        ti = context["ti"]
        wanted = [name for name in flows if is_compared(name, context)]
        if not wanted:
            raise AirflowSkipException("There is nothing to compare: no flow is switched on, and none was chosen.")
        found = {name: one for name in wanted if (one := ti.xcom_pull(task_ids=f"{name}.report", key="reconciled"))}
        total: Counter[str] = Counter()
        for one in found.values():
            total.update({name: one[name] for name in ("compared", "differences", "healed", "unfinished")})
            total.update(one["left"])
        result = dict(total)
        problem = _problem(wanted, found, heals=context["params"][MODE] == HEAL)
        if problem:
            ti.xcom_push(key="return_value", value=result)
            show_problem(context, problem)
            raise AirflowFailException(str(problem))
    return result


def _problem(wanted: Sequence[str], found: Mapping[str, Mapping[str, Any]], *, heals: bool) -> Problem | None:
    if not_ended := [name for name in wanted if name not in found]:
        return Problem(
            what=f"These flows were not compared to the end: {', '.join(not_ended)}.",
            advice="Correct what the first of them names, and clear it with the tasks after it, or trigger it again.",
            again=False,
        )
    left = {name: one["differences"] for name, one in found.items() if one["differences"]}
    unknown = {name: one["unfinished"] for name, one in found.items() if one["unfinished"]}
    if heals and (left or unknown):
        parts = (("Differences are left", left), ("Of records that did not go through nothing is known", unknown))
        return Problem(
            what=" ".join(
                f"{said}: {', '.join(f'{name} {number:,}' for name, number in of.items())}." for said, of in parts if of
            ),
            advice="The tab Records of the run says of each why, and what to do. What has vanished or is doubly linked is "
            "a person's to settle.",
            again=False,
        )
    return None
