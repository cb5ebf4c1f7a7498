"""A logical date or a data interval that somebody gives a run by hand has no effect, and the run's report says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from include.sandbox import Sandbox
from tests.dags.conftest import RunDag
from tests.dags.scheduling import instead_of_a_new_run, pause_all

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_category_to_ipaas"
LONG_AGO = "2020-01-01T00:00:00Z"
INTERVAL = {"data_interval_start": LONG_AGO, "data_interval_end": "2020-01-03T00:00:00Z"}
NOW = datetime.now(UTC).isoformat()


@pytest.mark.parametrize(
    ("dag_id", "given", "said"),
    [
        (FLOW, {"logical_date": None}, None),
        (FLOW, {"logical_date": NOW}, None),
        (FLOW, {"logical_date": LONG_AGO}, "logical date (2020-01-01 00:00 UTC)"),
        ("manual_sync", {"logical_date": NOW, **INTERVAL}, "data interval (2020-01-01 00:00 to 2020-01-03 00:00 UTC)"),
    ],
    ids=["nothing", "the form's proposal", "a logical date", "a data interval"],
)
def test_a_time_given_by_hand_is_said_to_change_nothing(
    run_dag: RunDag,
    server: Any,
    login: dict[str, str],
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    dag_id: str,
    given: Mapping[str, Any],
    said: str | None,
) -> None:
    pause_all()
    conf = {"flow": FLOW, "ids": ["RETAIL"]} if dag_id == "manual_sync" else {}
    made = server.post(f"/api/v2/dags/{dag_id}/dagRuns", json={**given, "conf": conf}, headers=login)
    assert made.status_code == 200, made.text
    instead_of_a_new_run(monkeypatch, made.json()["dag_run_id"])
    run = run_dag(dag_id, conf)
    warnings = run.reported("records")["warnings"]
    told = [text for text in warnings if "by hand" in text]
    assert len(told) == bool(said)
    if said:
        assert told[0].startswith(f"The {said} that this run was given changed nothing: ")
        assert f"start a backfill of {FLOW} over it" in told[0]


def test_a_backfill_has_use_for_its_interval(run_dag: RunDag) -> None:
    run = run_dag(FLOW, backfill=(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 3, tzinfo=UTC)))
    assert not [text for text in run.reported("records")["warnings"] if "by hand" in text]
