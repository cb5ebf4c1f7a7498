"""Flows through real Airflow tasks, against the sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.sandbox import Sandbox
from include.sync.ledger import LedgerFault
from include.sync.report import COUNTS
from tests.dags.conftest import RunDag, connect
from tests.dags.scheduling import pause_all, unpause
from tests.transport.scripted import Wire

pytestmark = pytest.mark.dag


def test_a_first_run_transfers_and_a_second_writes_nothing(run_dag: RunDag, sandbox: Sandbox) -> None:
    first = run_dag("customer_category_to_ipaas")
    assert first.state == "success"
    assert first.counts["created"] == first.counts["read"] > 0
    assert tuple(first.counts) == COUNTS
    sandbox.counters.reset()
    second = run_dag("customer_category_to_ipaas")
    assert second.state == "success"
    assert second.counts["unchanged"] == second.counts["read"] == first.counts["read"]
    assert sandbox.counters.of("ipaas") == 0
    assert second.states["load[-1]"] == "skipped"


def test_ids_given_in_the_form_move_just_those(run_dag: RunDag, sandbox: Sandbox) -> None:
    run_dag("customer_category_to_ipaas")
    run = run_dag("customer_to_ipaas", {"external_ids": ["P20001"]})
    assert run.state == "success"
    assert run.counts["read"] == run.counts["created"] == 1
    records = run.xcoms["report", "records"]["records"]
    assert [(r["key"], r["result"]) for r in records] == [("P20001", "created")]


def test_a_backfill_of_an_initialization_flow_transfers_everything(run_dag: RunDag, sandbox: Sandbox) -> None:
    run = run_dag("location_to_ipaas", backfill=(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)))
    assert run.state == "success"
    assert run.counts["created"] == len(sandbox.bc.rows("Location"))


def test_a_backfill_of_any_other_flow_transfers_what_was_modified_in_its_interval(
    run_dag: RunDag, sandbox: Sandbox
) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    run_dag("customer_category_to_ipaas")
    sandbox.bc.change("Customer", "C10001", modified=start + timedelta(hours=1), Name="Changed long ago")
    run = run_dag("company_to_ipaas", backfill=(start, start + timedelta(days=1)))
    assert run.state == "success"
    assert [(r["key"], r["result"]) for r in run.xcoms["report", "records"]["records"]] == [("C10001", "created")]


def test_plan_mode_writes_nothing_and_says_what_it_would(run_dag: RunDag, sandbox: Sandbox) -> None:
    run = run_dag("customer_category_to_ipaas", {"mode": "plan"})
    assert run.state == "success"
    assert run.counts["created"] == run.counts["read"] > 0
    assert sandbox.counters.of("ipaas", "PUT", "PATCH", "DELETE") == 0
    posts = [path for system, method, path in sandbox.counters.paths if (system, method) == ("ipaas", "POST")]
    assert all("/Auth/" in path for path in posts)
    assert run_dag("customer_category_to_ipaas").counts["created"] == run.counts["read"]


@pytest.mark.parametrize("paused", [True, False])
def test_a_record_that_waits_says_whether_the_flow_that_brings_the_other_one_is_paused(
    run_dag: RunDag, sandbox: Sandbox, paused: bool
) -> None:
    pause_all()
    unpause("product_category_to_ipaas", paused=paused)
    sandbox.bc.add("Item Category", {"Code": "NEWCAT", "Description": "New"})
    number = str(sandbox.bc.rows("Item")[0]["No."])
    sandbox.bc.change("Item", number, **{"Item Category Code": "NEWCAT"})
    run = run_dag("product_to_ipaas", {"external_ids": [number]})
    (line,) = run.xcoms["report", "records"]["records"]
    assert line["result"] == "waiting"
    assert ("product_category_to_ipaas, which would bring it, is paused" in line["message"]) is paused
    assert line["advice"].startswith("Unpause product_category_to_ipaas" if paused else "Nothing to do")
    pause_all()


def test_a_refused_record_fails_the_run_after_the_good_ones_are_written(run_dag: RunDag, sandbox: Sandbox) -> None:
    run_dag("customer_category_to_ipaas")
    run = run_dag("customer_to_ipaas", {"external_ids": ["P20001", "NOBODY"]})
    assert run.state == "failed"
    assert run.counts["created"] == 1
    assert run.counts["failed"] == 1
    line = next(r for r in run.xcoms["report", "records"]["records"] if r["result"] == "failed")
    assert line["key"] == "NOBODY"
    assert line["kind"] == "rejected"
    assert line["message"]
    assert line["advice"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bc": {"password": "not-the-client-secret"}}, "Certificates & Secrets"),
        ({"bc_extra": {"company_name": "Nobody Ltd"}}, "'Nobody Ltd'"),
        ({"bc_extra": {"grant_type": "password"}}, "must be set to client_credentials"),
        (
            {"variables": {"bc_concurrent_batch_executions": "many"}},
            "bc_concurrent_batch_executions is 'many'",
        ),
        ({"conf": {"external_ids": ["C|1|2|3"]}}, "'C|1|2|3' is not an id"),
        ({"conf": {"externalids": ["C10000"]}}, "Param externalids"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_the_set_up_ends_the_run_at_once(
    run_dag: RunDag, sandbox: Sandbox, changes: dict[str, object], said: str
) -> None:
    run = run_dag("customer_to_ipaas", **changes)
    assert run.state == "failed"
    assert run.states["extract[-1]"] == "failed"
    assert said in run.problem
    assert sandbox.counters.of("ipaas") == 0


def test_an_unpublished_service_ends_the_run_with_advice(run_dag: RunDag, sandbox: Sandbox) -> None:
    sandbox.bc.unpublish("CustomerCard")
    run = run_dag("company_to_ipaas")
    assert run.states["extract[-1]"] == "failed"
    assert "CustomerCard" in run.problem
    assert "Web Services" in run.problem


def test_a_ledger_that_is_no_database_ends_the_run_with_advice(
    run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", "http://somebody:ledger-secret@localhost/ledger")
    run = run_dag("customer_category_to_ipaas")
    assert run.states["extract[-1]"] == "failed"
    assert "The ledger cannot be used" in run.problem
    assert "Connection sync_ledger" in run.problem
    assert "ledger-secret" not in run.problem


def test_a_ledger_that_does_not_answer_is_put_into_words_and_the_task_repeated(
    dags: Any, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge import tasks

    connect(monkeypatch, sandbox)
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path / 'staging'}")

    shown: dict[str, Any] = {}
    monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", "postgres://somebody:ledger-secret@127.0.0.1:1/ledger")
    with pytest.raises(LedgerFault):
        tasks.extract(
            "customer_category_to_ipaas",
            {
                "ti": SimpleNamespace(xcom_push=lambda **xcom: shown.update(xcom)),
                "dag_run": SimpleNamespace(
                    dag_id="customer_category_to_ipaas", run_id="r", conf={}, run_type="manual", logical_date=None
                ),
                "params": {},
            },
        )
    assert shown["key"] == "problem"
    assert "The ledger cannot be used" in shown["value"]["what"]
    assert "ledger-secret" not in str(shown)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Everything that Airflow can be set to tell of the project: in its log, and to a collector of OpenTelemetry."""
    wire = Wire()
    for name, value in {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__TRACES__OTEL_ON": "True",
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "OTEL_TRACES_EXPORTER": "otlp_proto_http",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": wire.url,
    }.items():
        monkeypatch.setenv(name, value)
    yield wire
    wire.close()


