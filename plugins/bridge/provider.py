"""The two types of Connections, with the fields of their forms, as Airflow reads them of a provider.

Airflow finds it by the folder `*.dist-info` beside this package, as it does an installed one, wherever `plugins/` is on
`PYTHONPATH` when Python starts. Nothing is imported for it: every process of Airflow's asks.
"""

from __future__ import annotations

from typing import Any

# The name in METADATA.
PACKAGE = "business-central-ipaas"
BUSINESS_CENTRAL = "business_central"
IPAAS = "ipaas"
_GRANT = "client_credentials"


def _text(label: str, description: str, *, secret: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["string", "null"]}
    if secret:
        schema["format"] = "password"
    return {"label": label, "description": description, "schema": schema}


def _verify() -> dict[str, Any]:
    return _text(
        "Certificates", "A CA bundle's path, below Airflow's home or whole, or true or false. Empty: the machine's own."
    )


_BC_FIELDS: dict[str, dict[str, Any]] = {
    "tenant_id": _text("Tenant Id", "Directory (tenant) Id, from the overview of the app registration."),
    "environment": _text("Environment", "Its name in the admin center, such as Production."),
    "company_name": _text("Company Name", "As under Settings, My Settings; case matters."),
    "certificate": _text(
        "Certificate",
        "In place of the secret: a PEM file with private key and certificate, below Airflow's home or whole.",
    ),
    "certificate_password": _text("Password of the certificate's key", "If it has one.", secret=True),
    "assertion_file": _text(
        "Federated credential", "In place of the secret: a file whose token is shown, renewed by others."
    ),
    "credential_ends": _text("Client Secret ends", "A day such as 2027-01-31; said 30 days before."),
    "secret_2": _text("Second Client Secret", "Takes over when the first is refused or has expired.", secret=True),
    "credential_2_ends": _text("Second Client Secret ends", "A day such as 2027-07-31; said 30 days before."),
    "scope": _text("Scope", "Empty: https://api.businesscentral.dynamics.com/.default."),
    "grant_type": {
        "label": "Grant Type",
        "description": "client_credentials in all configurations.",
        "schema": {"type": ["string", "null"], "enum": [_GRANT], "default": _GRANT},
    },
    "authority": _text("Authority", "Empty: https://login.microsoftonline.com."),
    "notification_url": _text(
        "Notification Url",
        "Airflow's public address with /business_central/notifications behind it. Empty: polls alone.",
    ),
    "notification_secret": _text(
        "Notification secret", "16 characters or more that Business Central shows with what it posts.", secret=True
    ),
    "verify": _verify(),
}
_IPAAS_FIELDS: dict[str, dict[str, Any]] = {
    "company_id": _text("Company Id", "GUID of the company. Not needed with a company token."),
    "system_id": {
        "label": "Subscription Id",
        "description": "The whole number of the Business Central subscription.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "client_id": _text("Client Id", "Sent as X-Client-Id, if there is one."),
    "webhook_api_key": _text("Webhook key", "What webhooks to /ipaas/hooks have to carry as Bearer.", secret=True),
    **{
        f"{family}_url": _text(f"{name} Url", f"Empty: {{host}}/{path}.")
        for family, name, path in (
            ("sso", "SSO", "sso"),
            ("subscriptions", "Subscriptions", "subscriptions"),
            ("customers", "Customers", "customers"),
            ("products", "Products", "products"),
            ("transactions", "Transactions", "transactions"),
            ("hook", "Hooks", "hookapi"),
        )
    },
    "verify": _verify(),
}


def extras_of(conn_type: str) -> list[str]:
    """The names of the fields that the form of a type has beside Airflow's own; none of a type that is not ours."""
    return list({BUSINESS_CENTRAL: _BC_FIELDS, IPAAS: _IPAAS_FIELDS}.get(conn_type, ()))


def provider_info() -> dict[str, Any]:
    """What Airflow asks a provider for."""
    return {
        "package-name": PACKAGE,
        "name": "Business Central and iPaaS.com",
        "description": "The types of their Connections.",
        "connection-types": [
            {
                "connection-type": BUSINESS_CENTRAL,
                "hook-name": "Business Central",
                "hook-class-name": "bridge.hooks.BusinessCentralHook",
                "conn-fields": _BC_FIELDS,
                "ui-field-behaviour": _standard(
                    "https://api.businesscentral.dynamics.com", "API Url", "Client Id", "Client Secret"
                ),
            },
            {
                "connection-type": IPAAS,
                "hook-name": "iPaaS.com",
                "hook-class-name": "bridge.hooks.IPaaSHook",
                "conn-fields": _IPAAS_FIELDS,
                "ui-field-behaviour": _standard(
                    "https://api.ipaas.com", "Url", "E-mail (none with a company token)", "Password, or company token"
                ),
            },
        ],
    }


def _standard(host_like: str, host: str, login: str, password: str) -> dict[str, Any]:
    return {
        "hidden-fields": ["schema", "port"],
        "relabeling": {"host": host, "login": login, "password": password},
        "placeholders": {"host": host_like},
    }
