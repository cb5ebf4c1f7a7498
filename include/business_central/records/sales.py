"""Sales documents: orders, posted invoices, shipments, and the codes of payment.

The page services and the API name the same thing differently. Mappings read the pages' names; where only the API was
read, its record is put under those names first.
"""

from __future__ import annotations

from decimal import Decimal

from include.business_central.records.base import BusinessCentralRecord
from include.transport.dates import Day


class SalesHeader(BusinessCentralRecord):
    """Page 42 `SalesOrders`, and posted invoices under the same names."""

    No: str
    Sell_to_Customer_No: str | None = None
    Sell_to_Customer_Name: str | None = None
    Sell_to_Address: str | None = None
    Sell_to_Address_2: str | None = None
    Sell_to_City: str | None = None
    Sell_to_County: str | None = None
    Sell_to_Post_Code: str | None = None
    Sell_to_Country_Region_Code: str | None = None
    Sell_to_Contact: str | None = None
    Sell_to_Phone_No: str | None = None
    Sell_to_E_Mail: str | None = None
    Order_Date: Day = None
    External_Document_No: str | None = None
    Status: str | None = None
    Currency_Code: str | None = None
    Prices_Including_VAT: bool = False
    VAT_Bus_Posting_Group: str | None = None
    Payment_Terms_Code: str | None = None
    Payment_Method_Code: str | None = None
    Ship_to_Name: str | None = None
    Ship_to_Address: str | None = None
    Ship_to_Address_2: str | None = None
    Ship_to_City: str | None = None
    Ship_to_County: str | None = None
    Ship_to_Post_Code: str | None = None
    Ship_to_Country_Region_Code: str | None = None
    Ship_to_Phone_No: str | None = None
    Ship_to_Contact: str | None = None
    Shipment_Date: Day = None
    Shipping_Agent_Code: str | None = None
    Package_Tracking_No: str | None = None
    Bill_to_Name: str | None = None
    Bill_to_Address: str | None = None
    Bill_to_Address_2: str | None = None
    Bill_to_City: str | None = None
    Bill_to_County: str | None = None
    Bill_to_Post_Code: str | None = None
    Bill_to_Country_Region_Code: str | None = None
    Bill_to_Contact: str | None = None
    BillToContactPhoneNo: str | None = None
    # None where it is not known: API v2.0 calls an order of which nothing is shipped fully shipped.
    Completely_Shipped: bool | None = None


class SalesLine(BusinessCentralRecord):
    """Page 46 `SalesOrderLines`, and invoice lines under the same names. The totals are the whole document's."""

    Document_No: str | None = None
    Line_No: int
    Type: str | None = None
    No: str | None = None
    Description: str | None = None
    Quantity: Decimal = Decimal(0)
    Unit_of_Measure_Code: str | None = None
    Unit_Price: Decimal = Decimal(0)
    Line_Discount_Percent: Decimal = Decimal(0)
    Line_Discount_Amount: Decimal = Decimal(0)
    Line_Amount: Decimal = Decimal(0)
    Quantity_Shipped: Decimal = Decimal(0)
    Quantity_Invoiced: Decimal = Decimal(0)
    Net_Weight: Decimal | None = None
    Tax_Area_Code: str | None = None
    # Not on the page: API v2.0 alone knows it.
    Tax_Percent: Decimal | None = None
    Invoice_Discount_Amount: Decimal | None = None
    Total_VAT_Amount: Decimal | None = None
    Total_Amount_Incl_VAT: Decimal | None = None


class ApiSalesDocument(BusinessCentralRecord):
    """What API v2.0 `salesOrders` and `salesInvoices` have in common."""

    id: str
    number: str
    externalDocumentNumber: str | None = None
    customerNumber: str | None = None
    customerName: str | None = None
    billToName: str | None = None
    billToAddressLine1: str | None = None
    billToAddressLine2: str | None = None
    billToCity: str | None = None
    billToCountry: str | None = None
    billToState: str | None = None
    billToPostCode: str | None = None
    shipToName: str | None = None
    shipToContact: str | None = None
    shipToAddressLine1: str | None = None
    shipToAddressLine2: str | None = None
    shipToCity: str | None = None
    shipToCountry: str | None = None
    shipToState: str | None = None
    shipToPostCode: str | None = None
    sellToAddressLine1: str | None = None
    sellToAddressLine2: str | None = None
    sellToCity: str | None = None
    sellToCountry: str | None = None
    sellToState: str | None = None
    sellToPostCode: str | None = None
    currencyCode: str | None = None
    paymentTermsId: str | None = None
    pricesIncludeTax: bool = False
    discountAmount: Decimal = Decimal(0)
    totalTaxAmount: Decimal = Decimal(0)
    totalAmountIncludingTax: Decimal = Decimal(0)
    status: str | None = None
    phoneNumber: str | None = None
    email: str | None = None


class ApiSalesOrder(ApiSalesDocument):
    """API v2.0 `salesOrders`: the change feed, and the order itself where its page is not published."""

    orderDate: Day = None


class ApiSalesInvoice(ApiSalesDocument):
    """API v2.0 `salesInvoices`: drafts and posted ones alike."""

    invoiceDate: Day = None
    orderId: str | None = None
    orderNumber: str | None = None


class ApiSalesLine(BusinessCentralRecord):
    """API v2.0 `salesOrderLines` and `salesInvoiceLines`."""

    sequence: int
    lineType: str | None = None
    lineObjectNumber: str | None = None
    description: str | None = None
    unitOfMeasureCode: str | None = None
    quantity: Decimal = Decimal(0)
    unitPrice: Decimal = Decimal(0)
    discountAmount: Decimal = Decimal(0)
    discountPercent: Decimal = Decimal(0)
    amountExcludingTax: Decimal = Decimal(0)
    amountIncludingTax: Decimal = Decimal(0)
    taxPercent: Decimal | None = None
    shippedQuantity: Decimal = Decimal(0)
    invoicedQuantity: Decimal = Decimal(0)


class Shipment(BusinessCentralRecord):
    """Page 142 `PostedSalesShipments`; API v2.0 `salesShipments` knows no tracking number."""

    No: str
    Shipping_Agent_Code: str | None = None
    Package_Tracking_No: str | None = None
