"""Says thing by thing whether all that runs need is in place, and what to do where it is not: `make check`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import settings as importer


def into_environment(connections: Iterable[str]) -> None:
    """Put Connections and Variables where hooks find them: they ask as in a task, whom Airflow answers, and nobody does here."""
    from airflow.models import Variable
    from bridge.server import connection

    from include.settings import SyncSettings

    for name in connections:
        if found := connection(name):
            os.environ[f"AIRFLOW_CONN_{name.upper()}"] = found.as_json()
    for name in SyncSettings.model_fields:
        value = Variable.get(name, default_var=None)
        if value is not None:
            os.environ[f"AIRFLOW_VAR_{name.upper()}"] = str(value)


def main() -> int:
    """Say each line; the exit code is 0 when none is red."""
    # A home that is new has nothing to ask yet, and one from before an upgrade has what Airflow no longer reads.
    importer.migrate()
    from airflow.models import Variable
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from bridge.hooks import BusinessCentralHook, IPaaSHook
    from bridge.inspection import lines
    from sqlalchemy import select

    into_environment((BusinessCentralHook.default_conn_name, IPaaSHook.default_conn_name, "sync_ledger"))
    with create_session() as session:
        variables = session.scalars(select(Variable.key)).all()
    pools = {name: int(stats["total"]) for name, stats in Pool.slots_stats().items()}
    found = lines(pools, lambda: variables)
    for line in found:
        sys.stdout.write(f"{line}\n")
    red = sum(line.good is False for line in found)
    are = "is" if red == 1 else "are"
    sys.stdout.write(f"\n{red} of {len(found)} lines {are} red.\n" if red else "\nNothing is red.\n")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
