"""The endpoints of iPaaS.com, and everything that had to be assumed of them, to be corrected in one place.

The platform's OpenAPI documents are public, but nobody has read them here. Beside it, `probe` compares what stands here
with the documents where they are served, and `dialect` keeps what is known of each doubt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from include.ipaas.external_ids import (
    ADDRESS_TABLE,
    COMMENT_TABLE,
    COMPANY_ADDRESS_TABLE,
    COMPANY_TABLE,
    CUSTOMER_CATEGORY_TABLE,
    CUSTOMER_TABLE,
    INVENTORY_TABLE,
    LINE_TABLE,
    LOCATION_TABLE,
    PAYMENT_METHOD_TABLE,
    PAYMENT_TABLE,
    PRODUCT_CATEGORY_TABLE,
    PRODUCT_TABLE,
    RELATIONSHIP_TABLE,
    SHIPPING_METHOD_TABLE,
    TAX_TABLE,
    TRACKING_TABLE,
    TRANSACTION_ADDRESS_TABLE,
    TRANSACTION_TABLE,
)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One record type: its family, its paths below the family's base, the parameter it is searched by, its table.

    `path` is created at and, with an id, read and updated at; `search` lists. `table` is the external-id table.
    Without `key_param` the list knows no search: the whole of it is the answer. `key` is the property that is searched.
    `within` names the list of the records that `search` answers in which these ones stand, where they have no list of
    their own. `updates` is false for types that can only be created and linked. `names`: other records name it by its `key`.
    `required` are the properties without which no record is made, `sends` the others that are written. `children` are
    the lists of nested records that are written. `below` is the path that an older generation had instead: what is made
    there is made below a record, which the query `id` names.
    """

    name: str
    family: str
    path: str
    search: str
    key_param: str
    table: str
    key: str = ""
    within: str = ""
    updates: bool = True
    names: bool = False
    required: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    children: Mapping[str, Child] = field(default_factory=dict)
    below: str = ""


@dataclass(frozen=True, kw_only=True)
class Child:
    """A list of nested records: its external-id table, what each of them needs, what else is written of each."""

    table: str
    required: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()


_ADDRESS = (
    "company",
    "first_name",
    "last_name",
    "address_1",
    "address_2",
    "city",
    "region",
    "country",
    "postal_code",
    "phone_number",
    "is_primary_billing",
    "is_primary_shipping",
)
# What every record may have.
SHARED = ("custom_fields", "external_ids")


