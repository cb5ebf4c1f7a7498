"""Sales orders from iPaaS.com: Pending transactions of other systems."""

from __future__ import annotations

from include.flows.foreign.orders import OrderWriter
from include.flows.foreign.source import ForeignTransactions
from include.mappings.orders_from_ipaas import order_from_ipaas, skip_order
from include.sync.flow import IPAAS_ID, Docs, Flow
from include.sync.model import Direction

_NAME = "sales_order_from_ipaas"

FROM_IPAAS = Flow(
    name=_NAME,
    record="sales order",
    direction=Direction.from_ipaas,
    collection="Add/Update Dynamics 365 Business Central Sales Order FROM iPaaS.com",
    schedule="*/5 * * * *",
    source=ForeignTransactions(flow=_NAME, skip=skip_order),
    skip=skip_order,
    mapping=order_from_ipaas,
    writer=OrderWriter(),
    id_formats=(IPAAS_ID,),
    poll="missing",
    scopes=("transaction/created", "transaction/updated"),
    after=("company_from_ipaas", "customer_from_ipaas", "product_from_ipaas"),
    services=("SalesOrders", "SalesOrderLines", "CustomerCard", "ItemCard"),
    settings_used=(
        "bc_excluded_lineitem_skus_from_preprocessing",
        "bc_processing_company_creation_in_prerequisite",
        "bc_create_defaults",
        "bc_custom_fields",
        "bc_time_zone",
    ),
    docs=Docs(
        overview="Transactions with status Pending that are no invoices, name a customer or a company, and belong to "
        "another system become sales orders, and change the order that they have become until it is released.",
        business_central="Pages 42 and 46 published as `SalesOrders` and `SalesOrderLines`, 21 and 30 as `CustomerCard` "
        "and `ItemCard`. The buyer is a customer with a Customer Posting Group, the SKUs are items, countries exist as "
        "codes. With `sales_order.number_from_transaction` the number series of orders must allow manual numbers.",
        ipaas="The transaction has a number of at most 35 characters, a date, and at least one line of type Product. "
        "Customer or company are linked, or become it: see company_from_ipaas and customer_from_ipaas.",
        mappings=(
            (
                "Sell_to_Customer_No",
                "customer_id, or else company_id, as the linked customer; of a contact, its company",
            ),
            ("Sell_to_Contact_No", "customer_id, when it is a contact of Business Central"),
            (
                "No (on create only)",
                "the number series, or transaction_number with `sales_order` of bc_create_defaults",
            ),
            ("External_Document_No", "transaction_number"),
            ("Order_Date", "the day of created_datetime in bc_time_zone"),
            ("Location_Code (on create only)", "`sales_order` of bc_create_defaults"),
            ("Shipping_Agent_Code, Shipping_Agent_Service_Code (on create only)", "those of the customer"),
            ("Bill_to_…", "the primary billing address; the name only where the customer has Disable Search by Name"),
            ("Ship_to_…", "the primary shipping address"),
            ("API v2.0 discountAmount", "the part of discount_amount that the lines do not carry"),
        ),
        matching="A transaction without an external id is linked to the one order of its customer whose "
        "External_Document_No is its number. Orders that belong to another transaction do not count; several free ones "
        "are rejected.",
        children="Lines of type Product (`{No}|{Line_No}`), one after another: No from sku, Quantity from qty, Unit_Price, "
        "Line_Discount_Amount. A line is changed in place, and removed with its line in iPaaS.com; lines that somebody "
        "adds in Business Central stay.",
        caveats=(
            "The first poll transfers every Pending transaction of other systems that has no external id of ours.",
            "An address is taken as a whole: parts that it lacks are blanked, not taken from the customer.",
            "The order's status is left alone. A released or shipped order is not changed: if it differs, the transaction "
            "fails and says in what.",
            "An item that Business Central lacks makes the order wait, if iPaaS.com has it as a product.",
            "Sales orders that came from Business Central are left out, whatever their status.",
            "Lines of other types than Product, and SKUs listed in EXCLUDED LINEITEM SKUs FROM PREPROCESSING, are left out.",
        ),
        deleted="Deletions are not propagated. An order that was deleted in Business Central is not made again by itself.",
        errors=(
            (
                "SKU … is no item of Business Central, and no product of iPaaS.com.",
                "The line's SKU is misspelt, or its item is missing.",
                "Correct the SKU, create the item, or list it among the excluded SKUs.",
            ),
            (
                "Order … is Released in Business Central, and differs in …",
                "The transaction was changed after the order had been released.",
                "Reopen the order, or change it by hand as the transaction says.",
            ),
            (
                "You may not enter numbers manually …",
                "The number series of orders does not allow manual numbers, and number_from_transaction asks for them.",
                "Allow Manual Nos. in the series, or take number_from_transaction out of bc_create_defaults.",
            ),
            (
                "… when Customer … is blocked …",
                "The customer is blocked in Business Central.",
                "Take the block from the customer card; the order goes through with the next try.",
            ),
        ),
    ),
)
