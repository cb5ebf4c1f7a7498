"""Customers, both ways: Business Central customers of type Person."""

from __future__ import annotations

from include.flows.company import category_refs, customer_target
from include.ipaas.endpoints import CUSTOMER
from include.ipaas.external_ids import ADDRESS_TABLE
from include.mappings.contacts import contact_of
from include.mappings.customers import PAGE_ONLY, adopt_primary_billing, customer_to_ipaas, not_of_type
from include.mappings.parties_from_ipaas import SHARED, customer_from_ipaas, customer_numbers, skip_linked_contact
from include.mappings.remembered import remembering
from include.mappings.rows_of_ipaas import PersonRow
from include.sources.contacts import by_emails
from include.sources.customers import ID_FORMATS, PAGE, customers_of_type
from include.sources.ipaas_records import IPaaSRecords
from include.sync.asked import IPAAS_ID
from include.sync.flow import Counterpart, Flow
from include.sync.runs import Direction
from include.writers.bc_beside import Beside
from include.writers.bc_records import BCWriter
from include.writers.ipaas_records import IPaaSWriter

_SOURCE = IPaaSRecords(
    endpoint=CUSTOMER, flow="customer_from_ipaas", row=PersonRow, refs=category_refs, numbers=customer_numbers
)
_TARGET = customer_target("customer", "Person")

TO_IPAAS = Flow(
    name="customer_to_ipaas",
    record="customer",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Customer TO iPaaS.com",
    schedule="15 * * * *",
    source=customers_of_type("Person", "customer"),
    skip=not_of_type("Person"),
    mapping=remembering(customer_to_ipaas, PAGE_ONLY, model="customer"),
    writer=IPaaSWriter(
        endpoint=CUSTOMER,
        match_field="email_address",
        adopt=adopt_primary_billing,
        nested={"addresses": ADDRESS_TABLE},
    ),
    counterpart=Counterpart(
        flow="customer_from_ipaas", shared=SHARED, row=_SOURCE.row_of, differences=_TARGET.differences
    ),
    resources=("customers",),
    id_formats=ID_FORMATS,
    after=("customer_category_to_ipaas", "company_to_ipaas"),
    services=(PAGE, "CustomerPriceGroups"),
    settings_used=("bc_custom_fields",),
)

FROM_IPAAS = Flow(
    name="customer_from_ipaas",
    record="customer",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Customer FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=_SOURCE,
    skip=skip_linked_contact,
    mapping=customer_from_ipaas,
    writer=BCWriter(
        target=_TARGET,
        table=CUSTOMER.table,
        beside=Beside(name="contact", owner="contact_to_ipaas", by="email", find=by_emails, own_number=contact_of),
    ),
    counterpart=Counterpart(flow="customer_to_ipaas", shared=SHARED),
    id_formats=(IPAAS_ID,),
    poll="missing",
    after=("customer_to_ipaas", "contact_to_ipaas", "company_from_ipaas"),
    scopes=("customer/created", "customer/updated"),
    nested_scopes={"customer/address": "addresses"},
    services=(PAGE,),
    settings_used=("bc_create_defaults", "bc_custom_fields"),
)
