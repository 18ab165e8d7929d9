"""The findings of a story: those of a visit with that visit, the others at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from analyzer.analysis import Analysis
from analyzer.explain_lines import BOLD, DIM, GAP, Teller, evidence, padded, with_makers
from analyzer.findings.model import noticed_cost, rank
from analyzer.schema import FindingRow, VisitRow
from analyzer.sentences import finding_text
from analyzer.sentences.story import STORY
from analyzer.text import display
from analyzer.text_ladder import TextLine

VISIT_FINDINGS = 6
"""Findings told with a visit; the report has all."""

OTHER_FINDINGS = 10
"""Findings named that belong to no visit that is told; the report has all."""

SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "info": "dim"}


def visit_findings(visit: VisitRow, teller: Teller) -> Iterator[TextLine]:
    frames = _frames_of(visit, teller.analysis)
    found = [one for one in sorted(teller.analysis.findings, key=rank) if belongs(one, visit, frames)]
    if not found:
        return
    yield ()
    yield from teller.lines(teller.say("heading.findings"), BOLD)
    for finding in found[:VISIT_FINDINGS]:
        yield from _finding(finding, teller, in_full=finding.severity in ("error", "warning"))
    if len(found) > VISIT_FINDINGS:
        yield from teller.lines(teller.say("finding.more", more=len(found) - VISIT_FINDINGS), DIM, "    ")


def belongs(finding: FindingRow, visit: VisitRow, frames: frozenset[int]) -> bool:
    """Say whether a finding is about a visit.

    Args:
        frames: of the visit's steps and requests: a finding about several rows cites those of each.
    """
    rows = {"arp": visit.arp_rows, "dns": visit.dns_rows, "tls": visit.tls_rows, "http": visit.http_rows}
    if finding.table == "visits":
        return finding.row == visit.visit - 1
    if finding.table == "tcp":
        return finding.stream in visit.tcp_streams
    if finding.row is not None and finding.row in rows.get(finding.table or "", ()):
        return True
    return not frames.isdisjoint(finding.frames)


def _frames_of(visit: VisitRow, analysis: Analysis) -> frozenset[int]:
    requests = (analysis.http[at] for at in visit.http_rows)
    spans = (span for row in requests for span in (row.request_frames, row.response_frames) if span is not None)
    steps = (step.frames for step in visit.steps)
    return frozenset(frame for part in (*steps, *(span[:1] for span in spans)) for frame in part)


def _finding(finding: FindingRow, teller: Teller, *, in_full: bool) -> Iterator[TextLine]:
    """Give a finding: severity, statement, cost and blame; in full also why it matters and what to try."""
    text = finding_text(finding.title_key, with_makers(finding.args, teller), teller.lang)
    key = f"severity.{finding.severity}"
    severity = teller.say(key) if key in STORY else display(finding.severity)
    left = f"  {padded(severity, 7)}{GAP}"
    style = SEVERITY_STYLES.get(finding.severity, "")
    room = " " * cell_len(left)
    yield from teller.lines(text.title, BOLD if in_full else "", left, style)
    if in_full:
        for part, words in (("why", text.why), ("advice", text.advice)):
            if words:
                yield from teller.lines(_labelled(part, words, teller), "", room)
    aside = []
    blamed = finding.severity != "info" or finding.blame != "unknown"
    if blamed and (key := f"blame.{finding.blame}") in STORY:
        aside.append(teller.say("finding.blame", blame=teller.say(key)))
    if cost := noticed_cost(finding):
        aside.append(teller.say("finding.cost", cost_ms=cost))
    aside += [evidence(finding.frames, teller)] if finding.frames else []
    yield from teller.lines(" · ".join(aside), DIM, room)


def _labelled(part: str, words: str, teller: Teller) -> str:
    """Put a label before a text that is filled already, and may be long."""
    label = teller.say(f"finding.{part}")
    return f"{label}{'' if teller.lang == 'zh' else ' '}{words}"


def other_findings(told: Sequence[VisitRow], teller: Teller) -> Iterator[TextLine]:
    visits = [(visit, _frames_of(visit, teller.analysis)) for visit in told]
    found = [
        one
        for one in sorted(teller.analysis.findings, key=rank)
        if not any(belongs(one, visit, frames) for visit, frames in visits)
    ]
    if not teller.analysis.findings:
        yield ()
        yield from teller.lines(teller.say("finding.none"))
    if not found:
        return
    yield ()
    heading = "heading.other_findings" if told else "heading.findings"
    yield from teller.lines(teller.say(heading), BOLD)
    for finding in found[:OTHER_FINDINGS]:
        yield from _finding(finding, teller, in_full=not told)
    if len(found) > OTHER_FINDINGS:
        yield from teller.lines(teller.say("finding.more", more=len(found) - OTHER_FINDINGS), DIM, "    ")
