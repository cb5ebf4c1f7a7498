"""The hooks, from any code that has a Connection: a client, and in plain words what is wrong."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from sqlalchemy import delete

from include.sandbox import Sandbox
from include.settings import SettingsError, SyncSettings
from tests.dags.conftest import connect, script

pytestmark = pytest.mark.dag


def test_get_conn_returns_a_client_that_reads(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook, IPaaSHook

    from include.business_central.odata import Page
    from include.ipaas.endpoints import CUSTOMER

    connect(monkeypatch, sandbox)
    client = BusinessCentralHook().get_conn()
    assert len(list(client.read(Page("CustomerCard")))) == len(sandbox.bc.rows("Customer"))
    assert IPaaSHook().get_conn().search(CUSTOMER, "nobody@example.com") == []


def test_a_client_keeps_to_the_window_of_the_settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook, IPaaSHook

    from include.business_central.odata import Page
    from include.ipaas.endpoints import CUSTOMER

    connect(monkeypatch, sandbox)
    names = ("bc_throttle_limit", "bc_throttle_seconds", "ipaas_throttle_limit", "ipaas_throttle_seconds")
    settings = SyncSettings(**dict.fromkeys(names, 1))
    bc, ipaas = BusinessCentralHook().get_conn(settings), IPaaSHook().get_conn(settings)
    for call in (
        lambda: [list(bc.read(Page("CustomerCard"))) for _ in range(2)],
        lambda: [ipaas.search(CUSTOMER, "nobody@example.com") for _ in range(2)],
    ):
        started = time.monotonic()
        call()
        assert time.monotonic() - started >= 0.9, "one call a second"


def test_business_central_hook_says_that_all_is_well(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook, IPaaSHook

    connect(monkeypatch, sandbox)
    ok, said = BusinessCentralHook().test_connection()
    assert ok, said
    assert repr(sandbox.COMPANY_NAME) in said
    ok, said = IPaaSHook().test_connection()
    assert ok, said


@pytest.mark.parametrize(
    ("changes", "switches", "said"),
    [
        ({"bc": {"password": "wrong-secret"}}, {}, "Certificates & Secrets"),
        ({"bc": {"login": "00000000-0000-0000-0000-000000000000"}}, {}, "Application (client) Id"),
        ({"bc_extra": {"tenant_id": "00000000-0000-0000-0000-000000000000"}}, {}, "Directory (tenant) Id"),
        ({"bc_extra": {"environment": "Nowhere"}}, {}, "environment"),
        ({"bc_extra": {"company_name": "cronus usa, inc."}}, {}, "'CRONUS USA, Inc.'"),
        ({"bc_extra": {"grant_type": "password"}}, {}, "client_credentials"),
        ({}, {"bc_permission": False}, "Assign a permission set"),
        ({}, {"bc_app_enabled": False}, "API Permissions"),
    ],
)
def test_business_central_hook_says_what_is_wrong(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    switches: dict[str, bool],
    said: str,
) -> None:
    from bridge.hooks import BusinessCentralHook

    connect(monkeypatch, sandbox, **changes)
    for name, value in switches.items():
        setattr(sandbox.switches, name, value)
    ok, message = BusinessCentralHook().test_connection()
    assert not ok
    assert said in message
    assert "wrong-secret" not in message


def test_business_central_hook_names_what_is_not_published(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook

    connect(monkeypatch, sandbox)
    sandbox.bc.unpublish("CustomerCard")
    ok, message = BusinessCentralHook().test_connection()
    assert not ok
    assert "CustomerCard" in message
    assert "Web Services" in message


def test_hooks_work_with_the_variables(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook, IPaaSHook

    connect(monkeypatch, sandbox)
    sandbox.bc.unpublish("CustomerCard")
    sandbox.bc.publish("CustomerCard", "KundenKarte")
    monkeypatch.setenv("AIRFLOW_VAR_BC_SERVICE_NAMES", '{"CustomerCard": "KundenKarte"}')
    ok, message = BusinessCentralHook().test_connection()
    assert ok, message
    monkeypatch.setenv("AIRFLOW_VAR_BC_TIME_ZONE", "Mars/Olympus")
    for hook in (BusinessCentralHook(), IPaaSHook()):
        ok, message = hook.test_connection()
        assert not ok
        assert "Variable bc_time_zone is 'Mars/Olympus'" in message


def test_hooks_say_that_their_connection_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook, IPaaSHook

    for hook in (BusinessCentralHook("nowhere"), IPaaSHook("nowhere")):
        ok, message = hook.test_connection()
        assert not ok
        assert "Connection nowhere is 'missing'" in message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ipaas": {"password": "wrong-secret"}}, "password"),
        ({"ipaas_extra": {"company_id": "00000000-0000-0000-0000-000000000000"}}, "company_id"),
        ({"ipaas_extra": {"system_id": "many"}}, "system_id"),
        ({"ipaas_extra": {"system_id": 999}}, "system_id"),
    ],
)
def test_ipaas_hook_says_what_is_wrong(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    from bridge.hooks import IPaaSHook

    connect(monkeypatch, sandbox, **changes)
    ok, message = IPaaSHook().test_connection()
    assert not ok
    assert said in message
    assert "wrong-secret" not in message


def test_a_host_may_be_given_in_parts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.hooks import BusinessCentralHook

    port = int(sandbox.tls_url.rsplit(":", 1)[1])
    connect(monkeypatch, sandbox, bc={"host": "localhost", "schema": "https", "port": port})
    assert BusinessCentralHook().settings().url == sandbox.tls_url
    connect(monkeypatch, sandbox, bc={"host": "localhost"})
    assert BusinessCentralHook().settings().url == "https://localhost"
    connect(monkeypatch, sandbox, bc_extra={"company_name": None})
    with pytest.raises(SettingsError, match="company_name"):
        BusinessCentralHook().settings()


def test_the_check_finds_connections_and_variables_in_airflow_s_database(
    dags: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.models import Connection, Variable
    from airflow.utils.session import create_session

    check = script("check")
    connect(monkeypatch, sandbox, {"bc_service_names": "{}"})
    texts = {name: os.environ[f"AIRFLOW_CONN_{name.upper()}"] for name in ("business_central", "ipaas")}
    for name in [name for name in os.environ if name.startswith(("AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
        monkeypatch.delenv(name)
    with create_session() as session:
        session.add_all(Connection.from_json(text, conn_id=name) for name, text in texts.items())
        Variable.set("bc_service_names", '{"CustomerCard": "KundenKarte"}', session=session)
    try:
        assert check.main() == 1
        said = capsys.readouterr().out
        assert (
            "RED     Web service CustomerCard: " in said and "KundenKarte" in said and "good    Subscription: " in said
        )
        assert "good    Pool ipaas: " in said
        assert sandbox.CLIENT_SECRET not in said
    finally:
        with create_session() as session:
            session.execute(delete(Connection).where(Connection.conn_id.in_(texts)))
            Variable.delete("bc_service_names", session=session)
