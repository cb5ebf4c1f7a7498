"""Companies, both ways: Business Central customers of type Company."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from include.ipaas.endpoints import COMPANY, RELATIONSHIP
from include.ipaas.external_ids import COMPANY_ADDRESS_TABLE, CUSTOMER_CATEGORY_TABLE
from include.mappings.customers import PAGE_ONLY, adopt_primary_billing, company_to_ipaas, not_of_type
from include.mappings.names import first_address, join_name, split_name, with_first_address
from include.mappings.parties_from_ipaas import (
    API_FIELDS,
    API_IDS,
    CODES,
    FIELDS,
    SHARED,
    company_from_ipaas,
    company_numbers,
    skip_linked_contact,
)
from include.mappings.remembered import remembering
from include.mappings.rows_of_ipaas import CompanyRow, PartyRow
from include.sources.customers import ID_FORMATS, PAGE, customers_of_type, page_fields
from include.sources.ipaas_records import IPaaSRecords
from include.sync.asked import IPAAS_ID
from include.sync.flow import Counterpart, Flow
from include.sync.runs import Direction
from include.writers.bc_records import BCWriter
from include.writers.bc_target import Target
from include.writers.ipaas_followers import RelatedRecord
from include.writers.ipaas_records import IPaaSWriter


def customer_target(model: str, kind: str) -> Target:
    """Customers of one type, `Company` or `Person`; `model` is their name in bc_custom_fields."""
    return Target(
        name=model,
        page=PAGE,
        api="customers",
        fields=FIELDS,
        api_fields=API_FIELDS,
        api_ids=API_IDS,
        model=model,
        fixed={"type": kind},
        codes=CODES,
        read_too=lambda settings: page_fields(settings, model),
        # A person's name goes to iPaaS.com in two parts and comes back joined; two equal words come back as one. Of several
        # e-mail addresses the first one goes there.
        normal={
            "E_Mail": first_address,
            **({"Name": lambda name: join_name(*split_name(name))} if kind == "Person" else {}),
        },
        keeps={"E_Mail": with_first_address},
        listed=frozenset({"email"}),
    )


def category_refs(row: PartyRow) -> Iterable[tuple[str, Any]]:
    """The categories of a company or customer."""
    return ((CUSTOMER_CATEGORY_TABLE, category) for category in row.party.category_ids)


_SOURCE = IPaaSRecords(
    endpoint=COMPANY, flow="company_from_ipaas", row=CompanyRow, refs=category_refs, numbers=company_numbers
)
_TARGET = customer_target("company", "Company")

TO_IPAAS = Flow(
    name="company_to_ipaas",
    record="company",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Company TO iPaaS.com",
    schedule="10 * * * *",
    source=customers_of_type("Company", "company"),
    skip=not_of_type("Company"),
    mapping=remembering(company_to_ipaas, PAGE_ONLY, model="company", beside=("parent_is_company",)),
    writer=IPaaSWriter(
        endpoint=COMPANY,
        match_field="name",
        shares_name=True,
        adopt=adopt_primary_billing,
        nested={"addresses": COMPANY_ADDRESS_TABLE},
        followers={"relationship": RelatedRecord(endpoint=RELATIONSHIP, by="company_id", same=("customer_id", "type"))},
    ),
    counterpart=Counterpart(
        flow="company_from_ipaas", shared=SHARED, row=_SOURCE.row_of, differences=_TARGET.differences
    ),
    resources=("customers",),
    id_formats=ID_FORMATS,
    after=("customer_category_to_ipaas",),
    services=(PAGE, "CustomerPriceGroups"),
    settings_used=(
        "bc_enable_company_hierarchy",
        "bc_process_company_relationship",
        "bc_contacts_endpoint",
        "bc_processing_company_creation_in_prerequisite",
        "bc_custom_fields",
    ),
)

FROM_IPAAS = Flow(
    name="company_from_ipaas",
    record="company",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Company FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=_SOURCE,
    skip=skip_linked_contact,
    mapping=company_from_ipaas,
    writer=BCWriter(
        target=_TARGET,
        table=COMPANY.table,
        shares_number=True,
    ),
    counterpart=Counterpart(flow="company_to_ipaas", shared=SHARED),
    id_formats=(IPAAS_ID,),
    poll="missing",
    after=("company_to_ipaas",),
    scopes=("company/created", "company/updated"),
    nested_scopes={"company/address": "addresses", "customer/company/address": "addresses"},
    services=(PAGE,),
    settings_used=("bc_create_defaults", "bc_custom_fields"),
)
