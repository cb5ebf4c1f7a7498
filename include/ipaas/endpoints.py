"""The endpoints of iPaaS.com. The platform's OpenAPI documents are not available, so what had to be assumed
(contract §8) stands in this one module, to be corrected in one place."""

from __future__ import annotations

from dataclasses import dataclass
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
    Without `key_param` the list knows no search: the whole of it is the answer. `within` names the list of the records
    that `search` answers in which these ones stand, where they have no list of their own. `updates` is false for types
    that can only be created and linked.
    """

    name: str
    family: str
    path: str
    search: str
    key_param: str
    table: str
    within: str = ""
    updates: bool = True


CUSTOMER = Endpoint(
    name="customer",
    family="customers",
    path="v2/Customer",
    search="v2/Customers",
    key_param="EmailAddress",
    table=CUSTOMER_TABLE,
)
COMPANY = Endpoint(
    name="company",
    family="customers",
    path="v2/Customer/Company",
    search="v2/Customer/Companies",
    key_param="Name",
    table=COMPANY_TABLE,
)
CUSTOMER_CATEGORY = Endpoint(
    name="customer category",
    family="customers",
    path="v2/Customer/Category",
    search="v2/Customer/Categories",
    key_param="Name",
    table=CUSTOMER_CATEGORY_TABLE,
)
RELATIONSHIP = Endpoint(
    name="company relationship",
    family="customers",
    path="v2/Customer/Company/Relationship",
    search="v2/Customer/Company/Relationships",
    key_param="CompanyId",
    table=RELATIONSHIP_TABLE,
)
PRODUCT = Endpoint(
    name="product",
    family="products",
    path="v2/Catalog/Product",
    search="v2/Catalog/Products",
    key_param="Sku",
    table=PRODUCT_TABLE,
)
INVENTORY = Endpoint(
    name="product inventory",
    family="products",
    path="v2/Catalog/Product/Inventory",
    search="v2/Catalog/Products",
    key_param="",
    table=INVENTORY_TABLE,
    within="inventory",
)
PRODUCT_CATEGORY = Endpoint(
    name="product category",
    family="products",
    path="v2/Catalog/Category",
    search="v2/Catalog/Categories",
    key_param="Name",
    table=PRODUCT_CATEGORY_TABLE,
)
LOCATION = Endpoint(
    name="location",
    family="products",
    path="v2/Catalog/Location",
    search="v2/Catalog/Locations",
    key_param="Name",
    table=LOCATION_TABLE,
)
TRANSACTION = Endpoint(
    name="transaction",
    family="transactions",
    path="v2/Transaction",
    search="v2/Transactions",
    key_param="TransactionNumber",
    table=TRANSACTION_TABLE,
)
TRACKING = Endpoint(
    name="transaction tracking",
    family="transactions",
    path="v2/Transaction/Tracking",
    search="",
    key_param="",
    table=TRACKING_TABLE,
)
SHIPPING_METHOD = Endpoint(
    name="shipping method",
    family="transactions",
    path="v2/ShippingMethod",
    search="v2/ShippingMethods",
    key_param="Name",
    table=SHIPPING_METHOD_TABLE,
)
PAYMENT_METHOD = Endpoint(
    name="payment method",
    family="transactions",
    path="v2/PaymentMethod",
    search="v2/PaymentMethods",
    key_param="",
    table=PAYMENT_METHOD_TABLE,
    updates=False,
)
# Families by external-id table; children's tables live with their parents.
FAMILIES = {
    endpoint.table: endpoint.family
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
} | {
    ADDRESS_TABLE: "customers",
    COMPANY_ADDRESS_TABLE: "customers",
    LINE_TABLE: "transactions",
    TRANSACTION_ADDRESS_TABLE: "transactions",
    TAX_TABLE: "transactions",
    PAYMENT_TABLE: "transactions",
    COMMENT_TABLE: "transactions",
}

# Property names of an error answer, in the order they are looked for.
ERROR_CODES = ("code", "error_code", "errorCode")
ERROR_TEXTS = ("message", "title", "detail", "error_description")
ERROR_LINKS = ("help_link", "helpLink", "help_url", "help", "link")

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


def change_company(company_id: str) -> str:
    """Path that answers the token of a company."""
    return f"v2/User/ChangeCompany/{quote(company_id, safe='')}"


def needs_special(external_id: str) -> bool:
    """True when an external id cannot travel as a path segment and goes in a body instead (facts §5.2).

    Of dots alone, it would be taken for a step in the path.
    """
    return not external_id.strip(".") or not all(
        (char.isalnum() and char.isascii()) or char in "-_.|~" for char in external_id
    )
