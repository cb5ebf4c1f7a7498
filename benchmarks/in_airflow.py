"""What a run takes of Airflow: a whole DAG in Airflow's own tasks, in an AIRFLOW_HOME of its own; and several workers.

scripts/run --own .airflow-bench python benchmarks/in_airflow.py run 2000
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from engine import NOTHING, Part, Row, counters, tell, told
from sandbox_process import Remote, sandbox_of

ROOT = Path(__file__).resolve().parent.parent
FLOW = "company_to_ipaas"
RUN = [str(ROOT / "scripts" / "run"), "--own", ".airflow-bench", "python", __file__]
# Parsing, apart from importing Airflow itself; with the network refused.
_PARSE = """
import socket, sys, time
def refuse(*_): raise AssertionError("the network was used")
import airflow.sdk
for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, refuse)
began = time.process_time()
for path in sys.argv[1:]:
    exec(compile(open(path).read(), path, "exec"), {"__name__": "dag_file"})
print(time.process_time() - began)
"""


def of_parsing() -> Iterator[Row]:
    """All DAG files, each of which every task parses again."""
    files = [str(path) for path in sorted((ROOT / "dags").glob("*.py"))]
    done = subprocess.run([sys.executable, "-c", _PARSE, *files], check=True, stdout=subprocess.PIPE, text=True)
    yield Row(
        what="parsing all DAG files, no network, no database",
        measured=float(done.stdout.splitlines()[-1]),
        allowed=1,
        unit="s of CPU beyond Airflow's",
    )


def of_run(number: int) -> Iterator[Row]:
    """A first transfer, in this process, as `airflow dags test` does."""
    with sandbox_of(**{**NOTHING, "companies": number}) as sandbox, tempfile.TemporaryDirectory() as folder:
        _connect(sandbox, folder)
        # Scripts are run, and are no package.
        sys.path.insert(0, str(ROOT / "scripts"))
        import settings
        from airflow.models import Pool
        from airflow.utils.db import initdb

        initdb()
        settings.apply({**settings.load(), "connections": [], "variables": []})
        slots = {name: Pool.get_pool(name).slots for name in ("business_central", "ipaas")}
        (Path(os.environ["AIRFLOW_HOME"]) / "sync_ledger.db").unlink(missing_ok=True)
        from bridge import factory, hooks

        from include.flows import FLOWS

        read = _counting_variables(hooks)
        factory.build(FLOWS["customer_category_to_ipaas"]).test(logical_date=None)
        read.clear()
        ended = factory.build(FLOWS[FLOW]).test(logical_date=None)
        assert str(ended.state) == "success", ended.state
        yield from _rows(ended, number, read)
        for system, most in counters(sandbox)["high_water"].items():
            if system in slots:
                unit = "of the pool's slots"
                yield Row(what=f"requests in flight, {system}", measured=most, allowed=slots[system], unit=unit)


def _connect(sandbox: Remote, folder: str) -> None:
    own = {
        "business_central": (sandbox.CLIENT_ID, sandbox.CLIENT_SECRET, sandbox.bc_extra),
        "ipaas": (sandbox.IPAAS_EMAIL, sandbox.IPAAS_PASSWORD, sandbox.ipaas_extra),
    }
    for name, (login, password, extra) in own.items():
        connection = {"conn_type": name, "host": sandbox.url, "login": login, "password": password, "extra": extra}
        os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(connection)
    os.environ["AIRFLOW_VAR_IPAAS_THROTTLE_LIMIT"] = "100000"
    os.environ["SYNC_STAGING"] = f"file://{folder}"


def _counting_variables(hooks: Any) -> Counter[str]:
    read: Counter[str] = Counter()

    class Counting(hooks.Variable):
        @classmethod
        def get(cls, key: str, *arguments: Any, **options: Any) -> Any:
            read[key] += 1
            return super().get(key, *arguments, **options)

    hooks.Variable = Counting
    return read


def _rows(ended: Any, number: int, read: Counter[str]) -> Iterator[Row]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        own = (TaskInstance.dag_id == ended.dag_id, TaskInstance.run_id == ended.run_id)
        tasks = Counter(task.task_id for task in session.scalars(select(TaskInstance).where(*own)))
        pushed = (XComModel.dag_id == ended.dag_id, XComModel.run_id == ended.run_id)
        sizes: Counter[tuple[str, int]] = Counter()
        for one in session.scalars(select(XComModel).where(*pushed)):
            sizes[one.task_id, one.map_index] += len(json.dumps(one.value))
    what = f"{FLOW}, {number:,} records"
    most = 4 + 8 * -(-number // 10_000)
    yield Row(what=f"{what}: task instances", measured=sum(tasks.values()), allowed=most, unit="tasks / run")
    yield Row(what=f"{what}: XCom", measured=max(sizes.values()), allowed=8_192, unit="bytes / task")
    yield Row(what=f"{what}: settings", measured=max(read.values()), allowed=1, unit="reads / Variable")


def of_workers(number: int, latency: float) -> Iterator[Row]:
    """Two workers instead of one, each with one task at a time, where a PostgreSQL and a Redis answer. What Airflow takes
    for the tasks of a run does not depend on `number`: few records are to take their time, too."""
    from tests.services import missing_for_a_cluster

    what, unit = f"two workers instead of one, {number:,} records, answers taking {latency} s", "of the time"
    if reason := missing_for_a_cluster():
        yield Row(what=what, allowed=0.55, unit=unit, skipped=reason)
        return
    seconds = {}
    for workers in (1, 2):
        drill = f"--companies {number} --workers {workers} --latency {latency} --no-kill"
        done = subprocess.run(
            ["make", "-s", "-C", str(ROOT), "cluster-drill", f"DRILL={drill}"], stdout=subprocess.PIPE, text=True
        )
        found = re.search(r"in (\d+) s\.", done.stdout)
        if done.returncode or not found:
            raise RuntimeError(f"the drill ended with {done.returncode}: {done.stdout[-300:]}")
        seconds[workers] = int(found[1])
    yield Row(what=what, measured=seconds[2] / seconds[1], allowed=0.55, unit=unit)


def _apart(*arguments: str) -> Iterator[Row]:
    """Rows that are measured in Airflow's own home."""
    done = subprocess.run([*RUN, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    yield from told(done.stdout)


ROWS: dict[str, Callable[..., Iterator[Row]]] = {"run": of_run}


def parts(*, number: int, workers: int, latency: float) -> list[Part]:
    """What a run of so many records takes of Airflow, and a first load of so many on two workers, of which each answer
    takes so many seconds."""
    return [
        Part(title="Airflow", rows=of_parsing),
        Part(title="A run in Airflow", rows=partial(_apart, "run", str(number))),
        Part(title="Several workers", rows=partial(of_workers, workers, latency)),
    ]


if __name__ == "__main__":
    tell(ROWS[sys.argv[1]](int(sys.argv[2])))
