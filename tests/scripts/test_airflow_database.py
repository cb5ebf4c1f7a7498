"""Airflow on one busy machine: whoever finds its SQLite database busy waits, and no DAG is lost for a slow parsing."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENT = {"busy_timeout": 60_000, "journal_mode": "wal", "synchronous": 1}


def local_settings() -> Any:
    """The file that Airflow loads in every process."""
    spec = importlib.util.spec_from_file_location("local_settings", ROOT / "config" / "airflow_local_settings.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_engines_wait_for_their_turn_to_write(tmp_path: Path) -> None:
    place = tmp_path / "airflow.db"
    engine = local_settings().create_metadata_engine(f"sqlite:///{place}", engine_args={}, connect_args={})
    with engine.connect() as db:
        assert {name: db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PATIENT} == PATIENT

    async def ask() -> dict[str, Any]:
        behind = local_settings().create_async_metadata_engine(f"sqlite+aiosqlite:///{place}", connect_args={})
        async with behind.connect() as db:
            found = {name: (await db.exec_driver_sql(f"PRAGMA {name}")).scalar() for name in PATIENT}
        await behind.dispose()
        return found

    assert asyncio.run(ask()) == PATIENT


def test_airflow_takes_them(tmp_path: Path) -> None:
    script = (
        "from airflow import settings\n"
        "with settings.engine.connect() as db: print(db.exec_driver_sql('PRAGMA busy_timeout').scalar())"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    command = [str(ROOT / "scripts" / "run"), "python", "-c", script]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "60000"


def test_dags_outlive_two_parsings_that_are_given_up(tmp_path: Path) -> None:
    script = (
        "from airflow.configuration import conf\n"
        "for name in ('stale_dag_threshold', 'dag_file_processor_timeout', 'min_file_process_interval'):\n"
        "    print(conf.getint('dag_processor', name))\n"
        "print(conf.getint('core', 'dagbag_import_timeout'))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
    command = [str(ROOT / "scripts" / "run"), "python", "-c", script]
    ran = subprocess.run(
        command, env={**environment, "AIRFLOW_HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    stale, given_up, between, imports = map(int, ran.stdout.splitlines()[-4:])
    # Airflow calls a DAG deleted when its file was done with, or given up, so long after the DAG was last seen.
    assert stale > 2 * (given_up + between)
    # The file's own import ends first, with an error that names it, before its process is killed without one.
    assert imports < given_up
