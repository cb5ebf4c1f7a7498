"""Gives Airflow a home of its own before any test imports it: it reads its configuration once, on import."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import ledgers
from tests.notice_receiver import Receiver

ROOT = Path(__file__).resolve().parent.parent
_HOME = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("AIRFLOW_", "SYNC_"))]:
    del os.environ[_name]
os.environ |= {
    "AIRFLOW_HOME": _HOME,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


# How long a machine takes for an example says nothing of what is tested; also what makes the examples may be slow there.
settings.register_profile("whatever the machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whatever the machine")


def pytest_configure() -> None:
    """Where the ledgers are: the processes that run the tests, and those that tests start, take it from this one."""
    if ledgers.kind() == "postgresql":
        if not ledgers.answers():
            pytest.exit(f"LEDGER=postgresql: no PostgreSQL answers at {ledgers.WHERE}", returncode=4)
        ledgers.begin()


def pytest_report_header() -> str:
    """Which ledgers the tests have."""
    beside = "" if ledgers.answers() else f"; no PostgreSQL answers at {ledgers.WHERE}: what needs one is skipped"
    return f"ledgers: {ledgers.kind()}{beside}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody whom Business Central tells what changed."""
    made = Receiver()
    yield made
    made.close()
