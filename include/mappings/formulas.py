"""Formulas of custom fields: Jinja in a sandbox, with limits on what one may cost in time, memory and length.

Whoever may set the Variable may have a formula that no record should have to pay for. What would become too large is
refused before it is made, so that it costs nothing: the record is rejected, the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from include.errors import RecordFault

# Characters or entries that a value may have, and that a formula may name as a width, a number or a range.
LARGEST = 100_000
_LONGEST_FORMULA = 10_000
_STEPS = 1_000
_DIGITS = 400
_POWER = 40  # digits of a power
# Each of them at most doubles what it is given.
_JOINS = 8
_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "sort",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
]
# What calls itself, or reads from elsewhere.
_STATEMENTS = (nodes.Macro, nodes.CallBlock, nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block)
# A width that is large, or that is given beside the text: `%*d`, `{:{}}`.
_WIDTH = re.compile(r"[%:.][^%{}a-zA-Z]*(\d{5,}|\*)|\{[^{}]*:[^{}]*\{")


class TooCostly(RecordFault, TemplateError):
    """A formula would make something that is too large, or take too many steps. The mapping says of which record."""


class _Environment(ImmutableSandboxedEnvironment):
    """Refuses what grows before it has grown."""

    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def __init__(self) -> None:
        # What is absent is no text: it renders as nothing.
        super().__init__(undefined=StrictUndefined, finalize=lambda value: "" if value is None else value)
        self.filters = {name: _bounded(self.filters[name], name) for name in _FILTERS}
        self.tests = {**self.tests, "none": lambda value: value is None or (isinstance(value, str) and not value)}
        self.globals = {"range": _range, "dict": dict}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """One operation, unless its result would be too large."""
        if operator == "**":
            _check(_digits(left) * abs(right) if isinstance(right, int) else 0, _POWER)
            _check(abs(right) if isinstance(right, int | float) else 0, _DIGITS)
        elif operator == "*":
            for text, number in ((left, right), (right, left)):
                if hasattr(text, "__len__") and isinstance(number, int):
                    _check(len(text) * number, LARGEST)
            _check(_digits(left) + _digits(right), _DIGITS)
        elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            _check(len(left) + len(right), LARGEST)
        elif operator == "%" and isinstance(left, str):
            _check_format(left)
        return super().call_binop(context, operator, left, right)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a method, unless its result would be too large."""
        # A text's `format` is wrapped by the sandbox.
        method = getattr(__obj, "__wrapped__", __obj)
        _check_call(getattr(method, "__name__", ""), (getattr(method, "__self__", None), *args), kwargs)
        return _sized(super().call(__context, __obj, *args, **kwargs))


def _range(*bounds: int) -> range:
    found = range(*bounds)
    _check(len(found), _STEPS)
    return found


def _bounded(apply: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A filter that refuses what would become too large."""

    def bounded(*args: Any, **kwargs: Any) -> Any:
        _check_call(name, args, kwargs)
        return _sized(apply(*args, **kwargs))

    # What a filter wants to be passed first is noted on it.
    bounded.__dict__.update(getattr(apply, "__dict__", {}))
    return bounded


def _check_call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    values = [*args, *kwargs.values()]
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool) and name not in ("abs", "int", "string", "float"):
            _check(abs(value) if name in _WIDTHS else 0, LARGEST)
    texts = [value for value in values if isinstance(value, str)]
    if name == "replace" and texts:
        _check((len(texts[0]) + 1) * max(1, *(len(text) for text in texts[1:]), 1), LARGEST)
    elif name == "join" and texts:
        entries = next((len(v) for v in values if hasattr(v, "__len__") and not isinstance(v, str)), LARGEST)
        _check((entries + 1) * max(1, *(len(text) for text in texts), 1), LARGEST)
    elif name in ("format", "format_map") and texts:
        _check_format(texts[0])
    elif name == "translate":
        raise TooCostly("translate cannot be used in a formula.")


# Methods and filters whose numbers say how long their result is.
_WIDTHS = frozenset(("ljust", "rjust", "center", "zfill", "expandtabs", "truncate", "round", "range", "to_bytes"))


def _check_format(text: str) -> None:
    if _WIDTH.search(text):
        raise TooCostly("A width of that size cannot be used in a formula.")


def _check(size: float, most: float) -> None:
    if size > most:
        raise TooCostly(f"It would make something of a size of {size:.3g}; {most:,} is the most.")


def _digits(value: Any) -> int:
    """Digits of a number, about; 0 for anything else."""
    return value.bit_length() // 3 + 1 if isinstance(value, int) and not isinstance(value, bool) else 0


def _sized(value: Any) -> Any:
    if hasattr(value, "__len__"):
        _check(len(value), LARGEST)
    return value


_environment = _Environment()


@lru_cache(maxsize=256)
def _template(formula: str) -> Template:
    if len(formula) > _LONGEST_FORMULA:
        raise TooCostly(f"The formula has more than {_LONGEST_FORMULA:,} characters.")
    tree = _environment.parse(formula)
    if next(tree.find_all(_STATEMENTS), None) is not None:
        raise TooCostly("A formula holds expressions, `if`, `set` and one `for`, and no other statements.")
    if len([*tree.find_all(nodes.Concat)]) > _JOINS:
        raise TooCostly(f"A formula joins with `~` at most {_JOINS} times.")
    if any(inner is not outer for outer in tree.find_all(nodes.For) for inner in outer.find_all(nodes.For)):
        raise TooCostly("A `for` within a `for` cannot be used in a formula.")
    if any(loop.recursive for loop in tree.find_all(nodes.For)):
        raise TooCostly("A `for` that calls itself cannot be used in a formula.")
    return _environment.from_string(tree)


@lru_cache(maxsize=256)
def fields_of(formula: str) -> frozenset[str]:
    """The fields of the record that a formula uses."""
    return frozenset(meta.find_undeclared_variables(_environment.parse(formula)))


def render(formula: str, source: dict[str, Any]) -> str:
    """The text of a formula for one record, without halves of characters, which no system can carry. Raises whatever its
    values make of it, TooCostly among it."""
    parts: list[str] = []
    size = 0
    for part in _template(formula).generate(source):
        size += len(part)
        _check(size, LARGEST)
        parts.append(part)
    return "".join(parts).encode(errors="ignore").decode().strip()
