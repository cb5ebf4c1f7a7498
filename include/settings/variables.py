"""Every Variable, typed and validated."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, field_validator, model_validator

from include.errors import SettingsError
from include.settings.base import Closed, truth

# The web services that flows read, the eight that are needed first: published name -> what to publish under it.
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
    "ItemUnitsOfMeasure": "page 5404 (Item Units of Measure)",
    "GeneralLedgerSetup": "page 118 (General Ledger Setup)",
}


# The records of iPaaS.com, and what is done with them: paths of their own can be named for each.
IPAAS_RECORDS = (
    "customer",
    "company",
    "customer category",
    "company relationship",
    "product",
    "product inventory",
    "product category",
    "location",
    "transaction",
    "transaction tracking",
    "shipping method",
    "payment method",
)
IPAAS_OPERATIONS = ("create", "update", "read", "search")


class Lookup(Closed):
    """A translation table: the value of `source` is looked up in `table`, else `default`."""

    source: str = Field(min_length=1)
    table: dict[str, str | int | float | bool]
    default: str | int | float | bool | None = None


Model = Literal["transaction", "customer", "contact", "company", "transaction line", "product", "tracking"]


class CustomField(Closed):
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


class PartyDefaults(Closed):
    """What a customer or company gets when it is created in Business Central."""

    Gen_Bus_Posting_Group: str | None = None
    Customer_Posting_Group: str | None = None
    Payment_Terms_Code: str | None = None
    Tax_Area_Code: str | None = None


class CustomerDefaults(PartyDefaults):
    """As for companies; `also_on_update` writes them with every update, too."""

    also_on_update: bool = False


class ProductDefaults(Closed):
    """What an item gets when it is created."""

    Base_Unit_of_Measure: str = "EA"
    Gen_Prod_Posting_Group: str | None = None
    Inventory_Posting_Group: str | None = None
    Order_Tracking_Policy: str | None = None


class SalesOrderDefaults(Closed):
    """What a sales order gets, and the account of its shipping charge."""

    Location_Code: str | None = None
    number_from_transaction: bool = False
    shipping_account: str | None = None


class InvoiceDefaults(Closed):
    """Which transactions become invoices, and on which accounts and journal."""

    types: tuple[str, ...] = ("Order", "Invoice")
    shipping_account: str | None = None
    tax_account: str | None = None
    payment_journal: str | None = None
    salesperson: str | None = None
    # The tax group, or VAT product posting group, of which lines bear no tax of Business Central's own.
    no_tax_group: str | None = None
    # The statuses of payments that say that their whole amount was received, whatever their case.
    received_statuses: tuple[str, ...] = ("Complete", "Completed", "Paid", "Captured", "Settled", "Received")


class CreateDefaults(Closed):
    """Values set only when a record is created in Business Central, by record type."""

    company: PartyDefaults = PartyDefaults()
    customer: CustomerDefaults = CustomerDefaults()
    product: ProductDefaults = ProductDefaults()
    sales_order: SalesOrderDefaults = SalesOrderDefaults()
    invoice: InvoiceDefaults = InvoiceDefaults()


def _contact_field(target: str, **origin: Any) -> CustomField:
    return CustomField(model="contact", direction="to_ipaas", target=target, **origin)


# The five of the platform's own contact mapping.
CONTACT_FIELDS = (
    _contact_field("Customer Type", source="type"),
    _contact_field("Record Type", static="Contact"),
    _contact_field("Role", source="jobTitle"),
    _contact_field("Active", formula="{{ 'false' if privacyBlocked else 'true' }}"),
    _contact_field("iPaaS.com Company ID", source="company_id"),
)


def _flag(value: Any) -> Any:
    flag = truth(value)
    if flag is None:
        raise ValueError("Allowed: TRUE or FALSE (also 1/0, yes/no).")
    return flag


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
        # An escape may stand for half of a character, which nobody could be sent.
        json.dumps(found, ensure_ascii=False).encode()
        return found
    except ValueError as error:
        raise ValueError(f"It must be JSON: {error}") from error


def _separated(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


# How the text of a Variable is read.
Flag = Annotated[bool, BeforeValidator(_flag)]
FromJson = BeforeValidator(_from_json)
Separated = Annotated[tuple[str, ...], BeforeValidator(_separated)]
Trimmed = Annotated[str, StringConstraints(strip_whitespace=True)]


# A separator may be a blank; every other Variable that is blank has its default.
_VERBATIM = {"bc_sales_price_field_separator", "bc_sales_price_record_delimiter"}


class ApproveAbove(Closed):
    """What a run may do without being asked: change so many records, and prices by so many percent."""

    records: int | None = Field(None, ge=0)
    price_change_percent: Decimal | None = Field(None, ge=0)


class SyncSettings(Closed):
    """The Variables (docs/contract.md, "Variables"). A field's name is its Variable's name."""

    bc_transaction_poll_search_days: int = Field(
        5, ge=0, le=3650, description="How many days back the polls of orders, invoices and shipments look."
    )
    bc_concurrent_batch_executions: int = Field(10, ge=1, le=100, description="How many records are written at a time.")
    bc_enable_company_hierarchy: Flag = Field(False, description="Transfer the parent company of companies.")
    bc_process_company_relationship: Flag = Field(False, description="Transfer the contacts of companies.")
    bc_contacts_endpoint: Trimmed = Field("contacts", description="The service that contacts are read from.")
    bc_transfer_customer_price_groups: Flag = Field(False, description="Transfer price-group prices with products.")
    bc_sales_codes_for_customer_price_groups: Separated = Field(
        (), description="The sales codes whose prices are transferred, comma separated; blank means all."
    )
    bc_sales_price_field_separator: str | None = Field(None, description="Between the fields of a price; blank is `|`.")
    bc_sales_price_record_delimiter: str | None = Field(None, description="Between prices; blank is `;`.")
    bc_exclude_expired_rules: Flag = Field(False, description="Leave out prices whose ending date has passed.")
    bc_excluded_lineitem_skus_from_preprocessing: Separated = Field(
        (), description="SKUs that are left out of the lines of orders and invoices, comma separated."
    )
    bc_processing_company_creation_in_prerequisite: Flag = Field(
        False, description="Create a missing company on the spot instead of waiting for it."
    )
    bc_update_non_existing_invoice_lines: Flag = Field(
        False, description="Complete draft invoices that the ledger does not know, too."
    )
    bc_throttle_limit: int = Field(6000, ge=1, description="Calls to Business Central per window.")
    bc_throttle_seconds: int = Field(300, ge=1, description="The window of bc_throttle_limit, in seconds.")
    ipaas_throttle_limit: int = Field(500, ge=1, description="Calls to iPaaS.com per window.")
    ipaas_throttle_seconds: int = Field(60, ge=1, description="The window of ipaas_throttle_limit, in seconds.")
    bc_service_names: Annotated[dict[str, str], FromJson] = Field(
        {}, description='JSON: published service names that differ, as {"CustomerCard": "MyCard"}.'
    )
    bc_create_defaults: Annotated[CreateDefaults, FromJson] = Field(
        CreateDefaults(), description="JSON: values set only when a record is created in Business Central."
    )
    bc_custom_fields: Annotated[tuple[CustomField, ...], FromJson] = Field(
        CONTACT_FIELDS, description="JSON: the custom-field mappings."
    )
    bc_product_category_exclude: Annotated[tuple[str, ...], FromJson] = Field(
        (), description="JSON: patterns of category codes to leave out."
    )
    bc_stock_shrink_share: int = Field(
        50,
        ge=0,
        le=100,
        description="Percent of the known stock places that must still be there for missing ones to be set to 0; 0 means "
        "always.",
    )
    bc_time_zone: Trimmed = Field("UTC", description="IANA time zone of the company's dates.")
    ipaas_paths: Annotated[dict[str, dict[str, str]], FromJson] = Field(
        {},
        description='JSON: paths of iPaaS.com that differ, by record and operation, as {"customer": {"create": "v3/Customer"}}.',
    )
    sync_late_commit_days: int = Field(
        3,
        ge=0,
        le=365,
        description="Once a day polls read again what was modified in so many days, for what Business Central committed "
        "long after it dated it; a commit may be late by a day less. 0 is never.",
    )
    sync_approve_above: Annotated[ApproveAbove, FromJson] = Field(
        ApproveAbove(),
        description='JSON: a run that would change more waits for a person: {"records": n, "price_change_percent": p}, either '
        "or both; {} is never.",
    )
    sync_history_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="How many days what was written of records, before and after, is kept; 0 is not at all.",
    )
    sync_history_masked_fields: Annotated[tuple[str, ...], FromJson] = Field(
        (),
        description='JSON: names of fields whose values the history never keeps, as ["email_address", "addresses.phone_number"].',
    )
    sync_needs_you_after_hours: int = Field(
        24,
        ge=1,
        description="How many hours a record may wait or be retried before it counts as one that needs a person.",
    )
    sync_vanished_share: int = Field(
        5,
        ge=0,
        le=100,
        description="Percent of a flow's records that a reconcile may call vanished; it refuses to when more would be.",
    )

    @field_validator("bc_service_names")
    @classmethod
    def _known_services(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in SERVICES:
                raise ValueError(f"There is no service {name!r}. Allowed: {', '.join(SERVICES)}.")
        return value

    @field_validator("ipaas_paths")
    @classmethod
    def _known_paths(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for record, paths in value.items():
            if record not in IPAAS_RECORDS:
                raise ValueError(f"There is no record {record!r}. Allowed: {', '.join(IPAAS_RECORDS)}.")
            for operation, path in paths.items():
                where = f"{record}, {operation}"
                if operation not in IPAAS_OPERATIONS:
                    raise ValueError(
                        f"There is no operation {operation!r} of {record}. Allowed: {', '.join(IPAAS_OPERATIONS)}."
                    )
                if not path.strip("/ ") or "://" in path or ".." in path or "#" in path:
                    raise ValueError(f"{where}: {path!r} is no path below the family's address, such as v2/Customer.")
                if operation in ("update", "read") and "{id}" not in path:
                    raise ValueError(f"{where}: {path!r} must hold {{id}}, where the record's id stands.")
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
        given = cls._given(get)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise _wrong(error.errors()[0], given) from None

    @classmethod
    def load_what_is_right(cls, get: Callable[[str], str | None]) -> tuple[Self, list[SettingsError]]:
        """Read every Variable with `get`; one that is wrong has its default, and is answered with what is wrong of it."""
        given = cls._given(get)
        try:
            return cls.model_validate(given), []
        except ValidationError as error:
            problems = {str(problem["loc"][0]): problem for problem in reversed(error.errors())}
            right = {name: value for name, value in given.items() if name not in problems}
            return cls.model_validate(right), [_wrong(problems[name], given) for name in given if name in problems]

    @classmethod
    def _given(cls, get: Callable[[str], str | None]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name in cls.model_fields:
            value = get(name)
            blank = value is None or value == "" or (isinstance(value, str) and not value.strip())
            if not blank or (value and name in _VERBATIM):
                given[name] = value
        return given


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
    elif problem["type"] in ("model_type", "dict_type"):
        reason = "Allowed: a JSON object in braces"
    reason = reason[:1].upper() + reason[1:].rstrip(".") + "."
    field = SyncSettings.model_fields[name]
    return SettingsError(f"Variable {name}", value, f"{f'In {where}: ' if where else ''}{reason} {field.description}")
