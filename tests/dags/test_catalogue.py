"""Every DAG of the catalogue as Airflow sees it; a new flow is tested by what is here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.errors import ErrorKind, ServiceError
from include.flows import FLOWS
from include.sync.flow import Flow

pytestmark = pytest.mark.dag


def _unavailable(retry_after: float | None) -> ServiceError:
    return ServiceError("Busy.", system="iPaaS.com", kind=ErrorKind.unavailable, retry_after=retry_after)


flows = pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)


def test_one_dag_per_flow(dags: Mapping[str, Any]) -> None:
    assert set(FLOWS) <= set(dags)
    assert {dag.fileloc.rsplit("/", 1)[-1] for name, dag in dags.items() if name in FLOWS} == {"sync.py"}


@flows
def test_tasks_and_their_order(dags: Mapping[str, Any], flow: Flow) -> None:
    dag = dags[flow.name]
    assert {task.task_id: set(task.downstream_task_ids) for task in dag.tasks} == {
        "extract": {"transform"},
        "transform": {"load"},
        "load": {"report"},
        "report": set(),
    }
    # A run that has nothing to load still reports.
    assert dag.get_task("report").trigger_rule == "none_failed"


@flows
def test_a_task_holds_slots_of_the_one_system_it_talks_to(dags: Mapping[str, Any], flow: Flow) -> None:
    slots = {task.task_id: (task.pool, task.pool_slots) for task in dags[flow.name].tasks}
    bc, ipaas = "business_central", "ipaas"
    if flow.direction == "to_ipaas":
        expected = {"extract": (bc, 5), "transform": (bc, 1), "load": (ipaas, 5), "report": ("default_pool", 1)}
    else:
        expected = {"extract": (ipaas, 5), "transform": (ipaas, 1), "load": (bc, 5), "report": (ipaas, 5)}
    assert slots == expected


@flows
def test_params_are_those_of_the_contract(dags: Mapping[str, Any], flow: Flow) -> None:
    params = {name: dags[flow.name].params.get_param(name) for name in dags[flow.name].params}
    ids = "external_ids" if flow.direction == "to_ipaas" else "ipaas_ids"
    assert set(params) == {ids, "mode", "force"}
    assert params[ids].schema["maxItems"] == 3_000
    assert params["mode"].schema["enum"] == ["apply", "plan"]
    assert {name: param.value for name, param in params.items()} == {ids: [], "mode": "apply", "force": False}
    assert all(param.schema.get("title") for param in params.values())
    assert all(param.description or param.schema.get("description_md") for param in params.values())
    for id_format in flow.id_formats:
        assert f"{id_format.example} ({id_format.meaning})" in params[ids].schema["description_md"]
    assert "`" not in params[ids].schema["description_md"]


@flows
def test_only_what_has_to_be_filled_in_is_marked_so(dags: Mapping[str, Any], flow: Flow) -> None:
    params = dags[flow.name].params
    ids = "external_ids" if flow.direction == "to_ipaas" else "ipaas_ids"
    # Airflow's form marks what may not be null.
    assert [name for name, param in params.items() if "null" not in param.schema["type"]] == []
    assert params.get_param(ids).resolve(None) is None
    # A run by hand has no use for Airflow's own fields, and says so.
    assert "whatever logical date or data interval is given" in params.get_param(ids).schema["description_md"]


def test_the_list_of_dags_begins_with_manual_sync_and_has_the_flows_in_the_order_of_dependency(
    dags: Mapping[str, Any],
) -> None:
    by_name = {dag.dag_display_name: dag_id for dag_id, dag in dags.items()}
    shown = [by_name[name] for name in sorted(by_name)]
    first = ["manual_sync", "preflight", "initialize", "reconcile", "health", "subscriptions", "forget"]
    assert shown == [*first, *FLOWS]


def test_the_list_of_dags_speaks_in_words(dags: Mapping[str, Any]) -> None:
    shown = {name: dag.dag_display_name.lstrip("0123456789 ") for name, dag in dags.items()}
    assert shown["manual_sync"] == "Manual Sync"
    assert shown["company_to_ipaas"] == "Companies to iPaaS.com"
    assert shown["sales_order_from_ipaas"] == "Sales orders from iPaaS.com"
    assert len(set(shown.values())) == len(dags)
    assert not [name for name in shown.values() if "_" in name]


def test_what_starts_a_flow_beside_the_clock_is_in_words(dags: Mapping[str, Any]) -> None:
    """Airflow's list of DAGs shows the name of the asset that a DAG is scheduled on."""
    from airflow.serialization.encoders import coerce_to_core_timetable

    timetables = {name: coerce_to_core_timetable(dags[name].timetable) for name in FLOWS}
    shown = {
        name: [key.name for key, _ in timetable.asset_condition.iter_assets()] for name, timetable in timetables.items()
    }
    assert shown["company_to_ipaas"] == ["Companies that Business Central announces, or that are due again"]
    assert shown["company_from_ipaas"] == ["Companies that iPaaS.com announces, or that are due again"]
    assert shown["location_to_ipaas"] == ["Locations to iPaaS.com that are due again"]
    assert len({name for (name,) in shown.values()}) == len(FLOWS), "an asset starts one flow"


