"""Starts and stops what the demo and `make up` need: the sandbox and Airflow's processes, each in a group of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import database
import settings as importer
from addresses import SYSTEMS, on_this_machine

HOME = Path(os.environ["AIRFLOW_HOME"])
CA_FILE = HOME / "sandbox-ca.pem"
_PIDS = HOME / "services.json"
_OF_THE_SANDBOX = {"ipaas_throttle_limit": "500000"}
# The lock on the home is held for as long as its file is open.
_kept: list[IO[bytes]] = []


class Services:
    """Processes started here; all of them end with `stop`, and those a crash left behind end with `start`."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: list[IO[bytes]] = []

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Start a process; what it says goes to a log file in Airflow's home."""
        log = (HOME / f"{name}.log").open("wb")
        self._logs.append(log)
        self._running[name] = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        _PIDS.write_text(json.dumps({n: p.pid for n, p in self._running.items()}))

    def check(self) -> None:
        """Raise when one of the processes has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                tail = (HOME / f"{name}.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(
                    f"{name} ended with {process.returncode}. The end of {HOME.name}/{name}.log:\n{tail}"
                )

    def kill(self, name: str) -> None:
        """End one of the processes as a machine ends that loses its power, children included."""
        process = self._running.pop(name)
        _end(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything, children included."""
        for process in self._running.values():
            _end(process.pid)
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            _end(process.pid, signal.SIGKILL)
        self._running.clear()
        for log in self._logs:
            log.close()
        _PIDS.unlink(missing_ok=True)


def _end(group: int, number: int = signal.SIGTERM) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_as_by_ctrl_c() -> None:
    """Let every usual way to end this process stop what it started, also where a shell let it ignore Ctrl-C."""

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def alone() -> None:
    """Keep this home to this process until it ends, and end what an earlier one left behind when it was killed.

    Exits in words while another process has the home: two Airflows on one database disturb each other.
    """
    lock = (HOME / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Airflow runs in {HOME} already. End it first (Ctrl-C where it was started).")
    _kept.append(lock)
    if not _PIDS.exists():
        return
    for pid in json.loads(_PIDS.read_text()).values():
        command = Path(f"/proc/{pid}/cmdline")
        # The number may belong to somebody else by now.
        if command.exists() and any(w in command.read_bytes() for w in (b"airflow", b"include.sandbox")):
            _end(pid, signal.SIGKILL)
    _PIDS.unlink()
    time.sleep(0.5)


def free_port(wanted: int = 0) -> int:
    """The wanted port when nobody listens on it, else one that nobody listens on."""
    # Below those that the system gives to connections by itself: one of those may be taken before it is used here.
    others = random.sample(range(20_000, 32_000), 100)
    for port in [wanted, *others] if wanted else others:
        with socket.socket() as found, contextlib.suppress(OSError):
            # As servers do it: what is left of connections of the last one does not count.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("No free port was found on 127.0.0.1")


@contextlib.contextmanager
def own_services() -> Iterator[Services]:
    """What starts processes in this home, which nobody else has meanwhile; they end with it, however that ends."""
    alone()
    end_as_by_ctrl_c()
    services = Services()
    try:
        yield services
    finally:
        services.stop()


def airflow_at(port: int) -> dict[str, str]:
    """The environment of Airflow's processes with the API server on a port; the others are found, too."""
    return {
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }


def set_up(services: Services, sandbox_port: int | None, *options: str) -> str:
    """Start the sandbox, make Airflow's database for it and import airflow_settings.yaml. Answers its HTTP address.

    The sandbox serves on `sandbox_port` (0: any), or on that of airflow_settings.yaml when it is free. Exits in words
    where the file, or Connections that are in the database already, point at a real tenant.
    """
    settings = importer.load()
    hosts = {urlsplit(str(connection["conn_host"])) for connection in settings["connections"]}
    elsewhere = [host.geturl() for host in hosts if not on_this_machine(host.geturl())]
    if elsewhere:
        sys.exit(
            f"airflow_settings.yaml points at {elsewhere[0]}, not at the sandbox. The sandbox is not started, and "
            "nothing is transferred. `make start` starts Airflow without a sandbox."
        )
    importer.migrate()
    _refuse_a_tenants_home()
    wanted = hosts.pop().port or 0
    port = free_port(wanted) if sandbox_port is None else sandbox_port
    served = _start_sandbox(services, "--port", str(port), "--ca-file", str(CA_FILE), *options)
    settings["connections"] = json.loads(
        json.dumps(settings["connections"]).replace(f"https://localhost:{wanted}", served["tls"])
    )
    # The sandbox has no limit, and nobody wants to wait for it.
    for variable in settings["variables"]:
        variable["variable_value"] = _OF_THE_SANDBOX.get(variable["variable_name"], variable["variable_value"])
    importer.apply(settings)
    # The sandbox begins with an empty iPaaS.com, so what is remembered of an earlier one is void.
    database.lose_ledger()
    _fail_unfinished_runs()
    return served["http"]


def _refuse_a_tenants_home() -> None:
    """Connections that somebody made, and what is remembered of a real tenant, are not the sandbox's to replace."""
    from bridge.server import connection

    for name in SYSTEMS:
        found = connection(name)
        if found and found.host and not on_this_machine(found.host):
            sys.exit(
                f"The Connection {name} in {HOME} points at {found.host}, not at the sandbox. It is left as it is, and "
                "the sandbox is not started. `make start` starts Airflow without a sandbox; `make settings` replaces "
                "the Connections by those of airflow_settings.yaml."
            )


def _start_sandbox(services: Services, *options: str) -> dict[str, str]:
    """Start it; answers where it serves."""
    services.start("sandbox", sys.executable, "-m", "include.sandbox", *options)
    log = HOME / "sandbox.log"
    for _ in range(1_200):
        services.check()
        for line in log.read_text().splitlines():
            if line.startswith("{"):
                served: dict[str, str] = json.loads(line)
                return served
        time.sleep(0.1)
    raise RuntimeError(f"The sandbox did not start; see {HOME.name}/{log.name}")


def _fail_unfinished_runs() -> None:
    """Runs that a crash left open would hold new ones back until Airflow gives their tasks up, minutes later."""
    from airflow.models import DagRun, TaskInstance
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState, State
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(TaskInstance).where(TaskInstance.state.in_(State.unfinished)).values(state="failed"))
        session.execute(
            update(DagRun).where(DagRun.state.in_(State.unfinished_dr_states)).values(state=DagRunState.FAILED)
        )
