"""Every record of every flow from iPaaS.com, to it, and from it once more: what is agreed must not be written again.

Runs in one process, without Airflow's tasks, with its Connections, its Variables and the ledger of this AIRFLOW_HOME.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from check import into_environment

EVER = datetime(2000, 1, 1, tzinfo=UTC)


def main() -> int:
    """Print how many records were looked at, and what came of those that did not end unchanged."""
    from bridge.hooks import BusinessCentralHook, IPaaSHook, current_settings
    from bridge.server import current

    from include.flows import CATALOGUE, FLOWS
    from include.sync.plan import make_plan
    from include.sync.run import run
    from include.sync.runs import Direction, RunKind
    from include.sync.staging.files import Staging

    hooks = (BusinessCentralHook(), IPaaSHook())
    into_environment(hook.default_conn_name for hook in hooks)
    ledger = current().ledger
    if ledger is None:
        raise SystemExit("The Connections are not filled in.")
    settings = current_settings()
    bc, ipaas = hooks[0].get_conn(settings, concurrency=5), hooks[1].get_conn(settings, concurrency=5)
    read, told = 0, []
    with tempfile.TemporaryDirectory() as folder:
        ways = (Direction.from_ipaas, Direction.to_ipaas, Direction.from_ipaas)
        for number, way in enumerate(ways):
            for name, flow in FLOWS.items():
                ids = list(_ids(ledger.keys(name)))
                by_hand = way is Direction.from_ipaas
                if flow.direction is not way or (by_hand and not ids):
                    continue
                now = datetime.now(UTC)
                plan = make_plan(
                    flow,
                    run_id=f"round-trip-{number}-{now:%Y%m%d%H%M%S}",
                    kind=RunKind.ids if by_hand else RunKind.backfill,
                    settings=settings,
                    ledger=ledger,
                    ids=ids if by_hand else (),
                    interval=None if by_hand else (EVER, now + timedelta(days=1)),
                )
                staging = Staging(Path(folder) / f"{name}-{number}")
                report = run(flow, plan, ledger, staging, CATALOGUE, bc=bc, ipaas=ipaas)
                read += report.counts["read"]
                told += [
                    {"flow": name, **o.as_json()} for o in report.outcomes if o.result not in ("unchanged", "skipped")
                ]
    sys.stdout.write(json.dumps({"read": read, "told": told}, default=str) + "\n")
    return 0


def _ids(keys: Iterator[tuple[str, str | None]]) -> Iterator[str]:
    return (key for key, _ in keys)


if __name__ == "__main__":
    sys.exit(main())
