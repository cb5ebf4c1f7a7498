"""Where each record is created, changed, read and listed: as assumed, or as the Variable `ipaas_paths` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from include.ipaas.endpoints import Endpoint
from include.settings import IPAAS_OPERATIONS

CREATE, UPDATE, READ, SEARCH = IPAAS_OPERATIONS


class Paths:
    """The paths of one platform, below the base of each family."""

    def __init__(self, own: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`own` are paths by record and operation that stand instead of those assumed."""
        self._own = own or {}

    def template(self, endpoint: Endpoint, operation: str, *, below: bool = False) -> str:
        """The path of an operation, with `{id}` for the record's id and `{field}` for a field of its body."""
        if given := self._own.get(endpoint.name, {}).get(operation):
            return given.lstrip("/")
        if operation == SEARCH:
            return endpoint.search
        below = below and bool(endpoint.below)
        path = endpoint.below if below else endpoint.path
        if operation != CREATE:
            return f"{path}/{{id}}"
        return f"{path}?id={{parent_id}}" if below else path

    def is_given(self, endpoint: Endpoint, operation: str) -> bool:
        """Whether somebody has said where it is."""
        return operation in self._own.get(endpoint.name, {})

    def fill(self, endpoint: Endpoint, operation: str, values: Mapping[str, Any], *, below: bool = False) -> str:
        """The path with its placeholders filled in."""
        path = self.template(endpoint, operation, below=below)
        for name, value in values.items():
            if (place := f"{{{name}}}") in path:
                path = path.replace(place, quote(str(value), safe=""))
        return path
