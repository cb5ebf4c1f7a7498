"""`make demo`: every flow, twice, in real Airflow task processes against the sandbox, and the two-sided verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from airflow_api import AirflowApi, patient_session
from services import HOME, Services, airflow_at, free_port, own_services, set_up

COLUMNS = ("read", "created", "updated", "unchanged", "waiting", "retrying", "failed")
TIMEOUT = 3600.0  # seconds for one round
START = 600.0  # seconds for Airflow's API server to answer; on a busy machine it takes minutes


def wait_until_up(airflow: AirflowApi, services: Services) -> None:
    """Wait for the API server, then log in."""
    deadline = time.monotonic() + START
    while not airflow.answers():
        services.check()
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"Airflow's API server does not answer after {START:.0f} s; see {HOME.name}/api-server.log"
            )
        time.sleep(0.2)
    airflow.log_in(json.loads((HOME / "simple_auth_manager_passwords.json.generated").read_text())["admin"])


def run_round(airflow: AirflowApi, services: Services, flows: dict[str, tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    """Run every flow, each as soon as those it goes after are done."""
    results: dict[str, dict[str, Any]] = {}
    running: dict[str, tuple[str, float]] = {}
    began = time.monotonic()
    while len(results) < len(flows):
        if time.monotonic() - began > TIMEOUT:
            raise TimeoutError(f"Not finished after {TIMEOUT:.0f} s: {', '.join(running)}")
        services.check()
        for name, after in flows.items():
            if name not in results and name not in running and all(a in results or a not in flows for a in after):
                running[name] = (airflow.trigger(name), time.monotonic())
        for name, (run_id, started) in list(running.items()):
            state = airflow.state(name, run_id)
            if state in ("success", "failed"):
                counts = airflow.xcom(name, run_id, "report", "return_value") or {}
                results[name] = {**counts, "state": state, "run_id": run_id, "seconds": time.monotonic() - started}
                del running[name]
        time.sleep(0.3)
    return results


def print_table(title: str, flows: dict[str, tuple[str, ...]], results: dict[str, dict[str, Any]]) -> None:
    """One line per flow."""
    print(f"\n{title}")
    print(f"{'flow':<30}" + "".join(f"{name:>11}" for name in COLUMNS) + f"{'seconds':>11}")
    for name in flows:
        result = results[name]
        numbers = "".join(f"{result.get(column, '-'):>11}" for column in COLUMNS)
        print(f"{name:<30}{numbers}{result['seconds']:>11.1f}" + ("" if result["state"] == "success" else "  FAILED"))


def main() -> int:
    """The demo; its exit code is 0 only when every record went through, and quietly the second time."""
    from include.flows import FLOWS

    flows = {name: flow.after for name, flow in FLOWS.items()}
    try:
        with own_services() as services:
            print("Starting the sandbox and Airflow ...", flush=True)
            port = free_port()
            # Whatever a flow writes to iPaaS.com comes back as a hook: the second run has to see that it is our own.
            sandbox = set_up(services, 0, "--hooks-url", f"http://127.0.0.1:{port}/ipaas/hooks", *sys.argv[1:])
            # Only what the demo starts runs; nothing is due by itself meanwhile.
            environment = {"SYNC_SCHEDULES": "off", **airflow_at(port)}
            services.start("api-server", "airflow", "api-server", "--port", str(port), "--workers", "1", **environment)
            services.start("dag-processor", "airflow", "dag-processor", **environment)
            services.start("scheduler", "airflow", "scheduler", **environment)
            airflow = AirflowApi(f"http://127.0.0.1:{port}")
            wait_until_up(airflow, services)
            while not set(flows) <= airflow.dag_ids():
                services.check()
                time.sleep(0.5)
            for name in flows:
                airflow.unpause(name)
            print("Running every flow in real Airflow tasks ...", flush=True)
            first = run_round(airflow, services, flows)
            print_table("First run: everything is transferred", flows, first)
            look = patient_session()
            verdict = look.get(f"{sandbox}/_sandbox/check", timeout=120).json()
            look.delete(f"{sandbox}/_sandbox/counters", timeout=120)
            second = run_round(airflow, services, flows)
            writes = look.get(f"{sandbox}/_sandbox/counters", timeout=120).json()["writes"]
            print_table("Second run: nothing has changed", flows, second)
            look.delete(f"{sandbox}/_sandbox/counters", timeout=120)
            trips = round_trips()
            trips["writes"] = look.get(f"{sandbox}/_sandbox/counters", timeout=120).json()["writes"]
            return conclude(verdict, first, second, writes, trips)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


def round_trips() -> dict[str, Any]:
    """Every record there and back once more, in one process; answers how many were read and what was not unchanged."""
    script = Path(__file__).with_name("round_trips.py")
    with (HOME / "round-trips.log").open("w") as log:
        done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=log, text=True, check=False)
    if done.returncode:
        return {"read": 0, "told": [f"round_trips.py ended with {done.returncode}; see {HOME.name}/round-trips.log"]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def conclude(
    verdict: dict[str, Any], first: dict[str, Any], second: dict[str, Any], writes: int, trips: dict[str, Any]
) -> int:
    """Say what came of it, and where to look next."""
    compared = ", ".join(f"{n} {kind}" for kind, n in verdict["compared"].items())
    print(f"\nBoth sides compared record by record: {compared}.")
    for difference in verdict["differences"][:10]:
        print(f"  DIFFERENT {json.dumps(difference, ensure_ascii=False)}")
    print("Verdict: both sides agree." if verdict["ok"] else "Verdict: THE TWO SIDES DIFFER.")
    every = [*first.values(), *second.values()]
    stuck = [r for r in every if r["state"] != "success" or any(r.get(n) for n in ("waiting", "retrying", "failed"))]
    quiet = writes == 0
    print(f"Writes to either system in the second run: {writes}.")
    print(
        f"Round trips (from, to, from iPaaS.com) of every record of every flow: {trips['read']} read, {trips['writes']} writes."
    )
    for told in trips["told"][:10]:
        print(f"  NOT UNCHANGED {json.dumps(told, ensure_ascii=False)}")
    home_again = trips["read"] > 0 and trips["writes"] == 0 and not trips["told"]
    good = verdict["ok"] and not stuck and quiet and home_again
    print("\nWhere to look next:")
    print("  make up                 the same world behind Airflow's UI: trigger a flow, give it External IDs")
    print(f"  {HOME.name}/staging       what each run read, wrote and reported")
    print("  README.md               connecting a real tenant; what to do when a record fails")
    if not good:
        print(f"\nThe demo FAILED. Logs: {HOME.name}/logs and {HOME.name}/*.log")
    return 0 if good else 1


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
