"""What `$metadata` says of the published pages: which properties they have on this tenant."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from io import BytesIO

from urllib3 import BaseHTTPResponse

from include.business_central.errors import SYSTEM
from include.errors import senseless


@dataclass(frozen=True, kw_only=True)
class FieldInfo:
    """A property of a published page, from `$metadata`."""

    name: str
    edm_type: str
    max_length: int | None


def parse(response: BaseHTTPResponse) -> dict[str, dict[str, FieldInfo]]:
    """Entity types and their properties; the document is large, so it is read element by element."""
    types: dict[str, dict[str, FieldInfo]] = {}
    try:
        for _, element in ET.iterparse(BytesIO(response.data)):
            if element.tag.endswith("}EntityType"):
                types[str(element.get("Name"))] = {
                    info.name: info for item in element if item.tag.endswith("}Property") for info in [_field(item)]
                }
                element.clear()
    except ET.ParseError:
        raise senseless(SYSTEM, "$metadata was cut off.") from None
    if not types:
        raise senseless(SYSTEM, "$metadata is empty.")
    return types


def _field(item: ET.Element) -> FieldInfo:
    length = item.get("MaxLength") or ""
    return FieldInfo(
        name=str(item.get("Name")),
        edm_type=str(item.get("Type")),
        max_length=int(length) if length.isdigit() else None,
    )
