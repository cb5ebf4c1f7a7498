"""Custom fields of Business Central: their targets are properties of a page, each with a type of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from uuid import UUID

from include.errors import Rejected
from include.mappings.limits import code_units
from include.settings import CustomField, SettingsError, SyncSettings, truth
from include.sync.records import Json
from include.sync.values import text_of

if TYPE_CHECKING:
    from include.business_central.metadata import FieldInfo


class CustomFields:
    """The entries of bc_custom_fields that write to one page, and what the page says of their targets."""

    def __init__(self, model: str, page: str, settings: SyncSettings) -> None:
        """Nothing is read before `check`."""
        self._page = page
        self._entries = {
            number: entry
            for number, entry in enumerate(settings.bc_custom_fields, 1)
            if entry.model == model and entry.direction == "from_ipaas"
        }
        self._known: Mapping[str, FieldInfo] = {}

    @property
    def targets(self) -> tuple[str, ...]:
        """The properties that are written."""
        return tuple(entry.target for entry in self._entries.values())

    def check(self, known: Mapping[str, FieldInfo] | None) -> None:
        """Compare the entries with what the page has; None where it is gone, and they with it.

        Raises SettingsError naming the entry that cannot be written.
        """
        self._known = known or {}
        for number, entry in self._entries.items() if known is not None else ():
            info = self._known.get(entry.target)
            if info is None:
                raise self._wrong(number, entry, f"{self._page} has no field of this name")
            if entry.static is not None:
                try:
                    converted(entry.static, info)
                except ValueError as error:
                    raise self._wrong(number, entry, str(error)) from None

    def _wrong(self, number: int, entry: CustomField, why: str) -> SettingsError:
        return SettingsError(
            f"Variable bc_custom_fields, entry {number}, target",
            entry.target,
            f"{why}. Allowed: the name of a field of that page, with values of its type.",
        )

    def convert(self, body: Json) -> Json:
        """The body with its custom fields as the page takes them. Raises Rejected naming field and value."""
        result = dict(body)
        for target in self.targets:
            if target in body and target in self._known:
                try:
                    result[target] = converted(body[target], self._known[target])
                except ValueError as error:
                    raise Rejected(
                        f"Custom field {target}: {error}.",
                        "Correct the value in iPaaS.com, or the entry in the Variable bc_custom_fields.",
                    ) from None
        return result


def converted(value: Any, info: FieldInfo) -> Any:
    """`value` as a property of Business Central takes it. Raises ValueError saying what it should be."""
    make, meaning = _TYPES.get(info.edm_type, (_text, "text"))
    try:
        result = make(value)
    except (ValueError, TypeError, InvalidOperation):
        raise ValueError(f"{value!r} is not {meaning}") from None
    if isinstance(result, str) and info.max_length and (long := code_units(result)) > info.max_length:
        raise ValueError(f"{value!r} has {long} characters, and {info.max_length} are allowed")
    return result


def _text(value: Any) -> str:
    return text_of(value).strip()


def _whole(value: Any) -> int:
    number = _decimal(value)
    if number != number.to_integral_value():
        raise ValueError
    return int(number)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError
    number = Decimal(str(value).strip())
    if not number.is_finite():
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    flag = truth(value)
    if flag is None:
        raise ValueError
    return flag


def _date(value: Any) -> str:
    # A moment counts by its own calendar day.
    return date.fromisoformat(str(value).strip()[:10]).isoformat()


def _moment(value: Any) -> str:
    text = str(value).strip()
    moment = datetime.fromisoformat(text)
    return f"{text}Z" if moment.tzinfo is None else text


_TYPES: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "Edm.String": (_text, "text"),
    "Edm.Int32": (_whole, "a whole number"),
    "Edm.Int64": (_whole, "a whole number"),
    "Edm.Decimal": (_decimal, "a number"),
    "Edm.Double": (_decimal, "a number"),
    "Edm.Boolean": (_boolean, "true or false"),
    "Edm.Date": (_date, "a date such as 2026-05-31"),
    "Edm.DateTimeOffset": (_moment, "a moment such as 2026-05-31T12:00:00Z"),
    "Edm.Guid": (lambda value: str(UUID(str(value).strip())), "a GUID"),
}
