"""Sales orders, both ways: released ones become transactions, Pending transactions of other systems become orders."""

from __future__ import annotations

from include.ipaas.endpoints import TRANSACTION
from include.mappings.foreign_transactions import INVOICE_LINK
from include.mappings.orders_from_ipaas import order_from_ipaas, skip_foreign_order
from include.mappings.remembered import remembering
from include.mappings.sales_orders import order_to_ipaas, skip_order
from include.mappings.transactions import FROM_FURTHER_PAGES, PAGE_ONLY
from include.sources.documents import (
    AGENTS,
    LINES,
    SHIPMENTS,
)
from include.sources.sales_orders import PAGE, SALES_ORDERS, SHIPMENT_ID
from include.sources.transactions import NESTED_SCOPES, ForeignTransactions
from include.sync.approval.prices import in_fields
from include.sync.asked import GUID, IPAAS_ID, IdFormat
from include.sync.flow import Flow
from include.sync.runs import Direction
from include.writers.bc_order_surface import API_ORDERS
from include.writers.bc_orders import OrderWriter
from include.writers.ipaas_origins import Origins
from include.writers.ipaas_ownership import is_counterpart, within_ownership
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="sales_order_to_ipaas",
    record="sales order",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Sales Order TO iPaaS.com",
    schedule="40 * * * *",
    source=SALES_ORDERS,
    skip=skip_order,
    mapping=remembering(
        order_to_ipaas,
        PAGE_ONLY,
        model="transaction",
        on_lines=("Net_Weight", "Tax_Area_Code"),
        made_up_on_lines=("Tax_Percent",),
        beside=FROM_FURTHER_PAGES,
    ),
    writer=IPaaSWriter(
        endpoint=TRANSACTION,
        match_field="transaction_number",
        counts=is_counterpart,
        restrict=within_ownership,
        origins=Origins(flows=("sales_order_from_ipaas", "invoice_from_ipaas")),
    ),
    prices=in_fields("lines.unit_price"),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="9b6f77f2-15db-4c56-94a0-d8b8c6762b8e",
            meaning="the order's internal id",
        ),
        IdFormat(name="no", pattern=r"(?P<no>[^|]{1,20})", example="S-ORD101001", meaning="sales order No."),
    ),
    resources=("salesOrders",),
    events=("SalesOrderReleased", "SalesShipmentPosted"),
    notified_as={"salesShipments": "Shipment|{id}"},
    pointers=(SHIPMENT_ID,),
    poll="lookback",
    after=(
        "company_to_ipaas",
        "customer_to_ipaas",
        "product_to_ipaas",
        "shipping_method_to_ipaas",
        "sales_order_from_ipaas",
    ),
    services=(PAGE, LINES, AGENTS, SHIPMENTS),
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
    name="sales_order_from_ipaas",
    record="sales order",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Sales Order FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=ForeignTransactions(flow="sales_order_from_ipaas", skip=skip_foreign_order),
    skip=skip_foreign_order,
    mapping=order_from_ipaas,
    writer=OrderWriter(),
    makes=lambda external_id: not external_id.startswith(INVOICE_LINK),
    numbers=API_ORDERS.name,
    prices=in_fields("lines.Unit_Price"),
    id_formats=(IPAAS_ID,),
    poll="missing",
    scopes=("transaction/created", "transaction/updated"),
    nested_scopes=NESTED_SCOPES,
    after=("company_from_ipaas", "customer_from_ipaas", "product_from_ipaas"),
    services=("SalesOrders", "SalesOrderLines", "CustomerCard", "ItemCard"),
    settings_used=(
        "bc_excluded_lineitem_skus_from_preprocessing",
        "bc_processing_company_creation_in_prerequisite",
        "bc_create_defaults",
        "bc_custom_fields",
        "bc_time_zone",
    ),
)
