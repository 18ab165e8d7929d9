"""The JSON Schema (draft 2020-12) of the document that :mod:`analyzer.export.json` writes.

It is generated from the row types, so the two cannot drift apart: a field's annotation gives its type, and the
field's name gives its form (``…_time`` is RFC 3339 text with nanoseconds, see TABLES). Source: JSON Schema core
and validation, draft 2020-12; RFC 3339 section 5.6.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from analyzer.problems import Problem
from analyzer.schema import TABLES, CaptureRow
from analyzer.version import SCHEMA_VERSION

INSTANT = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9}Z$"}
"""An instant as every table writes it."""

_SIMPLE: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    object: {},
    Any: {},
}


def _is_instant(name: str) -> bool:
    return name == "time" or name.endswith("_time")


def _type(annotation: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one annotation, adding the row types it needs to ``definitions``."""
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if annotation is type(None):
        return {"type": "null"}
    if is_dataclass(annotation) and isinstance(annotation, type):
        return _reference(annotation, definitions)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _any_of([_type(argument, definitions) for argument in arguments])
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return {"type": "array", "items": _type(arguments[0], definitions)}
        parts = [_type(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    if origin is Sequence:
        return {"type": "array", "items": _type(arguments[0], definitions)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _type(arguments[1], definitions)}
    raise TypeError(f"no JSON Schema for {annotation!r}")


def _any_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    """Join alternatives; plain types become one list of names, which reads better."""
    if all(set(option) == {"type"} for option in options):
        return {"type": [option["type"] for option in options]}
    return {"anyOf": options}


def _nullable(annotation: Any) -> bool:
    return type(None) in typing.get_args(annotation)


def _reference(row_type: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a reference to a row type's definition, making it on the first call."""
    name = row_type.__name__
    if name not in definitions:
        definitions[name] = {}  # stands for itself while its fields are described
        hints = typing.get_type_hints(row_type)
        properties: dict[str, Any] = {}
        for field in fields(row_type):
            if field.name.endswith("_offset"):  # positions for our own use; plain() leaves them out
                continue
            hint = hints[field.name]
            if _is_instant(field.name):
                properties[field.name] = _any_of([INSTANT, {"type": "null"}]) if _nullable(hint) else INSTANT
            else:
                properties[field.name.rstrip("_")] = _type(hint, definitions)
        definitions[name] = {
            "type": "object",
            "description": (row_type.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " "),
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the whole document, ready for ``json.dumps``."""
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {
        "schema_version": {"const": SCHEMA_VERSION},
        "analyzer_version": {"type": "string"},
        "capture": _reference(CaptureRow, definitions),
    }
    for table, row_type in TABLES:
        properties[table] = {"type": "array", "items": _reference(row_type, definitions)}
    properties["problems"] = {"type": "array", "items": _reference(Problem, definitions)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"capture-analyzer document {SCHEMA_VERSION}",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


if __name__ == "__main__":
    import json

    print(json.dumps(schema(), indent=1))
