"""The DAG `preflight`: red with the step to take, and all lines on the page of its run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.dags.conftest import RunDag

pytestmark = pytest.mark.dag


def test_it_is_daily_and_on_from_the_beginning(dags: Mapping[str, Any]) -> None:
    dag = dags["preflight"]
    assert dag.is_paused_upon_creation is False
    assert dag.timetable.expression == "50 5 * * *"
    assert "operations" in dag.tags


def test_since_when_a_webhook_waits_is_said_as_a_person_reads_it(run_dag: RunDag) -> None:
    run_dag("preflight")  # which has made the ledger
    from bridge.connected import current_pair, ledger_of

    with ledger_of(current_pair()) as ledger:
        ledger.receive([("company_from_ipaas", "1", "company/updated")])
    lines = {line["line"]: line["said"] for line in run_dag("preflight").xcoms["look", "return_value"]}
    (said,) = [text for text in lines.values() if text.startswith("1 has arrived")]
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$", said)


def test_a_red_line_fails_it_and_all_lines_are_on_its_page(
    run_dag: RunDag, server: Any, login: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    good = run_dag("preflight")
    assert good.state == "success", good.xcoms
    assert {line["word"] for line in good.xcoms["look", "return_value"]} == {"good", "unknown"}
    red = run_dag("preflight", bc={"password": "not-the-client-secret"}, variables={"bc_time_zone": "Mars"})
    assert red.state == "failed"
    words = {line["line"]: line["word"] for line in red.xcoms["look", "return_value"]}
    assert [name for name, word in words.items() if word == "RED"] == [
        "Variable bc_time_zone",
        "Login to Business Central",
    ]
    assert words["Environment and company"] == "unknown"
    assert words["Subscription"] == "good"
    assert "2 of " in red.problem
    assert "Correct" in red.problem
    asked = server.get("/sync/api/report", params={"dag_id": "preflight", "run_id": red.run_id}, headers=login)
    page = asked.json()
    assert [line["line"] for line in page["lines"]] == list(words)
    assert "Certificates & Secrets" in next(line["step"] for line in page["lines"] if "Login to Bus" in line["line"])
    assert "2 of " in page["problems"][0]["what"]
    assert "not-the-client-secret" not in asked.text + str(red.xcoms) + caplog.text
