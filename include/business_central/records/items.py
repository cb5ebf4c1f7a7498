"""Items, their categories, stock and prices; locations and shipping agents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from include.business_central.records.base import BusinessCentralRecord


class LocationCard(BusinessCentralRecord):
    """Page 5703 `Locations`."""

    Code: str
    Name: str | None = None
    Address: str | None = None
    Address_2: str | None = None
    City: str | None = None
    County: str | None = None
    Country_Region_Code: str | None = None
    Post_Code: str | None = None
    Phone_No: str | None = None
    E_Mail: str | None = None
    Contact: str | None = None
    Home_Page: str | None = None


class ApiLocation(BusinessCentralRecord):
    """API v2.0 `locations`."""

    id: str
    code: str
    displayName: str | None = None
    contact: str | None = None
    addressLine1: str | None = None
    addressLine2: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postalCode: str | None = None
    phoneNumber: str | None = None
    email: str | None = None
    website: str | None = None


class ShippingAgent(BusinessCentralRecord):
    """Page 428 `ShippingAgents`."""

    Code: str
    Name: str | None = None


class ItemCategory(BusinessCentralRecord):
    """API v2.0 `itemCategories`."""

    id: str
    code: str
    displayName: str | None = None


class ItemCard(BusinessCentralRecord):
    """Page 30 `ItemCard`."""

    No: str
    Description: str | None = None
    Description_2: str | None = None
    Unit_Price: Decimal | None = None
    Tax_Group_Code: str | None = None
    Net_Weight: Decimal | None = None
    GTIN: str | None = None
    Base_Unit_of_Measure: str | None = None
    Type: str | None = None
    Blocked: bool = False
    Sales_Blocked: bool = False
    Item_Category_Code: str | None = None


class ApiItem(BusinessCentralRecord):
    """API v2.0 `items`."""

    id: str
    number: str
    displayName: str | None = None
    displayName2: str | None = None
    type: str | None = None
    itemCategoryCode: str | None = None
    blocked: bool = False
    gtin: str | None = None
    unitPrice: Decimal | None = None
    taxGroupCode: str | None = None
    baseUnitOfMeasureCode: str | None = None


class StockRow(BusinessCentralRecord):
    """Query 2554 `Itemsbylocation`: stock on hand of one item at one location."""

    No: str | None = None
    Location_Code: str | None = None
    Remaining_Quantity: Decimal = Decimal(0)


class SalesPrice(BusinessCentralRecord):
    """One price of one item for one customer price group, from page 7002 or from a price list's lines."""

    Item_No: str
    Sales_Code: str
    Minimum_Quantity: Decimal = Decimal(0)
    Unit_Price: Decimal = Decimal(0)
    Currency_Code: str | None = None
    Unit_of_Measure_Code: str | None = None
    Variant_Code: str | None = None
    Starting_Date: date | None = None
    Ending_Date: date | None = None
