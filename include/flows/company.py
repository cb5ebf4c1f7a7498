"""Companies, both ways: Business Central customers of type Company."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from include.ipaas.endpoints import COMPANY, RELATIONSHIP
from include.ipaas.external_ids import COMPANY_ADDRESS_TABLE, CUSTOMER_CATEGORY_TABLE
from include.ipaas.records.parties import Party
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
    skip_contact,
)
from include.mappings.remembered import remembering
from include.sources.customers import ID_FORMATS, PAGE, CustomersOfType, page_fields
from include.sources.ipaas_records import IPaaSRecords
from include.sync.flow import IPAAS_ID, Counterpart, Docs, Flow
from include.sync.runs import Direction
from include.writers.bc_records import BCWriter
from include.writers.bc_target import Target
from include.writers.ipaas_records import IPaaSWriter, RelatedRecord


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
        also=lambda settings: page_fields(settings, model),
        # A person's name goes to iPaaS.com in two parts and comes back joined; two equal words come back as one. Of several
        # e-mail addresses the first one goes there.
        normal={
            "E_Mail": first_address,
            **({"Name": lambda name: join_name(*split_name(name))} if kind == "Person" else {}),
        },
        keeps={"E_Mail": with_first_address},
        listed=frozenset({"email"}),
    )


def category_refs(record: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The categories of a company or customer."""
    return ((CUSTOMER_CATEGORY_TABLE, category) for category in Party.model_validate(record).category_ids)


_SOURCE = IPaaSRecords(endpoint=COMPANY, flow="company_from_ipaas", refs=category_refs, numbers=company_numbers)
_TARGET = customer_target("company", "Company")

TO_IPAAS = Flow(
    name="company_to_ipaas",
    record="company",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Company TO iPaaS.com",
    schedule="10 * * * *",
    source=CustomersOfType(type="Company", model="company"),
    skip=not_of_type("Company"),
    mapping=remembering(company_to_ipaas, PAGE_ONLY, model="company", beside=("parent_is_company",)),
    writer=IPaaSWriter(
        endpoint=COMPANY,
        match_field="name",
        shares_name=True,
        adopt=adopt_primary_billing,
        nested={"addresses": COMPANY_ADDRESS_TABLE},
        also={"relationship": RelatedRecord(endpoint=RELATIONSHIP, by="company_id", same=("customer_id", "type"))},
    ),
    counterpart=Counterpart(
        flow="company_from_ipaas", shared=SHARED, data=_SOURCE.data_of, differences=_TARGET.differences
    ),
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
    docs=Docs(
        overview="Customers of type Company become customer companies, with their address and, as the settings say, "
        "their parent company and the people who belong to them. (The platform's Manual Sync calls it "
        "Dynamics Company Add/Update to iPaaS.)",
        business_central="Page 21 published as `CustomerCard`; the name filled in.",
        ipaas="The custom fields that are mapped. Relationships need the contacts in iPaaS.com first.",
        mappings=(
            ("name", "Name"),
            ("email_address, phone_number, fax_number, url", "E_Mail, Phone_No, Fax_No, Home_Page"),
            ("account_number", "No"),
            ("tax_id_number", "VAT_Registration_No"),
            ("categories", "Customer_Price_Group, as the linked customer category"),
            (
                "parent_company_id",
                "Bill_to_Customer_No, when it is another company (Enable Company Hierarchy)",
            ),
        ),
        matching="An unlinked company is linked to the one company of the same name. Companies of that name that are "
        "linked to other customers do not count; several free ones are rejected.",
        children="The address (`{No}|address`), primary for billing and shipping. One relationship per person contact "
        "(`{No}|{contact No}`) with PROCESS COMPANY RELATIONSHIP, to customers that are in iPaaS.com already; a contact "
        "that is not there yet is linked as soon as it has arrived.",
        caveats=("A missing price group is transferred on the spot.",),
        errors=(
            (
                "Several iPaaS.com records have name …",
                "Two unlinked companies in iPaaS.com have this name.",
                "Merge them, or link the right one by hand with the customer No. as external id.",
            ),
        ),
    ),
)

FROM_IPAAS = Flow(
    name="company_from_ipaas",
    record="company",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Company FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=_SOURCE,
    skip=skip_contact,
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
    docs=Docs(
        overview="Companies become customers of type Company, or change the customer that they are linked to.",
        business_central="Page 21 published as `CustomerCard`; API v2.0. The number series of customers must allow "
        "manual numbers. Countries and the codes of bc_create_defaults must exist there.",
        ipaas="The company has a name. Country of the billing address of at most 10 characters, as Business Central "
        "knows it. Categories that are to become price groups come from Business Central.",
        mappings=(
            (
                "No (on create only)",
                "account_number, or else the company's iPaaS.com id, or else `C` and that: the first that is free",
            ),
            ("Name, E_Mail", "name, email_address"),
            (
                "Address, Address_2, Post_Code, City, County, Country_Region_Code, Phone_No",
                "the primary billing address, or else the first one",
            ),
            ("Customer_Price_Group", "the first category that is a price group; others are ignored"),
            ("Partner_Type (on create only)", "Company"),
            (
                "Gen_Bus_Posting_Group, Customer_Posting_Group, Payment_Terms_Code, Tax_Area_Code (on create only)",
                "`company` of bc_create_defaults",
            ),
        ),
        matching="A company without an external id is linked to the one unlinked customer of type Company that has its "
        "name, or whose No. is its account number or its iPaaS.com id, if the e-mail agrees: a number alone never links. "
        "One found by its name is changed with the run after, when iPaaS.com has been asked whether it belongs to another "
        "company; then it does not count. Several free ones are rejected.",
        children="The billing address is linked (`{No}|address`).",
        caveats=(
            "A field that is empty in iPaaS.com leaves what Business Central has.",
            "When another address becomes the primary billing address, Business Central takes it over, and the linked one "
            "in iPaaS.com becomes like it.",
            "Posting groups, payment terms and tax area of a customer are never changed after it was created.",
        ),
        errors=(
            (
                "It is linked to company …, which does not exist in Business Central any more.",
                "The customer was deleted there, or renumbered before the ledger knew its immutable id.",
                "Correct or remove the external id in iPaaS.com.",
            ),
            (
                "You may not enter numbers manually …",
                "The number series of customers does not allow manual numbers.",
                "Allow Manual Nos. in the number series.",
            ),
            (
                "… contains a value (…) that cannot be found in the related table",
                "A country, price group or default code does not exist in Business Central.",
                "Create it there, or correct the value in iPaaS.com or in bc_create_defaults.",
            ),
        ),
    ),
)
