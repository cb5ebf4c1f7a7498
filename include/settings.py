"""Every Variable and every Connection field, typed and validated, in one place. Imports nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

# The web services that flows read, the seed's eight first: published name -> what to publish under it.
SERVICES: Mapping[str, str] = {
    "CustomerCard": "page 21 (Customer Card)",
    "Locations": "page 5703 (Location Card)",
    "ItemCard": "page 30 (Item Card)",
    "ShippingAgents": "page 428 (Shipping Agents)",
    "SalesOrders": "page 42 (Sales Order)",
    "SalesOrderLines": "page 46 (Sales Order Lines)",
    "Itemsbylocation": "query 2554 (Items By Location)",
    "CustomerPriceGroups": "page 7 (Customer Price Groups)",
    "SalesPrices": "page 7002 (Sales Prices)",
    "SalesPriceLists": "page 7016 (Sales Price List)",
    "PriceListLines": "page 7001 (Price List Lines)",
    "PostedSalesInvoices": "page 132 (Posted Sales Invoice), or 143 with fewer fields",
    "PostedSalesShipments": "page 142 (Posted Sales Shipments)",
    "ItemCategoryCard": "page 5733 (Item Category Card)",
}


class SettingsError(Exception):
    """A Variable or Connection field is wrong. Names it, its value (never a secret) and what is allowed."""

    def __init__(self, setting: str, value: object, allowed: str) -> None:
        super().__init__(f"{setting} is {value!r}. {allowed}")
        self.setting = setting
        self.value = value
        self.allowed = allowed


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lookup(_Closed):
    """A translation table: the value of `source` is looked up in `table`, else `default`."""

    source: str = Field(min_length=1)
    table: dict[str, str | int | float | bool]
    default: str | int | float | bool | None = None


Model = Literal["transaction", "customer", "contact", "company", "transaction line", "product", "tracking"]


class CustomField(_Closed):
    """One custom-field mapping: exactly one of `source`, `static`, `formula`, `lookup` fills `target`."""

    model: Model
    direction: Literal["to_ipaas", "from_ipaas"]
    target: str = Field(min_length=1)
    source: str | None = Field(None, min_length=1)
    static: str | int | float | bool | None = None
    formula: str | None = Field(None, min_length=1)
    lookup: Lookup | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [n for n in ("source", "static", "formula", "lookup") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of source, static, formula, lookup")
        if self.model == "tracking" and self.direction != "to_ipaas":
            raise ValueError("tracking has custom fields to_ipaas only")
        if self.formula is not None:
            from jinja2 import TemplateSyntaxError
            from jinja2.sandbox import SandboxedEnvironment

            try:
                SandboxedEnvironment().parse(self.formula)
            except TemplateSyntaxError as error:
                raise ValueError(f"the formula is not valid: {error}") from error
        return self


class PartyDefaults(_Closed):
    """What a customer or company gets when it is created in Business Central."""

    Gen_Bus_Posting_Group: str | None = None
    Customer_Posting_Group: str | None = None
    Payment_Terms_Code: str | None = None
    Tax_Area_Code: str | None = None


class CustomerDefaults(PartyDefaults):
    """As for companies; `also_on_update` writes them with every update, too."""

    also_on_update: bool = False


class ProductDefaults(_Closed):
    """What an item gets when it is created."""

    Base_Unit_of_Measure: str = "EA"
    Gen_Prod_Posting_Group: str | None = None
    Inventory_Posting_Group: str | None = None
    Order_Tracking_Policy: str | None = None


class SalesOrderDefaults(_Closed):
    """What a sales order gets, and the account of its shipping charge."""

    Location_Code: str | None = None
    number_from_transaction: bool = False
    shipping_account: str | None = None


class InvoiceDefaults(_Closed):
    """Which transactions become invoices, and on which accounts and journal."""

    types: tuple[str, ...] = ("Order", "Invoice")
    shipping_account: str | None = None
    tax_account: str | None = None
    payment_journal: str | None = None
    salesperson: str | None = None


class CreateDefaults(_Closed):
    """Values set only when a record is created in Business Central, by record type."""

    company: PartyDefaults = PartyDefaults()
    customer: CustomerDefaults = CustomerDefaults()
    product: ProductDefaults = ProductDefaults()
    sales_order: SalesOrderDefaults = SalesOrderDefaults()
    invoice: InvoiceDefaults = InvoiceDefaults()


def _contact_field(target: str, **origin: Any) -> CustomField:
    return CustomField(model="contact", direction="to_ipaas", target=target, **origin)


# The five of the platform's own contact mapping (article 14112703).
CONTACT_FIELDS = (
    _contact_field("Customer Type", source="type"),
    _contact_field("Record Type", static="Contact"),
    _contact_field("Role", source="jobTitle"),
    _contact_field("Active", formula="{{ 'false' if privacyBlocked else 'true' }}"),
    _contact_field("iPaaS.com Company ID", source="company_id"),
)

_WORDS = {
    "true": True,
    "1": True,
    "yes": True,
    "false": False,
    "0": False,
    "no": False,
}


class SyncSettings(_Closed):
    """The Variables (contract §3). A field's name is its Variable's name."""

    bc_transaction_poll_search_days: int = Field(
        5, ge=0, le=3650, description="How many days back the polls of orders, invoices and shipments look."
    )
    bc_concurrent_batch_executions: int = Field(10, ge=1, le=100, description="How many records are written at a time.")
    bc_enable_company_hierarchy: bool = Field(False, description="Transfer the parent company of companies.")
    bc_process_company_relationship: bool = Field(False, description="Transfer the contacts of companies.")
    bc_contacts_endpoint: str = Field("contacts", description="The service that contacts are read from.")
    bc_transfer_customer_price_groups: bool = Field(False, description="Transfer price-group prices with products.")
    bc_sales_codes_for_customer_price_groups: tuple[str, ...] = Field(
        (), description="The sales codes whose prices are transferred, comma separated; blank means all."
    )
    bc_sales_price_field_separator: str | None = Field(None, description="Between the fields of a price; blank is `|`.")
    bc_sales_price_record_delimiter: str | None = Field(None, description="Between prices; blank is `;`.")
    bc_exclude_expired_rules: bool = Field(False, description="Leave out prices whose ending date has passed.")
    bc_excluded_lineitem_skus_from_preprocessing: tuple[str, ...] = Field(
        (), description="SKUs that are left out of the lines of orders and invoices, comma separated."
    )
    bc_processing_company_creation_in_prerequisite: bool = Field(
        False, description="Create a missing company on the spot instead of waiting for it."
    )
    bc_update_non_existing_invoice_lines: bool = Field(
        False, description="Add missing lines to a draft invoice that an earlier failure left unposted."
    )
    bc_throttle_limit: int = Field(6000, ge=1, description="Calls to Business Central per window.")
    bc_throttle_seconds: int = Field(300, ge=1, description="The window of bc_throttle_limit, in seconds.")
    ipaas_throttle_limit: int = Field(500, ge=1, description="Calls to iPaaS.com per window.")
    ipaas_throttle_seconds: int = Field(60, ge=1, description="The window of ipaas_throttle_limit, in seconds.")
    bc_service_names: dict[str, str] = Field(
        {}, description='JSON: published service names that differ, as {"CustomerCard": "MyCard"}.'
    )
    bc_create_defaults: CreateDefaults = Field(
        CreateDefaults(), description="JSON: values set only when a record is created in Business Central."
    )
    bc_custom_fields: tuple[CustomField, ...] = Field(CONTACT_FIELDS, description="JSON: the custom-field mappings.")
    bc_product_category_exclude: tuple[str, ...] = Field(
        (), description="JSON: patterns of category codes to leave out."
    )
    bc_time_zone: str = Field("UTC", description="IANA time zone of the company's dates.")

    @field_validator("*", mode="before")
    @classmethod
    def _from_text(cls, value: Any, info: Any) -> Any:
        if not isinstance(value, str):
            return value
        annotation = cls.model_fields[info.field_name].annotation
        if annotation is bool:
            word = value.strip().lower()
            if word not in _WORDS:
                raise ValueError("Allowed: TRUE or FALSE (also 1/0, yes/no).")
            return _WORDS[word]
        if info.field_name in _JSON:
            try:
                return json.loads(value)
            except ValueError as error:
                raise ValueError(f"It must be JSON: {error}") from error
        if info.field_name in _LISTS:
            return tuple(part.strip() for part in value.split(",") if part.strip())
        # A separator may be a blank; everything else is trimmed.
        return value if info.field_name in _VERBATIM else value.strip()

    @field_validator("bc_service_names")
    @classmethod
    def _known_services(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in SERVICES:
                raise ValueError(f"There is no service {name!r}. Allowed: {', '.join(SERVICES)}.")
        return value

    @field_validator("bc_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("Allowed: an IANA time zone such as Europe/Berlin.") from error
        return value

    @classmethod
    def load(cls, get: Callable[[str], str | None]) -> Self:
        """Read every Variable with `get`; an absent or blank one has its default.

        Raises SettingsError for the first one that is wrong.
        """
        given: dict[str, Any] = {}
        for name in cls.model_fields:
            value = get(name)
            blank = value is None or value == "" or (isinstance(value, str) and not value.strip())
            if not blank or (value and name in _VERBATIM):
                given[name] = value
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _wrong(error.errors()[0], given) from None


def _wrong(problem: Any, given: Mapping[str, Any]) -> SettingsError:
    """The error in words: which Variable, which entry and key of it, its value, what is allowed."""
    name, *inner = problem["loc"]
    value = given[name]
    if inner:
        # Show the entry of the list, or what stands under the first key, instead of the whole JSON.
        value = json.loads(value) if isinstance(value, str) else value
        if isinstance(inner[0], int):
            value = value[inner[0]]
    where = ", ".join(f"entry {part + 1}" if isinstance(part, int) else str(part) for part in inner)
    reason = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        reason = f"There is no {inner[-1]!r}"
    elif problem["type"].startswith("int_"):
        reason = "Allowed: a whole number"
    reason = reason[:1].upper() + reason[1:].rstrip(".") + "."
    field = SyncSettings.model_fields[name]
    return SettingsError(f"Variable {name}", value, f"{f'In {where}: ' if where else ''}{reason} {field.description}")


_JSON = {"bc_service_names", "bc_create_defaults", "bc_custom_fields", "bc_product_category_exclude"}
_LISTS = {"bc_sales_codes_for_customer_price_groups", "bc_excluded_lineitem_skus_from_preprocessing"}
_VERBATIM = {"bc_sales_price_field_separator", "bc_sales_price_record_delimiter"}

BC_SCOPE = "https://api.businesscentral.dynamics.com/.default"
ENTRA = "https://login.microsoftonline.com"


def _parts(connection: str, values: Mapping[str, Any], required: Mapping[str, str]) -> None:
    for name, where in required.items():
        if not str(values.get(name) or "").strip():
            raise SettingsError(
                f"Connection {connection}, {where}",
                "",
                "It is required. Complete all connection fields, including Tenant Id, Client Id, Client Secret and "
                "Scope."
                if connection == "business_central"
                else "It is required.",
            )


def _verify(connection: str, value: Any) -> bool | str | None:
    """True, False or the path of a CA bundle; None (the machine's own) when nothing is said."""
    if value is None or isinstance(value, bool):
        return value
    text = str(value).strip()
    if not text:
        return None
    verify = _WORDS.get(text.lower(), text)
    if isinstance(verify, str) and not Path(verify).exists():
        raise SettingsError(
            f"Connection {connection}, extra verify", text, "It must be true, false, or the path of a CA bundle."
        )
    return verify


def _url(connection: str, field: str, address: Any) -> str:
    """An address without the slash at its end; https where no scheme is given."""
    text = str(address).strip()
    url = (text if "://" in text else f"https://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment:
        raise SettingsError(
            f"Connection {connection}, {field}", text, "It must be an address such as https://host:port."
        )
    if parts.username or parts.password:
        # Addresses are shown in messages; secrets belong into login and password.
        raise SettingsError(f"Connection {connection}, {field}", parts.hostname, "It must not hold a user or password.")
    return url


class BusinessCentralConnection(_Closed):
    """The Connection `business_central` (contract §2)."""

    url: str
    client_id: str
    client_secret: SecretStr
    tenant_id: str
    environment: str
    company_name: str
    scope: str = BC_SCOPE
    authority: str = ENTRA
    verify: bool | str | None = None

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
            "password": "password (Client Secret)",
            "environment": "extra environment (Environment)",
            "company_name": "extra company_name (Company Name)",
        }
        _parts("business_central", values, required)
        authority = _url("business_central", "extra authority", extra.get("authority") or ENTRA)
        if not authority.startswith("https://"):
            raise SettingsError(
                "Connection business_central, extra authority", authority, "It must be an https address."
            )
        return cls(
            # The address is often copied with the version that follows it.
            url=_url("business_central", "host (API Url)", host).removesuffix("/v2.0"),
            client_id=str(login).strip(),
            client_secret=SecretStr(str(password).strip()),
            tenant_id=str(extra["tenant_id"]).strip(),
            environment=str(extra["environment"]).strip(),
            company_name=str(extra["company_name"]).strip(),
            scope=str(extra.get("scope") or BC_SCOPE).strip(),
            authority=authority,
            verify=_verify("business_central", extra.get("verify")),
        )


class IPaaSConnection(_Closed):
    """The Connection `ipaas` (contract §2). Without an e-mail the password is a ready company token."""

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
        _parts("ipaas", values, required)
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
