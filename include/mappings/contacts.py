"""Contacts of Business Central as customers in iPaaS.com."""

from __future__ import annotations

from include.business_central.records.customers import ApiContact
from include.errors import BadRecord
from include.ipaas.external_ids import COMPANY_TABLE
from include.mappings.body import body, child
from include.mappings.custom_fields import to_ipaas as custom_fields
from include.mappings.names import first_address, split_name
from include.mappings.rows import ContactRow
from include.sync.records import Json, Mapped, MappingContext, Missing, Ref
from include.sync.values import fold

# On the number of a contact, so that its external id is not a customer's.
_MARK = "|contact"
# What a contact shows that is a customer, or that may be one among other things.
CUSTOMER_RELATIONS = ("Customer", "Multiple")


def contact_id(number: object) -> str:
    """The external id of a contact."""
    return f"{number}{_MARK}"


def contact_of(external_id: str) -> str | None:
    """The number of the contact that an external id names; None when it names a customer."""
    return external_id[: -len(_MARK)] if fold(external_id).endswith(fold(_MARK)) else None


def kind_of_party(value: object) -> str:
    """Whether a customer or a contact is a Company or a Person. Raises BadRecord for one that says neither: it would pass
    for one of the other kind, and not be read again before it changes."""
    if value not in ("Company", "Person"):
        raise BadRecord(f"type is {str(value)[:60]!r}, and neither Company nor Person")
    return str(value)


def left_out(row: ContactRow) -> str | None:
    """Why a contact is not transferred as a customer of its own, or None when it is.

    A person that is a customer itself arrives as that customer; a contact without an e-mail cannot be told apart.
    """
    if kind_of_party(row.detail.get("type")) != "Person":
        return "Only contacts of type Person are transferred; a company arrives as the company."
    if row.itself:
        return "The contact is a customer itself and arrives as that customer."
    relation = row.company_relation
    if relation in ("Vendor", "Bank Account", "Employee"):
        return f"Its company is no customer: {relation} is all that it is."
    if relation == "Multiple" and not row.company_customer:
        return "Its company is no customer, although it is other things."
    if not first_address(row.detail.get("email")):
        return "The contact has no e-mail address."
    return None


def skip_contact(row: ContactRow, context: MappingContext) -> str | None:
    """The filter of the flow."""
    return left_out(row)


def contact_to_ipaas(row: ContactRow, context: MappingContext) -> Mapped:
    """A person contact as a customer, told apart from customers by the marker on its number."""
    contact = ApiContact.model_validate(row.detail)
    external_id = contact_id(contact.number)
    email = first_address(contact.email)
    first, last = split_name(contact.displayName or email or "")
    company = _company_ref(row, context)
    source = {**row.detail, "company_id": company and _as_text(company)}
    fields = body(
        customer_number=external_id,
        email_address=email,
        first_name=first,
        last_name=last,
        company=contact.companyName,
        company_id=company,
        addresses=[_address(contact, context, first, last)],
        custom_fields=custom_fields(context.settings, "contact", source),
    )
    return Mapped(source_id=external_id, match=email, body=fields)


def _company_ref(row: ContactRow, context: MappingContext) -> Ref | None:
    """The company the contact belongs to, by the customer that its company contact is."""
    customer = row.company_customer
    if not customer:
        return None
    creates = context.settings.bc_processing_company_creation_in_prerequisite
    return Ref(
        table=COMPANY_TABLE,
        source_id=customer,
        missing=Missing.transfer if creates else Missing.wait,
        flow="company_to_ipaas",
    )


def _as_text(ref: Ref) -> Ref:
    return Ref(table=ref.table, source_id=ref.source_id, missing=ref.missing, flow=ref.flow, value="text")


def _address(contact: ApiContact, context: MappingContext, first: str, last: str) -> Json:
    return child(
        context.system_id,
        f"{contact_id(contact.number)}|address",
        {
            "company": contact.companyName,
            "first_name": first,
            "last_name": last,
            "address_1": contact.addressLine1,
            "address_2": contact.addressLine2,
            "city": contact.city,
            "region": contact.state,
            "country": contact.country,
            "postal_code": contact.postalCode,
            "phone_number": contact.phoneNumber or contact.mobilePhoneNumber,
            "is_primary_billing": True,
            "is_primary_shipping": True,
        },
    )
