"""`make up`: the sandbox and `airflow standalone` in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import sys

import database
from airflow_home import port, said_of_flows, wait_for_the_end
from services import airflow_at, own_services, set_up

# The sandbox is the same one whatever its port.
SANDBOX = "the sandbox"


def main() -> int:
    """Start everything, say where it is, wait."""
    from include.flows import FLOWS

    with contextlib.suppress(KeyboardInterrupt), own_services() as services:
        where = database.prepare()
        at = port()
        sandbox = set_up(services, None, "--hooks-url", f"http://127.0.0.1:{at}/ipaas/hooks", *sys.argv[1:])
        flows = said_of_flows(FLOWS, SANDBOX, before=SANDBOX)
        services.start("airflow", "airflow", "standalone", **airflow_at(at))
        wait_for_the_end(
            services,
            at,
            f"Sandbox:  {sandbox}/_sandbox   what can be seen and set there: both sides compared, counters, faults ...",
            where,
            flows,
            "Trigger Manual Sync and name some records. What changes in the sandbox's iPaaS.com is announced to Airflow",
            "by webhooks, and the flows from iPaaS.com fetch it.",
        )
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
