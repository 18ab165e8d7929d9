"""The hostile capture is what its script makes, and what it is meant to be."""

from __future__ import annotations

from pathlib import Path

from analyzer.pipeline import analyze
from tests.hostile.make import ATTACKS, FILE, LONG, SCRIPT, SPAN, SVG, capture


def test_script_and_file_agree() -> None:
    assert capture() == FILE.read_bytes(), "run python -m tests.hostile.make"


def test_the_attacks_arrive(hostile: Path) -> None:
    """What no parser reads attacks nobody: each attack stands in each table that has room for it."""
    analysis = analyze(str(hostile))
    assert "svg onload" in analysis.capture.file
    assert analysis.capture.interfaces[0].name is not None
    assert SVG in analysis.capture.interfaces[0].name
    assert {comment.text for comment in analysis.capture.comments} >= set(ATTACKS)
    for attack in ATTACKS:
        assert attack in {row.reason for row in analysis.http}
        assert attack in {value for row in analysis.http for _, value in row.request_headers}
        assert attack in {message.text for row in analysis.websocket for message in row.messages}
        assert any(attack.replace(" ", "%20") in (row.target or "") for row in analysis.http)
        assert ("Host", f"{attack}.example") in {field for row in analysis.http for field in row.request_headers}
    assert {SVG + ".example", SCRIPT + ".example"} <= {row.host for row in analysis.http}
    assert LONG in {value for row in analysis.http for _, value in row.response_headers}
    assert {row.sni for row in analysis.tls} >= {SVG, SPAN}
    assert any("svg onload" in row.certificates[0].subject for row in analysis.tls if row.certificates)
    assert any("svg" in row.qname for row in analysis.dns)
    assert any("svg" in answer.data for row in analysis.dns for answer in row.answers)
    assert any(SVG in (row.client_name or "") for row in analysis.dhcp)
    assert len(analysis.findings) >= 30
    assert analysis.problem_counts.get("PARSER-FAILED", 0) == 0
