"""Whether a connection works, in plain words: credentials, environment, company, services, permissions."""

from __future__ import annotations

from include.business_central.client import BusinessCentralClient
from include.business_central.odata import Page
from include.business_central.services import NEEDED_SERVICES
from include.errors import ServiceError
from include.settings import SERVICES


def check(bc: BusinessCentralClient) -> tuple[bool, str]:
    """Whether everything that runs need is there and is what it should be, and what to do otherwise."""
    try:
        company = bc.company_name
        missing = [page for page in NEEDED_SERVICES if not bc.published(page) and not bc.does_without(page)]
        misnamed = [page for page in missing if bc.name_of(page) != page]
        if (missing and not bc.pages_ended()) or misnamed:
            wanting = misnamed or missing
            return False, (
                f"Business Central: not published as web services: {', '.join(map(bc.name_of, wanting))}. "
                f"{' '.join(map(bc.how_to_publish, wanting))} "
                "If one is published under another name, set the Variable bc_service_names."
            )
    except ServiceError as error:
        return False, f"{error} {error.advice}"
    unreadable = [said for page in SERVICES if (said := _unreadable(bc, page))]
    if unreadable:
        return False, " ".join(unreadable)
    note = f" Without {', '.join(missing)}: API v2.0 is read and written instead." if missing else ""
    soon = "".join(f" {said}" for said in bc.credential_faults())
    return True, f"Connected to company {company!r}; the web services can be read.{note}{soon}"


def _unreadable(bc: BusinessCentralClient, page: str) -> str | None:
    """What keeps a published service from being read, or that it is another object than it should be."""
    try:
        if bc.published(page):
            next(bc.read(Page(page), page_size=1), None)
            if fault := bc.wrong_object(page):
                return f"{fault} {fault.advice}"
    except ServiceError as error:
        return f"{bc.name_of(page)} cannot be read: {error} {error.advice}"
    return None
