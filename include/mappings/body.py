"""Small tools for building the body of a record: absent stays absent, children carry their link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.ipaas.external_ids import linked_to
from include.sync.records import Json


def body(**fields: Any) -> Json:
    """The fields that have a value. An absent value is not sent, so it never blanks what the other side has."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def child(system_id: int, external_id: str, fields: Mapping[str, Any]) -> Json:
    """A nested record, linked by its own external id, so that an update finds it again."""
    return body(**fields) | linked_to(system_id, external_id)
