"""Runs the project's DAGs through real Airflow, in this process, against a sandbox."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from include.flows import FLOWS
from include.sandbox import Sandbox
from include.sandbox.world import Size
from tests import ledgers
from tests.dags import browser
from tests.dags.scheduling import read_dags, read_no_more

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def dags() -> Mapping[str, Any]:
    """The DAGs of the project, by id, as Airflow reads them, with a database to run them on."""
    from airflow.utils.db import initdb

    initdb()
    import_settings()
    return read_dags()


def script(name: str) -> Any:
    """A module of `scripts`."""
    import importlib.util

    path = ROOT / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{name}_script", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(path.parent)  # where a script finds those beside it
        spec.loader.exec_module(module)
    return module


def import_settings() -> None:
    """Make the pools, as `make settings` does."""
    settings = script("settings")
    settings.apply({**settings.load(), "connections": [], "variables": []})


@pytest.fixture(scope="session")
def server(dags: Mapping[str, Any]) -> Iterator[Any]:
    """Airflow's API server with the project's plugin, without a network."""
    from airflow.api_fastapi.app import create_app
    from starlette.testclient import TestClient

    with TestClient(create_app(apps="core")) as client:
        yield client


@pytest.fixture(scope="session")
def login(server: Any) -> dict[str, str]:
    """Headers of a person who is logged in."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="admin", role="admin"))
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small world that holds only records that can go through."""
    with Sandbox(size=Size(companies=4, persons=4, items=6)) as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of a DAG run."""

    dag_id: str
    run_id: str
    state: str
    states: Mapping[str, str]
    xcoms: Mapping[tuple[str, str], Any]

    @property
    def counts(self) -> dict[str, int]:
        """What `report` pushed."""
        counts: dict[str, int] = self.reported("return_value")
        return counts

    def reported(self, key: str) -> Any:
        """An XCom of `report`, whichever group of tasks it is in."""
        return next(value for (task, of), value in self.xcoms.items() if of == key and task.endswith("report"))

    @property
    def problem(self) -> str:
        """What stopped the run, and what to do."""
        found = next(value for (_, key), value in self.xcoms.items() if key == "problem")
        return f"{found['what']} {found['advice']}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium. Not for longer than a module: no other event loop can run in this thread meanwhile."""
    with browser.chromium() as running:
        yield running


@pytest.fixture(scope="module")
def somebody(chromium: Any, dags: Mapping[str, Any]) -> Iterator[Callable[..., Any]]:
    """`somebody("viewer")`: a person of that role who has Airflow open in a browser; it keeps what it has loaded once."""
    people: dict[str, Any] = {}
    with browser.served() as url:

        def of(role: str, **context: Any) -> Any:
            who = f"{role} {context}"
            if who not in people:
                people[who] = chromium.new_context(viewport={"width": 1440, "height": 1000}, base_url=url, **context)
                people[who].set_default_timeout(browser.PATIENCE)
                people[who].add_cookies([{"name": "_token", "value": browser.token(role), "url": url}])
            return people[who]

        yield of


