"""`make up`: the sandbox and `airflow standalone` in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time

from services import HOME, Services, airflow_at, alone, end_as_by_ctrl_c, free_port, set_up

PASSWORDS = HOME / "simple_auth_manager_passwords.json.generated"


def main() -> int:
    """Start everything, say where it is, wait."""
    alone()
    end_as_by_ctrl_c()
    services = Services()
    try:
        port = free_port(8080)
        sandbox = set_up(services, None, "--hooks-url", f"http://127.0.0.1:{port}/ipaas/hooks", *sys.argv[1:])
        services.start("airflow", "airflow", "standalone", **airflow_at(port))
        while not PASSWORDS.exists():
            services.check()
            time.sleep(0.2)
        password = json.loads(PASSWORDS.read_text())["admin"]
        print(f"\nAirflow:  http://localhost:{port}   user admin, password {password}   (ready in about 30 s)")
        print(
            f"Sandbox:  {sandbox}/_sandbox   what can be seen and set there: both sides compared, counters, faults ..."
        )
        print(
            "Unpause a DAG, trigger it, and give it External IDs in the form. What changes in the sandbox's iPaaS.com"
        )
        print(
            "is announced to Airflow by hooks, and the flows from iPaaS.com fetch it. Ctrl-C ends everything.\n",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                services.check()
                time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        services.stop()
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
