"""Customers, their price groups and their contacts."""

from __future__ import annotations

from include.business_central.records.base import BusinessCentralRecord


class CustomerPriceGroup(BusinessCentralRecord):
    """Page 7 `CustomerPriceGroups`."""

    Code: str
    Description: str | None = None


class CustomerCard(BusinessCentralRecord):
    """Page 21 `CustomerCard`."""

    No: str
    Name: str | None = None
    E_Mail: str | None = None
    Phone_No: str | None = None
    Fax_No: str | None = None
    Home_Page: str | None = None
    VAT_Registration_No: str | None = None
    ContactName: str | None = None
    Address: str | None = None
    Address_2: str | None = None
    City: str | None = None
    County: str | None = None
    Post_Code: str | None = None
    Country_Region_Code: str | None = None
    Customer_Price_Group: str | None = None
    Bill_to_Customer_No: str | None = None
    Partner_Type: str | None = None


class ApiCustomer(BusinessCentralRecord):
    """API v2.0 `customers`: the change feed, and the record itself where the page is not published."""

    id: str
    number: str
    displayName: str | None = None
    type: str | None = None
    email: str | None = None
    phoneNumber: str | None = None
    website: str | None = None
    taxRegistrationNumber: str | None = None
    addressLine1: str | None = None
    addressLine2: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postalCode: str | None = None
    lastModifiedDateTime: str | None = None


class ApiContact(BusinessCentralRecord):
    """API v2.0 `contacts`, or the subscriber's Contacts Endpoint."""

    id: str
    number: str
    type: str | None = None
    displayName: str | None = None
    jobTitle: str | None = None
    companyNumber: str | None = None
    companyName: str | None = None
    contactBusinessRelation: str | None = None
    email: str | None = None
    phoneNumber: str | None = None
    mobilePhoneNumber: str | None = None
    addressLine1: str | None = None
    addressLine2: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    postalCode: str | None = None
    privacyBlocked: bool | None = None
