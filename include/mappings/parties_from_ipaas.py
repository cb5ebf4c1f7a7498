"""Companies and customers of iPaaS.com as customers of Business Central."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from include.errors import Rejected
from include.ipaas.external_ids import ADDRESS_TABLE, COMPANY_ADDRESS_TABLE, CUSTOMER_CATEGORY_TABLE, external_id_of
from include.ipaas.records.parties import Party
from include.mappings.body import body
from include.mappings.contacts import contact_of
from include.mappings.custom_fields import from_ipaas as custom_fields
from include.mappings.limits import number_fits, within, without_letters
from include.mappings.names import first_address, join_name
from include.mappings.rows_of_ipaas import CompanyRow, PartyRow, PersonRow
from include.settings import PartyDefaults
from include.sync.records import Candidate, Json, Mapped, MappingContext, Shared
from include.sync.values import fold

# The fields of page 21 that are written. The post code stands before city, county and country: Business Central fills
# those in from its own table of post codes, and what comes later wins.
FIELDS = (
    "Name",
    "E_Mail",
    "Phone_No",
    "Address",
    "Address_2",
    "Post_Code",
    "City",
    "County",
    "Country_Region_Code",
    "Customer_Price_Group",
    "Partner_Type",
    "Gen_Bus_Posting_Group",
    "Customer_Posting_Group",
    "Payment_Terms_Code",
    "Tax_Area_Code",
)
API_FIELDS = {
    "Name": "displayName",
    "E_Mail": "email",
    "Phone_No": "phoneNumber",
    "Address": "addressLine1",
    "Address_2": "addressLine2",
    "Post_Code": "postalCode",
    "City": "city",
    "County": "state",
    "Country_Region_Code": "country",
}
# Codes that API v2.0 has by their id: its field, and the entity set that knows the ids.
API_IDS = {"Payment_Terms_Code": ("paymentTermsId", "paymentTerms"), "Tax_Area_Code": ("taxAreaId", "taxAreas")}
CODES = frozenset(
    {
        "Post_Code",
        "Country_Region_Code",
        "Customer_Price_Group",
        "Gen_Bus_Posting_Group",
        "Customer_Posting_Group",
        "Payment_Terms_Code",
        "Tax_Area_Code",
    }
)
_LIMITS = {
    "Name": 100,
    "E_Mail": 80,
    "Phone_No": 30,
    "Address": 100,
    "Address_2": 50,
    "Post_Code": 20,
    "City": 30,
    "County": 30,
    "Country_Region_Code": 10,
}
_SOURCES = {
    "E_Mail": "email_address",
    "Phone_No": "phone_number of the billing address",
    "Address": "address_1 of the billing address",
    "Address_2": "address_2 of the billing address",
    "Post_Code": "postal_code of the billing address",
    "City": "city of the billing address",
    "County": "region of the billing address",
    "Country_Region_Code": "country of the billing address",
}


# What both systems keep of companies and customers. A place is one value: half of it from either side is no address. The
# names of an address, the phone of the company itself and which address is the primary one are the shop's to set.
SHARED = (
    Shared(
        bc=("Name",),
        ipaas=("name", "first_name", "last_name"),
        shown=("addresses.company", "addresses.first_name", "addresses.last_name"),
        later=True,
    ),
    Shared(bc=("E_Mail",), ipaas=("email_address",), later=True),
    Shared(bc=("Phone_No",), ipaas=("addresses.phone_number",), shown=("phone_number",), later=True),
    Shared(
        bc=("Address", "Address_2", "Post_Code", "City", "County", "Country_Region_Code"),
        ipaas=(
            "addresses.address_1",
            "addresses.address_2",
            "addresses.postal_code",
            "addresses.city",
            "addresses.region",
            "addresses.country",
        ),
        later=True,
    ),
    Shared(bc=("Customer_Price_Group",), ipaas=("categories", "category_id")),
    Shared(
        shown=(
            "account_number",
            "customer_number",
            "addresses.is_primary_billing",
            "addresses.is_primary_shipping",
        )
    ),
)


def skip_linked_contact(row: PartyRow, context: MappingContext) -> str | None:
    """The filter: what came from Business Central as a contact belongs to its company there."""
    contact = contact_of(row.linked or "")
    return f"It is the contact {contact} of Business Central, which is kept there." if contact is not None else None


def company_numbers(row: CompanyRow) -> tuple[str, ...]:
    """The numbers that an unlinked company may have in Business Central, the wanted one first."""
    company = row.party
    return _fitting(company.account_number, company.id)


def customer_numbers(row: PersonRow) -> tuple[str, ...]:
    """The numbers that an unlinked customer may have in Business Central, the wanted one first."""
    customer = row.party
    return _fitting(customer.customer_number, f"C{customer.id}")


def _fitting(*numbers: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(number) for number in numbers if number_fits(number)))


def company_from_ipaas(row: CompanyRow, context: MappingContext) -> Mapped:
    """A company as a customer of type Company."""
    company = row.party
    if not company.name:
        raise Rejected("The company has no name, and a customer needs one.", "Give it a name in iPaaS.com.")
    defaults = context.settings.bc_create_defaults.company
    # Should all of its numbers be taken by others, there is one more.
    numbers = (*company_numbers(row), f"C{company.id}")
    natural = Candidate(by="displayName", value=company.name)
    candidates = _candidates(numbers, company.name, company, natural)
    return _party(row, context, "company", company.name, _defaults(defaults, "Company"), (), candidates)


def customer_from_ipaas(row: PersonRow, context: MappingContext) -> Mapped:
    """A customer as a customer of type Person."""
    customer = row.party
    name = join_name(customer.first_name, customer.last_name)
    if not name:
        raise Rejected("The customer has no name, and Business Central needs one.", "Give it a name in iPaaS.com.")
    defaults = context.settings.bc_create_defaults.customer
    always = tuple(PartyDefaults.model_fields) if defaults.also_on_update else ()
    numbers = (*customer_numbers(row), f"P{customer.id}")
    email = first_address(customer.email_address)
    natural = Candidate(by="email", value=email) if email else None
    candidates = _candidates(numbers, name, customer, natural)
    return _party(row, context, "customer", name, _defaults(defaults, "Person"), always, candidates)


def _candidates(numbers: Sequence[str], name: str, party: Party, natural: Candidate | None) -> list[Candidate]:
    """What an unlinked record may be. A number may be anybody's: only with the name or the e-mail does it mean the same."""
    agree = body(displayName=name, email=first_address(party.email_address))
    by_number = [Candidate(by="number", value=number, agree=agree) for number in dict.fromkeys(numbers)]
    return [*by_number, *([natural] if natural else [])]


