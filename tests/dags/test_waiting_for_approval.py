"""Real Airflow asks a person before it writes much: the run waits, without a slot, until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from include.sandbox import Sandbox
from include.sync.approval.asking import ApprovalQuestion
from include.sync.outcomes import Change, Outcome, Result
from tests.dags.conftest import Ask, RunDag

pytestmark = [pytest.mark.dag, pytest.mark.usefixtures("no_earlier_runs")]

FLOW = "customer_category_to_ipaas"
ABOVE = {"sync_approve_above": '{"records": 2}'}


@pytest.fixture
def answer(server: Any, login: dict[str, str]) -> Callable[[Mapping[str, Any], str], None]:
    """Chooses one of the options of a question, by Airflow's API."""

    def answer(question: Mapping[str, Any], option: str) -> None:
        ti = question["task_instance"]
        place = f"{ti['dag_id']}/dagRuns/{ti['dag_run_id']}/taskInstances/{ti['task_id']}/{ti['map_index']}"
        chosen = {"chosen_options": [option], "params_input": {}}
        answered = server.patch(f"/api/v2/dags/{place}/hitlDetails", json=chosen, headers=login)
        assert answered.status_code == 200, answered.text

    return answer


def test_what_is_approved_is_written(run_and_answer: Any, ask: Ask, answer: Any, sandbox: Sandbox) -> None:
    groups = sandbox.bc.rows("Customer Price Group")

    def person(question: dict[str, Any]) -> None:
        assert question["subject"] == f"May {FLOW} write {len(groups)} records?"
        assert f"{len(groups)} records would be written." in question["body"]
        assert f"(dags/{FLOW}/runs/" in question["body"]
        assert f"description: ∅ → {groups[0]['Description']}" in question["body"]
        assert not sandbox.ipaas.records["customer category"]
        overview = ask("/sync/api/overview")
        assert overview["sentence"] == f"A run waits for your approval: {FLOW}."
        (shown,) = overview["questions"]
        assert shown["path"].endswith("/tasks/load/mapped/0/required_actions")
        tab = ask("/sync/api/report", dag_id=FLOW, run_id=question["task_instance"]["dag_run_id"])
        assert (tab["report"]["mode"], tab["report"]["counts"]["created"]) == ("plan", len(groups))
        assert tab["questions"]
        answer(question, "Approve")

    run = run_and_answer(FLOW, person=person, variables=ABOVE)
    assert run.state == "success"
    assert run.counts["created"] == len(sandbox.ipaas.records["customer category"]) == len(groups)
    assert set(run.states.values()) == {"success"}
    assert len(run.states) == 4


def test_the_question_shows_fields_before_and_after_and_the_way_to_the_others(dags: Mapping[str, Any]) -> None:
    from bridge import approvals

    changes = (Change(field="name", before="A|B", after="<b>"), *(Change(field=f"f{n}", after=n) for n in range(9)))
    question = ApprovalQuestion(
        flow=FLOW,
        collection="Categories",
        records=7,
        counts={"updated": 7},
        prices=0,
        percent=None,
        jumps=(),
        lines=(Outcome(key="G_1", result=Result.updated, changes=changes, more_changes=5),),
    )
    run = SimpleNamespace(dag_id=FLOW, run_id="r 1")
    lines = approvals._in_markdown(question, {"dag_run": run}).body.splitlines()
    tab = f"dags/{FLOW}/runs/r%201/plugin/records"
    assert rf"| G\_1 | updated | name: A\|B → \<b\>; f0: ∅ → 0; f1: ∅ → 1; f2: ∅ → 2; [and 11 more]({tab}) |" in lines
    assert f"[And 6 more records]({tab})" in lines


def test_what_is_refused_is_not(run_and_answer: Any, ask: Ask, answer: Any, sandbox: Sandbox) -> None:
    codes = [f"G{number}" for number in range(3)]
    for code in codes:
        sandbox.bc.add("Customer Price Group", {"Code": code, "Description": code})
    asked = {"flow": FLOW, "ids": codes, "mode": "apply"}
    run = run_and_answer("manual_sync", asked, person=lambda question: answer(question, "Refuse"), variables=ABOVE)
    assert (run.state, run.counts["failed"]) == ("failed", 3)
    assert not sandbox.ipaas.records["customer category"]
    tab = ask("/sync/api/report", dag_id="manual_sync", run_id=run.run_id)
    assert tab["report"]["warnings"][0].startswith("Nothing was written: the run was refused by admin on ")
    assert not tab["questions"]
    overview = ask("/sync/api/overview")
    (cause,) = overview["causes"]
    assert (cause["count"], overview["questions"]) == (3, [])
    assert cause["cause"].startswith("Customer category … would have been created, which was refused by admin on ")
    assert cause["example"] == "G0"


def test_an_open_question_is_an_alarm_and_keeps_other_polls_aside(
    run_and_answer: Any, run_dag: RunDag, answer: Any, sandbox: Sandbox
) -> None:
    from bridge import turns

    def person(question: dict[str, Any]) -> None:
        poll = SimpleNamespace(dag_id=FLOW, run_id="scheduled__next")
        ti = SimpleNamespace(get_dr_count=lambda **asked: len(asked["run_ids"]))
        aside = turns.take_turn({"dag_run": poll, "ti": ti})
        assert aside == question["task_instance"]["dag_run_id"]
        health = run_dag("health", variables=ABOVE)
        assert f"{FLOW}: Needs you. A run waits for your approval since" in health.problem
        answer(question, "Approve")

    assert run_and_answer(FLOW, person=person, variables=ABOVE).state == "success"