@pytest.fixture
def visit(somebody: Callable[..., Any], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[browser.Visit]:
    """`visit("plugin/sync", role="viewer")`: a page of Airflow's, as somebody of that role sees it."""
    from bridge import server

    opened: list[Any] = []

    def visit(path: str, role: str = "admin", **context: Any) -> Any:
        connect(monkeypatch, sandbox)
        server.current.cache.clear()
        server.opened.cache.clear()
        page = somebody(role, **context).new_page()
        opened.append(page)
        page.goto(f"/{path}")
        return page

    yield visit
    for page in opened:
        page.close()


RunDag = Callable[..., Run]


@pytest.fixture
def run_dag(
    dags: Mapping[str, Any],
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> RunDag:
    """`run_dag(dag_id, conf, variables=…, bc_extra=…)`: to its end, on a ledger and a staging of the test's own."""
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path / 'staging'}")
    lose_ledger()
    read_no_more(monkeypatch)

    from airflow.sdk.execution_time import supervisor
    from bridge import factory, forget, health, initialize, manual_sync, preflight, reconcile, subscriptions

    monkeypatch.setattr(supervisor, "run_task_in_process", _in_turn(supervisor.run_task_in_process))

    def run(
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        bc: Mapping[str, Any] | None = None,
        bc_extra: Mapping[str, Any] | None = None,
        ipaas: Mapping[str, Any] | None = None,
        ipaas_extra: Mapping[str, Any] | None = None,
        backfill: tuple[datetime, datetime] | None = None,
        flows: Sequence[str] = (),
    ) -> Run:
        connect(monkeypatch, sandbox, variables, bc=bc, bc_extra=bc_extra, ipaas=ipaas, ipaas_extra=ipaas_extra)
        if backfill:
            _backfill(monkeypatch, backfill)
        # Built anew: params given to one run would be the defaults of the next.
        others = {
            manual_sync.MANUAL_SYNC: manual_sync.build,
            initialize.INITIALIZE: initialize.build,
            health.HEALTH: health.build,
            preflight.PREFLIGHT: preflight.build,
            forget.FORGET: forget.build,
            reconcile.RECONCILE: reconcile.build,
            subscriptions.SUBSCRIPTIONS: subscriptions.build,
        }
        dag = factory.build(FLOWS[dag_id]) if dag_id in FLOWS else others[dag_id]()
        if flows:
            several = reconcile if dag_id == reconcile.RECONCILE else initialize
            dag = several.build({name: FLOWS[name] for name in flows})
        return _result(dag.test(logical_date=None, run_conf=dict(conf or {})))

    return run


def _in_turn(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same, while the API server for a browser answers nothing."""

    def in_turn(**task: Any) -> Any:
        with browser.TURN:
            return run(**task)

    return in_turn


Ask = Callable[..., Any]


@pytest.fixture
def ask(server: Any, login: dict[str, str]) -> Ask:
    """Asks the API server."""
    return lambda path, **params: server.get(path, params=params, headers=login).json()


@pytest.fixture
def run_and_answer(run_dag: RunDag, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> Callable[..., Run]:
    """`run_and_answer(dag_id, conf, person=…)`: a run to its end, and what a person does once it asks."""

    def run(
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        *,
        person: Callable[[dict[str, Any]], None],
        variables: Mapping[str, str],
        flows: Sequence[str] = (),
    ) -> Run:
        asked: list[str] = []

        def look() -> None:
            found = ask("/api/v2/dags/~/dagRuns/~/hitlDetails", response_received=False)["hitl_details"]
            waiting = [one for one in found if one["task_instance"]["state"] == "awaiting_input"]
            assert waiting, "nothing can go on, and nobody is asked"
            if waiting[0]["task_instance"]["id"] not in asked:
                asked.append(waiting[0]["task_instance"]["id"])
                person(waiting[0])

        with monkeypatch.context() as patched:
            while_it_waits(patched, look)
            ended = run_dag(dag_id, conf, variables=variables, flows=flows)
        assert asked, "it never asked"
        return ended

    return run


def while_it_waits(monkeypatch: pytest.MonkeyPatch, look: Callable[[], object]) -> None:
    """While a task waits, have the loop of `dag.test`, which looks once a second whether it still does, call this."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: look() if in_its_loop() else sleep(seconds))


def in_its_loop() -> bool:
    """Whether the caller of the caller is the loop of `dag.test`."""
    return sys._getframe(2).f_globals.get("__name__") == "airflow.sdk.definitions.dag"


def a_location_renamed_by_hand(
    run_dag: RunDag, sandbox: Sandbox, flows: Sequence[str]
) -> tuple[str, dict[str, Any], str]:
    """All records of these flows are brought over, and a location is renamed in iPaaS.com: its code, the record there, and
    what it was called. What is counted of the sandbox is counted from then on."""
    run_dag("initialize", {"flows": list(flows), "mode": "apply"}, flows=flows)
    code = str(sandbox.bc.rows("Location")[0]["Code"])
    record = sandbox.ipaas.linked("location", code)
    assert record
    name = str(record["name"])
    sandbox.ipaas.change("location", record["id"], {"name": "Moved by hand"})
    sandbox.counters.reset()
    return code, record, name


def worker_environment() -> dict[str, str]:
    """The environment of a process that runs DAGs on the home of the tests."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "plugins", "config"))}


def claims_run_out() -> None:
    """What a dead process held is anybody's, as it is some minutes after its end."""
    import sqlalchemy as sa
    from bridge.connected import current_pair, ledger_of

    from include.sync.ledger.claims import CLAIM_LIFETIME
    from include.sync.ledger.entries import iso
    from include.sync.ledger.tables import claims

    with ledger_of(current_pair()) as ledger, ledger._writing() as db:
        db.execute(sa.update(claims).values(renewed_at=iso(datetime.now(UTC) - 2 * CLAIM_LIFETIME)))


def ledger_file() -> Path:
    """The ledger without a Connection; on PostgreSQL what its schema stands for."""
    return Path(os.environ["AIRFLOW_HOME"]) / "sync_ledger.db"


@pytest.fixture
def no_earlier_runs(dags: Mapping[str, Any]) -> None:
    """What other tests ran on this home says nothing of how the flows stand."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(DagRun))


def lose_ledger() -> None:
    """Delete the ledger, as anybody may at any time."""
    for file in ledger_file().parent.glob("sync_ledger.db*"):
        file.unlink()
    if ledgers.kind() == "postgresql":
        ledgers.drop(ledger_file().parent)
        ledgers.url_of(ledger_file())


def connect(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    variables: Mapping[str, str] | None = None,
    *,
    bc: Mapping[str, Any] | None = None,
    bc_extra: Mapping[str, Any] | None = None,
    ipaas: Mapping[str, Any] | None = None,
    ipaas_extra: Mapping[str, Any] | None = None,
) -> None:
    """Connections to the sandbox, with changes, and Variables, as Airflow reads them from the environment."""
    connections = {
        "business_central": {
            "conn_type": "business_central",
            "host": sandbox.url,
            "login": sandbox.CLIENT_ID,
            "password": sandbox.CLIENT_SECRET,
            "extra": {**sandbox.bc_extra, **(bc_extra or {})},
            **(bc or {}),
        },
        "ipaas": {
            "conn_type": "ipaas",
            "host": sandbox.url,
            "login": sandbox.IPAAS_EMAIL,
            "password": sandbox.IPAAS_PASSWORD,
            "extra": {**sandbox.ipaas_extra, **(ipaas_extra or {})},
            **(ipaas or {}),
        },
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    if ledgers.kind() == "postgresql" and "AIRFLOW_CONN_SYNC_LEDGER" not in os.environ:
        place = ledgers.url_of(ledger_file()).replace("postgresql+psycopg2", "postgres")
        monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", place)
    for name, value in {"ipaas_throttle_limit": "100000", **(variables or {})}.items():
        monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)


def _backfill(monkeypatch: pytest.MonkeyPatch, interval: tuple[datetime, datetime]) -> None:
    """Let the runs that `dag.test` makes be those of a backfill over an interval."""
    from airflow.models import dagrun
    from airflow.utils.types import DagRunType

    make = dagrun.get_or_create_dagrun

    def of_backfill(**arguments: Any) -> Any:
        run = make(**arguments)
        run.run_type = DagRunType.BACKFILL_JOB
        run.data_interval_start, run.data_interval_end = interval
        arguments["session"].commit()
        return run

    monkeypatch.setattr(dagrun, "get_or_create_dagrun", of_backfill)


def _result(dag_run: Any) -> Run:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        ran = (TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
        states = {
            f"{ti.task_id}[{ti.map_index}]": str(ti.state) for ti in session.scalars(select(TaskInstance).where(*ran))
        }
        pushed = (XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id)
        xcoms = {
            (x.task_id, x.key): XComModel.deserialize_value(x)
            for x in session.scalars(select(XComModel).where(*pushed))
        }
    return Run(dag_id=dag_run.dag_id, run_id=dag_run.run_id, state=str(dag_run.state), states=states, xcoms=xcoms)
