"""Posted sales invoices with their payments from iPaaS.com: Complete transactions of other systems."""

from __future__ import annotations

from include.flows.foreign.invoices import InvoiceWriter
from include.flows.foreign.source import ForeignTransactions
from include.mappings.invoices_from_ipaas import invoice_from_ipaas, skip_invoice
from include.sync.flow import IPAAS_ID, Docs, Flow
from include.sync.model import Direction

_NAME = "invoice_from_ipaas"

FROM_IPAAS = Flow(
    name=_NAME,
    record="invoice",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Invoice FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=ForeignTransactions(flow=_NAME, skip=skip_invoice),
    skip=skip_invoice,
    mapping=invoice_from_ipaas,
    writer=InvoiceWriter(),
    id_formats=(IPAAS_ID,),
    poll="missing",
    scopes=("transaction/created", "transaction/updated"),
    after=("sales_order_from_ipaas",),
    services=("ItemCard", "SalesOrders"),
    settings_used=(
        "bc_excluded_lineitem_skus_from_preprocessing",
        "bc_processing_company_creation_in_prerequisite",
        "bc_update_non_existing_invoice_lines",
        "bc_create_defaults",
        "bc_custom_fields",
        "bc_time_zone",
    ),
    docs=Docs(
        overview="Transactions with status Complete, of the types in `invoice.types` of bc_create_defaults, that name a "
        "customer or a company and belong to another system become invoices, which are posted, and get their payments. "
        "Later transfers add new payments only.",
        business_central="API v2.0; page 30 published as `ItemCard`, page 42 as `SalesOrders`. G/L accounts for shipping "
        "and taxes on which Business Central works out no tax of its own, and a customer payment journal, all named "
        "under `invoice` of bc_create_defaults as far as transactions need them. The dates lie within the range of "
        "allowed posting dates.",
        ipaas="The transaction has a number of at most 35 characters, a date, and at least one line of type Product. "
        "Customer or company are linked, or become it.",
        mappings=(
            ("customerNumber", "customer_id, or else company_id, as the linked customer; of a contact, its company"),
            ("billToCustomerNumber", "company_id, when customer_id names the buyer"),
            ("externalDocumentNumber", "transaction_number"),
            ("invoiceDate, postingDate", "the day of created_datetime in bc_time_zone"),
            ("sellTo…", "the primary shipping address"),
            ("email, currencyCode", "email_address, currency_code"),
            ("salesperson", "`invoice` of bc_create_defaults"),
            ("payment terms", "those of the customer in Business Central"),
            ("discountAmount", "the part of discount_amount that the lines do not carry"),
        ),
        matching="A transaction without an external id is linked to the one invoice of its customer whose "
        "externalDocumentNumber is its number and that was not cancelled; a draft of that kind is completed when it was cut "
        "off by a failure of the network or of this project, or when Update Non-Existing Invoice Lines is TRUE.",
        children="Item lines (their id), one line for shipping and one per tax on the configured accounts; payments "
        "(`{id of the invoice}|{id of the payment}`) in the configured journal, applied to the posted invoice. The journal "
        "itself is posted in Business Central.",
        caveats=(
            "The first poll invoices every Complete transaction of other systems that has no external id of ours: link older "
            "ones, or close their period, before the DAG is switched on.",
            "The draft must come to the transaction's total, less lines that are excluded by their SKU; else it is not "
            "posted, and both figures are reported.",
            "A transaction that has become a sales order, or whose parent has, is invoiced in Business Central, from that "
            "order: until then it is skipped, afterwards its payments are added to the order's invoice.",
            "Where a system sends both an order and its invoice, leave one of them in `invoice.types`.",
            "Payments that are pending, declined, failed or voided, and refunds, are left out.",
            "Custom fields whose target is no field of API v2.0 salesInvoices apply to sales orders only.",
            "An address is taken as a whole: parts that it lacks are blanked, not taken from the customer.",
        ),
        deleted="Deletions are not propagated. A transaction whose invoice is gone is not invoiced again by itself.",
        errors=(
            (
                "Draft invoice … comes to …, and the transaction to …",
                "Business Central works out another price, discount or tax.",
                "Compare the draft with the transaction; check the tax set-up of items, customer and accounts.",
            ),
            (
                "Draft invoice … has been left in Business Central by an earlier failure.",
                "A line or the posting was refused, and Update Non-Existing Invoice Lines is FALSE.",
                "Set it to TRUE, or delete the draft: then a new one is made.",
            ),
            (
                "… no account for it is configured. / … no journal for them is configured.",
                "The transaction has a shipping charge, taxes or payments.",
                "Set the key that the message names in the Variable bc_create_defaults.",
            ),
            (
                "Invoice … has been paid … beyond the payments that were transferred …",
                "The payment was entered in Business Central as well, or its answer was lost before the journal was posted.",
                "Link the payment by hand, or enter it if it is really missing.",
            ),
        ),
    ),
)