def test_a_run_waits_for_its_turn_to_ask(run_and_answer: Any, answer: Any) -> None:
    from bridge import turns

    other = SimpleNamespace(dag_id="manual_sync", run_id="manual__other")
    ti = SimpleNamespace(task_id="to_ipaas.load", get_ti_count=lambda **_: 1)

    def person(question: dict[str, Any]) -> None:
        said = turns.take_question({"dag_run": other, "ti": ti}, FLOW, "4 records would be written.")
        assert said == f"{question['task_instance']['dag_run_id']} of {FLOW}"
        answer(question, "Approve")

    assert run_and_answer(FLOW, person=person, variables=ABOVE).state == "success"
    assert turns.take_question({"dag_run": other, "ti": ti}, FLOW, "4 records would be written.") is None


def test_one_that_nobody_answers_in_time_ends_in_words(run_and_answer: Any, sandbox: Sandbox) -> None:
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils import timezone
    from airflow.utils.session import create_session
    from sqlalchemy import update

    def person(question: dict[str, Any]) -> None:
        with create_session() as session:
            waits = TaskInstance.state == "awaiting_input"
            session.execute(update(TaskInstance).where(waits).values(trigger_timeout=timezone.utcnow()))
        with create_session() as session:
            SchedulerJobRunner(Job()).check_awaiting_input_timeouts(session=session)

    run = run_and_answer(FLOW, person=person, variables=ABOVE)
    assert run.state == "failed"
    assert "Nothing was written: the run was approved by nobody in time." in run.reported("records")["warnings"][0]
    assert not sandbox.ipaas.records["customer category"]


class TestAHealingReconcile:
    """What differs is healed through the same question."""

    CODES = ("G0", "G1", "G2", "G3")
    CHOSEN: Mapping[str, Any] = {"flows": [FLOW], "mode": "heal"}

    @pytest.fixture
    def drifted(self, run_dag: RunDag, sandbox: Sandbox) -> dict[str, Any]:
        """Records of iPaaS.com by their codes, all of which somebody has renamed there but for the last."""
        for code in self.CODES:
            sandbox.bc.add("Customer Price Group", {"Code": code, "Description": code})
        run_dag("initialize", {"flows": [FLOW], "mode": "apply"}, flows=[FLOW])
        records: dict[str, Any] = {code: sandbox.ipaas.linked("customer category", code) for code in self.CODES}
        for code in self.CODES[:-1]:
            self.rename(sandbox, records[code], f"Renamed {code}")
        sandbox.counters.reset()
        return records

    def rename(self, sandbox: Sandbox, record: Mapping[str, Any], name: str) -> None:
        sandbox.ipaas.change("customer category", record["id"], {"name": name})

    def names(self, records: Mapping[str, Any]) -> list[str]:
        return [str(records[code]["name"]) for code in self.CODES]

    def test_writes_exactly_what_was_shown(
        self, run_and_answer: Any, answer: Any, sandbox: Sandbox, drifted: dict[str, Any]
    ) -> None:
        def person(question: dict[str, Any]) -> None:
            assert question["subject"] == f"May {FLOW} write 3 records?"
            assert question["task_instance"]["task_id"] == f"{FLOW}.load"
            assert "G0" in question["body"]
            assert not sandbox.counters.writes()
            self.rename(sandbox, drifted["G3"], "Renamed while it was asked")
            answer(question, "Approve")

        run = run_and_answer("reconcile", self.CHOSEN, person=person, variables=ABOVE, flows=[FLOW])
        assert self.names(drifted) == ["G0", "G1", "G2", "Renamed while it was asked"]
        assert len(sandbox.counters.writes()) == 3
        assert run.xcoms[f"{FLOW}.report", "return_value"]["updated"] == 3

    def test_leaves_what_has_changed_since_it_was_shown(
        self, run_and_answer: Any, answer: Any, sandbox: Sandbox, drifted: dict[str, Any]
    ) -> None:
        def person(question: dict[str, Any]) -> None:
            self.rename(sandbox, drifted["G1"], "Changed while it was asked")
            answer(question, "Approve")

        run_and_answer("reconcile", self.CHOSEN, person=person, variables=ABOVE, flows=[FLOW])
        assert self.names(drifted) == ["G0", "Changed while it was asked", "G2", "G3"]

    def test_writes_nothing_when_it_is_refused(
        self, run_and_answer: Any, answer: Any, sandbox: Sandbox, drifted: dict[str, Any]
    ) -> None:
        before = self.names(drifted)
        run = run_and_answer(
            "reconcile",
            self.CHOSEN,
            person=lambda question: answer(question, "Refuse"),
            variables=ABOVE,
            flows=[FLOW],
        )
        assert run.state == "failed"
        assert self.names(drifted) == before
        assert not sandbox.counters.writes()
        assert "refused by admin" in run.xcoms[f"{FLOW}.report", "records"]["warnings"][0]
