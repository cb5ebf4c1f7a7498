"""Which behaviour a view's records have; views that are not named here behave as plain tables."""

from __future__ import annotations

from include.sandbox.bc.behaviour import Behaviour
from include.sandbox.bc.masters import Contacts, Customers, Items
from include.sandbox.bc.sales_api import InvoiceLines, Invoices, Lines, Orders
from include.sandbox.bc.sales_pages import InvoicePage, OrderLinePage, OrderPage, PostedPage
from include.sandbox.bc.sales_payments import Journals, Payments
from include.sandbox.bc.schema import View
from include.sandbox.bc.tenant import Tenant

# By page service, or API set.
BEHAVIOURS: dict[str, type[Behaviour]] = {
    "CustomerCard": Customers,
    "api:customers": Customers,
    "ContactCard": Contacts,
    "api:contacts": Contacts,
    "ItemCard": Items,
    "api:items": Items,
    "SalesOrders": OrderPage,
    "SalesInvoice": InvoicePage,
    "SalesOrderLines": OrderLinePage,
    "PostedSalesInvoice": PostedPage,
    "PostedSalesShipment": PostedPage,
    "api:salesOrders": Orders,
    "api:salesInvoices": Invoices,
    "api:salesOrderLines": Lines,
    "api:salesInvoiceLines": InvoiceLines,
    "api:customerPaymentJournals": Journals,
    "api:customerPayments": Payments,
}


def behaviour_of(tenant: Tenant, view: View) -> Behaviour:
    """The behaviour of what is written through a view."""
    return BEHAVIOURS.get(view.key, Behaviour)(tenant, view)
