"""Every Connection field, typed and validated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from include.errors import SettingsError
from include.settings.base import Closed, truth

BC_SCOPE = "https://api.businesscentral.dynamics.com/.default"
ENTRA = "https://login.microsoftonline.com"


def _require(connection: str, values: Mapping[str, Any], required: Mapping[str, str], advice: str = "") -> None:
    for name, where in required.items():
        if not str(values.get(name) or "").strip():
            raise SettingsError(f"Connection {connection}, {where}", "", f"It is required. {advice}".strip())


def _verify(connection: str, value: Any) -> bool | str | None:
    """True, False or the path of a CA bundle; None (the machine's own) when nothing is said."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip()
    if not text:
        return None
    flag = truth(text)
    if flag is None and not Path(text).exists():
        raise SettingsError(
            f"Connection {connection}, extra verify", text, "It must be true, false, or the path of a CA bundle."
        )
    return text if flag is None else flag


def _url(connection: str, field: str, address: Any) -> str:
    """An address without the slash at its end; https where no scheme is given."""
    text = str(address).strip()
    url = (text if "://" in text else f"https://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    where = f"Connection {connection}, {field}"
    if "@" in text:
        # Addresses are shown in messages; secrets belong into login and password.
        raise SettingsError(where, text.rpartition("@")[2], "It must not hold a user or password.")
    if not valid or parts.query or parts.fragment:
        raise SettingsError(where, text, "It must be an address such as https://host:port.")
    return url


def _filled(value: Any) -> str | None:
    return str(value or "").strip() or None


def _secret(value: Any) -> SecretStr | None:
    text = _filled(value)
    return SecretStr(text) if text else None


def _day(name: str, extra: Mapping[str, Any]) -> date | None:
    text = _filled(extra.get(name))
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsError(
            f"Connection business_central, extra {name}", text, "It must be a day such as 2027-01-31."
        ) from None


class BusinessCentralConnection(Closed):
    """The Connection `business_central` (docs/contract.md, "Connections").

    One of certificate, assertion file and secret is there at least; `secret_2` takes over when the others are refused.
    """

    url: str
    client_id: str
    client_secret: SecretStr | None = None
    secret_2: SecretStr | None = None
    certificate: str | None = None
    certificate_password: SecretStr | None = None
    assertion_file: str | None = None
    credential_ends: date | None = None
    credential_2_ends: date | None = None
    tenant_id: str
    environment: str
    company_name: str
    scope: str = BC_SCOPE
    authority: str = ENTRA
    verify: bool | str | None = None
    # Where Business Central posts that something changed, and what it shows with it; None: polls alone.
    notification_url: str | None = None
    notification_secret: SecretStr | None = None

    @classmethod
    def from_parts(cls, host: str | None, login: str | None, password: str | None, extra: Mapping[str, Any]) -> Self:
        """Build it from a Connection's fields. Raises SettingsError naming the field that is missing or wrong."""
        values = {"host": host, "login": login, "password": password, **extra}
        grant_type = extra.get("grant_type") or "client_credentials"
        if grant_type != "client_credentials":
            raise SettingsError(
                "Connection business_central, extra grant_type",
                grant_type,
                "Grant Type must be set to client_credentials in all configurations. If transfers fail with "
                "authorization errors, confirm that and that the Company Name matches the company that holds your "
                "records.",
            )
        required = {
            "host": "host (API Url)",
            "tenant_id": "extra tenant_id (Tenant Id)",
            "login": "login (Client Id)",
            "environment": "extra environment (Environment)",
            "company_name": "extra company_name (Company Name)",
        }
        if not any(str(values.get(name) or "").strip() for name in ("certificate", "assertion_file")):
            required["password"] = "password (Client Secret)"
        advice = "Complete all connection fields, including Tenant Id, Client Id, Client Secret and Scope."
        _require("business_central", values, required, advice)
        authority = _url("business_central", "extra authority", extra.get("authority") or ENTRA)
        if not authority.startswith("https://"):
            raise SettingsError(
                "Connection business_central, extra authority", authority, "It must be an https address."
            )
        return cls(
            # The address is often copied with the version that follows it.
            url=_url("business_central", "host (API Url)", host).removesuffix("/v2.0"),
            client_id=str(login).strip(),
            client_secret=_secret(password),
            secret_2=_secret(extra.get("secret_2")),
            certificate=_filled(extra.get("certificate")),
            certificate_password=SecretStr(str(given)) if (given := extra.get("certificate_password")) else None,
            assertion_file=_filled(extra.get("assertion_file")),
            credential_ends=_day("credential_ends", extra),
            credential_2_ends=_day("credential_2_ends", extra),
            tenant_id=str(extra["tenant_id"]).strip(),
            environment=str(extra["environment"]).strip(),
            company_name=str(extra["company_name"]).strip(),
            scope=str(extra.get("scope") or BC_SCOPE).strip(),
            authority=authority,
            verify=_verify("business_central", extra.get("verify")),
            **_notification(extra),
        )


def _notification(extra: Mapping[str, Any]) -> dict[str, Any]:
    """Where notifications go, and their secret; both or neither."""
    url = str(extra.get("notification_url") or "").strip()
    secret = str(extra.get("notification_secret") or "").strip()
    if not url:
        return {"notification_secret": SecretStr(secret) if secret else None}
    where = "Connection business_central, extra notification_secret"
    if not 16 <= len(secret) <= 2_048:
        raise SettingsError(
            where,
            "too short" if len(secret) < 16 else "too long",
            "With notification_url it is required: make one up, of 16 to 2,048 characters that nobody can guess.",
        )
    return {
        "notification_url": _url("business_central", "extra notification_url", url),
        "notification_secret": SecretStr(secret),
    }


class IPaaSConnection(Closed):
    """The Connection `ipaas` (docs/contract.md, "Connections"). Without an e-mail the password is a company's token."""

    url: str
    email: str | None
    password: SecretStr
    company_id: str | None
    system_id: int
    client_id: str | None = None
    webhook_api_key: SecretStr | None = None
    urls: dict[str, str]
    verify: bool | str | None = None

    @classmethod
    def from_parts(cls, host: str | None, login: str | None, password: str | None, extra: Mapping[str, Any]) -> Self:
        """Build it from a Connection's fields. Raises SettingsError naming the field that is missing or wrong."""
        values = {"host": host, "password": password, **extra}
        required = {
            "host": "host",
            "password": "password (of the user, or a company token)",
            "system_id": "extra system_id (the id of the Business Central subscription)",
        }
        if login:
            required["company_id"] = "extra company_id"
        _require("ipaas", values, required)
        try:
            system_id = int(extra["system_id"])
        except (TypeError, ValueError):
            raise SettingsError(
                "Connection ipaas, extra system_id",
                extra["system_id"],
                "It must be the subscription's whole number.",
            ) from None
        url = _url("ipaas", "host", host)
        families = {
            "sso": "sso",
            "subscriptions": "subscriptions",
            "customers": "customers",
            "products": "products",
            "transactions": "transactions",
            "hook": "hookapi",
        }
        urls = {
            name: _url("ipaas", f"extra {name}_url", extra.get(f"{name}_url") or f"{url}/{path}")
            for name, path in families.items()
        }
        key = extra.get("webhook_api_key")
        return cls(
            url=url,
            email=login or None,
            # A token is copied, at times with a line end; a person's password is what it is.
            password=SecretStr(str(password) if login else str(password).strip()),
            company_id=str(extra["company_id"]) if extra.get("company_id") else None,
            system_id=system_id,
            client_id=extra.get("client_id") or None,
            webhook_api_key=SecretStr(str(key)) if key else None,
            urls=urls,
            verify=_verify("ipaas", extra.get("verify")),
        )
