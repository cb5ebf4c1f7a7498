"""Forget: a DAG that erases what is remembered of one customer, on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, get_current_context, task

from bridge.operations import operations_dag
from bridge.refused_params import param
from include.flows import FLOWS

FORGET = "forget"
_DOC = """## Forget

Erases what the ledger remembers of the values of one record: what both sides last agreed on, the history of what was
written, and what was said of it when it failed. The records below it, as `C10000|contact` of `C10000`, go with it. That two
records are linked stays known, by their ids alone, so that nothing is made twice; neither system is touched.

* **Plan** (the mode that is proposed) lists the records. An id may name several, as a customer and an item of one number:
  look at the list first, and choose the flow where it holds others.
* **Apply** erases them.

It does not reach Airflow's logs and XComs, nor the files of runs, which are deleted after 14 days. Erase the person in both
systems first, or the next run that reads the record remembers it anew.
"""


def build() -> DAG:
    """The DAG."""
    with operations_dag(
        FORGET,
        description="Erase what is remembered of one customer's values",
        doc=_DOC,
        params={
            "id": param(
                type="string", minLength=1, maxLength=200, title="Id of the record", description="Of either side."
            ),
            "flow": param(
                None,
                type=["null", "string"],
                enum=[None, *FLOWS],
                values_display={"null": "Whichever has it", **{name: flow.title for name, flow in FLOWS.items()}},
                title="Flow",
                description="Of which the record is, where the id names others, too.",
            ),
            "mode": param(
                "plan",
                type=["string", "null"],
                enum=["plan", "apply"],
                values_display={"plan": "Plan: list the records", "apply": "Apply: erase"},
                title="Mode",
            ),
        },
    ) as dag:

        @task(task_id="look")
        def look() -> list[dict[str, str]]:
            return erase(get_current_context())

        look()
    return dag


def erase(context: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is remembered of the record that the form names; erased, where the form says so."""
    from bridge.advice import advised
    from bridge.connected import current_pair, ledger_of
    from include.sync.forget import forget, remembered

    params = context["params"]
    applies = params["mode"] == "apply"
    with advised(context), ledger_of(current_pair()) as ledger:
        tables = {name: flow.writer.table for name, flow in FLOWS.items() if params["flow"] in (None, name)}
        found = remembered(ledger, str(params["id"]), tables)
        if applies:
            forget(ledger, found)
    said = "What was remembered of its values is erased." if applies else "Its values would be erased."
    lines = [{"line": f"{flow}: {key}", "word": "good", "said": said, "step": ""} for flow, key in found]
    nothing = {
        "line": str(params["id"]),
        "word": "unknown",
        "said": "Nothing is remembered of it.",
        "step": "Check the id.",
    }
    return lines or [nothing]
