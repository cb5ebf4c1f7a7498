"""`make cluster`: the sandbox and an Airflow with several workers, as it runs beyond one machine, until Ctrl-C.

Airflow's own engines: CeleryExecutor; its database and the ledger in a PostgreSQL (DATABASE), its messages in a Redis or
RabbitMQ (BROKER), the files of runs at any address that Airflow reaches (STAGING). Each worker has a home of its own, as on
a machine of its own: what they have in common is what they have in common there, too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from dataclasses import dataclass, field

import database
from airflow_home import port, said_of_flows, wait_for_the_end
from services import CA_FILE, HOME, Services, airflow_at, own_services, set_up
from up import SANDBOX

_BROKER = "redis://127.0.0.1:6379/0"
_NAME_ONE = "Name one with BROKER=redis://host:6379/0 or BROKER=amqp://user:password@host:5672//."


def broker() -> str:
    """The address of the Redis or RabbitMQ. Exits in words when it does not answer."""
    from celery import Celery

    address = os.environ.get("BROKER") or _BROKER
    connection = Celery(broker=address, set_as_current=False).connection_for_write()
    try:
        with connection:
            connection.ensure_connection(max_retries=1, interval_start=0.2, timeout=5)
            # What an earlier start has left there is about runs that have been given up.
            channel = connection.default_channel
            channel.queue_declare(queue=_queue(), durable=True, auto_delete=False)
            channel.queue_purge(queue=_queue())
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the broker cannot be used
        said = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"BROKER: {connection.as_uri()} cannot be used: {said}. {_NAME_ONE}")
    return address


def _queue() -> str:
    """A queue of this home's own: several Airflows may share a broker."""
    return f"sync-{hashlib.sha256(str(HOME.resolve()).encode()).hexdigest()[:8]}"


@dataclass(kw_only=True)
class Cluster:
    """Airflow's processes: one of each of its services, and workers. `tasks`: how many a worker runs at once."""

    services: Services
    port: int
    tasks: int = 4
    more: dict[str, str] = field(default_factory=dict)
    _environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._environment = {
            **airflow_at(self.port),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            # The workers say how many tasks run at once.
            "AIRFLOW__CORE__PARALLELISM": "64",
            "AIRFLOW__CELERY__BROKER_URL": broker(),
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(self.tasks),
            "AIRFLOW__OPERATORS__DEFAULT_QUEUE": _queue(),
            # One folder: on one machine two workers cannot both serve their logs at the port that is asked.
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
            "SYNC_STAGING": os.environ.get("STAGING") or f"file://{HOME / 'staging'}",
            **self.more,
        }

    def start(self, workers: int) -> None:
        """Start Airflow's services, and its workers by number from 1 on."""
        at = str(self.port)
        self.services.start("api-server", "airflow", "api-server", "--port", at, "--workers", "1", **self._environment)
        self.services.start("dag-processor", "airflow", "dag-processor", **self._environment)
        self.services.start("scheduler", "airflow", "scheduler", **self._environment)
        self.services.start("triggerer", "airflow", "triggerer", "--skip-serve-logs", **self._environment)
        for number in range(1, workers + 1):
            self.start_worker(number)

    def start_worker(self, number: int) -> None:
        """Start a worker, with a home of its own."""
        name = f"worker-{number}"
        home = HOME / name
        home.mkdir(exist_ok=True)
        # The Connections name the sandbox's certificate relative to the home, as they would an own authority's.
        shutil.copy(CA_FILE, home)
        environment = {**self._environment, "AIRFLOW_HOME": str(home)}
        command = ("airflow", "celery", "worker", "--celery-hostname", f"{name}@%h", "--skip-serve-logs")
        self.services.start(name, *command, **environment)


def on_postgresql() -> str:
    """Make the databases ready; answers where they are. Exits in words where no PostgreSQL is named, or none answers."""
    if database.chosen() is None:
        sys.exit("A cluster needs a PostgreSQL: make cluster DATABASE=postgresql://user:password@host:port/database")
    return database.prepare()


def main() -> int:
    """Start everything, say where it is, wait."""
    from include.flows import FLOWS

    workers = int(os.environ.get("WORKERS") or 2)
    with contextlib.suppress(KeyboardInterrupt), own_services() as services:
        where = on_postgresql()
        at = port()
        cluster = Cluster(services=services, port=at)
        sandbox = set_up(services, 0, "--hooks-url", f"http://127.0.0.1:{at}/ipaas/hooks", *sys.argv[1:])
        flows = said_of_flows(FLOWS, SANDBOX, before=SANDBOX)
        cluster.start(workers)
        wait_for_the_end(
            services,
            at,
            f"Sandbox:  {sandbox}/_sandbox   what can be seen and set there: both sides compared, counters, faults ...",
            where,
            f"Workers:  {workers}, each with {cluster.tasks} tasks at once; logs in {HOME.name}/worker-*.log",
            flows,
        )
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