@flows
def test_the_form_refuses_what_is_of_the_wrong_type(dags: Mapping[str, Any], flow: Flow) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    ids = "external_ids" if flow.direction == "to_ipaas" else "ipaas_ids"
    too_many = [str(number) for number in range(3_001)]
    for name, value in (("mode", "delete"), ("force", "perhaps"), (ids, 5), (ids, [1]), (ids, too_many)):
        with pytest.raises(ParamValidationError, match=r"is not allowed\. Allowed: "):
            dags[flow.name].params.get_param(name).resolve(value)


@flows
def test_tags(dags: Mapping[str, Any], flow: Flow) -> None:
    direction = flow.direction.value.replace("_", "-")
    assert set(dags[flow.name].tags) == {"business-central", "ipaas", direction, flow.record.replace(" ", "-")}


@flows
def test_the_documentation_has_the_platforms_headings(dags: Mapping[str, Any], flow: Flow) -> None:
    headings = [line.lstrip("# ") for line in dags[flow.name].doc_md.splitlines() if line.startswith("#")]
    assert headings[0] == flow.collection == dags[flow.name].description
    assert headings[1:] == [h for h in headings[1:] if h], "an empty heading"
    for heading in (
        "Overview",
        "Requirements in Business Central",
        "Requirements in iPaaS.com",
        "ID format",
        "Fields",
        "Deleted records",
        "Custom fields",
        "Trigger events",
        "Matching",
        "Child collections",
    ):
        assert heading in headings


@flows
def test_runs_of_the_schedule_carry_intervals(dags: Mapping[str, Any], flow: Flow) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    dag = dags[flow.name]
    timetable = coerce_to_core_timetable(dag.timetable)
    assert timetable.periodic, "Airflow refuses backfills of a DAG without a period"
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert info
    assert info.data_interval.end == info.run_after
    follows = timetable.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=restriction)
    assert follows
    assert follows.data_interval.start == info.data_interval.end, "a time that no interval holds is never backfilled"
    assert not dag.catchup


@flows
def test_nothing_runs_at_once_when_a_flow_is_unpaused_for_the_first_time(dags: Mapping[str, Any], flow: Flow) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    dag = dags[flow.name]
    never_before = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)
    now = datetime.now(UTC)
    first = coerce_to_core_timetable(dag.timetable).next_dagrun_info(
        last_automated_data_interval=None, restriction=never_before
    )
    assert first
    assert first.run_after > now


@flows
def test_dags_survive_serialization(dags: Mapping[str, Any], flow: Flow) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    copy = DagSerialization.from_dict(DagSerialization.to_dict(dags[flow.name]))
    assert {task.task_id for task in copy.tasks} == {"extract", "transform", "load", "report"}
    assert set(copy.params) == set(dags[flow.name].params)


def test_what_runs_before_exists(dags: Mapping[str, Any]) -> None:
    order = list(FLOWS)
    for name, flow in FLOWS.items():
        assert all(order.index(earlier) < order.index(name) for earlier in flow.after), name


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (_unavailable(retry_after=90.0), timedelta(seconds=91)),  # never a moment too early
        (_unavailable(retry_after=None), None),
        (ValueError("a fault of ours"), None),
    ],
    ids=["asked to wait", "not asked", "not of a service"],
)
def test_a_task_is_repeated_when_the_service_asked_for_it(
    dags: Mapping[str, Any], error: Exception, delay: timedelta | None
) -> None:
    for name in FLOWS:
        for task in dags[name].tasks:
            assert task.retries > 0
            policy = task.partial_kwargs["retry_policy"] if task.is_mapped else task.retry_policy
            assert policy.evaluate(error, 1, task.retries).retry_delay == delay
