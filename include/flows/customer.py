"""Customers to iPaaS.com: Business Central customers of type Person."""

from __future__ import annotations

from include.flows.customer_records import ID_FORMATS, PAGE, CustomersOfType
from include.ipaas.endpoints import CUSTOMER
from include.mappings.customers import adopt_primary_billing, customer_to_ipaas, not_of_type
from include.sync.flow import Docs, Flow
from include.sync.ipaas_writer import IPaaSWriter
from include.sync.model import Direction

TO_IPAAS = Flow(
    name="customer_to_ipaas",
    record="customer",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Customer TO iPaaS.com",
    schedule="15 * * * *",
    source=CustomersOfType(type="Person", model="customer"),
    skip=not_of_type("Person"),
    mapping=customer_to_ipaas,
    writer=IPaaSWriter(endpoint=CUSTOMER, match_field="email_address", adopt=adopt_primary_billing),
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
        caveats=("A missing price group is transferred on the spot.",),
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