CUSTOMER = Endpoint(
    name="customer",
    family="customers",
    path="v2/Customer",
    search="v2/Customers",
    key_param="EmailAddress",
    table=CUSTOMER_TABLE,
    key="email_address",
    required=("email_address", "first_name", "last_name"),
    sends=("customer_number", "company", "category_id", "company_id", "categories"),
    children={"addresses": Child(table=ADDRESS_TABLE, sends=_ADDRESS)},
)
COMPANY = Endpoint(
    name="company",
    family="customers",
    path="v2/Customer/Company",
    search="v2/Customer/Companies",
    key_param="Name",
    table=COMPANY_TABLE,
    key="name",
    required=("name",),
    sends=(
        "email_address",
        "phone_number",
        "fax_number",
        "url",
        "account_number",
        "tax_id_number",
        "parent_company_id",
        "categories",
    ),
    children={"addresses": Child(table=COMPANY_ADDRESS_TABLE, sends=_ADDRESS)},
)
CUSTOMER_CATEGORY = Endpoint(
    name="customer category",
    family="customers",
    path="v2/Customer/Category",
    search="v2/Customer/Categories",
    key_param="Name",
    table=CUSTOMER_CATEGORY_TABLE,
    key="name",
    required=("name",),
    sends=("description", "is_pricing_group"),
)
RELATIONSHIP = Endpoint(
    name="company relationship",
    family="customers",
    path="v2/Customer/Company/Relationship",
    search="v2/Customer/Company/Relationships",
    key_param="CompanyId",
    table=RELATIONSHIP_TABLE,
    key="company_id",
    required=("company_id", "customer_id", "type"),
)
PRODUCT = Endpoint(
    name="product",
    family="products",
    path="v2/Catalog/Product",
    search="v2/Catalog/Products",
    key_param="Sku",
    table=PRODUCT_TABLE,
    key="sku",
    names=True,
    required=("sku", "name", "default_price", "type", "status", "tracking_method"),
    sends=("description", "tax_class", "weight", "barcode", "unit", "categories"),
    children={
        "inventory": Child(table=INVENTORY_TABLE, required=("location_id",), sends=("qty_on_hand", "qty_available"))
    },
)
INVENTORY = Endpoint(
    name="product inventory",
    family="products",
    path="v2/Catalog/Product/Inventory",
    search="v2/Catalog/Products",
    key_param="",
    table=INVENTORY_TABLE,
    within="inventory",
    required=("parent_id", "location_id"),
    sends=("qty_on_hand", "qty_available"),
    below="v2/Catalog/Inventory",
)
PRODUCT_CATEGORY = Endpoint(
    name="product category",
    family="products",
    path="v2/Catalog/Category",
    search="v2/Catalog/Categories",
    key_param="Name",
    table=PRODUCT_CATEGORY_TABLE,
    key="name",
    required=("name",),
    sends=("description", "parent_id"),
)
LOCATION = Endpoint(
    name="location",
    family="products",
    path="v2/Catalog/Location",
    search="v2/Catalog/Locations",
    key_param="Name",
    table=LOCATION_TABLE,
    key="name",
    required=("name",),
    sends=("description", "address"),
)
TRANSACTION = Endpoint(
    name="transaction",
    family="transactions",
    path="v2/Transaction",
    search="v2/Transactions",
    key_param="TransactionNumber",
    table=TRANSACTION_TABLE,
    key="transaction_number",
    required=("system_id", "transaction_number", "type", "status", "total", "customer_id", "company_id"),
    sends=(
        "transaction_parent_id",
        "email_address",
        "currency_code",
        "created_datetime",
        "subtotal",
        "discount_amount",
        "tax_amount",
        "shipping_amount",
        "total_qty",
    ),
    children={
        "lines": Child(
            table=LINE_TABLE,
            required=("type", "status"),
            sends=(
                "sequence_number",
                "sku",
                "description",
                "qty",
                "qty_shipped",
                "unit_price",
                "original_unit_price",
                "extended_price",
                "discount_amount",
                "discount_percent",
                "tax_percent",
                "weight",
            ),
        ),
        "addresses": Child(
            table=TRANSACTION_ADDRESS_TABLE,
            sends=(*_ADDRESS, "shipping_method", "shipping_method_description", "ship_date", "shipping_amount"),
        ),
        "taxes": Child(table=TAX_TABLE, required=("amount",), sends=("authority",)),
        "payments": Child(table=PAYMENT_TABLE, required=("method", "amount"), sends=("status", "description")),
        "tracking": Child(
            table=TRACKING_TABLE,
            required=("tracking_number",),
            sends=("shipping_method", "shipping_method_description"),
        ),
        "notes": Child(table=COMMENT_TABLE, sends=("sequence_number", "type", "text")),
    },
)
TRACKING = Endpoint(
    name="transaction tracking",
    family="transactions",
    path="v2/Transaction/Tracking",
    search="",
    key_param="",
    table=TRACKING_TABLE,
    required=("parent_id", "tracking_number"),
)
SHIPPING_METHOD = Endpoint(
    name="shipping method",
    family="transactions",
    path="v2/ShippingMethod",
    search="v2/ShippingMethods",
    key_param="Name",
    table=SHIPPING_METHOD_TABLE,
    key="name",
    required=("name", "description"),
)
PAYMENT_METHOD = Endpoint(
    name="payment method",
    family="transactions",
    path="v2/PaymentMethod",
    search="v2/PaymentMethods",
    key_param="",
    table=PAYMENT_METHOD_TABLE,
    updates=False,
    key="name",
    required=("name",),
    sends=("description",),
)
ENDPOINTS = {
    endpoint.name: endpoint
    for endpoint in (
        CUSTOMER,
        COMPANY,
        CUSTOMER_CATEGORY,
        RELATIONSHIP,
        PRODUCT,
        INVENTORY,
        PRODUCT_CATEGORY,
        LOCATION,
        TRANSACTION,
        TRACKING,
        SHIPPING_METHOD,
        PAYMENT_METHOD,
    )
}
# Families by external-id table; children's tables live with their parents.
FAMILIES = {endpoint.table: endpoint.family for endpoint in ENDPOINTS.values()} | {
    child.table: endpoint.family for endpoint in ENDPOINTS.values() for child in endpoint.children.values()
}
# Where each family serves its OpenAPI document.
DOCUMENT = "swagger/v2/swagger.json"

# Property names of an error answer, in the order they are looked for.
ERROR_CODES = ("code", "error_code", "errorCode")
ERROR_TEXTS = ("message", "title", "detail", "error_description")
ERROR_LINKS = ("help_link", "helpLink", "help_url", "help", "link")

# Removes one category of a product, where the list of a product's categories only adds.
CATEGORY_ASSIGNMENT = "v2/Catalog/ProductCategory/{id}"
UPDATE_EXTERNAL_ID = "v2/External/UpdateExternalId"
LOOKUP_SPECIAL = "v2/External/LookupSpecial"
LOGIN = "v2/Auth/Login"
SUBSCRIPTION = "v2/Subscription/{id}"


def lookup_external(internal_id: object, system_id: int, table: str) -> str:
    """Path that answers the external id of a record."""
    return f"v2/External/LookupExternal/{quote(str(internal_id), safe='')}/{system_id}/{quote(table, safe='')}"


def lookup_spaceport(system_id: int, table: str, external_id: str) -> str:
    """Path that answers the iPaaS.com id of a record of ours."""
    return f"v2/External/LookupSpaceport/{system_id}/{quote(table, safe='')}/{quote(external_id, safe='')}"


def missing(system_id: int, table: str) -> str:
    """Path that lists the records of a table that have no external id of ours."""
    return f"v2/External/Missing/{system_id}/{quote(table, safe='')}"


def category_assignment(product_id: object, category_id: object) -> str:
    """Path at which a category of a product is removed."""
    return CATEGORY_ASSIGNMENT.format(id=quote(f"{product_id}|{category_id}", safe=""))


def integration(integration_id: str) -> str:
    """Path that says which kind of system an integration connects."""
    return f"v2/Integration/{quote(integration_id, safe='')}"


def change_company(company_id: str) -> str:
    """Path that answers the token of a company."""
    return f"v2/User/ChangeCompany/{quote(company_id, safe='')}"


def needs_special(external_id: str) -> bool:
    """True when an external id cannot travel as a path segment and goes in a body instead.

    Of dots alone, it would be taken for a step in the path.
    """
    return not external_id.strip(".") or not all(
        (char.isalnum() and char.isascii()) or char in "-_.|~" for char in external_id
    )
