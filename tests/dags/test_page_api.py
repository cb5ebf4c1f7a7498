"""What the page asks Airflow's API server, and what a person decides there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sync.ledger.entries import Finish, State, iso
from tests.dags.conftest import RunDag, connect
from tests.dags.scheduling import unpause

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_to_ipaas"
HEADER = {"X-Sync-Page": "1"}
Ask = Callable[..., Any]


@pytest.fixture
def ask(server: Any, login: dict[str, str], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """`ask("overview")`, or `ask("ignore", {…}, dag_id=…)`: with a body it is a POST of the page."""
    from bridge import server as bridge_server

    def of(path: str, body: Any = None, **params: Any) -> Any:
        connect(monkeypatch, sandbox)
        bridge_server.current.cache.clear()
        bridge_server.opened.cache.clear()
        where = f"/sync/api/{path}"
        if body is None:
            return server.get(where, params=params, headers=login)
        return server.post(where, params=params, json=body, headers={**login, **HEADER})

    return of


def _nameless(sandbox: Sandbox, *numbers: str) -> None:
    for number in numbers:
        values = {"No.": number, "Name": f"Person {number}", "Contact Type": "Person", "E-Mail": ""}
        sandbox.bc.add("Customer", values)


def _of(answer: Any, flow: str) -> dict[str, Any]:
    return next(one for one in answer.json()["flows"] if one["flow"] == flow)


def test_what_needs_a_person_is_one_line_for_each_reason(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    _nameless(sandbox, "P1", "P2", "P3")
    run_dag(FLOW)
    answer = ask("overview")
    assert answer.status_code == 200
    cause = next(one for one in answer.json()["causes"] if one["flow"] == FLOW)
    assert (cause["count"], cause["example"], cause["said"]) == (3, "P1", cause["cause"])
    assert "no e-mail" in cause["cause"]
    assert cause["advice"]
    assert _of(answer, FLOW)["word"] == "Needs you"
    assert answer.json()["sentence"].startswith("3 records")
    page = ask("records", dag_id=FLOW, cause=cause["cause"], search="p2").json()
    assert [one["key"] for one in page["records"]] == ["P2"]
    assert ask("records", dag_id=FLOW, cause=cause["cause"]).json()["total"] == 3
    downwards = ask("records", dag_id=FLOW, sort="-record").json()["records"]
    assert [one["key"] for one in downwards] == ["P3", "P2", "P1"]
    assert ask("records", dag_id=FLOW, sort="fingerprint").status_code == 422


def test_a_wrong_variable_is_told_by_the_page_and_does_not_take_it_away(
    run_dag: RunDag, sandbox: Sandbox, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _nameless(sandbox, "P1")
    run_dag(FLOW)
    wrong = {"bc_time_zone": "Mars", "sync_needs_you_after_hours": "one day"}
    run_dag(FLOW, variables=wrong)
    for name, value in wrong.items():
        monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)
    answer = ask("overview")
    assert answer.status_code == 200
    assert _of(answer, FLOW)["word"] == "Stopped"
    assert "Variable bc_time_zone is 'Mars'" in _of(answer, FLOW)["why"]
    (cause,) = answer.json()["causes"]
    assert ask("records", dag_id=FLOW, cause=cause["cause"]).json()["total"] == 1


@pytest.mark.parametrize("path", ["overview", "flow", "records", "explain"])
def test_a_ledger_that_cannot_be_used_is_said_in_words(ask: Ask, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    away = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "a", "password": "ledger-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", json.dumps(away))
    answer = ask(path, dag_id=FLOW, id="P1")
    assert answer.status_code == 503
    assert "The ledger cannot be used" in answer.json()["detail"]
    assert "Check the Connection sync_ledger" in answer.json()["detail"]
    assert "ledger-secret" not in answer.text


def test_one_record_needs_a_person_in_words_that_name_it(run_dag: RunDag, ask: Ask) -> None:
    from bridge.connected import current_pair, ledger_of

    run_dag(FLOW)
    said = "Customer P1 would have been created, which was refused by anna."
    end = Finish(key="P1", state=State.failed, run_id="r", outcome={}, read_at=iso(datetime.now(UTC)), message=said)
    with ledger_of(current_pair()) as ledger:
        ledger.finish(FLOW, "customer", [end], [])
    (cause,) = ask("overview").json()["causes"]
    assert cause["cause"] == said.replace("P1", "…")
    assert cause["said"] == said


@pytest.fixture
def switched_on(dags: Mapping[str, Any]) -> Iterator[None]:
    """The flow's schedule, for the time of a test."""
    unpause(FLOW)
    yield
    unpause(FLOW, paused=True)


