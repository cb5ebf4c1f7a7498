"""The record types of iPaaS.com: where they live, what they require, what is nested in them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class RecordType:
    """One record type. `refs` are fields that hold another record's id: field -> record type name.

    `part_of` is the record type and its list that the same records are nested in, by their `parent_id`. `updates` is
    false for types that can only be created.
    """

    name: str
    family: str
    path: str
    search: str = ""
    search_fields: dict[str, str] = field(default_factory=dict)
    table: str
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    unique: tuple[str, ...] = ()
    refs: dict[str, str] = field(default_factory=dict)
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    part_of: tuple[str, str] | None = None
    updates: bool = True

    @property
    def looked_up_by(self) -> set[str]:
        """The fields that a record is found by."""
        return {*self.unique, *self.search_fields.values()}


TRANSACTION_TYPES = ("Order", "Shipment", "Invoice", "Hold", "Quote", "Ticket", "Return", "Validated Return", "Job")
TRANSACTION_STATUSES = (
    "Pending",
    "Complete",
    "Cancelled",
    "Shipped",
    "Backorder",
    "Partial Refunded",
    "Refunded",
)

TYPES = {
    t.name: t
    for t in (
        RecordType(
            name="customer",
            family="customers",
            path="v2/Customer",
            search="v2/Customers",
            search_fields={"EmailAddress": "email_address", "CustomerNumber": "customer_number"},
            table="customer",
            required=("email_address",),
            one_of=(("first_name", "last_name"),),
            unique=("email_address",),
            refs={"category_id": "customer category", "company_id": "company"},
            children={"addresses": "Address"},
            model="customer",
        ),
        RecordType(
            name="company",
            family="customers",
            path="v2/Customer/Company",
            search="v2/Customer/Companies",
            search_fields={"Name": "name"},
            table="customer company",
            required=("name",),
            refs={"parent_company_id": "company"},
            children={"addresses": "customer company address"},
            model="company",
        ),
        RecordType(
            name="customer category",
            family="customers",
            path="v2/Customer/Category",
            search="v2/Customer/Categories",
            search_fields={"Name": "name"},
            table="customer category",
            required=("name",),
            unique=("name",),
        ),
        RecordType(
            name="company relationship",
            family="customers",
            path="v2/Customer/Company/Relationship",
            search="v2/Customer/Company/Relationships",
            search_fields={"CompanyId": "company_id"},
            table="company relationship",
            required=("company_id", "customer_id", "type"),
            refs={"company_id": "company", "customer_id": "customer"},
        ),
        RecordType(
            name="product",
            family="products",
            path="v2/Catalog/Product",
            search="v2/Catalog/Products",
            search_fields={"Sku": "sku"},
            table="product",
            required=("sku", "name", "default_price", "type", "status", "tracking_method"),
            unique=("sku",),
            enums={"tracking_method": ("Product", "Variant"), "status": ("Active", "Inactive")},
            children={"inventory": "product inventory"},
            model="product",
        ),
        RecordType(
            name="product inventory",
            family="products",
            path="v2/Catalog/Product/Inventory",
            table="product inventory",
            required=("parent_id", "location_id"),
            refs={"parent_id": "product", "location_id": "location"},
            part_of=("product", "inventory"),
        ),
        RecordType(
            name="product category",
            family="products",
            path="v2/Catalog/Category",
            search="v2/Catalog/Categories",
            search_fields={"Name": "name"},
            table="Product Category",
            required=("name",),
            unique=("name",),
            refs={"parent_id": "product category"},
        ),
        RecordType(
            name="location",
            family="products",
            path="v2/Catalog/Location",
            search="v2/Catalog/Locations",
            search_fields={"Name": "name"},
            table="location",
            required=("name",),
            unique=("name",),
        ),
        RecordType(
            name="transaction",
            family="transactions",
            path="v2/Transaction",
            search="v2/Transactions",
            search_fields={"TransactionNumber": "transaction_number"},
            table="transaction",
            required=("system_id", "transaction_number", "type", "status", "total"),
            one_of=(("customer_id", "company_id"),),
            refs={"customer_id": "customer", "company_id": "company", "transaction_parent_id": "transaction"},
            enums={"type": TRANSACTION_TYPES, "status": TRANSACTION_STATUSES},
            children={
                "lines": "Transaction Line",
                "addresses": "Transaction Address",
                "taxes": "transaction tax",
                "payments": "transaction payment",
                "tracking": "transaction tracking",
                "notes": "transaction comment",
            },
            model="transaction",
        ),
        RecordType(
            name="transaction tracking",
            family="transactions",
            path="v2/Transaction/Tracking",
            table="transaction tracking",
            required=("parent_id", "tracking_number"),
            refs={"parent_id": "transaction"},
            model="tracking",
            part_of=("transaction", "tracking"),
        ),
        RecordType(
            name="shipping method",
            family="transactions",
            path="v2/ShippingMethod",
            search="v2/ShippingMethods",
            search_fields={"Name": "name"},
            table="shipping method",
            required=("name", "description"),
            unique=("name",),
        ),
        RecordType(
            name="payment method",
            family="transactions",
            path="v2/PaymentMethod",
            search="v2/PaymentMethods",
            search_fields={"Name": "name"},
            table="Payment Method",
            required=("name",),
            unique=("name",),
            updates=False,
        ),
    )
}
# What a nested record requires, by its list.
CHILD_REQUIRED = {
    "lines": ("type", "status"),
    "payments": ("method", "amount"),
    "inventory": ("location_id",),
    "taxes": ("amount",),
    "tracking": ("tracking_number",),
}
CHILD_REFS = {"inventory": {"location_id": "location"}}
CHILD_MODELS = {"lines": "transaction line", "tracking": "tracking"}
# What the platform's screens require of an address.
ADDRESS_REQUIRED = ("first_name", "last_name", "address_1", "city", "region", "country", "postal_code")
# Fields by the JSON type that they need; what is not named here is text, a list or an object.
NUMBERS = frozenset(
    (
        "amount",
        "cost",
        "default_price",
        "discount_amount",
        "discount_percent",
        "estimated_tax_amount",
        "extended_price",
        "msrp",
        "original_unit_price",
        "orginal_amount",
        "qty",
        "qty_available",
        "qty_on_hand",
        "qty_shipped",
        "sale_price",
        "sequence_number",
        "shipping_amount",
        "subtotal",
        "tax_amount",
        "tax_percent",
        "total",
        "total_qty",
        "unit_price",
        "weight",
    )
)
FLAGS = frozenset(("is_primary_billing", "is_primary_shipping", "is_pricing_group", "is_public"))
MOMENTS = frozenset(("created_datetime", "updated_datetime", "ship_date", "note_created_date_time"))
REFERENCES = frozenset(
    (
        "id",
        "system_id",
        "category_id",
        "company_id",
        "customer_id",
        "location_id",
        "parent_company_id",
        "parent_id",
        "transaction_parent_id",
    )
)
