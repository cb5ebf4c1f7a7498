"""What the demo and `make up` share: ports that are free, and a home that only one of them has."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def services() -> Any:
    """The module."""
    return importlib.import_module("services")


def test_a_port_that_somebody_listens_on_is_left_to_him(services: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert services.free_port(taken) != taken


def test_what_is_left_of_the_connections_of_the_last_server_leaves_its_port_free(services: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            # The server hangs up first, as one that is stopped: its end is kept by the system for a while.
            server.accept()[0].close()
            client.recv(1)
    assert services.free_port(port) == port


def test_a_second_airflow_does_not_start_in_the_home_of_a_running_one(tmp_path: Path) -> None:
    script = "import services; services.alone(); print('mine', flush=True); input()"
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"mine\n"
        second = subprocess.run(command, env=environment, input=b"\n", capture_output=True, check=False)
        assert second.returncode != 0
        assert b"already" in second.stderr
        first.kill()
    third = subprocess.run(command, env=environment, input=b"\n", capture_output=True, check=False)
    assert third.stdout == b"mine\n"
