"""Customers, both ways: Business Central customers of type Person."""

from __future__ import annotations

from include.flows.company import category_refs, customer_target
from include.ipaas.endpoints import CUSTOMER
from include.ipaas.external_ids import ADDRESS_TABLE
from include.mappings.contacts import contact_of
from include.mappings.customers import PAGE_ONLY, adopt_primary_billing, customer_to_ipaas, not_of_type
from include.mappings.parties_from_ipaas import SHARED, customer_from_ipaas, customer_numbers, skip_contact
from include.mappings.remembered import remembering
from include.sources.contacts import Contacts
from include.sources.customers import ID_FORMATS, PAGE, CustomersOfType
from include.sources.ipaas_records import IPaaSRecords
from include.sync.flow import IPAAS_ID, Counterpart, Docs, Flow
from include.sync.runs import Direction
from include.writers.bc_beside import Beside
from include.writers.bc_records import BCWriter
from include.writers.ipaas_records import IPaaSWriter

_SOURCE = IPaaSRecords(endpoint=CUSTOMER, flow="customer_from_ipaas", refs=category_refs, numbers=customer_numbers)
_TARGET = customer_target("customer", "Person")

TO_IPAAS = Flow(
    name="customer_to_ipaas",
    record="customer",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Customer TO iPaaS.com",
    schedule="15 * * * *",
    source=CustomersOfType(type="Person", model="customer"),
    skip=not_of_type("Person"),
    mapping=remembering(customer_to_ipaas, PAGE_ONLY, model="customer"),
    writer=IPaaSWriter(
        endpoint=CUSTOMER,
        match_field="email_address",
        adopt=adopt_primary_billing,
        nested={"addresses": ADDRESS_TABLE},
    ),
    counterpart=Counterpart(
        flow="customer_from_ipaas", shared=SHARED, data=_SOURCE.data_of, differences=_TARGET.differences
    ),
    id_formats=ID_FORMATS,
    after=("customer_category_to_ipaas", "company_to_ipaas"),
    services=(PAGE, "CustomerPriceGroups"),
    settings_used=("bc_custom_fields",),
    docs=Docs(
        overview="Customers of type Person become customers, with their address.",
        business_central="Page 21 published as `CustomerCard`; name and e-mail filled in, the e-mail unique.",
        ipaas="The custom fields that are mapped.",
        mappings=(
            ("customer_number", "No"),
            ("email_address", "E_Mail"),
            ("first_name, last_name", "Name: the last word is the last name"),
            ("category_id, categories", "Customer_Price_Group, as the linked customer category"),
        ),
        matching="An unlinked customer is linked to the one customer with the same e-mail address. One that is linked "
        "to another customer of Business Central is rejected, naming both.",
        children="The address (`{No}|address`), primary for billing and shipping.",
        caveats=(
            "A missing price group is transferred on the spot.",
            "Of several e-mail addresses the first one counts.",
            "A customer that was renumbered stays the same record.",
        ),
        errors=(
            ("The customer has no e-mail address …", "E-Mail is blank on the customer card.", "Fill it in."),
            (
                "email_address … belongs to iPaaS.com customer …",
                "Two customers of Business Central have the same e-mail.",
                "Correct one of them.",
            ),
        ),
    ),
)

FROM_IPAAS = Flow(
    name="customer_from_ipaas",
    record="customer",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Customer FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=_SOURCE,
    skip=skip_contact,
    mapping=customer_from_ipaas,
    writer=BCWriter(
        target=_TARGET,
        table=CUSTOMER.table,
        beside=Beside(
            name="contact", owner="contact_to_ipaas", by="email", find=Contacts().by_emails, own_number=contact_of
        ),
    ),
    counterpart=Counterpart(flow="customer_to_ipaas", shared=SHARED),
    id_formats=(IPAAS_ID,),
    poll="missing",
    after=("customer_to_ipaas", "contact_to_ipaas", "company_from_ipaas"),
    scopes=("customer/created", "customer/updated"),
    nested_scopes={"customer/address": "addresses"},
    services=(PAGE,),
    settings_used=("bc_create_defaults", "bc_custom_fields"),
    docs=Docs(
        overview="Customers become customers of type Person, or change the customer that they are linked to. What came "
        "from Business Central as a contact is left out: it is kept there, with its company.",
        business_central="Page 21 published as `CustomerCard`; API v2.0. The number series of customers must allow "
        "manual numbers. Countries and the codes of bc_create_defaults must exist there.",
        ipaas="The customer has a name. Country of the billing address of at most 10 characters, as Business Central "
        "knows it. Categories that are to become price groups come from Business Central.",
        mappings=(
            (
                "No (on create only)",
                "customer_number, or else `C`, or else `P`, and the customer's iPaaS.com id: the first that is free",
            ),
            ("Name", "first_name and last_name; two equal ones are one word"),
            ("E_Mail", "email_address"),
            (
                "Address, Address_2, Post_Code, City, County, Country_Region_Code, Phone_No",
                "the primary billing address, or else the first one",
            ),
            ("Customer_Price_Group", "the first category that is a price group; others are ignored"),
            ("Partner_Type (on create only)", "Person"),
            (
                "Gen_Bus_Posting_Group, Customer_Posting_Group, Payment_Terms_Code, Tax_Area_Code (on create only, "
                "unless also_on_update is set)",
                "`customer` of bc_create_defaults",
            ),
        ),
        matching="A customer without an external id is linked to the one unlinked customer of type Person that has its "
        "e-mail address, or whose No. is its customer number, if the name agrees: a number alone never links. One found by "
        "e-mail is changed with the run after, when iPaaS.com has been asked whether it belongs to somebody else. One that "
        "does is rejected, naming both. Of two customers of one e-mail the first is made, the other rejected. One that is no "
        "customer there, and has the e-mail of one person contact that contact_to_ipaas transfers, is linked to that "
        "contact (`{number}|contact`), also with the run after, and nothing is written; several are rejected.",
        children="The billing address is linked (`{No}|address`).",
        caveats=(
            "A field that is empty in iPaaS.com leaves what Business Central has.",
            "When another address becomes the primary billing address, Business Central takes it over, and the linked one "
            "in iPaaS.com becomes like it.",
        ),
        errors=(
            (
                "Customer … of Business Central is linked to iPaaS.com customer …, and this record matches it, too.",
                "Two customers in iPaaS.com are the same person, or share a number or an e-mail.",
                "Merge them, or correct the number or the e-mail.",
            ),
            (
                "Several customers of Business Central may be this one: …",
                "Two customers there have this e-mail, or one its number and another its e-mail.",
                "Link the right one by hand with its No. as external id, or correct the others.",
            ),
            (
                "Several contacts of Business Central may be this one: …",
                "Two person contacts there have this e-mail.",
                "Correct the others, or link the right one by hand with `{number}|contact` as external id.",
            ),
            (
                "It is linked to customer …, which does not exist in Business Central any more.",
                "The customer was deleted there, or renumbered before the ledger knew its immutable id.",
                "Correct or remove the external id in iPaaS.com.",
            ),
            (
                "You may not enter numbers manually …",
                "The number series of customers does not allow manual numbers.",
                "Allow Manual Nos. in the number series.",
            ),
        ),
    ),
)
