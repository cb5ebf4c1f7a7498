"""A busy Airflow: what it refuses is asked again, and never starts a second run."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.transport.scripted import Reply, Wire

BUSY = Reply(status=500, body=b'{"detail": "database is locked"}')


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Airflow's API server, by script."""
    server = Wire()
    yield server
    server.close()


@pytest.fixture
def airflow(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripts' client of it, which does not wait."""
    module = importlib.import_module("airflow_api")
    monkeypatch.setattr(module, "AGAIN", module.AGAIN.new(backoff_factor=0))
    return module.AirflowApi(wire.url)


def test_a_refused_start_of_a_run_is_repeated_under_the_same_id(airflow: Any, wire: Wire) -> None:
    wire.script.extend([BUSY, Reply(close=True), Reply()])
    run_id = airflow.trigger("company_to_ipaas", mode="plan")
    assert len(wire.seen) == 3
    for seen in wire.seen:
        assert json.loads(seen.body) == {"dag_run_id": run_id, "logical_date": None, "conf": {"mode": "plan"}}


def test_a_run_that_was_started_although_it_was_refused_is_that_run(airflow: Any, wire: Wire) -> None:
    wire.script.extend([BUSY, Reply(status=409)])
    assert airflow.trigger("company_to_ipaas")


def test_any_other_refusal_of_a_run_is_none_that_repeating_cures(airflow: Any, wire: Wire) -> None:
    wire.script.append(Reply(status=404))
    with pytest.raises(requests.HTTPError):
        airflow.trigger("company_to_ipaas")
    assert len(wire.seen) == 1


def test_every_other_call_is_repeated_too(airflow: Any, wire: Wire) -> None:
    wire.script.extend([BUSY, Reply(body=b'{"state": "success"}')])
    assert airflow.state("company_to_ipaas", "run") == "success"
    wire.script.extend([BUSY, Reply()])
    airflow.unpause("company_to_ipaas")
    wire.script.extend([Reply(status=503), Reply(body=b'{"access_token": "t"}')])
    airflow.log_in("password")


def test_it_goes_past_the_proxy_of_the_environment(airflow: Any, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    wire.script.append(Reply(body=b'{"state": "success"}'))
    assert airflow.state("company_to_ipaas", "run") == "success"
    assert airflow.answers()
