"""Real captures, every frame of them cited: what the report masks is in no evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from analyzer import pipeline
from analyzer.errors import AnalyzerError
from analyzer.evidence.model import Evidence
from analyzer.masking import MASKED, mask_row
from analyzer.schema import HttpRow
from tests.evidence.cited import cite, finding

FOLDERS = ("http1", "mixed", "oicq")
LEAST = 6
"""Letters of a secret that is looked for: shorter ones are anywhere by chance."""

pytestmark = pytest.mark.shared


def secrets(rows: Sequence[HttpRow]) -> Iterator[str]:
    """Give what became ``[masked]`` in the header fields of rows."""
    for row in rows:
        shown, _ = mask_row(row)
        fields = zip(
            row.request_headers + row.response_headers, shown.request_headers + shown.response_headers, strict=True
        )
        for (_, value), (_, masked) in fields:
            pieces = masked.split(MASKED) if value != masked else [""]
            at = len(pieces[0])
            for piece in pieces[1:]:
                end = value.find(piece, at) if piece else len(value)
                if end < 0:
                    break
                yield value[at:end]
                at = end + len(piece)


def test_no_evidence_holds_what_is_masked(shared_captures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw: list[HttpRow] = []
    collect = pipeline.collect_evidence

    def noted(flows: Any, http: Sequence[HttpRow], *rest: Any) -> Evidence:
        raw[:] = http
        return collect(flows, http, *rest)

    cite(monkeypatch)
    monkeypatch.setattr(pipeline, "collect_evidence", noted)
    monkeypatch.setattr(pipeline, "find", lambda facts, _: [finding(*range(1, min(facts.capture.packets, 9999) + 1))])
    monkeypatch.setenv(pipeline.DEBUG_VARIABLE, "1")
    looked_for = 0
    files = [path for folder in FOLDERS for path in sorted((shared_captures / folder).glob("*.pcap*"))]
    for path in files:
        try:
            analysis = pipeline.analyze(str(path))
        except AnalyzerError:
            continue
        kept = b"".join(packet.data for packet in analysis.evidence.packets.values())
        told = "\n".join(map(repr, [*analysis.http, *analysis.dns]))  # the same text may stand where it is no secret
        for secret in set(secrets(raw)):
            if len(secret) >= LEAST and set(secret) != {"x"} and secret not in told:
                looked_for += 1
                assert secret.encode("latin-1", "replace") not in kept, (path.name, secret)
    assert looked_for > 400
