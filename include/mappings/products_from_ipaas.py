"""Products of iPaaS.com as items of Business Central."""

from __future__ import annotations

from include.errors import Rejected
from include.mappings.body import body
from include.mappings.custom_fields import from_ipaas as custom_fields
from include.mappings.limits import cut, number_fits, within
from include.mappings.rows_of_ipaas import ProductRow
from include.sync.records import Candidate, Mapped, MappingContext, Shared

# An item's description is cut to this, as the platform's own mapping does.
DESCRIPTION_LENGTH = 99
# The fields of page 30 that are written. The type stands before what depends on it: posting group and unit.
FIELDS = (
    "Type",
    "Description",
    "Base_Unit_of_Measure",
    "Unit_Price",
    "Tax_Group_Code",
    "Net_Weight",
    "Gen_Prod_Posting_Group",
    "Inventory_Posting_Group",
    "Order_Tracking_Policy",
)
API_FIELDS = {
    "Type": "type",
    "Description": "displayName",
    "Base_Unit_of_Measure": "baseUnitOfMeasureCode",
    "Unit_Price": "unitPrice",
    "Tax_Group_Code": "taxGroupCode",
    "Gen_Prod_Posting_Group": "generalProductPostingGroupCode",
    "Inventory_Posting_Group": "inventoryPostingGroupCode",
}
CODES = frozenset({"Base_Unit_of_Measure", "Tax_Group_Code", "Gen_Prod_Posting_Group", "Inventory_Posting_Group"})
# What both systems keep of products. The description is the shop's to write; the unit is what a new item gets.
SHARED = (
    Shared(bc=("Description",), ipaas=("name",), shown=("description",)),
    Shared(bc=("Unit_Price",), ipaas=("default_price",)),
    Shared(bc=("Tax_Group_Code",), ipaas=("tax_class",)),
    Shared(bc=("Net_Weight",), ipaas=("weight",)),
    Shared(bc=("Base_Unit_of_Measure",), shown=("unit",)),
    Shared(bc=("Type",), shown=("type",)),
)
_LIMITS = {"Tax_Group_Code": 20}
_SOURCES = {"Tax_Group_Code": "tax_class"}


def cut_description(text: str) -> str:
    """A description as it is written, and as it is compared."""
    return cut(text, DESCRIPTION_LENGTH).strip()


def product_numbers(row: ProductRow) -> tuple[str, ...]:
    """The number that an unlinked product has in Business Central."""
    sku = row.product.sku
    return (sku,) if number_fits(sku) and sku else ()


def product_from_ipaas(row: ProductRow, context: MappingContext) -> Mapped:
    """A product as an item. Type, unit and posting groups are those of a new item; an update leaves them."""
    product = row.product
    linked = row.linked
    numbers = product_numbers(row)
    if not numbers and not linked:
        raise Rejected(
            f"sku {product.sku!r} cannot be the No. of an item, which holds 20 characters and no `|`."
            if product.sku
            else "The product has no sku, and an item is numbered by it.",
            "Correct the sku in iPaaS.com.",
        )
    description = cut_description(product.name or product.description or "")
    if not description:
        raise Rejected("The product has no name and no description, and an item needs one.", "Give it a name.")
    defaults = context.settings.bc_create_defaults.product
    new = body(
        Type="Inventory",
        Base_Unit_of_Measure=defaults.Base_Unit_of_Measure,
        Gen_Prod_Posting_Group=defaults.Gen_Prod_Posting_Group,
        Inventory_Posting_Group=defaults.Inventory_Posting_Group,
        Order_Tracking_Policy=defaults.Order_Tracking_Policy,
    )
    always = body(
        Description=description,
        Unit_Price=product.default_price,
        Tax_Group_Code=product.tax_class,
        Net_Weight=product.weight,
    )
    fields = {**new, **within(always, _LIMITS, _SOURCES)}
    return Mapped(
        source_id=str(product.id),
        # Business Central checks the fields of a new record in the order in which they stand.
        body={
            **{name: fields[name] for name in FIELDS if name in fields},
            **custom_fields(context.settings, "product", row.record),
        },
        create_only=frozenset(new),
        linked=linked,
        match=product.sku,
        candidates=() if linked else tuple(Candidate(by="number", value=number) for number in numbers),
        holders=row.holders,
    )
