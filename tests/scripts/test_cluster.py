"""Airflow beyond one machine: Celery's workers, with Airflow's database and the ledger on PostgreSQL.

Needs a PostgreSQL at 127.0.0.1:5432 and a Redis at 127.0.0.1:6379; CONTRIBUTING.md says how to have them.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tests import ledgers
from tests.services import missing_for_a_cluster

ROOT = Path(__file__).resolve().parents[2]
RUN = str(ROOT / "scripts" / "run")
CHOSEN = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__DAGS_FOLDER": "/elsewhere/dags",
    "AIRFLOW__CORE__PLUGINS_FOLDER": "/elsewhere/plugins",
}


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a person who has started nothing yet."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SYNC_", "PYTEST"))}
    return {**own, "AIRFLOW_HOME": str(home), **more}


def test_an_executor_and_folders_that_are_chosen_stay(tmp_path: Path) -> None:
    done = subprocess.run([RUN, "env"], env=environment(tmp_path, **CHOSEN), capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert {name: found[name] for name in CHOSEN} == CHOSEN


def test_without_a_word_tasks_run_on_this_machine_with_the_projects_own_dags(tmp_path: Path) -> None:
    done = subprocess.run([RUN, "env"], env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert f"AIRFLOW__CORE__DAGS_FOLDER={ROOT / 'dags'}\n" in done.stdout
    assert "AIRFLOW__CORE__EXECUTOR=LocalExecutor\n" in done.stdout


def test_a_broker_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    address = f"redis://:hunter2@127.0.0.1:{port}/0"
    command = [RUN, "python", "-c", "import sys; sys.path.insert(0, 'scripts'); import cluster; cluster.broker()"]
    done = subprocess.run(
        command, env=environment(tmp_path, BROKER=address), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "cannot be used" in done.stderr
    assert "BROKER=" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_a_cluster_is_refused_without_a_postgresql(tmp_path: Path) -> None:
    command = [RUN, "python", "scripts/cluster.py"]
    done = subprocess.run(
        command, env=environment(tmp_path, DATABASE="sqlite"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("make cluster DATABASE=postgresql://user:password@host:port/database")


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database that is made, and dropped after the test."""
    if reason := missing_for_a_cluster():
        pytest.skip(reason)
    name = f"cluster_{secrets.token_hex(6)}"
    yield f"postgresql://postgres@{ledgers.WHERE}/{name}"
    with sa.create_engine(ledgers.SERVER, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as db:
        db.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.mark.dag
@pytest.mark.skipif("DRILL" not in os.environ, reason="takes minutes by itself: make test DRILL=1")
@pytest.mark.timeout(900)
def test_a_first_load_survives_the_death_of_a_worker_with_nothing_lost_and_nothing_doubled(
    tmp_path: Path, database: str
) -> None:
    command = [RUN, "python", "scripts/cluster_drill.py", "--companies", "800", "--latency", "0.1"]
    place = environment(tmp_path, DATABASE=database)
    done = subprocess.run(command, env=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0
    assert "worker-2 was killed after " in done.stdout
    assert "Both sides compared record by record: 800 of 800 companies." in done.stdout
    assert "Verdict: both sides agree." in done.stdout
    found = re.search(r"Load tasks: (\d+) on 2 workers, begun again (\d+) times", done.stdout)
    assert found
    assert int(found[1]) > 1, "both workers had something to do"
    assert int(found[2]) >= 1, "what was killed was begun again"
