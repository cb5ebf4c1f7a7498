"""Locations, shipping and payment methods, and product categories."""

from __future__ import annotations

from fnmatch import fnmatchcase

from include.business_central.records.base import ApiCode, unblank
from include.business_central.records.items import ApiLocation, ItemCategory, LocationCard, ShippingAgent
from include.ipaas.external_ids import PRODUCT_CATEGORY_TABLE
from include.mappings.body import body
from include.mappings.names import first_address
from include.mappings.rows import PagedRow
from include.sync.records import Json, Mapped, MappingContext, Missing, Ref


def location_to_ipaas(row: PagedRow, context: MappingContext) -> Mapped:
    """A location, with its address. The external id is the code: orders and stock rows carry it."""
    card = LocationCard.model_validate(row.detail)
    address = body(
        address_1=card.Address,
        address_2=card.Address_2,
        city=card.City,
        region=card.County,
        country=card.Country_Region_Code,
        postal_code=card.Post_Code,
        phone_number=card.Phone_No,
        email_address=first_address(card.E_Mail),
        contact=card.Contact,
        url=card.Home_Page,
    )
    fields = body(name=card.Code, description=card.Name, address=address or None)
    return Mapped(source_id=card.Code, match=card.Code, body=fields)


def location_card_from_api(record: Json) -> Json:
    """What API v2.0 knows of a location, under the names of page 5703."""
    location = ApiLocation.model_validate(record)
    return body(
        Code=location.code,
        Name=location.displayName,
        Address=location.addressLine1,
        Address_2=location.addressLine2,
        City=location.city,
        County=location.state,
        Country_Region_Code=location.country,
        Post_Code=location.postalCode,
        Phone_No=location.phoneNumber,
        E_Mail=location.email,
        Contact=location.contact,
        Home_Page=location.website,
    )


def shipping_method_to_ipaas(row: PagedRow, context: MappingContext) -> Mapped:
    """A shipping agent as a shipping method; iPaaS.com requires both fields, so a blank name is the code."""
    agent = ShippingAgent.model_validate(row.detail)
    fields = body(name=agent.Code, description=agent.Name or agent.Code)
    return Mapped(source_id=agent.Code, match=agent.Code, body=fields)


def payment_method_to_ipaas(row: PagedRow, context: MappingContext) -> Mapped:
    """A payment method, or payment terms, as a payment method; payments name it by its code."""
    code = ApiCode.model_validate(row.feed)
    fields = body(name=code.code, description=code.displayName)
    return Mapped(source_id=code.code, match=code.code, body=fields)


def category_is_excluded(code: str, context: MappingContext) -> bool:
    """True when the subscriber leaves this item category out (`bc_product_category_exclude`)."""
    return any(fnmatchcase(code.upper(), pattern.upper()) for pattern in context.settings.bc_product_category_exclude)


def category_ref(code: str | None, context: MappingContext, missing: Missing) -> Ref | None:
    """A reference to an item category; none when there is none or it is left out."""
    if not code or category_is_excluded(code, context):
        return None
    return Ref(table=PRODUCT_CATEGORY_TABLE, source_id=code, missing=missing, flow="product_category_to_ipaas")


def skip_category(row: PagedRow, context: MappingContext) -> str | None:
    """The filter: categories whose code matches one of the subscriber's patterns."""
    code = str(row.feed["code"])
    if category_is_excluded(code, context):
        return f"Category {code} matches a pattern of the Variable bc_product_category_exclude."
    return None


def product_category_to_ipaas(row: PagedRow, context: MappingContext) -> Mapped:
    """An item category; its parent is known only where page 5733 is published."""
    category = ItemCategory.model_validate(row.feed)
    parent = unblank(row.detail.get("Parent_Category"))
    fields = body(
        name=category.code,
        description=category.displayName,
        # Parents go first; one that is met later than its child is transferred with the child.
        parent_id=category_ref(parent, context, Missing.transfer),
    )
    return Mapped(source_id=category.code, match=category.code, body=fields)
