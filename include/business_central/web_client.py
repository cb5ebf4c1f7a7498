"""Where a person sees a record in Business Central's web client. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from include.transport.addresses import host_of

# Microsoft's own service; where another one's web client is, nobody can tell from the address of its API.
_API, _CLIENT = "api.businesscentral.dynamics.com", "https://businesscentral.dynamics.com"
# By the record of a flow: the page, and the field that the record is known by.
PAGES = {
    "company": (21, "No."),
    "customer": (21, "No."),
    "contact": (5050, "No."),
    "customer category": (7, "Code"),
    "location": (5703, "Code"),
    "payment method": (427, "Code"),
    "product": (30, "No."),
    "product category": (5733, "Code"),
    "product inventory": (30, "No."),
    "sales order": (42, "No."),
    "shipping method": (428, "Code"),
}
# The length of an internal id; the web client's filters know it by no field of the page.
_GUID = 36


@dataclass(frozen=True, kw_only=True)
class WebClient:
    """The web client of one company."""

    tenant_id: str
    environment: str
    company_name: str

    @classmethod
    def of(cls, host: str | None, tenant_id: str, environment: str, company_name: str) -> WebClient | None:
        """The web client that belongs to the host of an API; None where that is not known."""
        if host_of(host) != _API:
            return None
        return cls(tenant_id=tenant_id, environment=environment, company_name=company_name)

    def address(self, record: str, key: str) -> str | None:
        """The page of a record; None where the key is none that a page can be filtered by."""
        # A row of stock is seen at its item.
        no = key.rpartition("|")[2] if record == "product inventory" else key.removesuffix("|contact")
        if record not in PAGES or not no or "|" in no or len(no) == _GUID:
            return None
        page, field = PAGES[record]
        value = no.replace("'", "''")
        asked = {"company": self.company_name, "page": page, "filter": f"'{field}' IS '{value}'"}
        return f"{_CLIENT}/{quote(self.tenant_id)}/{quote(self.environment)}?{urlencode(asked, quote_via=quote)}"