@pytest.mark.usefixtures("switched_on")
def test_a_flow_of_which_records_could_not_be_sent_is_late_and_no_alarm(run_dag: RunDag, ask: Ask) -> None:
    from bridge.connected import current_pair, ledger_of

    run_dag(FLOW)
    assert _of(ask("overview"), FLOW)["word"] == "In step"
    end = Finish(key="P1", state=State.retry, run_id="r", outcome={}, read_at=iso(datetime.now(UTC)))
    with ledger_of(current_pair()) as ledger:
        ledger.finish(FLOW, "customer", [end], [])
    told = _of(ask("overview"), FLOW)
    assert told["word"] == "Late"
    assert re.search(r"^1 record could not be sent yet, and is tried again at .{16} UTC\.$", told["why"])
    assert run_dag("health").state == "success"


def test_a_wrong_secret_is_the_first_sentence(run_dag: RunDag, ask: Ask) -> None:
    run_dag(FLOW, bc={"password": "wrong"})
    answer = ask("overview")
    assert _of(answer, FLOW)["word"] == "Stopped"
    assert "Certificates & Secrets" in _of(answer, FLOW)["advice"] + _of(answer, FLOW)["why"]
    assert answer.json()["sentence"].startswith(f"Stopped: {FLOW}")


def test_what_initialize_has_brought_over_has_run(run_dag: RunDag, ask: Ask) -> None:
    flows = ["customer_category_to_ipaas", "location_to_ipaas"]
    run_dag("initialize", {"flows": flows, "mode": "plan"}, flows=flows)
    assert _of(ask("overview"), flows[0])["why"].endswith("and has never run.")
    run_dag("initialize", {"flows": flows, "mode": "apply"}, flows=flows)
    answer = ask("overview")
    for flow in flows:
        told = _of(answer, flow)
        assert (told["word"], told["why"]) == ("Paused", "Its schedule is switched off.")
        assert told["as_of"]
    assert "Records were read last at" in answer.json()["sentence"]


def test_runs_by_hand_say_nothing_of_how_a_flow_stands(run_dag: RunDag, ask: Ask) -> None:
    run = run_dag(FLOW, {"external_ids": ["P20001"]}, bc={"password": "wrong"})
    assert run.state == "failed"
    flow = _of(ask("overview"), FLOW)
    assert flow["word"] != "Stopped"
    assert flow["last"] is None or flow["last"]["run_id"] != run.run_id


