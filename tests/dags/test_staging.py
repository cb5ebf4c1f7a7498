"""The files of runs, beyond what the runs themselves do with them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bridge.staging import PLAN, RETENTION, forget_old_runs, run_folder


def _run(name: str, began: datetime) -> Path:
    folder = run_folder("company_to_ipaas", name) / "reading"
    folder.mkdir(parents=True, exist_ok=True)
    plan = Path(folder.path) / PLAN
    plan.write_text("{}")
    os.utime(plan, (began.timestamp(), began.timestamp()))
    return plan.parent


def test_old_runs_are_deleted_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path}")
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    old, recent = _run("old", now - 2 * RETENTION), _run("recent", now - RETENTION / 2)
    forget_old_runs("company_to_ipaas", now)
    assert (old.exists(), recent.exists()) == (False, True)
    older = _run("found later", now - 2 * RETENTION)
    forget_old_runs("company_to_ipaas", now)
    assert older.exists()
    forget_old_runs("company_to_ipaas", datetime(2026, 11, 25, tzinfo=UTC))
    assert not older.exists()


def test_a_store_that_refuses_does_not_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "company_to_ipaas").write_text("a file where the folder should be")
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path}")
    forget_old_runs("company_to_ipaas", datetime(2026, 11, 24, tzinfo=UTC))
