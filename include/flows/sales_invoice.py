"""Sales invoices, both ways: posted ones become transactions, Complete transactions of other systems become posted ones."""

from __future__ import annotations

from include.ipaas.endpoints import TRANSACTION
from include.mappings.invoices_from_ipaas import invoice_from_ipaas, skip_foreign_invoice
from include.mappings.remembered import remembering
from include.mappings.sales_invoices import (
    POSTED_ORDER,
    SHIPPED_ORDER,
    invoice_to_ipaas,
    skip_invoice,
)
from include.mappings.transactions import FROM_FURTHER_PAGES, PAGE_ONLY
from include.sources.documents import AGENTS, LINES, SHIPMENTS
from include.sources.sales_invoices import ORDERS_FLOW, PAGE, SalesInvoices
from include.sources.transactions import NESTED_SCOPES, ForeignTransactions
from include.sync.flow import GUID, IPAAS_ID, Docs, Flow, IdFormat
from include.sync.runs import Direction
from include.writers.bc_invoices import InvoiceWriter
from include.writers.ipaas_ownership import OrderTransaction, is_counterpart, within_ownership
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="sales_invoice_to_ipaas",
    record="sales invoice",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Sales Invoice TO iPaaS.com",
    schedule="50 * * * *",
    source=SalesInvoices(),
    skip=skip_invoice,
    mapping=remembering(invoice_to_ipaas, PAGE_ONLY, model="transaction", beside=FROM_FURTHER_PAGES),
    writer=IPaaSWriter(
        endpoint=TRANSACTION,
        match_field="transaction_number",
        counts=is_counterpart,
        restrict=within_ownership,
        match_shows_link=True,
        also={SHIPPED_ORDER: OrderTransaction(posted=False), POSTED_ORDER: OrderTransaction(posted=True)},
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
    poll="lookback",
    after=(ORDERS_FLOW, "invoice_from_ipaas"),
    services=(PAGE, LINES, AGENTS, SHIPMENTS),
    settings_used=(
        "bc_transaction_poll_search_days",
        "bc_time_zone",
        "bc_excluded_lineitem_skus_from_preprocessing",
        "bc_processing_company_creation_in_prerequisite",
        "bc_create_defaults",
        "bc_custom_fields",
    ),
    docs=Docs(
        overview="Posted sales invoices become transactions of type Invoice below the transaction of their order. The "
        "order's transaction learns what was shipped, and is Complete once its order is posted in full.",
        business_central="Page 132 (or 143, which has fewer fields) published as `PostedSalesInvoices`: it tells posted "
        "invoices from released drafts, and brings payment method, shipping agent and tracking. Page 46 as "
        "`SalesOrderLines` for orders that are still open; page 142 as `PostedSalesShipments` for tracking numbers; page "
        "428 as `ShippingAgents`.",
        ipaas="The products of the lines and the company or customer. Shipping and payment methods are transferred on the "
        "spot. The custom fields that are mapped.",
        mappings=(
            ("system_id", "the id of the Business Central subscription"),
            ("transaction_number, type", "number, `Invoice`"),
            ("status", "`Complete`; `Cancelled` when Canceled"),
            ("transaction_parent_id", "orderNumber, as the linked transaction, if there is one"),
            ("company_id or customer_id", "customerNumber, as the linked company or customer"),
            ("email_address", "email"),
            ("created_datetime", "invoiceDate at midnight in `bc_time_zone`"),
            ("subtotal", "the lines' amounts but shipping, before the invoice discount"),
            ("shipping_amount", "lines of type Charge, and of the shipping account"),
            ("discount_amount", "discountAmount of all lines and of the invoice"),
            ("tax_amount, total", "totalTaxAmount, totalAmountIncludingTax"),
            ("total_qty", "quantity of the product lines"),
        ),
        matching="An unlinked invoice is linked to the transaction of type Invoice with the same number that belongs to our "
        "subscription. An invoice that was made from a transaction of iPaaS.com belongs to that one; no second one is made.",
        children="As for sales orders, under the invoice's number; lines are Shipped, the payment is Complete when the invoice "
        "is Paid. Partially shipped lines: while the order is open, its transaction's lines get their shipped quantities.",
        caveats=(
            "Credit memos are not transferred.",
            "Lines in another unit than their item's base unit, and documents in a foreign currency, are sent as orders "
            "are: in base units, and with their currency named.",
            "A poll looks back Transaction Poll Search Days.",
            "An order that was deleted after it had been posted in part counts as posted in full: Business Central does not "
            "tell the two apart.",
            "Cancelling an invoice changes its own transaction only.",
            "Custom fields may name fields of the API or of the posted page; one that an invoice does not have is not sent.",
        ),
        errors=(
            (
                "It needs product …, which is not in iPaaS.com yet.",
                "The item of a line has not been transferred.",
                "Nothing to do; or run product_to_ipaas with the item No.",
            ),
            (
                "… is linked to iPaaS.com transaction …, which is of type Order, not Invoice",
                "Orders and posted invoices share numbers.",
                "Give posted invoices a number series of their own.",
            ),
            (
                "Whether it is posted cannot be told.",
                "The posted page is not published, and drafts have numbers like this one. It is transferred once paid.",
                "Publish page 132 as `PostedSalesInvoices`.",
            ),
            (
                "The amounts do not add up …",
                "Lines, discounts, shipping and tax do not make Business Central's total.",
                "Compare both figures with the invoice.",
            ),
        ),
    ),
)

FROM_IPAAS = Flow(
    name="invoice_from_ipaas",
    record="invoice",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Invoice FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=ForeignTransactions(flow="invoice_from_ipaas", skip=skip_foreign_invoice),
    skip=skip_foreign_invoice,
    mapping=invoice_from_ipaas,
    writer=InvoiceWriter(),
    id_formats=(IPAAS_ID,),
    poll="missing",
    scopes=("transaction/created", "transaction/updated"),
    nested_scopes=NESTED_SCOPES,
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
            ("taxCode of every line", "`invoice.no_tax_group` of bc_create_defaults, where it is set"),
            ("payment terms", "those of the customer in Business Central"),
            ("discountAmount", "the part of discount_amount that the lines do not carry"),
        ),
        matching="A transaction without an external id is linked to the one invoice of its customer whose "
        "externalDocumentNumber is its number and that was not cancelled; a draft of that kind is completed when it was cut "
        "off by a failure of the network or of this project, or when Update Non-Existing Invoice Lines is TRUE.",
        children="Item lines (their id), each with its unit: the item's base unit, unless the line names another one that the "
        "item has. One line for shipping and one per tax on the configured accounts; payments "
        "(`{id of the invoice}|{id of the payment}`) in the configured journal, applied to the posted invoice. The journal "
        "itself is posted in Business Central.",
        caveats=(
            "The first poll invoices every Complete transaction of other systems that has no external id of ours: link older "
            "ones, or close their period, before the DAG is switched on.",
            "The draft must come to the transaction's total, less lines that are excluded by their SKU, and bear no tax of "
            "Business Central's own, since the transaction's taxes are lines; else it is not posted, and both figures are "
            "reported. Of customers who are liable to tax the draft bears none with `invoice.no_tax_group`: a tax group (VAT "
            "product posting group) without tax.",
            "Amounts have the decimals that Business Central's currencies give them; see sales_order_from_ipaas.",
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
                "Draft invoice … comes to … in Business Central, and the transaction to …",
                "Business Central works out another price, discount or tax.",
                "Compare the draft with the transaction; where it bears tax of its own, take Tax Liable from the customer, or "
                "set invoice.no_tax_group in bc_create_defaults.",
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
