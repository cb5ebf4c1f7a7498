"""Companies to iPaaS.com: Business Central customers of type Company."""

from __future__ import annotations

from include.flows.customer_records import ID_FORMATS, PAGE, CustomersOfType
from include.ipaas.endpoints import COMPANY, RELATIONSHIP
from include.mappings.customers import adopt_primary_billing, company_to_ipaas, not_of_type
from include.sync.flow import Docs, Flow
from include.sync.ipaas_writer import IPaaSWriter, RelatedRecord
from include.sync.model import Direction

TO_IPAAS = Flow(
    name="company_to_ipaas",
    record="company",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Company TO iPaaS.com",
    schedule="10 * * * *",
    source=CustomersOfType(type="Company", model="company"),
    skip=not_of_type("Company"),
    mapping=company_to_ipaas,
    writer=IPaaSWriter(
        endpoint=COMPANY,
        match_field="name",
        shares_name=True,
        adopt=adopt_primary_billing,
        also={"relationship": RelatedRecord(endpoint=RELATIONSHIP, by="company_id", same=("customer_id", "type"))},
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
        "their parent company and the people who belong to them. (On the seed's Manual Sync screen: "
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
