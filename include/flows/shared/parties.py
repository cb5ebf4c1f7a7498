"""What companies and customers from iPaaS.com have in common: where they are written, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from include.flows.shared.customer_records import PAGE, page_fields
from include.ipaas.external_ids import CUSTOMER_CATEGORY_TABLE
from include.ipaas.records.parties import Party
from include.mappings.names import first_address, join_name, split_name, with_first_address
from include.mappings.parties_from_ipaas import API_FIELDS, API_IDS, CODES, FIELDS
from include.sync.bc_target import Target


def customer_target(model: str, kind: str) -> Target:
    """Customers of one type, `Company` or `Person`; `model` is their name in bc_custom_fields."""
    return Target(
        name=model,
        page=PAGE,
        api="customers",
        fields=FIELDS,
        api_fields=API_FIELDS,
        api_ids=API_IDS,
        model=model,
        fixed={"type": kind},
        codes=CODES,
        also=lambda settings: page_fields(settings, model),
        # A person's name goes to iPaaS.com in two parts and comes back joined; two equal words come back as one. Of several
        # e-mail addresses the first one goes there.
        normal={
            "E_Mail": first_address,
            **({"Name": lambda name: join_name(*split_name(name))} if kind == "Person" else {}),
        },
        keeps={"E_Mail": with_first_address},
        listed=frozenset({"email"}),
    )


def category_refs(record: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The categories of a company or customer."""
    return ((CUSTOMER_CATEGORY_TABLE, category) for category in Party.model_validate(record).category_ids)
