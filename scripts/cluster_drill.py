"""`make cluster-drill`: a first load through the workers of a cluster, one of which is killed in the middle; or, with
`--by-hand`, records that somebody asks for while it goes on.

Says what came of it: both systems compared record by record, how many requests were in flight at most, how often tasks were
begun, and how long it took. The exit code is 0 when nothing is lost, nothing doubled, and no pool was passed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

import database
from airflow_api import AirflowApi, patient_session
from cluster import Cluster, on_postgresql
from demo import wait_until_up
from services import HOME, free_port, own_services, set_up

FLOW, BESIDE = "company_to_ipaas", "customer_to_ipaas"
# Whoever waits longer than so many seconds, beside those that answers take one after another, waits for something that does
# not come.
TIMEOUT = 3600.0
# What somebody asks for begins within so many seconds, however much else goes on.
PATIENCE = 60.0
# A task that has not been heard of for so many seconds is taken for dead and repeated; Airflow's own is 300.
_SOON = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}


def load(cluster: Cluster, airflow: AirflowApi, look: Sandbox, options: argparse.Namespace) -> dict[str, Any]:
    """The first load; answers the counts of its report, and what is known of its tasks."""
    airflow.unpause(FLOW)
    began = time.monotonic()
    run_id = airflow.trigger(FLOW)
    asked: list[tuple[float, float]] = []
    victim = f"worker-{options.workers}" if options.kill else ""
    longest = TIMEOUT + options.companies * options.latency
    while (state := airflow.state(FLOW, run_id)) not in ("success", "failed"):
        cluster.services.check()
        if time.monotonic() - began > longest:
            raise TimeoutError(f"The run is not finished after {longest:.0f} s; see {HOME.name}/logs")
        if victim and look.counters()["writes"] > options.companies // 4:
            cluster.services.kill(victim)
            print(f"{victim} was killed after {look.counters()['writes']} writes.", flush=True)
            victim = ""
        if len(asked) < options.by_hand and look.counters()["writes"] > options.companies // 10:
            asked.append(by_hand(airflow, cluster, f"P2{len(asked):04}"))
            print(
                f"By hand, beside the load: begun after {asked[-1][0]:.0f} s, ended after {asked[-1][1]:.0f} s.",
                flush=True,
            )
        time.sleep(0.5)
    counts = airflow.xcom(FLOW, run_id, "report", "return_value") or {}
    seconds, tasks = time.monotonic() - began, airflow.tasks(FLOW, run_id)
    loads = [task for task in tasks if task["task_id"] == "load"]
    return {
        **counts,
        "state": state,
        "seconds": seconds,
        "tasks": len(loads),
        "again": sum(task["try_number"] - 1 for task in loads),
        "killed": options.kill and not victim,
        "by_hand": asked,
    }


def by_hand(airflow: AirflowApi, cluster: Cluster, key: str) -> tuple[float, float]:
    """Ask for one record by Manual Sync; answers after how many seconds it began to be read, and the run ended."""
    began, read = time.monotonic(), 0.0
    run_id = airflow.trigger("manual_sync", flow=BESIDE, ids=[key], mode="apply", force=False)
    while (state := airflow.state("manual_sync", run_id)) not in ("success", "failed"):
        cluster.services.check()
        if time.monotonic() - began > TIMEOUT:
            raise TimeoutError(f"What was asked for by hand has not ended after {TIMEOUT:.0f} s")
        reading = [task for task in airflow.tasks("manual_sync", run_id) if task["task_id"] == "to_ipaas.extract"]
        if not read and any(task["start_date"] for task in reading):
            read = time.monotonic() - began
        time.sleep(0.5)
    ended = time.monotonic() - began
    if state == "failed":
        raise RuntimeError(f"What was asked for by hand has failed: {run_id}")
    return read or ended, ended


class Sandbox:
    """What can be seen of the two systems from outside."""

    def __init__(self, url: str) -> None:
        self._url, self._session = f"{url}/_sandbox", patient_session()

    def counters(self) -> dict[str, Any]:
        """What was asked of them."""
        found: dict[str, Any] = self._session.get(f"{self._url}/counters", timeout=120).json()
        return found

    def verdict(self) -> dict[str, Any]:
        """Both sides compared, record by record."""
        found: dict[str, Any] = self._session.get(f"{self._url}/check", timeout=600).json()
        return found

    def slow_down(self, seconds: float) -> None:
        """Let every answer of both take so long."""
        latency = {"business_central": seconds, "ipaas": seconds}
        self._session.post(f"{self._url}/latency", json=latency, timeout=120).raise_for_status()


def conclude(result: dict[str, Any], look: Sandbox, slots: dict[str, int], options: argparse.Namespace) -> int:
    """Say what came of it."""
    high, verdict = look.counters()["high_water"], look.verdict()
    compared = verdict["compared"].get("company", 0)
    # What other flows carry has not been transferred.
    differences = [difference for difference in verdict["differences"] if difference["type"] == "company"]
    for difference in differences[:10]:
        print(f"  DIFFERENT {json.dumps(difference, ensure_ascii=False)}")
    print(f"Companies: {result.get('created')} created, {result.get('failed')} failed, in {result['seconds']:.0f} s.")
    print(f"Load tasks: {result['tasks']} on {options.workers} workers, begun again {result['again']} times.")
    print(f"Both sides compared record by record: {compared} of {options.companies} companies.")
    print("Verdict: THE TWO SIDES DIFFER." if differences else "Verdict: both sides agree.")
    for system, most in slots.items():
        print(f"In flight to {system} at most {high.get(system, 0)}, of {most} slots.")
    good = not differences and compared == options.companies and result["state"] == "success"
    good = good and all(high.get(system, 0) <= most for system, most in slots.items())
    if options.kill and not result["killed"]:
        print("The load was over before a worker could be killed: take more companies.")
        good = False
    if any(begun > PATIENCE for begun, _ in result["by_hand"]) or len(result["by_hand"]) < options.by_hand:
        print(f"What was asked for by hand did not begin within {PATIENCE:.0f} s, or the load was over before.")
        good = False
    if not good:
        print(f"The drill FAILED. Logs: {HOME.name}/logs and {HOME.name}/*.log")
    return 0 if good else 1


def main() -> int:
    """The drill."""
    from include.sandbox.world import Size

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--companies", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=2, help="each runs one task at a time")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that each answer takes")
    parser.add_argument("--no-kill", dest="kill", action="store_false", help="let all workers live")
    parser.add_argument("--by-hand", type=int, default=0, help="so many records are asked for while it goes on")
    options = parser.parse_args()
    sizes = {**dict.fromkeys(vars(Size()), 0), "companies": options.companies, "persons": options.by_hand}
    try:
        with own_services() as services:
            database.begin_anew()
            print(on_postgresql(), flush=True)
            # What is asked for by hand needs a worker's place, which is not what the drill is about.
            tasks = 4 if options.by_hand else 1
            cluster = Cluster(services=services, port=free_port(), tasks=tasks, more={"SYNC_SCHEDULES": "off", **_SOON})
            look = Sandbox(set_up(services, 0, *(f"--{name.replace('_', '-')}={n}" for name, n in sizes.items())))
            look.slow_down(options.latency)
            cluster.start(options.workers)
            airflow = AirflowApi(f"http://127.0.0.1:{cluster.port}")
            wait_until_up(airflow, services)
            while FLOW not in airflow.dag_ids():
                services.check()
                time.sleep(0.5)
            slots = {pool["name"]: pool["slots"] for pool in airflow.call("GET", "pools")["pools"]}
            result = load(cluster, airflow, look, options)
            return conclude(result, look, {name: slots[name] for name in ("business_central", "ipaas")}, options)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
