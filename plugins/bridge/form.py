"""The trigger form: the params of a flow's DAG (docs/contract.md, "DAGs")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow.sdk import Param

from bridge.refused_params import param
from include.sync.flow import Flow
from include.sync.runs import Direction

FLOW = "flow"
IDS = "ids"
MODE = "mode"
FORCE = "force"
CHOSEN = "flows"
DIRECTION = "direction"
# The params that take ids by hand: name, title, and what a run without ids does.
_IDS = {
    Direction.to_ipaas: (
        "external_ids",
        "External IDs",
        "empty polls for changes, whatever logical date or data interval is given",
    ),
    Direction.from_ipaas: (
        "ipaas_ids",
        "iPaaS.com IDs",
        "empty transfers what webhooks announced and what was never sent, whatever logical date or data interval is given",
    ),
}


IDS_PARAMS = tuple(name for name, _, _ in _IDS.values())
# The modes of Reconcile.
REPORT = "report"
HEAL = "heal"
_BOTH = "both"
# A mode of Manual Sync.
EXPLAIN = "explain"
_MODES = {"apply": "Apply: transfer", "plan": "Plan: say what would change, write nothing"}
_ALSO_EXPLAINS = {EXPLAIN: "Explain: say what is known of the records and what each side has, write nothing"}


def ids_param(flow: Flow) -> str:
    """The name of the param of a flow's own form that takes ids by hand."""
    return _IDS[flow.direction][0]


def params_of(flow: Flow) -> dict[str, Param]:
    """The form of a flow."""
    name, title, empty = _IDS[flow.direction]
    ids = f"The records to transfer now, one per line or with commas between them; {empty}. {_examples(flow)}"
    return {name: _ids(title, ids), MODE: _mode("apply"), FORCE: _force()}


def params_of_manual_sync(flows: Iterable[Flow]) -> dict[str, Param]:
    """The form of Manual Sync: which flow, which records. It proposes to plan."""
    flows = tuple(flows)
    # The shortest is the one that a person types.
    examples = {flow.title: min((f.example for f in flow.id_formats), key=len) for flow in flows}
    formats = "\n".join(f"* {title}: {example}" for title, example in examples.items())
    return {
        FLOW: param(
            type="string",
            enum=[flow.name for flow in flows],
            values_display={flow.name: flow.collection for flow in flows},
            title="Mapping collection",
            description_md="What is transferred, and which way. Its own schedule goes on as it is, paused or not.",
        ),
        IDS: _ids(
            "IDs",
            "The records, one per line or with commas between them; the documentation of each flow names all formats. With "
            f"none, a plan says what the next scheduled run would do.\n\n{formats}",
        ),
        MODE: _mode(
            "plan",
            _MODES | _ALSO_EXPLAINS,
            " `explain` writes nothing either: it takes ids of either system, and says how they are linked, what was last "
            "sent, what each side has now, and what waits.",
        ),
        FORCE: _force(),
    }


def params_of_initialize(flows: Iterable[Flow]) -> dict[str, Param]:
    """The form of Initialize: which flows. It proposes to plan."""
    return {
        MODE: _mode("plan"),
        **_which(flows, "with none, all of the direction. They go in the order of dependency."),
    }


def params_of_reconcile(flows: Iterable[Flow]) -> dict[str, Param]:
    """The form of Reconcile: which flows. It proposes to report, which is what the schedule does."""
    mode = param(
        REPORT,
        type=["string", "null"],
        enum=[REPORT, HEAL],
        values_display={
            REPORT: "Report: say what differs, write nothing",
            HEAL: "Heal: write what differs, as the flows themselves would",
        },
        title="Mode",
        description="What has vanished is told, and never deleted, in either mode.",
    )
    return {MODE: mode, **_which(flows, "with none, those of the direction that are switched on.")}


def _which(flows: Iterable[Flow], none: str) -> dict[str, Param]:
    """The params that choose among the flows."""
    names = {flow.name: flow.collection for flow in flows}
    return {
        DIRECTION: param(
            _BOTH,
            type=["string", "null"],
            enum=[_BOTH, *(direction.value for direction in Direction)],
            values_display={
                _BOTH: "Both ways",
                Direction.to_ipaas.value: "To iPaaS.com",
                Direction.from_ipaas.value: "From iPaaS.com",
            },
            title="Direction",
            description="Which way.",
        ),
        CHOSEN: param(
            [],
            type=["array", "null"],
            items={"type": "string", "enum": list(names)},
            examples=list(names),
            values_display=names,
            title="Flows",
            description=f"Only these; {none}",
        ),
    }


def mode_of(params: Mapping[str, Any]) -> str:
    """The mode that a form says; left empty it is the one that the form proposes."""
    return str(params.get(MODE) or ("plan" if FLOW in params or CHOSEN in params else "apply"))


def ids_of(params: Mapping[str, Any], name: str) -> Sequence[str]:
    """The ids that somebody has entered; a request may hold them as one text."""
    given = params.get(name) or ()
    return [given] if isinstance(given, str) else given


def is_wanted(flow: Flow, params: Mapping[str, Any]) -> bool:
    """Whether the form of Initialize or Reconcile says that a flow is to be run."""
    chosen, direction = params.get(CHOSEN) or (), params.get(DIRECTION) or _BOTH
    return direction in (_BOTH, flow.direction.value) and (not chosen or flow.name in chosen)


def _examples(flow: Flow) -> str:
    # As plain words: Airflow's form draws code over the line above.
    return ", ".join(f"{f.example} ({f.meaning})" for f in flow.id_formats)


def _ids(title: str, description: str) -> Param:
    return param(
        [],
        # Airflow marks as required what may not be null.
        type=["array", "null"],
        items={"type": "string"},
        maxItems=3000,
        title=title,
        description_md=description,
    )


def _mode(default: str, modes: Mapping[str, str] = _MODES, more: str = "") -> Param:
    return param(
        default,
        type=["string", "null"],
        enum=sorted(modes, key=lambda mode: mode != default),
        values_display=dict(modes),
        title="Mode",
        description_md=f"`plan` writes nothing anywhere and reports what would change for each record.{more}",
    )


def _force() -> Param:
    return param(
        False,
        type=["boolean", "null"],
        title="Write unchanged records, too",
        description="Write even when nothing changed since the last transfer.",
    )
