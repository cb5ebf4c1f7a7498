"""The trigger form: the params of a flow's DAG (docs/contract.md, "DAGs")."""

from __future__ import annotations

from airflow.sdk import Param

from include.sync.flow import Flow
from include.sync.runs import Direction

MODE = "mode"
# The params that take ids by hand: name, title, and what a run without ids does.
_IDS = {
    Direction.to_ipaas: ("external_ids", "External IDs", "empty polls for changes"),
    Direction.from_ipaas: (
        "ipaas_ids",
        "iPaaS.com IDs",
        "empty transfers what hooks announced and what was never sent",
    ),
}


def ids_param(flow: Flow) -> str:
    """The name of the param that takes ids by hand."""
    return _IDS[flow.direction][0]


def params_of(flow: Flow) -> dict[str, Param]:
    """The form of a flow."""
    examples = ", ".join(f"`{f.example}` ({f.meaning})" for f in flow.id_formats)
    name, title, empty = _IDS[flow.direction]
    return {
        name: Param(
            [],
            type="array",
            items={"type": "string"},
            maxItems=3000,
            title=title,
            description_md=f"The records to transfer now, one per line or with commas between them; {empty}. {examples}",
        ),
        MODE: Param(
            "apply",
            type="string",
            enum=["apply", "plan"],
            values_display={"apply": "Apply: transfer", "plan": "Plan: say what would change, write nothing"},
            title="Mode",
            description_md="`plan` writes nothing anywhere and reports what would change for each record.",
        ),
        "force": Param(
            False,
            type="boolean",
            title="Write unchanged records, too",
            description="Write even when nothing changed since the last transfer.",
        ),
    }
