"""The catalogue: one module per record type declares its flows; here they are listed in the order of dependency.

May import `mappings`, `sync`, the clients' words (`odata`, `endpoints`, `records`) and `settings`; nothing above.
"""

from __future__ import annotations

from collections.abc import Mapping

from include.flows import (
    company,
    contact,
    customer,
    customer_category,
    location,
    payment_method,
    product,
    product_category,
    product_inventory,
    sales_invoice,
    sales_order,
    shipping_method,
)
from include.sync.flow import Flow

FLOWS: Mapping[str, Flow] = {
    flow.name: flow
    for flow in (
        customer_category.TO_IPAAS,
        company.TO_IPAAS,
        customer.TO_IPAAS,
        contact.TO_IPAAS,
        location.TO_IPAAS,
        shipping_method.TO_IPAAS,
        product_category.TO_IPAAS,
        product.TO_IPAAS,
        product_inventory.TO_IPAAS,
        company.FROM_IPAAS,
        customer.FROM_IPAAS,
        product.FROM_IPAAS,
        sales_order.FROM_IPAAS,
        sales_order.TO_IPAAS,
        sales_invoice.FROM_IPAAS,
        sales_invoice.TO_IPAAS,
    )
}
# Carried only as the prerequisites of others: no DAG is made of them.
REFERENCES: Mapping[str, Flow] = {flow.name: flow for flow in (payment_method.TO_IPAAS,)}
# Every flow that a run may have to call upon.
CATALOGUE: Mapping[str, Flow] = {**FLOWS, **REFERENCES}
