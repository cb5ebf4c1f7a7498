"""What a form refuses, in words: which value, and what is allowed.

Airflow checks params by their JSON Schema, in the form, in its REST API and before a task, and shows what the validator
says, which is the whole schema. A schema names the dialect that it is to be checked by (`$schema`); the params of this
project name one that refuses the same, and says it so that a person can read it. A process that does not know the dialect
checks as Airflow always does; the plugin, which all of them load, makes it known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow.sdk import Param
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import create

_DIALECT = "urn:business-central-ipaas:params"
_STANDARD = Draft202012Validator.META_SCHEMA["$id"]
_SHOWN = 200


def param(default: Any = None, description: str | None = None, **schema: Any) -> Param:
    """A param of a form, as `Param` has it, that is refused in words."""
    return Param(default, description, schema={"$schema": _DIALECT, **schema})


class _Refused(ValidationError):  # type: ignore[misc]
    """What is wrong with a value, without the schema that it was compared with."""

    def __str__(self) -> str:
        return str(self.message)


def _in_words(keyword: str) -> Callable[..., Iterator[ValidationError]]:
    """The check of a keyword, which says what is wrong in words, and takes what a person means."""
    check = Draft202012Validator.VALIDATORS[keyword]

    def checked(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
        if _is_meant(instance, schema):
            return
        if any(check(validator, value, instance, schema) or ()):
            given = _shown(instance)
            if keyword == "items":
                each = validator.evolve(schema=value)
                given = ", ".join(_shown(one) for one in instance if not each.is_valid(one))
            elif keyword == "maxItems":
                given = f"A list of {len(instance)}"
            yield _Refused(f"{given} is not allowed. Allowed: {_allowed(schema)}.")

    return checked


def _is_meant(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is taken beside what the schema says: nothing, where something may be left out, and a text that
    holds a list. Airflow draws the form by the schema, and would draw another one if that named them."""
    types = schema["type"]
    if value is None:
        return isinstance(types, list) and "null" in types
    if not isinstance(value, str) or "array" not in types or "enum" in schema["items"]:
        return False
    return bool(len(re.split(r"[\n\r\t,]", value)) <= schema["maxItems"])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _allowed(schema: Mapping[str, Any]) -> str:
    """What a schema allows."""
    if "enum" in schema:
        return ", ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return " or ".join(_TYPES[name](schema) for name in types if name in _TYPES)


def _list(schema: Mapping[str, Any]) -> str:
    most = f" of at most {schema['maxItems']}" if "maxItems" in schema else ""
    each = f"any of {_allowed(schema['items'])}" if "enum" in schema["items"] else 'texts, as ["1005", "1006"]'
    return f"a list{most}, {each}"


def _text(schema: Mapping[str, Any]) -> str:
    return f"a text of {schema['minLength']} to {schema['maxLength']} characters" if "maxLength" in schema else "a text"


# The types that params have, beside null, which is as good as nothing.
_TYPES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "array": _list,
    "string": _text,
    "boolean": lambda _: "true or false",
}


create(
    meta_schema={"$id": _DIALECT, "$schema": _STANDARD, "$ref": _STANDARD},
    validators={name: _in_words(name) for name in ("type", "enum", "items", "maxItems", "minLength", "maxLength")},
    # With a name it is known from here on to whoever checks a schema of this dialect.
    version=_DIALECT,
    type_checker=Draft202012Validator.TYPE_CHECKER,
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)
