"""`make start` and `make up`: what a home keeps, whom its Connections may point at, and that nothing moves unasked."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
RUN = str(ROOT / "scripts" / "run")
# Airflow starts in processes of its own.
pytestmark = [pytest.mark.dag, pytest.mark.timeout(600)]
TENANTS_BC = "https://api.businesscentral.example.invalid"
TENANTS_IPAAS = "https://api.ipaas.example.invalid"
# Stands before a script: airflow_settings.yaml as somebody fills it in who has a tenant.
FILLED_IN = f"""
import sys, os, json
sys.path.insert(0, {str(ROOT / "scripts")!r})
import settings
as_it_comes = settings.load
def filled_in(path=None):
    given = as_it_comes()
    for one, host in zip(given["connections"], ({TENANTS_BC!r}, {TENANTS_IPAAS!r})):
        one["conn_host"] = host
        one["conn_extra"] = {{k: v for k, v in one["conn_extra"].items() if k not in ("authority", "verify")}}
    return given
settings.load = filled_in
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of a person in another folder, with a home of her own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SYNC_"))}
    return {**kept, "AIRFLOW_HOME": str(home), **more}


def run(home: Path, script: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A script of Python, to its end."""
    command = [RUN, "python", "-c", script]
    return subprocess.run(command, env=environment(home, **more), capture_output=True, text=True, check=False)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_fresh_clone_is_told_that_its_connections_are_the_sandboxs(tmp_path: Path) -> None:
    done = subprocess.run(
        [RUN, "python", "scripts/start.py"], env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The Connection business_central points at this machine" in done.stderr
    assert "host is https://localhost:8089" in done.stderr
    assert "make settings" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "address",
    ["https://localhost:8089", "127.0.0.1", "https://127.1.2.3/x", "http://[::1]:80", "api.localhost", "0.0.0.0",
     "localhost.", "[::ffff:127.0.0.1]:8"],
)  # fmt: skip
def test_every_way_to_write_this_machine_is_known(address: str) -> None:
    assert importlib.import_module("addresses").on_this_machine(address)


@pytest.mark.parametrize("address", [TENANTS_BC, "api.ipaas.com", "https://10.0.0.1", "https://localhost.example.com"])
def test_what_is_elsewhere_is_not_this_machine(address: str) -> None:
    assert not importlib.import_module("addresses").on_this_machine(address)


@pytest.mark.parametrize("field", ["authority", "sso_url", "customers_url"])
def test_each_address_of_a_connection_is_looked_at(field: str) -> None:
    from airflow.models import Connection

    start = importlib.import_module("start")
    extra = {field: "https://127.0.0.1:8089/x"}
    there = Connection(conn_id="ipaas", conn_type="ipaas", host=TENANTS_IPAAS, extra=json.dumps(extra))
    with pytest.raises(SystemExit, match=f"extra {field} is https://127.0.0.1:8089/x"):
        start.refuse_the_sandbox({"ipaas": there})
    start.refuse_the_sandbox({"ipaas": Connection(conn_id="ipaas", conn_type="ipaas", host=TENANTS_IPAAS)})


def test_what_a_person_has_set_stays_and_what_is_lacking_is_taken_from_the_file(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        FILLED_IN
        + """
import start
from airflow.models import Connection, Pool, Variable
from airflow.utils.session import create_session
from sqlalchemy import select

first = start.take_what_is_missing()
with create_session() as session:
    mine = session.scalar(select(Connection).where(Connection.conn_id == "business_central"))
    mine.host, mine.password = "https://mine.example.invalid", "my-secret"
    session.delete(session.scalar(select(Connection).where(Connection.conn_id == "ipaas")))
    Variable.set("bc_time_zone", "Europe/Berlin", session=session)
    Variable.delete("bc_throttle_limit", session=session)
    Pool.create_or_update_pool(name="ipaas", slots=7, description="", include_deferred=False, session=session)
second = start.take_what_is_missing()
with create_session() as session:
    print(json.dumps({
        "first": first["business_central"].host, "second": second["business_central"].host,
        "secret": second["business_central"].password, "ipaas": second["ipaas"].host,
        "zone": Variable.get("bc_time_zone"), "limit": Variable.get("bc_throttle_limit"),
        "slots": Pool.get_pool("ipaas", session=session).slots,
        "throttle": Variable.get("ipaas_throttle_limit"),
        "described": sorted(v.key for v in session.scalars(select(Variable)) if v.description),
    }))
""",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    from include.settings import SyncSettings

    assert found == {
        "first": TENANTS_BC,
        "second": "https://mine.example.invalid",
        "secret": "my-secret",
        "ipaas": TENANTS_IPAAS,
        "zone": "Europe/Berlin",
        "limit": "6000",
        "slots": 7,
        # iPaaS.com's own, not that of the sandbox.
        "throttle": "500",
        # Those without a value are listed, too, with what they mean; what a person has written stays as it is.
        "described": sorted(SyncSettings.model_fields.keys() - {"bc_time_zone"}),
    }


def test_the_sandbox_leaves_the_home_of_a_tenant_alone(tmp_path: Path) -> None:
    (tmp_path / "sync_ledger.db").write_text("what is remembered of the tenant")
    script = """
import services
settings.load = as_it_comes
services.set_up(services.Services(), 0)
"""
    done = run(tmp_path, FILLED_IN + "import start\nstart.take_what_is_missing()\n" + script)
    assert done.returncode == 1
    assert f"points at {TENANTS_BC}, not at the sandbox" in done.stderr
    assert "make start" in done.stderr
    assert (tmp_path / "sync_ledger.db").exists()
    assert not (tmp_path / "sandbox.log").exists()


SAY = """
import sys
sys.path.insert(0, {scripts!r})
import settings, airflow_home
settings.migrate()
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
from sqlalchemy import select
with create_session() as session:
    session.add(DagBundleModel(name="dags"))
    session.flush()
    for name, paused in (("company_to_ipaas", False), ("product_to_ipaas", True)):
        session.add(DagModel(dag_id=name, is_paused=paused, bundle_name="dags"))
for whose in ("A", "A", "B", "B"):
    print(airflow_home.said_of_flows(["company_to_ipaas", "product_to_ipaas"], whose, before="A"))
""".format(scripts=str(ROOT / "scripts"))


def test_dags_stay_as_they_were_left_unless_the_connections_are_others(tmp_path: Path) -> None:
    done = run(tmp_path, SAY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == [
        "As you left them, these flows are unpaused and run by themselves: company_to_ipaas.",
        "As you left them, these flows are unpaused and run by themselves: company_to_ipaas.",
        "The Connections are others than last time, so these flows are paused now: company_to_ipaas.",
        "Every flow is paused: nothing is written until you unpause one, or trigger a run.",
    ]


def test_a_home_keeps_its_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    home = importlib.import_module("airflow_home")
    monkeypatch.setattr(home, "_PORT", tmp_path / "port")
    monkeypatch.setenv("PORT", str(mine := free_port()))
    assert home.port() == mine
    monkeypatch.delenv("PORT")
    assert home.port() == mine
    with socket.create_server(("127.0.0.1", mine)):
        assert home.port() != mine
        assert f"Port {mine} is taken" in capsys.readouterr().out
        with pytest.raises(SystemExit, match=f"Port {mine} is taken"):
            home.port(only_that=True)
    assert home.port() == mine
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(SystemExit, match="PORT is 'http'"):
        home.port()


def test_airflow_starts_for_a_tenant_and_moves_nothing(tmp_path: Path) -> None:
    from include.flows import FLOWS

    script = FILLED_IN + "import start\nos.umask(0o077)\nsys.exit(start.main())\n"
    port = free_port()
    with subprocess.Popen(
        [RUN, "python", "-c", script],
        env=environment(tmp_path, PORT=str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if "Ctrl-C ends everything" in line:
                    break
            assert f"http://localhost:{port}" in said
            assert TENANTS_BC in said and TENANTS_IPAAS in said
            assert "Every flow is paused: nothing is written until you unpause one, or trigger a run." in said
            assert not (tmp_path / "sandbox.log").exists()
            paused = _flows(port, tmp_path, set(FLOWS))
            assert paused == dict.fromkeys(FLOWS, True)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)
    assert process.returncode == 0


def _flows(port: int, home: Path, wanted: set[str]) -> dict[str, bool]:
    """Whether each flow is paused, as soon as Airflow knows all of them."""
    who = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
    session = requests.Session()
    session.trust_env = False
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException, KeyError):
            login = {"username": "admin", "password": who["admin"]}
            answer = session.post(f"http://127.0.0.1:{port}/auth/token", json=login, timeout=60).json()
            session.headers["Authorization"] = f"Bearer {answer['access_token']}"
            found = session.get(f"http://127.0.0.1:{port}/api/v2/dags?limit=100", timeout=60).json()["dags"]
            if wanted <= {dag["dag_id"] for dag in found}:
                return {dag["dag_id"]: dag["is_paused"] for dag in found if dag["dag_id"] in wanted}
        time.sleep(1)
    raise TimeoutError("Airflow did not know its flows within five minutes")
