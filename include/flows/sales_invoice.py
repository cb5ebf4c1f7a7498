"""Sales invoices, both ways: posted ones become transactions, Complete transactions of other systems become posted ones."""

from __future__ import annotations

from include.business_central.posted_invoices import POSTED_PAGE
from include.ipaas.endpoints import TRANSACTION
from include.mappings.foreign_transactions import INVOICE_LINK
from include.mappings.invoices_from_ipaas import invoice_from_ipaas, skip_foreign_invoice, skip_once_complete
from include.mappings.orders_from_ipaas import skip_foreign_order
from include.mappings.remembered import remembering
from include.mappings.sales_invoices import (
    POSTED_ORDER,
    SHIPPED_ORDER,
    invoice_to_ipaas,
    skip_invoice,
)
from include.mappings.transactions import FROM_FURTHER_PAGES, PAGE_ONLY
from include.sources.documents import AGENTS, LINES, SHIPMENTS
from include.sources.sales_invoices import CUSTOMER_ID, ORDERS_FLOW, SALES_INVOICES
from include.sources.transactions import NESTED_SCOPES, ForeignTransactions
from include.sync.asked import GUID, IPAAS_ID, IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.bc_invoice_book import INVOICES
from include.writers.bc_invoices import InvoiceWriter
from include.writers.ipaas_origins import Origins
from include.writers.ipaas_ownership import (
    OrderTransaction,
    gone_order,
    is_counterpart,
    shipped_order,
    within_ownership,
)
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="sales_invoice_to_ipaas",
    record="sales invoice",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Sales Invoice TO iPaaS.com",
    schedule="50 * * * *",
    source=SALES_INVOICES,
    skip=skip_invoice,
    mapping=remembering(invoice_to_ipaas, PAGE_ONLY, model="transaction", beside=FROM_FURTHER_PAGES),
    writer=IPaaSWriter(
        endpoint=TRANSACTION,
        match_field="transaction_number",
        counts=is_counterpart,
        restrict=within_ownership,
        origins=Origins(flows=("sales_order_from_ipaas", "invoice_from_ipaas")),
        match_shows_link=True,
        followers={
            SHIPPED_ORDER: OrderTransaction(says=shipped_order),
            POSTED_ORDER: OrderTransaction(says=gone_order),
        },
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"invoice\|(?P<guid>{GUID.pattern})",
            example="Invoice|72f2e4b9-9b71-4f23-8d8c-bf3c876d3c1a",
            meaning="the invoice's internal id",
        ),
        IdFormat(
            name="no",
            pattern=r"(invoice\|)?(?P<no>[^|]{1,20})",
            example="Invoice|PS-INV103001",
            meaning="posted invoice No., with or without the marker",
        ),
    ),
    resources=("salesInvoices",),
    events=("SalesInvoicePosted", "SalesPaymentPosted"),
    # The event of a payment names the customer alone.
    notified_as={"salesInvoices": "Invoice|{id}", "customers": "Customer|{id}"},
    pointers=(CUSTOMER_ID,),
    poll="lookback",
    after=(ORDERS_FLOW, "invoice_from_ipaas"),
    services=(POSTED_PAGE, LINES, AGENTS, SHIPMENTS),
    settings_used=(
        "bc_transaction_poll_search_days",
        "bc_time_zone",
        "bc_excluded_lineitem_skus_from_preprocessing",
        "bc_processing_company_creation_in_prerequisite",
        "bc_create_defaults",
        "bc_custom_fields",
    ),
)

FROM_IPAAS = Flow(
    name="invoice_from_ipaas",
    record="invoice",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Invoice FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=ForeignTransactions(
        flow="invoice_from_ipaas",
        skip=skip_foreign_invoice,
        parents={"sales_order_from_ipaas": skip_foreign_order, "invoice_from_ipaas": skip_once_complete},
    ),
    skip=skip_foreign_invoice,
    mapping=invoice_from_ipaas,
    writer=InvoiceWriter(),
    makes=lambda external_id: external_id.startswith(INVOICE_LINK),
    numbers=INVOICES.name,
    id_formats=(IPAAS_ID,),
    poll="missing",
    scopes=("transaction/created", "transaction/updated"),
    nested_scopes=NESTED_SCOPES,
    after=("sales_order_from_ipaas", "sales_order_to_ipaas"),
    services=("ItemCard", "SalesOrders"),
    settings_used=(
        "bc_excluded_lineitem_skus_from_preprocessing",
        "bc_processing_company_creation_in_prerequisite",
        "bc_update_non_existing_invoice_lines",
        "bc_create_defaults",
        "bc_custom_fields",
        "bc_time_zone",
    ),
)
