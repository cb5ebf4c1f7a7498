"""Where the files of runs lie: in Airflow's home, or in any store that Airflow's ObjectStoragePath can reach."""

from __future__ import annotations

import hashlib
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from airflow.sdk import ObjectStoragePath

from include.sync.staging.files import StagingFault

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
    """The folder of all runs: `SYNC_STAGING`, as `s3://bucket/staging`, or a folder of Airflow's home."""
    return ObjectStoragePath(os.environ.get("SYNC_STAGING") or f"file://{home() / 'staging'}")


def private_folder() -> None:
    """Let nobody but its owner into a folder of this machine that holds the runs; a store has rules of its own.

    Raises StagingFault.
    """
    place = base()
    if place.protocol != "file":
        return
    folder = Path(place.path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise StagingFault.unwritten(folder, error) from None


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
    folder, today = base() / dag_id, now.date().isoformat()
    marker = folder / _CLEANED
    try:
        if marker.exists() and marker.read_text() == today:
            return
        marker.write_text(today)
        for plan in folder.glob(f"*/*/{PLAN}"):
            if datetime.fromtimestamp(plan.stat().st_mtime, UTC) < now - RETENTION:
                plan.parent.rmdir(recursive=True)
                run = plan.parent.parent
                if not any(run.iterdir()):  # else another reading of it is younger
                    run.rmdir()
    except OSError as error:
        log.warning("Old runs could not be deleted from %s: %s", folder, error)
