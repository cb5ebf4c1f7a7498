"""Where the files of runs lie: in Airflow's home, or in any store that Airflow's ObjectStoragePath can reach."""

from __future__ import annotations

import hashlib
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from airflow.sdk import ObjectStoragePath

from include.sync.staging.files import StagingFault, reading_from, writing_to

# The file that the folder of every reading of a run begins with.
PLAN = "plan.json"
# How long the files of a run are kept: time enough to look into what failed.
RETENTION = timedelta(days=14)
_CLEANED = "cleaned"

log = logging.getLogger(__name__)


def home() -> Path:
    """Airflow's home."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()


def base() -> ObjectStoragePath:
    """The folder of all runs: `SYNC_STAGING`, as `s3://bucket/staging`, or a folder of Airflow's home. Raises StagingFault."""
    address = os.environ.get("SYNC_STAGING") or f"file://{home() / 'staging'}"
    # Others write there, too. Stores keep the lists that they have read, Airflow's by Connection and those of the path
    # itself, and a process that goes on, as the API server does, would never hear of what has come since.
    with reading_from(address):
        place = ObjectStoragePath(address, use_listings_cache=False)
        place.fs.dircache.use_listings_cache = False
        place.fs.invalidate_cache()
    return place


def private_folder() -> None:
    """Let nobody but its owner into a folder of this machine that holds the runs; a store has rules of its own.

    Raises StagingFault.
    """
    place = base()
    if place.protocol != "file":
        return
    folder = Path(place.path)
    with writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


def run_folder(dag_id: str, run_id: str) -> ObjectStoragePath:
    """The folder of one run."""
    # A run id holds characters that not every store takes in a name; two runs must not meet in one folder.
    safe = "".join(char if (char.isascii() and char.isalnum()) or char in "-_" else "_" for char in run_id)
    return base() / dag_id / f"{safe}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"


def staged_folder(run: ObjectStoragePath, said: Any) -> ObjectStoragePath:
    """The folder of one reading of a run, by what its `extract` passed on. Raises StagingFault when it has not."""
    staged = said.get("staged") if isinstance(said, dict) else None
    if not staged:
        raise StagingFault.gone(run)
    # Only its name is taken: wherever the value comes from, no other place is read.
    return run / PurePosixPath(str(staged)).name


def forget_old_runs(dag_id: str, now: datetime) -> None:
    """Delete the folders of a DAG's runs that began longer than RETENTION ago; once a day. Never fails a run."""
    try:
        folder, today = base() / dag_id, now.date().isoformat()
        marker = folder / _CLEANED
        if marker.exists() and marker.read_text() == today:
            return
        marker.write_text(today)
        plans = list(folder.glob(f"*/*/{PLAN}"))
    except Exception as error:  # noqa: BLE001 - every store has faults of its own
        log.warning("Old runs of %s could not be looked for: %s", dag_id, error)
        return
    left: list[tuple[ObjectStoragePath, Exception]] = []
    for plan in plans:
        try:
            _forget_if_old(plan, now)
        except Exception as error:  # noqa: BLE001 - the others are deleted all the same
            left.append((plan, error))
    if left:
        log.warning("%s old runs could not be deleted, as %s: %s", len(left), *left[0])


def _forget_if_old(plan: ObjectStoragePath, now: datetime) -> None:
    # Not by its `stat`, which knows of no date in some stores: all would be old.
    if plan.fs.modified(plan.path).astimezone(UTC) >= now - RETENTION:
        return
    plan.parent.rmdir(recursive=True)
    run = plan.parent.parent
    # A bucket has no empty folders; and this one is not empty when another reading of the run is younger.
    if run.protocol == "file" and not any(run.iterdir()):
        run.rmdir()
