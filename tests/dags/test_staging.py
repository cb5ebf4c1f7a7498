"""The files of runs, beyond what the runs themselves do with them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from airflow.sdk.io import attach
from bridge.staging import PLAN, RETENTION, base, forget_old_runs, run_folder

from include.sandbox import Sandbox
from include.sync.staging.files import Staging, StagingFault
from tests.dags.conftest import RunDag


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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> str:
    """A place in a store that knows no folders, as a bucket does not."""
    attach("memory", fs=fsspec.filesystem("memory"))
    place = f"memory://{uuid4().hex}"
    monkeypatch.setenv("SYNC_STAGING", place)
    return place


@pytest.mark.dag
def test_a_run_goes_through_a_bucket(
    run_dag: RunDag, bucket: str, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, server: Any, login: dict[str, str]
) -> None:
    monkeypatch.setenv("SYNC_STAGING", bucket)
    first = run_dag("customer_category_to_ipaas")
    assert first.state == "success" and first.counts["created"] == len(sandbox.bc.rows("Customer Price Group"))
    asked = {"dag_id": "customer_category_to_ipaas", "run_id": first.run_id}
    told = server.get("/sync/api/report", params=asked, headers=login).json()
    assert told["report"]["counts"]["created"] == first.counts["created"]
    assert run_dag("customer_category_to_ipaas").counts["unchanged"] == first.counts["created"]


def test_old_runs_are_deleted_from_a_bucket(bucket: str) -> None:
    places = [run_folder("company_to_ipaas", name) / "reading" / PLAN for name in ("one", "two", "three")]
    for place in places:
        place.write_text("{}")
    forget_old_runs("company_to_ipaas", datetime.now(UTC) + 2 * RETENTION)
    assert not any(place.exists() for place in places)


def test_what_other_processes_write_is_seen_by_one_that_goes_on(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = fsspec.filesystem("memory")
    store.dircache.use_listings_cache = True
    store.dircache["/a list that was read"] = []
    monkeypatch.setattr(type(store), "invalidate_cache", lambda store, *_: store.dircache.clear())
    place = base()
    assert not place.fs.dircache.use_listings_cache and not list(place.fs.dircache)
    assert place.storage_options == {"use_listings_cache": False}


def test_one_run_that_cannot_be_deleted_stops_no_others(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [run_folder("company_to_ipaas", name) / "reading" / PLAN for name in ("one", "two", "three")]
    for place in places:
        place.write_text("{}")
    store, refused = type(base().fs), places[1].path
    real = store.modified

    def modified(fs: Any, path: str) -> Any:
        if path == refused:
            raise RuntimeError("Nobody knows")
        return real(fs, path)

    monkeypatch.setattr(store, "modified", modified)
    forget_old_runs("company_to_ipaas", datetime.now(UTC) + 2 * RETENTION)
    assert [place.exists() for place in places] == [False, True, False]


def test_a_store_with_faults_of_its_own_does_not_fail_the_run(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Unable to locate credentials")

    monkeypatch.setattr(type(base().fs), "_open", refuse)
    forget_old_runs("company_to_ipaas", datetime.now(UTC))
    with pytest.raises(StagingFault, match=r"Unable to locate credentials"):
        Staging(base() / "a run").write_text("report.json", "{}")


def test_a_store_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_STAGING", "nowhere://staging")
    with pytest.raises(StagingFault, match="nowhere") as fault:
        base()
    assert "SYNC_STAGING" in fault.value.advice


def test_a_store_that_refuses_does_not_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "company_to_ipaas").write_text("a file where the folder should be")
    monkeypatch.setenv("SYNC_STAGING", f"file://{tmp_path}")
    forget_old_runs("company_to_ipaas", datetime(2026, 11, 24, tzinfo=UTC))
