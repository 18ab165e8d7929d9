"""Reading HTTP Archives in tests: what other programs demand of one, without our own code."""

from __future__ import annotations

import json
import math
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.export import har

PLACE = Path("usr/share/nodejs/har-schema/lib")
SCHEMAS = next(
    (folder for root in (Path(sys.prefix, "har-schema"), Path("/")) if (folder := root / PLACE).is_dir()),
    Path("/") / PLACE,
)
"""JSON Schemas of HAR 1.2: the npm package har-schema, in Debian and Ubuntu the package node-har-schema."""


@cache
def _validator() -> Any:
    """Return a validator of the whole archive, formats included."""
    if not (SCHEMAS / "har.json").is_file():
        pytest.skip(f"no HAR schemas at {SCHEMAS} (apt-get install node-har-schema)")
    from jsonschema import Draft6Validator, FormatChecker
    from referencing import Registry, Resource

    parts = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
    registry: Any = Registry().with_resources(
        (key, Resource.from_contents(schema))
        for name, schema in parts.items()
        for key in (name, f"{name}#", schema["$id"])
    )
    return Draft6Validator(parts["har.json"], registry=registry, format_checker=FormatChecker())


def text_of(analysis: Analysis) -> str:
    return "".join(har.parts(analysis))


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def archive(analysis: Analysis) -> dict[str, Any]:
    """Return an analysis as an archive that was written and read; strict JSON that UTF-8 can carry."""
    text = text_of(analysis)
    text.encode()
    log: dict[str, Any] = json.loads(text, parse_constant=_refuse)["log"]
    return log


def complaints(log: dict[str, Any]) -> list[str]:
    """Return what is wrong with an archive: by the schemas, and by what the specification says beside them."""
    out = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in _validator().iter_errors({"log": log})]
    pages = {page["id"] for page in log["pages"]}
    last = ""
    for n, entry in enumerate(log["entries"]):
        times = entry["timings"]
        known = [times[name] for name in ("blocked", "dns", "connect", "send", "wait", "receive") if times[name] != -1]
        checks = {
            "time is the sum without ssl": math.isclose(entry["time"], sum(known), abs_tol=1e-5),
            "nothing negative but -1": all(value >= 0 or value == -1 for value in times.values()),
            "send, wait, receive not negative": min(times["send"], times["wait"], times["receive"]) >= 0,
            "ssl inside connect": times["ssl"] == -1 or times["ssl"] <= times["connect"],
            "in order of time": entry["startedDateTime"] >= last,
            "its page exists": entry.get("pageref") is None or entry["pageref"] in pages,
            "time zone": entry["startedDateTime"].endswith("Z"),
            "own fields begin with _": not {k for k in entry if k[0] != "_"} - ENTRY,
            "status": 0 <= entry["response"]["status"] <= 999,
        }
        out += [f"entry {n}: {what}" for what, holds in checks.items() if not holds]
        last = entry["startedDateTime"]
    return out


ENTRY = {
    "pageref",
    "startedDateTime",
    "time",
    "request",
    "response",
    "cache",
    "timings",
    "serverIPAddress",
    "connection",
    "comment",
}
"""Fields of an entry that the specification knows."""
