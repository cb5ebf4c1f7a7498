"""Person contacts to iPaaS.com, as customers."""

from __future__ import annotations

from include.ipaas.endpoints import CUSTOMER
from include.ipaas.external_ids import ADDRESS_TABLE
from include.mappings.contacts import contact_to_ipaas, skip_contact
from include.mappings.customers import adopt_primary_billing
from include.sources.contacts import CONTACTS
from include.sync.asked import GUID, IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="contact_to_ipaas",
    record="contact",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Contact TO iPaaS.com",
    schedule="20 * * * *",
    source=CONTACTS,
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
)
