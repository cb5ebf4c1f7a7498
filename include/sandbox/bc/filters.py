"""`$filter` as Business Central takes it: `or` on one field only (docs/business_central.md, "Filters")."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

Row = dict[str, Any]
Test = Callable[[Row], bool]
_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([(),])|([^\s(),']+))")
_BLANKS = ("", "0001-01-01", "0001-01-01T00:00:00Z", "00000000-0000-0000-0000-000000000000")
_FUNCTIONS = ("startswith", "endswith", "contains")


class FilterError(Exception):
    """The filter is refused; the text is what the service answers."""


@dataclass
class Filter:
    """A test, the fields it looks at, and, where it is only that one field equals one of some texts, these texts.

    Whatever passes has one of the `named` texts in a field, and is not below the `least` nor above the `most` text of one.
    """

    test: Test
    fields: set[str]
    texts: frozenset[str] = frozenset()
    named: dict[str, frozenset[str]] = field(default_factory=dict)
    least: dict[str, str] = field(default_factory=dict)
    most: dict[str, str] = field(default_factory=dict)


def compile_filter(
    text: str,
    known: Callable[[str], str],
    *,
    meant: Callable[[str, str], str] = lambda name, literal: literal,
    null_is_blank: bool = True,
) -> Filter:
    """What is asked of rows. `known` answers a property's own spelling, or raises FilterError when there is none; `meant`
    what a literal says that a property is compared with.

    `null_is_blank`: whether a comparison with null asks for blanks; else it is ignored.
    """
    parser = _Parser(text, known, meant, null_is_blank)
    parsed = parser.expression()
    if parser.position < len(parser.tokens):
        raise FilterError(f"Syntax error at position {parser.position} in '{text}'.")
    return parsed


class _Parser:
    def __init__(
        self, text: str, known: Callable[[str], str], meant: Callable[[str, str], str], null_is_blank: bool
    ) -> None:
        self.text = text
        self.meant = meant
        self.null_is_blank = null_is_blank
        self.known = known
        self.position = 0
        self.tokens: list[str] = []
        end = 0
        while text[end:].strip():
            found = _TOKEN.match(text, end)
            if not found:
                raise FilterError(f"Syntax error at position {end} in '{text}'.")
            self.tokens.append(found.group().strip())
            end = found.end()

    def _next(self) -> str:
        if self.position >= len(self.tokens):
            raise FilterError(f"Expression expected at position {len(self.text)} in '{self.text}'.")
        self.position += 1
        return self.tokens[self.position - 1]

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def expression(self) -> Filter:
        left = self._conjunction()
        while self._peek() == "or":
            self._next()
            right = self._conjunction()
            if left.fields | right.fields and len(left.fields | right.fields) > 1:
                raise FilterError("The 'OR' operator is not supported on distinct fields on an OData filter.")
            if left.texts and right.texts:
                # A client asks for a hundred keys in one request: each row is looked at once, not a hundred times.
                left = _one_of(next(iter(left.fields)), left.texts | right.texts)
            else:
                left = Filter(_either(left.test, right.test), left.fields | right.fields)
        return left

    def _conjunction(self) -> Filter:
        left = self._comparison()
        while self._peek() == "and":
            self._next()
            right = self._comparison()
            left = Filter(
                _both(left.test, right.test),
                left.fields | right.fields,
                named={**left.named, **right.named},
                least={**left.least, **right.least},
                most={**left.most, **right.most},
            )
        return left

    def _comparison(self) -> Filter:
        word = self._next()
        if word == "(":
            inner = self.expression()
            if self._next() != ")":
                raise FilterError(f"')' expected in '{self.text}'.")
            return inner
        if word in _FUNCTIONS:
            return self._function(word)
        field = self.known(word)
        operator, value = self._next(), self.meant(field, self._next())
        if operator not in ("eq", "ne", "gt", "ge", "lt", "le"):
            raise FilterError(f"Unknown operator '{operator}' in '{self.text}'.")
        if value == "null":
            test = _blank(field, operator) if self.null_is_blank else _everything
            return Filter(test, {field})
        if operator == "eq" and value.startswith("'"):
            return _one_of(field, frozenset({str(_value(value)).casefold()}))
        limit = {field: comparable(_value(value))} if value.startswith("'") else {}
        return Filter(
            _compare(field, operator, _value(value)),
            {field},
            least=limit if operator in ("gt", "ge") else {},
            most=limit if operator in ("lt", "le") else {},
        )

    def _function(self, name: str) -> Filter:
        self._next()
        field = self.known(self._next())
        self._next()
        value = str(_value(self._next())).casefold()
        self._next()
        tests: dict[str, Test] = {
            "startswith": lambda row: str(row[field]).casefold().startswith(value),
            "endswith": lambda row: str(row[field]).casefold().endswith(value),
            "contains": lambda row: value in str(row[field]).casefold(),
        }
        return Filter(tests[name], {field})


def _one_of(field: str, texts: frozenset[str]) -> Filter:
    return Filter(lambda row: str(row[field]).casefold() in texts, {field}, texts, named={field: texts})


def _everything(row: Row) -> bool:
    return True


def _blank(field: str, operator: str) -> Test:
    wanted = operator == "eq"
    return lambda row: (str(row[field]).strip() in _BLANKS) == wanted


def _both(left: Test, right: Test) -> Test:
    return lambda row: left(row) and right(row)


def _either(left: Test, right: Test) -> Test:
    return lambda row: left(row) or right(row)


def _value(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if token in ("true", "false"):
        return token == "true"
    try:
        return Decimal(token)
    except InvalidOperation:
        return token


def comparable(value: Any) -> Any:
    """A value as the database compares it: text without case, numbers as numbers."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    text = str(value)
    # Moments: the same instant may be written with more or fewer digits.
    if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", text):
        head, _, tail = text[:-1].partition(".")
        return f"{head}.{tail.ljust(7, '0')}"
    return text.casefold()


def _compare(field: str, operator: str, value: Any) -> Test:
    wanted = comparable(value)

    def test(row: Row) -> bool:
        found = comparable(row[field])
        if type(found) is not type(wanted):
            found, other = str(row[field]).casefold(), str(value).casefold()
        else:
            other = wanted
        match operator:
            case "eq":
                return bool(found == other)
            case "ne":
                return bool(found != other)
            case "gt":
                return bool(found > other)
            case "ge":
                return bool(found >= other)
            case "lt":
                return bool(found < other)
        return bool(found <= other)

    return test
