"""The findings of a story: those of a visit with that visit, the others at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.cells import cell_len

from analyzer.analysis import Analysis
from analyzer.explain_lines import BOLD, DIM, GAP, Teller, evidence, padded, with_makers
from analyzer.findings.model import noticed_cost, ranked
from analyzer.schema import FindingRow, VisitRow
from analyzer.sentences import finding_text
from analyzer.sentences.story import STORY
from analyzer.terminal import SEVERITY_STYLES
from analyzer.text import display
from analyzer.text_ladder import TextLine

VISIT_FINDINGS = 6
"""Findings told with a visit; the report has all."""

OTHER_FINDINGS = 10
"""Findings named that belong to no visit that is told; the report has all."""


def visit_findings(visit: VisitRow, teller: Teller) -> Iterator[TextLine]:
    """Give the findings about a visit, the worst first; one that was told with another visit only by its title."""
    frames = _frames_of(visit, teller.analysis)
    found = [one for one in ranked(teller.analysis.findings) if belongs(one, visit, frames)]
    if not found:
        return
    yield ()
    yield from teller.lines(teller.say("heading.findings"), BOLD)
    for finding in found[:VISIT_FINDINGS]:
        yield from _finding(finding, teller)
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


def _finding(finding: FindingRow, teller: Teller, *, in_full: bool = False) -> Iterator[TextLine]:
    """Give a finding: severity, statement, cost and blame; of what matters also why it does and what to try.

    One that was given before is only named again.

    Args:
        in_full: say why and what to try whatever the severity.
    """
    mark = f"finding {teller.analysis.findings.index(finding)}"
    before = mark in teller.told
    teller.told.add(mark)
    text = finding_text(finding.title_key, with_makers(finding.args, teller), teller.lang)
    key = f"severity.{finding.severity}"
    severity = teller.say(key) if key in STORY else display(finding.severity)
    left = f"  {padded(severity, 7)}{GAP}"
    style = SEVERITY_STYLES.get(finding.severity, "")
    room = " " * cell_len(left)
    in_full = (in_full or finding.severity in ("error", "warning")) and not before
    title = f"{text.title} {teller.say('finding.before')}" if before else text.title
    yield from teller.lines(title, BOLD if in_full else "", left, style)
    if before:
        return
    if in_full:
        for part, words in (("why", text.why), ("advice", text.advice)):
            if words:
                yield from teller.lines(_labelled(part, words, teller), "", room)
    aside = []
    blamed = finding.severity != "info"  # what is only told is nobody's fault
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
    """Give the findings about no visit that is told; without any, what went wrong and cost too little for one."""
    visits = [(visit, _frames_of(visit, teller.analysis)) for visit in told]
    found = [
        one
        for one in ranked(teller.analysis.findings)
        if not any(belongs(one, visit, frames) for visit, frames in visits)
    ]
    if not teller.analysis.findings:
        yield ()
        small = list(_below_findings(teller))
        yield from teller.lines(teller.say("finding.none.but" if small else "finding.none"))
        for line in small:
            yield from teller.lines(line, "", "  · ")
    if not found:
        return
    yield ()
    heading = "heading.other_findings" if told else "heading.findings"
    yield from teller.lines(teller.say(heading), BOLD)
    for finding in found[:OTHER_FINDINGS]:
        yield from _finding(finding, teller, in_full=not told)
    if len(found) > OTHER_FINDINGS:
        yield from teller.lines(teller.say("finding.more", more=len(found) - OTHER_FINDINGS), DIM, "    ")


def _below_findings(teller: Teller) -> Iterator[str]:
    """Say what TCP had to repair where nobody had to wait long for it."""
    columns = teller.analysis.connections.columns
    for key, names in _REPAIRS.items():
        each = sum(np.asarray(columns[name], np.int64) for name in names)
        streams = np.flatnonzero(each)
        if streams.size:
            args = {"count": int(np.sum(each)), "connections": int(streams.size), "stream": int(streams[0])}
            yield teller.say(f"repair.{key}" if streams.size > 1 else f"repair.{key}.one", **args)


_REPAIRS = {
    "again": ("client_sent_again", "server_sent_again"),
    "late": ("client_reordered", "server_reordered"),
    "asked": ("client_duplicate_acks", "server_duplicate_acks"),
}
"""Kind of repair → columns of the ``tcp`` table that count it."""
