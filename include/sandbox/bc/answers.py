"""What goes in and out of Business Central: a request, an answer, and an error answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """One call: of HTTP, or of a part of a batch. `path` is below `/v2.0/{tenant}/{environment}`."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    base: str = ""


@dataclass
class Answer:
    """What is answered: a status, a body to be sent as JSON (or text), headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Fault(Exception):
    """An error answer of the service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        """The fault as the service sends it."""
        text = f"{self.message}  CorrelationId:  {uuid.uuid4()}."
        return Answer(self.status, {"error": {"code": self.code, "message": text}})


def dialog(text: str) -> Fault:
    """What Business Central's own code answers with Error()."""
    return Fault(400, "Application_DialogException", text)


def field_error(text: str) -> Fault:
    """What it answers when a field does not have the value it must have."""
    return Fault(400, "Application_FieldValidationException", text)


def not_related(field: str, table: str, value: str, related: str) -> Fault:
    """What it answers to a code that its table does not hold."""
    return Fault(
        400,
        "Internal_InvalidTableRelation",
        f"The field {field} of table {table} contains a value ({value}) that cannot be found in the related table ({related}).",
    )
