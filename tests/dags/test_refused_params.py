"""What a form or a request holds that is not allowed is refused in words: which param, what was given, what is allowed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from include.flows import FLOWS
from tests.dags.conftest import RunDag
from tests.dags.scheduling import pause_all, runs_of

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_to_ipaas"
ALL = ", ".join(f'"{name}"' for name in FLOWS)
IDS = 'a list of at most 3000, texts, as ["1005", "1006"]'
Post = Callable[..., Any]


@pytest.fixture
def post(server: Any, login: dict[str, str], dags: Mapping[str, Any]) -> Post:
    """Asks Airflow's REST API for a run."""
    pause_all()
    return lambda dag_id, conf: server.post(
        f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": conf}, headers=login
    )


REFUSED = [
    (FLOW, {"mode": "delete"}, 'mode: "delete" is not allowed. Allowed: "apply", "plan".'),
    (FLOW, {"force": "perhaps"}, 'force: "perhaps" is not allowed. Allowed: true or false.'),
    (FLOW, {"external_ids": 1005}, f"external_ids: 1005 is not allowed. Allowed: {IDS}."),
    (FLOW, {"external_ids": ["A", 1005, {}]}, f"external_ids: 1005, {{}} is not allowed. Allowed: {IDS}."),
    (FLOW, {"external_ids": ["1"] * 3001}, f"external_ids: A list of 3001 is not allowed. Allowed: {IDS}."),
    (FLOW, {"external_ids": "1," * 3001}, f'external_ids: "{"1," * 99}1… is not allowed. Allowed: {IDS}.'),
    ("manual_sync", {"ids": ["1005"]}, f"flow: null is not allowed. Allowed: {ALL}."),
    ("manual_sync", {"flow": "x" * 300}, f'flow: "{"x" * 199}… is not allowed. Allowed: {ALL}.'),
    ("reconcile", {"flows": ["a", FLOW, "b"]}, f'flows: "a", "b" is not allowed. Allowed: a list, any of {ALL}.'),
    ("reconcile", {"flows": FLOW}, f'flows: "{FLOW}" is not allowed. Allowed: a list, any of {ALL}.'),
    ("forget", {"id": ""}, 'id: "" is not allowed. Allowed: a text of 1 to 200 characters.'),
]


def test_the_rest_api_refuses_in_words(post: Post) -> None:
    for dag_id, conf, said in REFUSED:
        answer = post(dag_id, conf)
        assert (answer.status_code, answer.json()) == (400, {"detail": f"Invalid input for param {said}"})
        assert not runs_of(dag_id)


def test_what_is_allowed_is_taken(post: Post) -> None:
    answer = post("manual_sync", {"flow": FLOW, "ids": ["C10000, C10001"], "mode": "plan", "force": None})
    assert answer.status_code == 200, answer.text


def test_what_may_be_left_out_may_be_empty(post: Post) -> None:
    answer = post("manual_sync", {"flow": FLOW, "ids": ["C10000"], "mode": None})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("given", ["P20001, P20002", "P20001\nP20002\n", "P20001\tP20002"])
@pytest.mark.parametrize(("dag_id", "name"), [(FLOW, "external_ids"), ("manual_sync", "ids")])
def test_ids_in_one_text_are_a_list(post: Post, run_dag: RunDag, dag_id: str, name: str, given: str) -> None:
    chosen = {"flow": FLOW} if dag_id == "manual_sync" else {}
    assert post(dag_id, {**chosen, name: given, "mode": "plan"}).status_code == 200
    run = run_dag(dag_id, {**chosen, name: given, "mode": "plan"})
    assert {line["key"] for line in run.reported("records")["records"]} == {"P20001", "P20002"}


def test_a_mode_that_is_left_empty_is_the_one_that_the_form_proposes(run_dag: RunDag) -> None:
    for dag_id, more, writes in (("manual_sync", {"flow": FLOW, "ids": ["P20001"]}, False), (FLOW, {}, True)):
        run = run_dag(dag_id, {**more, "mode": None})
        assert run.state == "success"
        assert any(name == "applying" for _, name in run.xcoms) is not writes


def test_what_no_schema_tells_the_first_task_does_and_names_all_of_it(run_dag: RunDag) -> None:
    run = run_dag(FLOW, {"external_ids": ["C|1|2|3", "P20001", "C|4|5|6"]})
    assert run.states["extract[-1]"] == "failed"
    assert "'C|1|2|3'" in run.problem
    assert "'C|4|5|6'" in run.problem
    run = run_dag(FLOW, {"externalids": ["P20001"]})
    assert run.states["extract[-1]"] == "failed"
    assert "Param externalids is ['P20001']. Allowed: external_ids, force, mode." in run.problem


def test_every_process_of_airflow_knows_how_params_are_checked(dags: Mapping[str, Any]) -> None:
    schema = dags[FLOW].params.get_param("mode").schema
    program = (
        "import json, sys; import business_central_ipaas; import jsonschema\n"
        "try: jsonschema.validate('delete', json.loads(sys.argv[1]))\n"
        "except jsonschema.ValidationError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(schema)], capture_output=True, text=True, check=True
    )
    assert done.stdout == '"delete" is not allowed. Allowed: "apply", "plan".\n'
