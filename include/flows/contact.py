"""Person contacts to iPaaS.com, as customers."""

from __future__ import annotations

from include.ipaas.endpoints import CUSTOMER
from include.ipaas.external_ids import ADDRESS_TABLE
from include.mappings.contacts import contact_to_ipaas, skip_contact
from include.mappings.customers import adopt_primary_billing
from include.sources.contacts import Contacts
from include.sync.flow import GUID, Docs, Flow, IdFormat
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="contact_to_ipaas",
    record="contact",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Contact TO iPaaS.com",
    schedule="20 * * * *",
    source=Contacts(),
    skip=skip_contact,
    mapping=contact_to_ipaas,
    writer=IPaaSWriter(
        endpoint=CUSTOMER, match_field="email_address", adopt=adopt_primary_billing, nested={"addresses": ADDRESS_TABLE}
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})(\|contact)?",
            example="3f2504e0-4f89-11d3-9a0c-0305e82c3301|contact",
            meaning="the contact's internal id",
        ),
        IdFormat(
            name="no",
            pattern=r"(?P<no>[^|]{1,20})(\|contact)?",
            example="CT000001|contact",
            meaning="contact No.",
        ),
    ),
    after=("company_to_ipaas", "customer_to_ipaas"),
    settings_used=(
        "bc_contacts_endpoint",
        "bc_processing_company_creation_in_prerequisite",
        "bc_custom_fields",
    ),
    docs=Docs(
        overview="Person contacts that are not customers themselves become customers, linked to their company and told "
        "apart by the marker `|contact` on their number.",
        business_central="Nothing to publish: API v2.0 `contacts` is read, or the service that Contacts Endpoint names.",
        ipaas="The custom fields `Customer Type`, `Record Type`, `Role`, `Active` and `iPaaS.com Company ID`, or "
        "`bc_custom_fields` without them.",
        mappings=(
            ("customer_number", "{number}|contact"),
            ("email_address", "email"),
            ("first_name, last_name", "displayName: the last word is the last name"),
            ("company", "companyName"),
            ("company_id", "the customer that the contact's company is, as the linked company"),
        ),
        matching="An unlinked contact is linked to the one customer with the same e-mail address. One that is linked to "
        "another record of Business Central is rejected, naming both.",
        children="The address (`{number}|contact|address`), primary for billing and shipping.",
        caveats=(
            "A person that is a customer itself arrives as that customer. People of companies that are only vendors, bank "
            "accounts or employees are left out, and so is a contact without an e-mail address.",
            "When a company becomes a customer, its people get their company with the next run.",
            "Of several e-mail addresses the first one counts.",
        ),
    ),
)
