"""The JSON Schema (draft 2020-12) of ``index.json``, for programs that read a batch's results.

``python -m analyzer.batch.index_schema`` prints it. The names are those of :mod:`analyzer.batch.summary`; a test
holds both together. Source: JSON Schema core and validation, draft 2020-12; RFC 3339 section 5.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analyzer.batch.index import COMPARED, SHARES
from analyzer.batch.summary import FIELDS, MAX_HOSTS, PHASES
from analyzer.export.schema_json import INSTANT
from analyzer.findings.model import SEVERITIES
from analyzer.version import SCHEMA_VERSION

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MS: Schema = {"type": "number"}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_PATH: Schema = {"type": "string", "pattern": "^[^./:\\\\\\s-][^/:\\\\\\s]*(/[^./:\\\\\\s-][^/:\\\\\\s]*)*$"}


def _or_null(schema: Mapping[str, Any]) -> Schema:
    return {"anyOf": [dict(schema), {"type": "null"}]}


def _object(properties: Mapping[str, Schema], description: str = "") -> Schema:
    said = {"description": description} if description else {}
    return {
        "type": "object",
        **said,
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _map(values: Schema, names: Iterable[str] | None = None) -> Schema:
    limit = {} if names is None else {"propertyNames": {"enum": list(names)}}
    return {"type": "object", **limit, "additionalProperties": values}


_SUMMARY: Mapping[str, Schema] = {
    "status": {"enum": ["ok", "partial", "failed"]},
    "error": _or_null(_TEXT),
    "offset": _or_null(_COUNT),
    "sha256": _or_null(_DIGEST),
    "size_bytes": _or_null(_COUNT),
    "format": _or_null(_TEXT),
    "packets": _or_null(_COUNT),
    "start_time": _or_null(INSTANT),
    "end_time": _or_null(INSTANT),
    "duration_ms": _or_null(_MS),
    "connections": _or_null(_COUNT),
    "visits": _or_null(_COUNT),
    "requests": _or_null(_COUNT),
    "lookups": _or_null(_COUNT),
    "hosts": {"type": "array", "items": _TEXT, "maxItems": MAX_HOSTS},
    "wait_p50_ms": _or_null(_MS),
    "wait_p95_ms": _or_null(_MS),
    "phases_ms": _map(_MS, PHASES),
    "failures": _or_null(_COUNT),
    "findings": _object(dict.fromkeys(SEVERITIES, _COUNT), "how many of each severity"),
    "codes": _map({"type": "integer", "minimum": 1}),
    "worst": _or_null(_object({"severity": {"enum": list(SEVERITIES)}, "code": _TEXT, "title": _TEXT})),
    "problems": _or_null(_COUNT),
}
"""A summary's fields; what is not known, as of a capture that failed, is null."""


def schema() -> Schema:
    """Return the JSON Schema of an index, ready for ``json.dumps``."""
    capture = _object(
        {"capture": _TEXT, **{name: _SUMMARY[name] for name in FIELDS}, "outputs": _map(_PATH)},
        "a capture; outputs: format → path of the result, relative to the index",
    )
    shares = {"captures": _COUNT, **{f"p{share}": _or_null(_MS) for share in SHARES}}
    totals = _object(
        {
            **dict.fromkeys(("captures", "ok", "partial", "failed", "packets", "same_content"), _COUNT),
            "codes": _map({"type": "integer", "minimum": 1}),
            "percentiles": _object(dict.fromkeys(COMPARED, _object(shares))),
        },
        "the batch as a whole; codes: kind of finding → captures that have it",
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"capture-analyzer index of a batch {SCHEMA_VERSION}",
        **_object(
            {
                "schema_version": {"const": SCHEMA_VERSION},
                "analyzer_version": _TEXT,
                "totals": totals,
                "captures": {"type": "array", "items": capture},
            }
        ),
    }


if __name__ == "__main__":
    import json

    print(json.dumps(schema(), indent=1))
