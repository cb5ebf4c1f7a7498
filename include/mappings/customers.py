"""Companies, customers and their categories: Business Central customers and price groups as iPaaS.com records."""

from __future__ import annotations

from collections.abc import Callable

from include.business_central.records.base import unblank
from include.business_central.records.customers import ApiCustomer, CustomerCard, CustomerPriceGroup
from include.errors import Rejected
from include.ipaas.external_ids import COMPANY_TABLE, CUSTOMER_CATEGORY_TABLE, CUSTOMER_TABLE, external_id_of
from include.mappings.body import body, child
from include.mappings.contacts import contact_id, kind_of_party
from include.mappings.custom_fields import to_ipaas as custom_fields
from include.mappings.names import first_address, split_name
from include.mappings.rows import CustomerRow, PagedRow
from include.sync.records import Follower, Json, Mapped, MappingContext, Missing, Ref


def category_to_ipaas(row: PagedRow, context: MappingContext) -> Mapped:
    """A customer price group as a customer category."""
    group = CustomerPriceGroup.model_validate(row.detail)
    fields = body(name=group.Code, description=group.Description, is_pricing_group=True)
    return Mapped(source_id=group.Code, match=group.Code, body=fields)


def company_to_ipaas(row: CustomerRow, context: MappingContext) -> Mapped:
    """A customer of type Company as a customer company, with its address, parent and relationships."""
    card = row.card
    if not card.Name:
        raise Rejected("The customer has no name, and a company needs one.", "Fill in its Name in Business Central.")
    parent = _parent(row, context)
    fields = body(
        name=card.Name,
        email_address=first_address(card.E_Mail),
        phone_number=card.Phone_No,
        fax_number=card.Fax_No,
        url=card.Home_Page,
        account_number=card.No,
        tax_id_number=card.VAT_Registration_No,
        categories=_categories(card),
        addresses=[address(card, context, company=card.Name)],
        custom_fields=custom_fields(context.settings, "company", row.source),
        parent_company_id=parent,
    )
    mapped = Mapped(source_id=card.No, match=card.Name, body=fields, followers=_relationships(row))
    if parent is None or not row.parent_follows:
        return mapped
    other = parent.source_id
    note = (
        f"It is billed to {other}, which is billed to it in the end: that becomes its parent once it is in iPaaS.com."
    )
    return mapped.altered(watches=((COMPANY_TABLE, other),), notes=(note,))


def _parent(row: CustomerRow, context: MappingContext) -> Ref | None:
    """The company that a company is billed to. One that waits for this company itself is left out until it is there."""
    number = row.card.Bill_to_Customer_No
    if not (context.settings.bc_enable_company_hierarchy and row.parent_is_company and number):
        return None
    creates = context.settings.bc_processing_company_creation_in_prerequisite
    missing = Missing.drop if row.parent_follows else Missing.transfer if creates else Missing.wait
    return Ref(table=COMPANY_TABLE, source_id=number, missing=missing, flow="company_to_ipaas")


def _relationships(row: CustomerRow) -> tuple[Follower, ...]:
    """One relationship per person contact of the company; each waits for its customer in iPaaS.com."""
    no = row.card.No
    return tuple(
        Follower(
            kind="relationship",
            external_id=f"{no}|{number}",
            body={
                "company_id": Ref(table=COMPANY_TABLE, source_id=no),
                "customer_id": Ref(table=CUSTOMER_TABLE, source_id=contact_id(number)),
                "type": "Contact",
            },
        )
        for number in row.contacts
    )


def customer_to_ipaas(row: CustomerRow, context: MappingContext) -> Mapped:
    """A customer of type Person as a customer, with its address."""
    card = row.card
    email = first_address(card.E_Mail)
    if not email:
        raise Rejected(
            "The customer has no e-mail address, and iPaaS.com tells customers apart by it.",
            "Fill in its E-Mail in Business Central.",
        )
    if not card.Name:
        raise Rejected("The customer has no name, and a customer needs one.", "Fill in its Name in Business Central.")
    first, last = split_name(card.Name)
    category = _category_ref(card)
    fields = body(
        customer_number=card.No,
        email_address=email,
        first_name=first,
        last_name=last,
        category_id=category,
        categories=_categories(card),
        addresses=[address(card, context)],
        custom_fields=custom_fields(context.settings, "customer", row.source),
    )
    return Mapped(source_id=card.No, match=email, body=fields)


def _category_ref(card: CustomerCard) -> Ref | None:
    if not card.Customer_Price_Group:
        return None
    return Ref(
        table=CUSTOMER_CATEGORY_TABLE,
        source_id=card.Customer_Price_Group,
        missing=Missing.transfer,
        flow="customer_category_to_ipaas",
    )


def _categories(card: CustomerCard) -> list[Json] | None:
    category = _category_ref(card)
    return [{"id": category}] if category else None


def address(card: CustomerCard, context: MappingContext, *, company: str | None = None) -> Json:
    """The customer's own address, primary for billing and shipping."""
    first, last = split_name(card.ContactName or card.Name or "")
    return child(
        context.system_id,
        f"{card.No}|address",
        {
            "company": company,
            "first_name": first,
            "last_name": last,
            "address_1": card.Address,
            "address_2": card.Address_2,
            "city": card.City,
            "region": card.County,
            "country": card.Country_Region_Code,
            "postal_code": card.Post_Code,
            "phone_number": card.Phone_No,
            "is_primary_billing": True,
            "is_primary_shipping": True,
        },
    )


# What only page 21 tells.
PAGE_ONLY = frozenset({"Fax_No", "ContactName", "Customer_Price_Group", "Bill_to_Customer_No", "Partner_Type"})


def card_from_api(record: Json) -> Json:
    """What API v2.0 knows of a customer, under the names of page 21, for when that page is not published."""
    customer = ApiCustomer.model_validate(record)
    return body(
        No=customer.number,
        Name=customer.displayName,
        E_Mail=customer.email,
        Phone_No=customer.phoneNumber,
        Home_Page=customer.website,
        VAT_Registration_No=customer.taxRegistrationNumber,
        Address=customer.addressLine1,
        Address_2=customer.addressLine2,
        City=customer.city,
        County=customer.state,
        Post_Code=customer.postalCode,
        Country_Region_Code=customer.country,
    )


def not_of_type(kind: str) -> Callable[[CustomerRow, MappingContext], str | None]:
    """The filter of a flow that carries customers of one type: `Company` or `Person`."""

    def skip(row: CustomerRow, context: MappingContext) -> str | None:
        if row.feed:
            kind_of_party(row.feed.get("type"))
        found = unblank(row.feed.get("type")) or unblank(row.detail.get("Partner_Type"))
        if found == kind:
            return None
        other = "company_to_ipaas" if kind == "Person" else "customer_to_ipaas"
        return f"The customer is of type {found or 'blank'}, not {kind}; {other} carries the others."

    return skip


def adopt_primary_billing(fields: Json, present: Json, system_id: int) -> Json:
    """Take over the address that a record has already, instead of adding a second one: the primary billing address, or
    else the first, as it would be taken coming from there.

    Not when an address of the record is linked to us: then that one is ours.
    """
    addresses = present.get("addresses") or ()
    linked = any(external_id_of(address, system_id) for address in addresses)
    if not addresses or linked or not fields.get("addresses"):
        return fields
    primary = next((a for a in addresses if a.get("is_primary_billing")), addresses[0])
    first, *others = fields["addresses"]
    return {**fields, "addresses": [{"id": primary["id"], **first}, *others]}