def test_what_is_told_reaches_log_and_collector_and_secrets_appear_nowhere(
    dags: object, sandbox: Sandbox, collector: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In real task output at its most talkative, in what is told by OpenTelemetry, in what runs leave behind, and in
    Airflow's database."""
    wrong = "a-secret-that-is-wrong-1234"
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path / 'staging'}")
    connect(monkeypatch, sandbox, ipaas={"password": wrong})
    command = [sys.executable, "-m", "airflow", "dags", "test", "customer_category_to_ipaas"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 1
    for told in ("Task failed with exception", "extract of customer_category_to_ipaas: done after ", "GET /v2.0/"):
        assert told in done.stdout
    sent: dict[str, bytes] = {}
    for seen in collector.seen:
        sent[seen.path] = sent.get(seen.path, b"") + seen.body
    for name in (b"extract customer_category_to_ipaas", b"url.path", b"http.response.status_code"):
        assert name in sent["/v1/traces"]
    for name in (b"http.client.request.duration", b"sync.client.wait"):
        assert name in sent["/v1/metrics"]
    # This command plays the supervisor in its own process, and tells what it is asked to mask; the real one does not.
    output = "\n".join(line for line in done.stdout.splitlines() if "MaskSecret(" not in line)
    places = {"output": output, **{path: content.decode("latin-1") for path, content in sent.items()}}
    for folder in (tmp_path, Path(os.environ["AIRFLOW_HOME"])):
        places |= {str(f): f.read_bytes().decode("latin-1") for f in folder.rglob("*") if f.is_file()}
    secrets = [wrong, sandbox.CLIENT_SECRET, sandbox.IPAAS_PASSWORD, sandbox.WEBHOOK_API_KEY, *sandbox.directory.tokens]
    assert len(secrets) > 4
    assert [(s, place) for s in secrets for place, text in places.items() if s in text] == []


def test_what_tasks_pass_on_stays_small(run_dag: RunDag, sandbox: Sandbox) -> None:
    for number in range(400):
        sandbox.bc.add("Customer Price Group", {"Code": f"G{number}", "Description": f"Group {number} " + "x" * 60})
    run = run_dag("customer_category_to_ipaas")
    assert run.counts["created"] > 400
    assert {place: len(str(value)) for place, value in run.xcoms.items() if len(str(value)) > 8_192} == {}
    assert run.xcoms["report", "records"]["left_out"] > 0
