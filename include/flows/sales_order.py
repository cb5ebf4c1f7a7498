"""Sales orders, both ways: released ones become transactions, Pending transactions of other systems become orders."""

from __future__ import annotations

from include.ipaas.endpoints import TRANSACTION
from include.mappings.orders_from_ipaas import order_from_ipaas, skip_foreign_order
from include.mappings.remembered import remembering
from include.mappings.sales_orders import order_to_ipaas, skip_order
from include.mappings.transactions import FROM_FURTHER_PAGES, PAGE_ONLY
from include.sources.documents import (
    AGENTS,
    LINES,
    SHIPMENTS,
)
from include.sources.sales_orders import PAGE, SalesOrders
from include.sources.transactions import NESTED_SCOPES, ForeignTransactions
from include.sync.flow import GUID, IPAAS_ID, Docs, Flow, IdFormat
from include.sync.runs import Direction
from include.writers.bc_orders import OrderWriter
from include.writers.ipaas_ownership import is_counterpart, within_ownership
from include.writers.ipaas_records import IPaaSWriter

TO_IPAAS = Flow(
    name="sales_order_to_ipaas",
    record="sales order",
    direction=Direction.to_ipaas,
    collection="Add/Update Dynamics 365 Business Central Sales Order TO iPaaS.com",
    schedule="40 * * * *",
    source=SalesOrders(),
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
        endpoint=TRANSACTION, match_field="transaction_number", counts=is_counterpart, restrict=within_ownership
    ),
    id_formats=(
        IdFormat(
            name="guid",
            pattern=rf"(?P<guid>{GUID.pattern})",
            example="9b6f77f2-15db-4c56-94a0-d8b8c6762b8e",
            meaning="the order's internal id",
        ),
        IdFormat(name="no", pattern=r"(?P<no>[^|]{1,20})", example="S-ORD101001", meaning="sales order No."),
    ),
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
    docs=Docs(
        overview="Released sales orders become transactions of type Order, with lines, addresses, tracking and the agreed "
        "payment. What is shipped later comes over by itself.",
        business_central="Page 42 published as `SalesOrders`, page 46 as `SalesOrderLines`, page 428 as "
        "`ShippingAgents`. For the tracking numbers of posted shipments, page 142 as `PostedSalesShipments`.",
        ipaas="The products of the lines and the company or customer. Shipping and payment methods are transferred on the "
        "spot. The custom fields that are mapped.",
        mappings=(
            ("system_id", "the id of the Business Central subscription"),
            ("transaction_number, type", "No, `Order`"),
            ("status", "`Pending`, or `Shipped` when Completely_Shipped and something was shipped"),
            ("company_id or customer_id", "Sell_to_Customer_No, as the linked company or customer"),
            ("email_address", "Sell_to_E_Mail"),
            ("created_datetime", "Order_Date at midnight in `bc_time_zone`"),
            ("subtotal", "Line_Amount of all lines but shipping, before the invoice discount"),
            ("shipping_amount", "Line_Amount of lines of type Charge (Item), and of the shipping account"),
            ("discount_amount", "Line_Discount_Amount of all lines, and Invoice_Discount_Amount"),
            ("tax_amount, total", "Total_VAT_Amount, Total_Amount_Incl_VAT"),
            ("total_qty", "Quantity of the product lines"),
        ),
        matching="An unlinked order is linked to the transaction of type Order with the same number that belongs to our "
        "subscription. A transaction of another system, as an order that came from iPaaS.com, gets only what fulfilment "
        "adds: shipped quantities, statuses and tracking.",
        children="Lines (`{No}|{Line No}`): items as Product, resources, G/L accounts and fixed assets as Service; comments "
        "become notes. Addresses (`{No}|billing`, `{No}|shipping`), one tax (`{No}|tax`), one payment (`{No}|payment`), and "
        "one tracking entry per tracking number (`{No}|{tracking no}`).",
        caveats=(
            "Orders that are not released are skipped until they are.",
            "A poll looks back Transaction Poll Search Days: at orders changed since, and at orders shipped since.",
            "Lines whose SKU is listed in EXCLUDED LINEITEM SKUs FROM PREPROCESSING are left out; the subtotal still "
            "counts them, as Business Central's total does.",
            "A line that is deleted in Business Central stays in iPaaS.com with quantity and amount 0.",
            "Amounts that do not add up to Business Central's total are reported with both figures; the order goes on.",
            "A line in another unit than its item's base unit is sent in base units: quantity and price are converted, the "
            "amount is as it is, and a note says so. How much a unit holds is read from page 5404, published as "
            "`ItemUnitsOfMeasure`, or from a field Qty_per_Unit_of_Measure of your own on the page of order lines.",
            "Amounts are never converted to another currency; an order in a foreign one says which in `currency_code`, or in "
            "a note where transactions of iPaaS.com have no such field.",
            "Charges on a G/L account are shipping when the account is `sales_order.shipping_account` of "
            "`bc_create_defaults`.",
        ),
        errors=(
            (
                "It needs product …, which is not in iPaaS.com yet.",
                "The item of a line has not been transferred.",
                "Nothing to do; or run product_to_ipaas with the item No.",
            ),
            (
                "It needs customer company …, which is not in iPaaS.com yet.",
                "The company has not been transferred.",
                "Run company_to_ipaas, or set Processing Company Creation In Prerequisite to TRUE.",
            ),
            (
                "Order … is no longer among the orders …",
                "It was posted in full.",
                "Nothing to do: sales_invoice_to_ipaas carries its invoices.",
            ),
            (
                "The amounts do not add up …",
                "Lines, discounts, shipping and tax do not make Business Central's total.",
                "Compare both figures with the order; look for rounding set-up and lines of your own types.",
            ),
        ),
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
            ("Currency_Code (on create only)", "currency_code, or else the customer's; blank for the company's own"),
            ("Location_Code (on create only)", "`sales_order` of bc_create_defaults"),
            ("Prices_Including_VAT (on create only)", "false: the prices of a transaction are net of its tax"),
            ("Shipping_Agent_Code, Shipping_Agent_Service_Code (on create only)", "those of the customer"),
            ("Bill_to_…", "the primary billing address; the name only where the customer has Disable Search by Name"),
            ("Ship_to_…", "the primary shipping address"),
            (
                "API v2.0 discountAmount",
                "the part of discount_amount that the lines do not carry, less what was taken off the shipping",
            ),
            ("one line on `sales_order.shipping_account` of bc_create_defaults", "shipping_amount, where that is set"),
        ),
        matching="A transaction without an external id is linked to the one order of its customer whose "
        "External_Document_No is its number. Orders that belong to another transaction do not count; several free ones "
        "are rejected.",
        children="Lines of type Product (`{No}|{Line_No}`), one after another: No from sku, Unit_of_Measure_Code, Quantity "
        "from qty, Unit_Price, Line_Discount_Amount. The unit is the item's base unit, unless the line names another one "
        "that the item has (page 5404, published as `ItemUnitsOfMeasure`, tells; without it Business Central does, by refusing "
        "others). A line is changed in place, and removed with its line in iPaaS.com; lines that somebody "
        "adds in Business Central stay.",
        caveats=(
            "The first poll transfers every Pending transaction of other systems that has no external id of ours.",
            "An address is taken as a whole: parts that it lacks are blanked, not taken from the customer.",
            "Only what the transaction has changed since both sides last agreed is written. What both changed is Business "
            "Central's (of addresses, the later change's), and the record's line says which value gave way; lines that somebody "
            "took out stay out. A forced run writes everything as the transaction says.",
            "The order's status is left alone. A released or shipped order is not changed: if it differs, the transaction "
            "fails and says in what.",
            "An item that Business Central lacks makes the order wait, if iPaaS.com has it as a product.",
            "Sales orders that came from Business Central are left out, whatever their status.",
            "An order keeps its currency: a transaction that states another one afterwards is rejected.",
            "Taxes and payments of a transaction are no part of its order, nor is shipping_amount without a "
            "`sales_order.shipping_account`; a discount that equals such a shipping is taken off it, and not off the goods.",
            "After its last line the order is compared with its transaction: its amount before tax with the lines, discount "
            "and shipping, and the transaction's total with its own parts. A difference of more than one unit of rounding a "
            "line fails, with both figures; the order stays linked and is not released. A smaller one is told in a note. What "
            "Business Central changed since both agreed is not compared: a note says what that makes, with both figures. An "
            "order that agreed once, whose transaction is edited without its total, is told in a note, too.",
            "Amounts have the decimals that Business Central's currencies give them (`amountDecimalPlaces`). Those of the "
            "company's own are read from page 118 where it is published as `GeneralLedgerSetup`; else they are two.",
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
                "Order … comes to … before tax in Business Central, and the transaction to …",
                "Quantities, units, prices or discounts differ between the two.",
                "Correct one of them; they are compared again when either changes, or by hand.",
            ),
            (
                "The transaction's own amounts do not add up: …",
                "Its total is not what lines, discount, shipping and tax make; perhaps its prices include the tax.",
                "Correct the transaction; the prices of its lines are to be net of its tax.",
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