def _defaults(defaults: PartyDefaults, kind: str) -> Json:
    return body(Partner_Type=kind, **{name: getattr(defaults, name) for name in PartyDefaults.model_fields})


def _party(
    row: PartyRow,
    context: MappingContext,
    model: str,
    name: str,
    defaults: Json,
    always: Sequence[str],
    candidates: Sequence[Candidate],
) -> Mapped:
    party = row.party
    address = party.billing
    fields = body(
        Name=name,
        E_Mail=party.email_address,
        Phone_No=address and address.phone_number,
        Address=address and address.address_1,
        Address_2=address and address.address_2,
        Post_Code=address and address.postal_code,
        City=address and address.city,
        County=address and address.region,
        Country_Region_Code=address and address.country,
        Customer_Price_Group=_price_group(row),
    )
    sources = {**_SOURCES, "Name": "name" if model == "company" else "first_name and last_name"}
    fields = within(fields, _LIMITS, sources)
    without_letters(f"Phone_No (from {_SOURCES['Phone_No']})", fields.get("Phone_No"))
    custom = custom_fields(context.settings, model, row.record)
    linked = row.linked
    return Mapped(
        source_id=str(party.id),
        body={**fields, **defaults, **custom},
        create_only=frozenset(defaults) - frozenset(always),
        insisted=frozenset(always),
        watches=tuple((CUSTOMER_CATEGORY_TABLE, category) for category in _not_linked(row)),
        linked=linked,
        match=next((candidate.value for candidate in candidates if candidate.by != "number"), None),
        candidates=() if linked else tuple(candidates),
        holders=row.holders,
        children=_address_link(party, model, context.system_id),
        linked_children=_followers(party, model, linked, context.system_id) if linked else (),
    )


def _price_group(row: PartyRow) -> str | None:
    """The first of its categories that is a price group of Business Central; others are ignored."""
    groups = row.refs.get(CUSTOMER_CATEGORY_TABLE, {})
    return next((str(groups[category]) for category in row.party.category_ids if category in groups), None)


def _not_linked(row: PartyRow) -> Iterator[str]:
    """The categories that would be its price group, were they linked."""
    groups = row.refs.get(CUSTOMER_CATEGORY_TABLE, {})
    return takewhile(lambda category: category not in groups, row.party.category_ids)


def _address_link(party: Party, model: str, system_id: int) -> tuple[tuple[str, str, Any], ...]:
    """The billing address as it is to be linked, unless an address of this record is linked already."""
    linked = any(external_id_of(address.model_dump(), system_id) for address in party.addresses)
    if party.billing is None or linked:
        return ()
    table = COMPANY_ADDRESS_TABLE if model == "company" else ADDRESS_TABLE
    return ((table, "|address", party.billing.id),)


def _followers(party: Party, model: str, linked: str, system_id: int) -> tuple[tuple[str, str, Any], ...]:
    """The addresses that are linked under the record's own number."""
    table = COMPANY_ADDRESS_TABLE if model == "company" else ADDRESS_TABLE
    owns = ((external_id_of(address.model_dump(), system_id) or "", address.id) for address in party.addresses)
    return tuple((table, own[len(linked) :], id_) for own, id_ in owns if fold(own).startswith(f"{fold(linked)}|"))
