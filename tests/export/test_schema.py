"""The JSON Schema says exactly what the documents hold."""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from analyzer.export.json import dumps
from analyzer.export.schema_json import schema
from analyzer.pipeline import analyze
from analyzer.schema import TABLES
from tests.conftest import SAMPLES

CAPTURES = sorted(SAMPLES.glob("*.pcap*"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema())))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    (path,) = (path for path in CAPTURES if path.name.startswith("plain-visit"))
    value = json.loads(dumps(analyze(str(path))))
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_real_documents_are_valid(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    text = dumps(analyze(str(path)))
    errors = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(json.loads(text))]
    assert errors == []


def test_keys_are_in_the_order_of_the_tables(document: dict[str, Any]) -> None:
    names = [name for name, _ in TABLES]
    assert list(document) == ["schema_version", "analyzer_version", "capture", *names, "problems"]
    for name, row_type in TABLES:
        expected = [f.name.rstrip("_") for f in fields(row_type) if not f.name.endswith("_offset")]
        for row in document[name]:
            assert list(row) == expected


def wrong(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Documents that break one rule each."""
    out = []

    def broken(name: str, change: Any) -> None:
        value = copy.deepcopy(document)
        change(value)
        out.append((name, value))

    broken("a table is missing", lambda d: d.pop("dns"))
    broken("a table too many", lambda d: d.update(extra=[]))
    broken("a column is missing", lambda d: d["tcp"][0].pop("stream"))
    broken("a column too many", lambda d: d["tcp"][0].update(colour="red"))
    broken("a count is text", lambda d: d["tcp"][0].update(client_packets="3"))
    broken("a count is null", lambda d: d["tcp"][0].update(client_packets=None))
    broken("a time without zone", lambda d: d["tcp"][0].update(start_time="2026-11-22T02:32:07.000000000"))
    broken("a time as a number", lambda d: d["http"][0].update(request_time=1))
    broken("a pair of three", lambda d: d["http"][0].update(request_frames=[1, 2, 3]))
    broken("a header without value", lambda d: d["http"][0].update(request_headers=[["Host"]]))
    broken("an unknown version", lambda d: d.update(schema_version="0"))
    return out


def test_the_schema_refuses_what_breaks_it(
    document: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    assert validator.is_valid(document)
    accepted = [name for name, value in wrong(document) if validator.is_valid(value)]
    assert accepted == []
