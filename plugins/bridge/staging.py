"""Where the files of runs lie: in Airflow's home, or in any store that Airflow's ObjectStoragePath can reach."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from airflow.sdk import ObjectStoragePath


def home() -> Path:
    """Airflow's home."""
    return Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()


def base() -> ObjectStoragePath:
    """The folder of all runs: `SYNC_STAGING`, as `s3://bucket/staging`, or a folder of Airflow's home."""
    return ObjectStoragePath(os.environ.get("SYNC_STAGING") or f"file://{home() / 'staging'}")


def run_folder(dag_id: str, run_id: str) -> ObjectStoragePath:
    """The folder of one run."""
    # A run id holds characters that not every store takes in a name; two runs must not meet in one folder.
    safe = "".join(char if (char.isascii() and char.isalnum()) or char in "-_" else "_" for char in run_id)
    return base() / dag_id / f"{safe}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}"
