"""The Connections' own types: their forms, and the button that tests what stands in them, in Airflow's API server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.sandbox import Sandbox
from include.settings import BusinessCentralConnection, IPaaSConnection
from tests.dags.browser import Visit, sees
from tests.dags.conftest import script

pytestmark = pytest.mark.dag
ROOT = Path(__file__).resolve().parents[2]
# What is no extra: it stands in Airflow's own fields.
STANDARD = {"url", "client_secret", "email", "password", "urls"}
URLS = {f"{name}_url" for name in ("sso", "subscriptions", "customers", "products", "transactions", "hook")}


@pytest.fixture
def forms(server: Any, login: dict[str, str]) -> dict[str, Any]:
    """What Airflow's form of a Connection is made of, by type."""
    answer = server.get("/ui/connections/hook_meta", headers=login)
    return {one["connection_type"]: one for one in answer.json()}


@pytest.fixture
def test(server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Press the button Test of a form: `test(conn_type, host, login, password, extra)`."""
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")

    def pressed(conn_type: str, host: str, user: str, password: str, extra: dict[str, Any]) -> dict[str, Any]:
        body = {
            "connection_id": "business_central_of_tomorrow",
            "conn_type": conn_type,
            "host": host,
            "login": user,
            "password": password,
            "extra": json.dumps(extra),
        }
        answer = server.post("/api/v2/connections/test", json=body, headers=login)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return pressed


def test_each_type_has_a_name_and_its_own_words_for_the_fields(forms: dict[str, Any]) -> None:
    bc, ipaas = forms["business_central"], forms["ipaas"]
    assert (bc["hook_name"], ipaas["hook_name"]) == ("Business Central", "iPaaS.com")
    words = {name: field["title"] for name, field in bc["standard_fields"].items() if field and field["title"]}
    assert words == {"host": "API Url", "login": "Client Id", "password": "Client Secret"}
    assert bc["standard_fields"]["port"]["hidden"]


def test_every_extra_has_a_field_of_its_own(forms: dict[str, Any]) -> None:
    bc = set(BusinessCentralConnection.model_fields) - STANDARD - {"client_id"} | {"grant_type"}
    assert set(forms["business_central"]["extra_fields"]) == bc
    assert set(forms["ipaas"]["extra_fields"]) == set(IPaaSConnection.model_fields) - STANDARD | URLS
    for form in forms["business_central"], forms["ipaas"]:
        for name, field in form["extra_fields"].items():
            assert field["schema"]["title"] and field["description"], name
            # An empty field is none: Airflow would ask for it otherwise.
            assert "null" in field["schema"]["type"], name
    assert forms["ipaas"]["extra_fields"]["webhook_api_key"]["schema"]["format"] == "password"


def test_the_button_says_whether_the_connection_works(test: Any, sandbox: Sandbox) -> None:
    right = (sandbox.url, sandbox.CLIENT_ID, sandbox.CLIENT_SECRET, sandbox.bc_extra)
    found = test("business_central", *right)
    assert found["status"], found
    assert repr(sandbox.COMPANY_NAME) in found["message"]
    found = test("ipaas", sandbox.url, sandbox.IPAAS_EMAIL, sandbox.IPAAS_PASSWORD, sandbox.ipaas_extra)
    assert found["status"], found
    assert "the subscription is 'Dynamics365_Integration'" in found["message"]


def test_the_button_says_what_is_wrong_and_no_secret(test: Any, sandbox: Sandbox) -> None:
    found = test("business_central", sandbox.url, sandbox.CLIENT_ID, "geheim-geheim", sandbox.bc_extra)
    assert not found["status"]
    assert "The client secret is wrong." in found["message"]
    assert "geheim" not in found["message"]
    lacking = {**sandbox.bc_extra, "company_name": ""}
    found = test("business_central", sandbox.url, sandbox.CLIENT_ID, sandbox.CLIENT_SECRET, lacking)
    assert "extra company_name (Company Name)" in found["message"]
    found = test("ipaas", sandbox.url, sandbox.IPAAS_EMAIL, "geheim-geheim", sandbox.ipaas_extra)
    assert not found["status"]
    assert "geheim" not in found["message"]


@pytest.fixture
def stored(sandbox: Sandbox, dags: Any) -> Iterator[str]:
    """A Connection to the sandbox in Airflow's database, as `make settings` writes it."""
    from airflow.models import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    name = "sandbox_as_stored"
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == name))
        given = {
            "conn_id": name,
            "conn_type": "business_central",
            "conn_host": sandbox.url,
            "conn_login": sandbox.CLIENT_ID,
            "conn_password": sandbox.CLIENT_SECRET,
            "conn_extra": sandbox.bc_extra,
        }
        session.add(script("settings").connection_of(given))
    yield name
    with create_session() as session:
        session.execute(delete(Connection).where(Connection.conn_id == name))


def test_the_button_in_the_list_tests_what_is_stored_with_its_secret(
    stored: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    page = visit("connections")
    page.get_by_role("row", name=stored).get_by_role("button", name="Test Connection").click()
    sees(page.locator("body"), "the web services can be read.")


def test_what_is_no_connection_of_ours_is_handed_on_as_it_is(
    server: Any, login: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    for body in ("", "[", "[0]", '{"conn_type": 5, "port": "x"}'):
        assert server.post("/api/v2/connections/test", content=body, headers=login).status_code == 422


def test_the_form_of_a_stored_connection_has_a_field_for_every_extra(
    stored: str, forms: dict[str, Any], visit: Visit
) -> None:
    page = visit("connections")
    page.get_by_role("row", name=stored).get_by_role("button", name="Edit Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    sees(form, "Second Client Secret ends")
    for field in forms["business_central"]["extra_fields"].values():
        sees(form, field["schema"]["title"])


def test_it_is_found_in_a_process_that_scripts_run_starts(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SYNC_", "PYTHON"))}
    script = (
        "from airflow.configuration import conf\n"
        "from airflow.providers_manager import ProvidersManager\n"
        "hooks = ProvidersManager().hooks\n"
        "print(hooks['business_central'].hook_class_name, hooks['ipaas'].connection_id_attribute_name,"
        " conf.get('core', 'test_connection'))"
    )
    done = subprocess.run(
        [str(ROOT / "scripts" / "run"), "python", "-c", script],
        env={**kept, "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "bridge.hooks.BusinessCentralHook ipaas_conn_id Enabled", done.stderr