def test_records_of_a_reason_are_ignored_until_they_change(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    _nameless(sandbox, "P1", "P2")
    run_dag(FLOW)
    cause = ask("overview").json()["causes"][0]
    assert ask("ignore", {"cause": cause["cause"]}, dag_id=FLOW).json() == {"ignored": 2}
    assert ask("overview").json()["causes"] == []
    assert ask("records", dag_id=FLOW, state="ignored").json()["total"] == 2
    assert ask("retry", {"keys": ["P1"]}, dag_id=FLOW).json() == {"due": 1, "ids": ["P1"]}
    assert ask("records", dag_id=FLOW, state="ignored").json()["total"] == 1


def test_the_list_of_a_reason_has_none_that_is_ignored_and_ends_with_its_last_page(
    run_dag: RunDag, sandbox: Sandbox, ask: Ask
) -> None:
    _nameless(sandbox, "P1", "P2")
    run_dag(FLOW)
    cause = ask("overview").json()["causes"][0]["cause"]
    ask("ignore", {"keys": ["P1"]}, dag_id=FLOW)
    page = ask("records", dag_id=FLOW, cause=cause, offset=100).json()
    assert ([one["key"] for one in page["records"]], page["total"], page["offset"]) == (["P2"], 1, 0)


def test_what_initialize_has_written_names_its_run(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    flow = "customer_category_to_ipaas"
    run = run_dag("initialize", {"flows": [flow], "mode": "apply"}, flows=[flow])
    (found,) = ask("explain", id=sandbox.bc.rows("Customer Price Group")[0]["Code"]).json()["found"]
    (known,) = found["records"]
    assert known["run"] == {"dag_id": "initialize", "run_id": run.run_id}
    assert [past["dag_id"] for past in known["history"]] == ["initialize"]


def test_what_was_retried_by_hand_in_vain_says_so_and_is_due(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    _nameless(sandbox, "P1")
    run_dag(FLOW)
    (before,) = ask("records", dag_id=FLOW).json()["records"]
    assert (before["attempts"], before["by_hand"]) == (1, None)
    ask("retry", {"keys": ["P1"]}, dag_id=FLOW)
    run = run_dag("manual_sync", {"flow": FLOW, "ids": ["P1"], "mode": "apply"})
    (after,) = ask("records", dag_id=FLOW).json()["records"]
    assert (after["attempts"], after["by_hand"], after["run"]["run_id"]) == (0, "failed again", run.run_id)
    assert after["next_try"] <= iso(datetime.now(UTC))
    (found,) = ask("explain", id="P1").json()["found"]
    assert [known["by_hand"] for known in found["records"]] == ["failed again"]


def test_the_first_try_of_a_record_may_be_one_by_hand(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    _nameless(sandbox, "P1")
    run_dag(FLOW, {"external_ids": ["P1"]})
    (record,) = ask("records", dag_id=FLOW).json()["records"]
    assert record["by_hand"] == "failed"


def test_what_a_person_decides_is_in_the_audit_log(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    _nameless(sandbox, "P1")
    run_dag(FLOW)
    ask("ignore", {"keys": ["P1"]}, dag_id=FLOW)
    with create_session() as session:
        noted = session.scalars(select(Log).where(Log.event == "sync_ignore").order_by(Log.id.desc())).first()
        assert noted is not None
        assert (noted.dag_id, noted.owner) == (FLOW, "admin")
        assert "P1" in (noted.extra or "")


def test_only_who_may_and_only_the_page_itself_may_decide(server: Any, login: dict[str, str]) -> None:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="guest", role="viewer"))
    viewer = {"Authorization": f"Bearer {token}"}
    where, body = "/sync/api/ignore", {"keys": ["P1"]}
    assert server.get("/sync/api/overview").status_code == 401
    assert server.get("/sync/api/overview", headers=viewer).status_code == 200
    for path in ("ignore", "retry"):
        where = f"/sync/api/{path}"
        assert server.post(where, params={"dag_id": FLOW}, json=body).status_code in (401, 403)
        assert server.post(where, params={"dag_id": FLOW}, json=body, headers={**viewer, **HEADER}).status_code == 403
        assert server.post(where, params={"dag_id": FLOW}, json=body, headers=login).status_code == 403


def test_every_flow_is_there(ask: Ask) -> None:
    assert [one["flow"] for one in ask("overview").json()["flows"]] == list(FLOWS)


def test_a_flow_stands_alone_with_its_last_runs(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    _nameless(sandbox, "P1")
    run = run_dag(FLOW)
    run_dag("company_to_ipaas")
    told = ask("flow", dag_id=FLOW).json()
    assert [flow["flow"] for flow in told["flows"]] == [FLOW]
    assert {cause["flow"] for cause in told["causes"]} == {FLOW}
    (last,) = told["runs"]
    assert (last["run_id"], last["by"], last["state"]) == (run.run_id, "hand", "failed")
    assert last["counts"]["failed"] == 1


def test_of_a_dag_that_is_no_flow_there_is_none(run_dag: RunDag, ask: Ask) -> None:
    run_dag("preflight")
    assert ask("flow", dag_id="preflight").json() == {"flows": [], "runs": []}


def test_an_id_of_either_side_is_explained(run_dag: RunDag, sandbox: Sandbox, ask: Ask) -> None:
    run = run_dag("customer_category_to_ipaas")
    code = sandbox.bc.rows("Customer Price Group")[0]["Code"]
    (told,) = ask("explain", id=code).json()["found"]
    assert [one["external_id"] for one in told["links"]] == [code]
    known = next(one for one in told["records"] if one["flow"] == "customer_category_to_ipaas")
    assert known["title"] == "Customer categories to iPaaS.com"
    assert (known["state"], known["run"]) == ("done", {"dag_id": run.dag_id, "run_id": run.run_id})
    assert known["agreed"]
    (other,) = ask("explain", id=told["links"][0]["internal_id"]).json()["found"]
    assert other["links"] == told["links"]
    assert told["likely"] == []


def test_several_ids_are_explained_at_a_time_and_too_many_refused_in_words(
    run_dag: RunDag, sandbox: Sandbox, ask: Ask
) -> None:
    run_dag("customer_category_to_ipaas")
    codes = [row["Code"] for row in sandbox.bc.rows("Customer Price Group")[:2]]
    for given in (", ".join(codes), "\n".join(codes), " ".join(codes)):
        found = ask("explain", id=given).json()["found"]
        assert [one["id"] for one in found] == codes
        assert all(one["records"] for one in found)
    refused = ask("explain", id=",".join(map(str, range(51))))
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "These are 51 ids: at most 50 are explained at a time.",
    )


def test_of_an_id_that_no_run_has_met_the_flows_are_named_that_may_look_for_it(ask: Ask) -> None:
    named, unnamed = ask("explain", id=f"NOPE, {'?' * 60}").json()["found"]
    flows = {one["flow"]: one["title"] for one in named["likely"]}
    assert flows["company_to_ipaas"] == "Companies to iPaaS.com"
    assert "company_from_ipaas" not in flows, "ids of iPaaS.com are numbers"
    assert unnamed["likely"] == []


def test_records_link_to_the_portal_of_ipaas_where_it_is_the_platforms_own(
    run_dag: RunDag, sandbox: Sandbox, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_dag("customer_category_to_ipaas")
    code = sandbox.bc.rows("Customer Price Group")[0]["Code"]

    def told() -> list[dict[str, Any]]:
        (found,) = ask("explain", id=code).json()["found"]
        listed = ask("report", dag_id=run.dag_id, run_id=run.run_id, search=code).json()["report"]["records"]
        return [*found["links"], *found["records"], *listed]

    assert {one["portal"] for one in told()} == {None}
    monkeypatch.setattr("include.ipaas.portal._API", urlsplit(sandbox.url).hostname)
    assert [one["portal"] for one in told()] == 3 * ["https://portal.ipaas.com"]


def test_what_ipaas_does_not_have_yet_is_not_in_its_portal(
    run_dag: RunDag, sandbox: Sandbox, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _nameless(sandbox, "P1")
    run_dag(FLOW)
    monkeypatch.setattr("include.ipaas.portal._API", urlsplit(sandbox.url).hostname)
    (record,) = ask("records", dag_id=FLOW, search="P1").json()["records"]
    assert (record["target_id"], record["portal"]) == (None, None)
