"""The project's own flow of companies, without Airflow, as the others are without a scheduler."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine import EVER
from job import WORKERS, Job, metered
from pace import Paced
from sandbox_process import DEFAULTS, Bench, Remote

from include.sync.runs import RunKind


def main() -> None:
    """One run."""
    job = Job()
    sandbox = Remote(url=job.given["url"], tls_url=job.given["tls_url"], ca_file=job.given["ca_file"])
    # What the service allows is a setting of the project; the others find out by being refused.
    kind = Paced if job.given["limit"] else Bench
    bench = kind(sandbox, job.folder, {"bc_create_defaults": DEFAULTS}, at_once=WORKERS)
    # Runs of other processes have the numbers before.
    bench._numbers = itertools.count(time.time_ns())
    everything = {"kind": RunKind.backfill, "interval": EVER} if job.given["everything"] else {}
    if job.given["everything"] or not bench.ledger.keys("company_to_ipaas"):
        bench.run("customer_category_to_ipaas")
    bench.run("company_to_ipaas", **everything)
    bench.close()


if __name__ == "__main__":
    metered()
    main()
