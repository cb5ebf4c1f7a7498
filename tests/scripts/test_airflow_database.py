"""Airflow's own database on SQLite: whoever finds it busy waits, instead of failing."""

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
