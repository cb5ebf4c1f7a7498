"""Variables and Connections: defaults, what is accepted, and how a wrong one is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from include.flows import FLOWS
from include.settings import (
    SERVICES,
    ApproveAbove,
    BusinessCentralConnection,
    CreateDefaults,
    IPaaSConnection,
    SettingsError,
    SyncSettings,
)

SECRET = "s3cr3t-value"


def load(**variables: str) -> SyncSettings:
    """Settings of an Airflow that holds these Variables."""
    return SyncSettings.load(variables.get)


# --- Variables ---------------------------------------------------------------------------------------------------

DEFAULTS: dict[str, Any] = {
    "bc_transaction_poll_search_days": 5,
    "bc_concurrent_batch_executions": 10,
    "bc_enable_company_hierarchy": False,
    "bc_process_company_relationship": False,
    "bc_contacts_endpoint": "contacts",
    "bc_transfer_customer_price_groups": False,
    "bc_sales_codes_for_customer_price_groups": (),
    "bc_sales_price_field_separator": None,
    "bc_sales_price_record_delimiter": None,
    "bc_exclude_expired_rules": False,
    "bc_excluded_lineitem_skus_from_preprocessing": (),
    "bc_processing_company_creation_in_prerequisite": False,
    "bc_update_non_existing_invoice_lines": False,
    "bc_throttle_limit": 6000,
    "bc_throttle_seconds": 300,
    "ipaas_throttle_limit": 500,
    "ipaas_throttle_seconds": 60,
    "bc_service_names": {},
    "bc_create_defaults": CreateDefaults(),
    "bc_product_category_exclude": (),
    "bc_stock_shrink_share": 50,
    "bc_time_zone": "UTC",
    "ipaas_paths": {},
    "sync_late_commit_days": 3,
    "sync_approve_above": ApproveAbove(),
    "sync_history_days": 30,
    "sync_history_masked_fields": (),
    "sync_needs_you_after_hours": 24,
    "sync_vanished_share": 5,
}


def test_every_variable_has_the_contracts_default_and_a_description() -> None:
    settings = load()
    assert set(SyncSettings.model_fields) == {*DEFAULTS, "bc_custom_fields"}
    for name, value in DEFAULTS.items():
        assert getattr(settings, name) == value, name
    assert all(field.description for field in SyncSettings.model_fields.values())
    assert settings.bc_create_defaults.product.Base_Unit_of_Measure == "EA"
    assert settings.bc_create_defaults.invoice.types == ("Order", "Invoice")


def test_the_five_custom_fields_of_contacts_are_there_by_default() -> None:
    fields = load().bc_custom_fields
    assert {(field.model, field.direction) for field in fields} == {("contact", "to_ipaas")}
    assert {field.target: field.source or field.static or field.formula for field in fields} == {
        "Customer Type": "type",
        "Record Type": "Contact",
        "Role": "jobTitle",
        "Active": "{{ 'false' if privacyBlocked else 'true' }}",
        "iPaaS.com Company ID": "company_id",
    }
    assert load(bc_custom_fields="[]").bc_custom_fields == ()


def test_a_blank_variable_has_its_default() -> None:
    assert load(**dict.fromkeys(SyncSettings.model_fields, "")) == load()
    spaces = dict.fromkeys(set(SyncSettings.model_fields) - {"bc_sales_price_field_separator"}, "  ")
    assert load(**spaces | {"bc_sales_price_record_delimiter": ""}) == load()


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("true", True), (" Yes ", True), ("1", True)])
@pytest.mark.parametrize("negated", [False, True])
def test_booleans_in_every_spelling(text: str, value: bool, negated: bool) -> None:
    if negated:
        text, value = {"TRUE": "FALSE", "true": "False", " Yes ": "no", "1": "0"}[text], False
    assert load(bc_exclude_expired_rules=text).bc_exclude_expired_rules is value


def test_lists_numbers_separators_and_json_are_read() -> None:
    settings = load(
        bc_excluded_lineitem_skus_from_preprocessing=" FREIGHT , GIFT,, ",
        bc_transaction_poll_search_days=" 14 ",
        bc_sales_price_field_separator=" ",
        bc_sales_price_record_delimiter="\n",
        bc_service_names='{"CustomerCard": "MyCustomers", "SalesPrices": ""}',
        bc_product_category_exclude='["TMP*"]',
        bc_create_defaults='{"company": {"Gen_Bus_Posting_Group": "EXPORT"}, "invoice": {"types": ["Invoice"]}}',
        bc_custom_fields=json.dumps(
            [
                {
                    "model": "product",
                    "direction": "to_ipaas",
                    "target": "Grade",
                    "lookup": {"source": "No", "table": {"1": "A", "2": 2}, "default": "?"},
                }
            ]
        ),
        bc_time_zone="Europe/Berlin",
    )
    assert settings.bc_excluded_lineitem_skus_from_preprocessing == ("FREIGHT", "GIFT")
    assert settings.bc_transaction_poll_search_days == 14
    assert (settings.bc_sales_price_field_separator, settings.bc_sales_price_record_delimiter) == (" ", "\n")
    assert settings.bc_service_names == {"CustomerCard": "MyCustomers", "SalesPrices": ""}
    assert settings.bc_product_category_exclude == ("TMP*",)
    assert settings.bc_create_defaults.company.Gen_Bus_Posting_Group == "EXPORT"
    assert settings.bc_create_defaults.invoice.types == ("Invoice",)
    assert settings.bc_custom_fields[0].lookup is not None
    assert settings.bc_custom_fields[0].lookup.table == {"1": "A", "2": 2}
    assert SyncSettings.model_validate_json(settings.model_dump_json()) == settings, "it is staged between tasks"


ENTRY = '{"model": "product", "direction": "to_ipaas", "target": "T", '
WRONG = [
    ("ipaas_paths", '{"costumer": {"create": "v2/Customer"}}', "There is no record 'costumer'"),
    ("ipaas_paths", '{"customer": {"make": "v2/Customer"}}', "There is no operation 'make' of customer"),
    ("ipaas_paths", '{"customer": {"update": "v2/Customer"}}', "must hold {id}"),
    (
        "ipaas_paths",
        '{"customer": {"create": "https://elsewhere.example/v2"}}',
        "is no path below the family's address",
    ),
    ("bc_concurrent_batch_executions", "many", "whole number"),
    ("bc_concurrent_batch_executions", "0", "greater than or equal to 1"),
    ("bc_transaction_poll_search_days", "-1", "greater than or equal to 0"),
    ("bc_throttle_limit", "1.5", "whole number"),
    ("bc_enable_company_hierarchy", "maybe", "TRUE or FALSE"),
    ("bc_time_zone", "Mars/Olympus", "IANA time zone"),
    ("bc_service_names", "CustomerCard=X", "JSON"),
    ("bc_service_names", r'{"CustomerCard": "\ud83d"}', "JSON"),
    ("bc_service_names", "[1]", "a JSON object"),
    ("sync_approve_above", "1", "a JSON object"),
    ("bc_service_names", '{"CustomerCrad": "X"}', "no service 'CustomerCrad'"),
    ("bc_create_defaults", '{"company": {"Colour": "red"}}', "no 'Colour'"),
    ("bc_create_defaults", '{"vendor": {}}', "no 'vendor'"),
    ("bc_custom_fields", "[" + ENTRY + '"source": "A", "static": "B"}]', "exactly one"),
    ("bc_custom_fields", "[" + ENTRY.rstrip(", ") + "}]", "exactly one"),
    ("bc_custom_fields", "[" + ENTRY + '"source": "A", "colour": "B"}]', "no 'colour'"),
    ("bc_custom_fields", "[" + ENTRY + '"formula": "{{ A "}]', "formula is not valid"),
    ("bc_custom_fields", "[" + ENTRY.replace("product", "vendor") + '"source": "A"}]', "'transaction'"),
    ("bc_custom_fields", "[" + ENTRY.replace("to_ipaas", "sideways") + '"source": "A"}]', "'to_ipaas'"),
    (
        "bc_custom_fields",
        "[" + ENTRY.replace("product", "tracking").replace("to_ipaas", "from_ipaas") + '"source": "A"}]',
        "to_ipaas only",
    ),
]


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG)
def test_a_wrong_variable_is_refused_by_name_value_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(**{name: value})
    error = raised.value
    assert error.setting == f"Variable {name}"
    assert name in str(error)
    assert allowed in error.allowed
    shown = json.loads(value)[0] if value.startswith("[{") else value
    assert repr(shown if not isinstance(error.value, dict) else error.value) in str(error)


def test_a_wrong_entry_of_a_list_is_named() -> None:
    good = {"model": "product", "direction": "to_ipaas", "target": "Good", "source": "No"}
    bad = {"model": "product", "direction": "to_ipaas", "target": "Bad"}
    with pytest.raises(SettingsError) as raised:
        load(bc_custom_fields=json.dumps([good, bad]))
    assert "entry 2" in raised.value.allowed
    assert raised.value.value == bad


def test_every_service_that_a_flow_reads_is_known_with_what_to_publish() -> None:
    assert {name for flow in FLOWS.values() for name in flow.services} <= set(SERVICES)


# --- Connections -------------------------------------------------------------------------------------------------

BC_EXTRA = {"tenant_id": "t", "environment": "Production", "company_name": "CRONUS"}
BC = ("https://api.businesscentral.dynamics.com", "client", SECRET)
IPAAS_EXTRA = {"company_id": "c", "system_id": 4711}
IPAAS = ("https://api.ipaas.com", "me@example.com", SECRET)


def test_a_connection_to_business_central_with_its_defaults() -> None:
    connection = BusinessCentralConnection.from_parts(*BC, BC_EXTRA)
    assert connection.scope == "https://api.businesscentral.dynamics.com/.default"
    assert connection.authority == "https://login.microsoftonline.com"
    assert connection.verify is None
    assert connection.client_secret.get_secret_value() == SECRET


def test_what_is_copied_with_too_much_around_it_is_trimmed() -> None:
    extra = {name: f" {value}\n" for name, value in BC_EXTRA.items()}
    connection = BusinessCentralConnection.from_parts(f"{BC[0]}/v2.0/", " client ", f"{SECRET}\n", extra)
    assert connection == BusinessCentralConnection.from_parts(*BC, BC_EXTRA)


@pytest.mark.parametrize("missing", ["host", "login", "password", "tenant_id", "environment", "company_name"])
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_missing_field_is_named_with_the_troubleshooting_advice(missing: str, blank: str | None) -> None:
    parts = dict(zip(("host", "login", "password"), BC, strict=True)) | BC_EXTRA | {missing: blank}
    with pytest.raises(SettingsError, match=missing) as raised:
        BusinessCentralConnection.from_parts(
            parts["host"], parts["login"], parts["password"], {name: parts[name] for name in BC_EXTRA}
        )
    assert "Tenant Id, Client Id, Client Secret and Scope" in raised.value.allowed


def test_any_other_grant_type_is_refused_with_the_seeds_advice() -> None:
    with pytest.raises(SettingsError, match="client_credentials") as raised:
        BusinessCentralConnection.from_parts(*BC, {**BC_EXTRA, "grant_type": "password"})
    assert "Company Name" in raised.value.allowed
    assert raised.value.value == "password"


def test_the_authority_is_an_https_address() -> None:
    with pytest.raises(SettingsError, match="https"):
        BusinessCentralConnection.from_parts(*BC, {**BC_EXTRA, "authority": "http://localhost"})


@pytest.mark.parametrize("host", ["ftp://host", "https://", "https://host:no", "https://host?x=1"])
def test_a_host_that_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="host"):
        BusinessCentralConnection.from_parts(host, *BC[1:], BC_EXTRA)
    with pytest.raises(SettingsError, match="host"):
        IPaaSConnection.from_parts(host, *IPAAS[1:], IPAAS_EXTRA)


@pytest.mark.parametrize("host", ["host", "host:no", "host?x=1", ""])
def test_a_secret_in_the_host_is_refused_and_not_shown(host: str) -> None:
    with pytest.raises(SettingsError, match="user or password") as raised:
        BusinessCentralConnection.from_parts(f"https://user:{SECRET}@{host}", *BC[1:], BC_EXTRA)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "verify"), [(None, None), ("", None), (True, True), ("False", False), ("true", True)]
)
def test_verify_in_every_spelling(given: Any, verify: Any) -> None:
    assert BusinessCentralConnection.from_parts(*BC, {**BC_EXTRA, "verify": given}).verify is verify
    assert IPaaSConnection.from_parts(*IPAAS, {**IPAAS_EXTRA, "verify": given}).verify is verify


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Any) -> None:
    bundle = tmp_path / "ca.pem"
    with pytest.raises(SettingsError, match="verify"):
        BusinessCentralConnection.from_parts(*BC, {**BC_EXTRA, "verify": str(bundle)})
    bundle.write_text("")
    assert BusinessCentralConnection.from_parts(*BC, {**BC_EXTRA, "verify": str(bundle)}).verify == str(bundle)


def test_a_connection_to_ipaas_with_its_families() -> None:
    connection = IPaaSConnection.from_parts(*IPAAS, {**IPAAS_EXTRA, "customers_url": "https://elsewhere/c/"})
    assert connection.urls["customers"] == "https://elsewhere/c"
    assert connection.urls["hook"] == "https://api.ipaas.com/hookapi"
    assert connection.urls["sso"] == "https://api.ipaas.com/sso"
    assert connection.system_id == 4711


def test_a_ready_token_needs_no_company() -> None:
    connection = IPaaSConnection.from_parts(IPAAS[0], None, "token\n", {"system_id": "4711"})
    assert (connection.email, connection.password.get_secret_value(), connection.system_id) == (None, "token", 4711)


@pytest.mark.parametrize(
    ("missing", "extra"),
    [
        ("company_id", {"system_id": 1}),
        ("system_id", {"company_id": "c"}),
        ("system_id", {**IPAAS_EXTRA, "system_id": "abc"}),
    ],
)
def test_what_ipaas_needs_is_named(missing: str, extra: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=missing):
        IPaaSConnection.from_parts(*IPAAS, extra)


def test_secrets_are_not_in_any_representation() -> None:
    bc = BusinessCentralConnection.from_parts(*BC, BC_EXTRA)
    ipaas = IPaaSConnection.from_parts(*IPAAS, {**IPAAS_EXTRA, "webhook_api_key": f"{SECRET}-hook"})
    for shown in (repr(bc), str(bc), bc.model_dump_json(), repr(ipaas), str(ipaas), ipaas.model_dump_json()):
        assert SECRET not in shown
    for wrong in ({"grant_type": "password"}, {"tenant_id": ""}, {"authority": "http://x"}, {"verify": "/nowhere"}):
        with pytest.raises(SettingsError) as raised:
            BusinessCentralConnection.from_parts(*BC, {**BC_EXTRA, **wrong})
        assert SECRET not in f"{raised.value!s} {raised.value!r} {raised.value.value}"


def test_a_limit_beyond_which_a_person_is_asked_is_one_of_two_numbers() -> None:
    above = load(sync_approve_above='{"records": 500, "price_change_percent": 12.5}').sync_approve_above
    assert (above.records, above.price_change_percent) == (500, Decimal("12.5"))
    with pytest.raises(SettingsError, match=r"sync_approve_above.*There is no 'price'"):
        load(sync_approve_above='{"price": 5}')
    with pytest.raises(SettingsError, match="sync_approve_above"):
        load(sync_approve_above='{"records": -1}')
