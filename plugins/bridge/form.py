"""The trigger form: the params of a flow's DAG (contract §4)."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

MODE = "mode"
# The slots that a pool has by default (contract §3); a task's share of the throttle window is measured against it.
POOL_DEFAULT = 10
# What a run without ids does, by whether it goes to iPaaS.com.
_EMPTY = {
    True: "empty polls for changes",
    False: "empty transfers what hooks announced and what was never sent",
}


def ids_param(direction: str) -> str:
    """The name of the param that takes ids by hand."""
    return "external_ids" if direction == "to_ipaas" else "ipaas_ids"


def params_of(flow: Any) -> dict[str, Param]:
    """The form of a flow."""
    examples = ", ".join(f"`{f.example}` ({f.meaning})" for f in flow.id_formats)
    to_ipaas = flow.direction.value == "to_ipaas"
    return {
        ids_param(flow.direction.value): Param(
            [],
            type="array",
            items={"type": "string"},
            maxItems=3000,
            title="External IDs" if to_ipaas else "iPaaS.com IDs",
            description_md=f"The records to transfer now, one per line; {_EMPTY[to_ipaas]}. {examples}",
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
