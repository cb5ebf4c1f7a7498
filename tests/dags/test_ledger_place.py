"""Where the ledger lies: what the Connection `sync_ledger`, as made in Airflow's UI, means."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from include.sync.ledger import Ledger, LedgerFault
from tests import ledgers
from tests.dags.conftest import RunDag
from tests.systems import PAIR

pytestmark = pytest.mark.dag


def place(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> Any:
    """The Connection as a task gets it, of these fields of the form."""
    from bridge.connected import place as of_connection

    monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", json.dumps(fields))
    return of_connection()


@pytest.mark.parametrize("extra", [{}, "{}", "", {"__extra__": "{}"}, {"sslmode": "prefer", "connect_timeout": 3}])
def test_a_connection_made_in_the_ui_opens_postgresql(dags: Any, monkeypatch: pytest.MonkeyPatch, extra: Any) -> None:
    from bridge.ledger import ledger_url

    with ledgers.postgres() as address:
        url = make_url(address)
        path = {"options": url.query["options"]}
        extra = {**(extra if isinstance(extra, dict) else {}), **path}
        fields = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": url.username}
        found = ledger_url(place(monkeypatch, **fields, password="", schema=url.database, extra=extra))
        ledger = Ledger(found, PAIR)
        ledger.link([("customer company", "C1", 7)])
        ledger.close()
        there = Ledger(address, PAIR)
        assert there.internal_ids("customer company", ["C1"]) == {"C1": 7}
        there.close()


def test_the_server_finds_the_ledger_where_the_connection_says_now(
    dags: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What it has acknowledged in another one, no run would ever read."""
    from bridge import server

    def receives(file: str) -> Ledger:
        path = str(tmp_path / file)
        monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", json.dumps({"conn_type": "sqlite", "host": path}))
        server.ledger().of(PAIR).receive([("company_from_ipaas", file, "company/updated")])
        return Ledger(f"sqlite:///{path}", PAIR)

    for file in ("here.db", "there.db"):
        of_tasks = receives(file)
        assert [ipaas_id for ipaas_id, _ in of_tasks.received("company_from_ipaas")] == [file]
        of_tasks.close()
    monkeypatch.setenv(
        "AIRFLOW_CONN_SYNC_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "here.db")})
    )
    assert server.ledger() is server.ledger()


def test_an_empty_extra_is_no_option(dags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.ledger import ledger_url

    for extra in ({}, "{}", "", None, {"__extra__": "{}"}, {"nested": {"a": 1}}):
        found = place(
            monkeypatch, conn_type="postgres", host="db", schema="ledger", login="a", password="p@/:", extra=extra
        )
        assert dict(ledger_url(found).query) == {}
        assert ledger_url(found).password == "p@/:"


def test_a_connection_of_sqlite_names_a_file(dags: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from bridge.ledger import ledger_url

    for fields in ({"host": str(tmp_path / "l.db")}, {"schema": str(tmp_path / "l.db")}):
        assert ledger_url(place(monkeypatch, conn_type="sqlite", **fields)).database == str(tmp_path / "l.db")
    relative = ledger_url(place(monkeypatch, conn_type="sqlite", host="l.db")).database
    assert relative == str(Path(os.environ["AIRFLOW_HOME"]) / "l.db")


def test_another_type_is_refused_in_words(dags: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.ledger import ledger_url

    with pytest.raises(LedgerFault, match="has the type 'http'") as refused:
        ledger_url(place(monkeypatch, conn_type="http", host="somewhere", password="ledger-secret"))
    assert not refused.value.again
    assert "ledger-secret" not in str(refused.value)


def test_an_option_that_the_driver_does_not_know_ends_the_run_in_words(
    run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "extra": {"cursor": "dictcursor"}}
    monkeypatch.setenv("AIRFLOW_CONN_SYNC_LEDGER", json.dumps(fields))
    run = run_dag("customer_category_to_ipaas")
    assert run.states["extract[-1]"] == "failed"
    assert "cursor" in run.problem and "sync_ledger" in run.problem


def test_the_files_of_runs_are_their_owners_alone_whatever_the_umask(
    dags: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from bridge.staging import private_folder

    folder = tmp_path / "staging"
    monkeypatch.setenv("SYNC_STAGING", f"file://{folder}")
    before = os.umask(0)
    try:
        private_folder()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        folder.chmod(0o755)
        private_folder()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)
