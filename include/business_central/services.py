"""What a person is told of published web services: how to publish one, and what is lost without it. Words only."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from include.settings import SERVICES

# Without these a run stops, unless the subscriber or Microsoft has done away with them.
NEEDED_SERVICES = tuple(SERVICES)[:8]
# By what the object behind a service is known: properties that it has, and that others which are mistaken for it lack.
_MARKS: Mapping[str, tuple[str, ...]] = {
    "CustomerCard": ("No", "Name", "Customer_Posting_Group"),
    "Locations": ("Code", "Name", "Use_As_In_Transit"),
    "ItemCard": ("No", "Base_Unit_of_Measure"),
    "ShippingAgents": ("Code", "Name", "Internet_Address"),
    "SalesOrders": ("No", "Sell_to_Customer_No", "Order_Date", "Ship_to_Address"),
    "SalesOrderLines": ("Document_No", "Line_No", "Quantity", "Total_Amount_Incl_VAT"),
    "Itemsbylocation": ("No", "Location_Code", "Remaining_Quantity"),
    "CustomerPriceGroups": ("Code", "Description", "Allow_Invoice_Disc"),
    "SalesPrices": ("Item_No", "Sales_Code", "Unit_Price"),
    "SalesPriceLists": ("Code", "Status", "SourceType"),
    "PriceListLines": ("Price_List_Code", "Asset_No", "Unit_Price"),
    "PostedSalesInvoices": ("No", "Sell_to_Customer_No", "Remaining_Amount"),
    "PostedSalesShipments": ("No", "Sell_to_Customer_No", "Package_Tracking_No"),
    "ItemCategoryCard": ("Code", "Parent_Category"),
}


def lacking(page: str, properties: Container[str]) -> list[str]:
    """What an object lacks of the properties that the right one is known by; none for the right one."""
    return [name for name in _MARKS.get(page, ()) if name not in properties]


def how_to_publish(page: str, name: str, *, ended: bool = False) -> str:
    """What to do for a page and its service name, in the words of Business Central.

    `ended`: Microsoft's own pages are not served any more, so that only a copy of one's own can be published.
    """
    what = SERVICES.get(page, "the page")
    if ended and not what.startswith("query"):
        return (
            f"Microsoft's pages are not served as web services any more: publish a copy of {what} that an extension of your "
            f'own holds, and name it in the Variable bc_service_names, as {{"{page}": "TheName"}}.'
        )
    return f"Search for Web Services in Business Central and publish {what} with the Service Name {name}."


def without(names: Sequence[str], going_on: str, lost: Iterable[str]) -> str:
    """That services are not published: how it goes on, and what is lost until copies of them are."""
    services = f"The web service {names[0]} is" if len(names) == 1 else f"The web services {' and '.join(names)} are"
    return (
        f"{services} not published; {going_on} without {', '.join(lost)}. Publish a copy of the page or query of your own "
        "and name it in the Variable bc_service_names to have them back."
    )
