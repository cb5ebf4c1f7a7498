"""Tokens and set-up: what is wrong is said in words that a person can follow, and secrets are never said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msal
import pytest

from include.business_central import connection_check
from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Api, Page
from include.errors import ErrorKind, ServiceError
from include.sandbox.faults import GATEWAY, Fault
from include.sandbox.server import Sandbox
from include.transport.session import RetryPolicy

Connect = Callable[..., BusinessCentralClient]


def test_a_right_connection_is_said_to_be_right(bc: BusinessCentralClient, sandbox: Sandbox) -> None:
    ok, text = connection_check.check(bc)
    assert ok
    assert sandbox.COMPANY_NAME in text


def _expired(sandbox: Sandbox) -> None:
    sandbox.directory.expired_secrets.add(sandbox.CLIENT_SECRET)


def _app_off(sandbox: Sandbox) -> None:
    sandbox.switches.bc_app_enabled = False


def _unpublished(sandbox: Sandbox) -> None:
    sandbox.bc.unpublish("CustomerCard")
    sandbox.bc.unpublish("ItemCard")


def _no_rights(sandbox: Sandbox) -> None:
    text = "Sorry, the current permissions prevented the action. (TableData 27 Item Read: Base Application)"
    body = f'{{"error": {{"code": "Internal_ServerError", "message": "{text}"}}}}'
    sandbox.faults.add(Fault(path="ItemCard", status=403, body=body, times=99))


def _other_object(sandbox: Sandbox) -> None:
    sandbox.bc.publish("SalesOrderLines", "SalesOrders")


def _alike_object(sandbox: Sandbox) -> None:
    # It has the two properties that are read of agents.
    sandbox.bc.publish("Locations", "ShippingAgents")


def _nothing(sandbox: Sandbox) -> None:
    """The connection itself is wrong."""


UNKNOWN = "00000000-1111-2222-3333-444444444444"
WRONG: list[tuple[str, dict[str, Any], Callable[[Sandbox], None], list[str]]] = [
    ("wrong secret", {"password": "wr0ng-secret"}, _nothing, ["client secret is wrong", "Certificates & Secrets"]),
    ("expired secret", {}, _expired, ["client secret has expired", "Create a new one"]),
    ("unknown client", {"login": UNKNOWN}, _nothing, ["client id is unknown", "Application (client) Id"]),
    ("unknown tenant", {"tenant_id": UNKNOWN}, _nothing, ["tenant", UNKNOWN, "Directory (tenant) Id"]),
    ("scope", {"scope": "https://api.businesscentral.dynamics.com/x"}, _nothing, ["scope must end in /.default"]),
    ("resource", {"scope": "https://elsewhere/.default"}, _nothing, ["extra scope", "licensed"]),
    ("reserved scope", {"scope": "openid"}, _nothing, ["extra scope"]),
    ("app not enabled", {}, _app_off, ["Microsoft Entra applications", "State Enabled", "API.ReadWrite.All"]),
    ("environment", {"environment": "Sandbox2"}, _nothing, ["'Sandbox2'", "extra environment", "Admin Center"]),
    ("company", {"company_name": "cronus usa, inc."}, _nothing, ["Is it 'CRONUS USA, Inc.'?", "'CRONUS Test'", "case"]),
    ("unpublished", {}, _unpublished, ["CustomerCard, ItemCard", "page 21 (Customer Card)", "page 30 (Item Card)"]),
    (
        "other object",
        {},
        _other_object,
        ["SalesOrders is not page 42 (Sales Order)", "no Sell_to_Customer_No", "publish"],
    ),
    ("alike object", {}, _alike_object, ["ShippingAgents is not page 428", "no Internet_Address"]),
    ("permission", {}, _no_rights, ["ItemCard cannot be read", "TableData 27", "permission set"]),
]


@pytest.mark.parametrize(("case", "extra", "arrange", "words"), WRONG, ids=[case for case, *_ in WRONG])
def test_what_is_wrong_is_said_in_words(
    connect: Connect,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    case: str,
    extra: dict[str, Any],
    arrange: Callable[[Sandbox], None],
    words: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    arrange(sandbox)
    ok, text = connection_check.check(connect(**extra))
    assert not ok, case
    for word in words:
        assert word in text
    for secret in (sandbox.CLIENT_SECRET, "wr0ng-secret", *sandbox.directory.tokens):
        assert secret not in text
        assert secret not in caplog.text


def test_nothing_secret_is_logged_or_put_into_an_address_at_the_lowest_level(
    bc: BusinessCentralClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.faults.add(Fault(path="CustomerCard", status=503))
    list(bc.read(Page("CustomerCard"), page_size=20))
    sandbox.directory.revoke()
    tokens = set(sandbox.directory.tokens)
    list(bc.read(Page("CustomerCard")))
    assert caplog.records
    for secret in (sandbox.CLIENT_SECRET, *tokens, *sandbox.directory.tokens):
        assert secret not in caplog.text
        assert not any(secret in path for _, _, path in sandbox.counters.paths)
        assert secret not in repr(vars(bc)["_connection"])


def test_the_authoritys_certificate_is_verified(connect: Connect) -> None:
    ok, text = connection_check.check(connect(verify=True))
    assert not ok
    assert "extra verify" in text


def test_the_environments_bundle_does_not_override_the_connections(
    connect: Connect, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    assert connection_check.check(connect())[0]


def test_one_token_serves_all_threads_and_one_more_when_it_is_refused(connect: Connect, sandbox: Sandbox) -> None:
    bc = connect(concurrency=8)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            found = pool.map(lambda _: len(list(bc.read(Page("Locations")))), range(16))
            assert set(found) == {4}
            sandbox.directory.revoke()
    assert sandbox.directory.token_requests == 2
    assert sandbox.counters.of("entra", "GET") == 1, "one discovery for all"
    assert sum("companies" in path for _, _, path in sandbox.counters.paths) == 1


def test_a_token_that_ends_soon_is_renewed_before_it_is_refused(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.switches.token_lifetime = 200  # MSAL renews five minutes before the end
    bc = connect()
    list(bc.read(Page("Locations")))
    before = sandbox.directory.token_requests
    list(bc.read(Page("Locations")))
    assert sandbox.directory.token_requests == before + 1


def test_a_token_that_lasts_is_not_looked_for_before_each_call(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    acquire = msal.ConfidentialClientApplication.acquire_token_for_client

    def counted(*args: Any, **options: Any) -> Any:
        asked.append(options)
        return acquire(*args, **options)

    monkeypatch.setattr(msal.ConfidentialClientApplication, "acquire_token_for_client", counted)
    bc = connect()
    for _ in range(5):
        list(bc.read(Page("Locations")))
    assert len(asked) == 1


@pytest.mark.parametrize("path", ["openid-configuration", "oauth2/v2.0/token"])
@pytest.mark.parametrize(
    "fields",
    [
        *GATEWAY.values(),
        {"cut": True},
        {"status": 200, "body": "{}"},
        {"status": 200, "body": '{"access_token": null}'},
        {"status": 200, "body": '{"access_token": "t", "expires_in": "soon"}'},
        {"status": 200, "body": '{"token_endpoint": 7}'},
        {"status": 400, "body": '{"error": "temporarily_unavailable"}'},
        {"status": 400, "body": '{"error": "invalid_request", "error_codes": [90033]}'},
    ],
)
def test_a_token_service_that_falters_is_not_taken_for_a_wrong_set_up(
    bc: BusinessCentralClient, sandbox: Sandbox, path: str, fields: dict[str, Any]
) -> None:
    sandbox.faults.add(Fault(system="entra", path=path, **fields, times=2))
    assert bc.company_id == sandbox.bc.company_id


def test_a_token_service_that_is_down_is_unavailable(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(system="entra", status=503, headers={"Retry-After": "1000"}, times=99))
    with pytest.raises(ServiceError) as raised:
        _ = connect().company_id
    assert (raised.value.kind, raised.value.retry_after) == (ErrorKind.unavailable, 1000)
    assert sandbox.counters.of("entra") == 1, "it asked to be left alone for longer than we wait"
    assert not raised.value.stops_run


def test_an_authority_that_is_not_there_is_unavailable(connect: Connect) -> None:
    with pytest.raises(ServiceError) as raised:
        _ = connect(authority="https://localhost:1", policy=RetryPolicy(attempts=1)).company_id
    assert raised.value.kind is ErrorKind.unavailable
    assert "extra authority" in raised.value.advice


def test_a_missing_environment_is_never_no_data(connect: Connect, sandbox: Sandbox) -> None:
    for code in ("NoEnvironment", "BadRequest_NotFound", None):
        body = f'{{"error": {{"code": "{code}", "message": "Not here."}}}}' if code else ""
        sandbox.faults.add(Fault(path="companies$", status=404, body=body))
        with pytest.raises(ServiceError) as raised:
            list(connect().read(Api("customers")))
        assert raised.value.kind is ErrorKind.misconfigured
        assert "environment" in raised.value.advice


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500, 503])
def test_an_unknown_environment_is_named_whatever_the_status(connect: Connect, sandbox: Sandbox, status: int) -> None:
    sandbox.switches.no_environment_status = status
    with pytest.raises(ServiceError, match="There is no environment 'Sandbox2'") as raised:
        list(connect(environment="Sandbox2").read(Api("customers")))
    assert raised.value.kind is ErrorKind.misconfigured
    assert "Admin Center, Environments" in raised.value.advice


def test_another_object_under_a_services_name_is_told_from_a_field_that_is_not_shown(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.bc.publish("SalesOrderLines", "SalesOrders")
    with pytest.raises(ServiceError, match=r"SalesOrders is not page 42 \(Sales Order\)") as raised:
        list(connect().read(Page("SalesOrders"), select=("No", "Order_Date")))
    assert raised.value.kind is ErrorKind.misconfigured
    assert "with the Service Name SalesOrders" in raised.value.advice
    with pytest.raises(ServiceError, match="'My_Field'") as raised:
        list(connect().read(Page("CustomerCard"), select=("No", "My_Field")))
    assert "bc_custom_fields" in raised.value.advice
