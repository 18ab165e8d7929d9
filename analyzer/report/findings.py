"""Findings as the page shows them: what, why it matters, the evidence, what to try; worst and dearest first."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer import sentences
from analyzer.analysis import Analysis
from analyzer.findings.model import SEVERITIES, noticed_cost, rank
from analyzer.provenance import frames_text
from analyzer.report.cells import Mark
from analyzer.report.escape import Prose, safe
from analyzer.report.evidence import CapsuleFact, evidence
from analyzer.report.secrets import masked_args
from analyzer.schema import FindingRow
from analyzer.units import human_ms

MAX_FINDINGS = 500
"""Findings drawn on the page; the exports have the rest."""

ICONS = {"error": "▲", "warning": "●", "note": "○", "info": "i"}

ANCHORS = {
    "visits": "visit",
    "tcp": "stream",
    "http": "http",
    "websocket": "websocket",
    "dns": "dns",
    "arp": "arp",
    "ndp": "ndp",
    "dhcp": "dhcp",
    "tls": "tls",
    "icmp": "icmp",
    "oicq": "oicq",
}
"""Table → word of its rows' anchors."""

BLAMES = {
    "client": "the client",
    "network": "the network",
    "server": "the server",
    "resolver": "the resolver",
    "capture": "the recording",
}


@dataclass(frozen=True, slots=True)
class FindingFact:
    """A finding ready to be shown."""

    anchor: str
    code: str
    severity: str
    icon: str
    layer: str
    title: str
    why: str
    advice: str
    cost: str
    blame: str
    frames: str
    display_filter: str
    reference: str
    link: str
    link_words: str
    mark: Mark
    evidence: CapsuleFact | None


@dataclass(frozen=True, slots=True)
class FindingsFact:
    """The findings shown, of ``total``, with a count for each severity."""

    rows: tuple[FindingFact, ...]
    total: int
    counts: tuple[tuple[str, str, int], ...]


def cost_words(finding: FindingRow) -> str:
    """Say what a finding cost, if somebody would notice."""
    cost = noticed_cost(finding)
    return human_ms(cost) if cost else ""


def findings(analysis: Analysis) -> FindingsFact:
    """Draw up the findings of a capture."""
    ranked = sorted(enumerate(analysis.findings), key=lambda item: (rank(item[1]), item[0]))
    counts = tuple(
        (severity, ICONS[severity], sum(finding.severity == severity for finding in analysis.findings))
        for severity in SEVERITIES
    )
    return FindingsFact(
        tuple(_fact(n, finding, analysis) for n, (_, finding) in enumerate(ranked[:MAX_FINDINGS])),
        len(ranked),
        counts,
    )


def _fact(n: int, finding: FindingRow, analysis: Analysis) -> FindingFact:
    text = sentences.finding_text(finding.title_key, masked_args(finding.args, analysis.options))
    link, link_words = _link(finding, analysis)
    return FindingFact(
        anchor=f"finding-{n + 1}",
        code=safe(finding.code, 60),
        severity=finding.severity if finding.severity in SEVERITIES else "info",
        icon=ICONS.get(finding.severity, "i"),
        layer=safe(finding.layer, 20),
        title=Prose(text.title),
        why=Prose(text.why),
        advice=Prose(text.advice),
        cost=cost_words(finding),
        blame=BLAMES.get(finding.blame, ""),
        frames=Prose(frames_text(finding.frames)),
        display_filter=Prose(finding.display_filter),
        reference=safe(finding.reference),
        link=link,
        link_words=link_words,
        mark=Mark(
            stream="" if finding.stream is None else str(finding.stream),
            proto=safe(finding.layer, 20),
            severity=safe(finding.severity, 20),
            duration="" if finding.cost_ms is None else f"{finding.cost_ms:.3f}",
            host=safe(finding.args.get("host") or finding.args.get("name") or finding.args.get("server") or ""),
            status=safe(finding.args.get("status") or "", 10),
            method=safe(finding.args.get("method") or "", 20),
        ),
        evidence=evidence(analysis, n + 1, finding),
    )


def _link(finding: FindingRow, analysis: Analysis) -> tuple[str, str]:
    """Return the anchor of the row a finding is about, and words for it."""
    row, table = finding.row, finding.table or ""
    if row is not None and table == "visits" and 0 <= row < len(analysis.visits):
        number = analysis.visits[row].visit
        return f"visit-{number}", f"visit {number}"
    if row is not None and table == "tcp":
        return f"stream-{row}", f"stream {row}"
    if row is not None and table in ANCHORS and table != "visits":
        return f"{ANCHORS[table]}-{row + 1}", f"{table} row {row + 1}"
    if finding.stream is not None:
        return f"stream-{finding.stream}", f"stream {finding.stream}"
    return "", ""
