"""Findings as the page shows them: what, why it matters, the evidence, what to try; worst and dearest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analyzer import sentences
from analyzer.analysis import Analysis
from analyzer.findings.model import SEVERITIES, noticed_cost, ranked
from analyzer.findings.thresholds import MAX_FRAMES
from analyzer.provenance import frames_filter, runs
from analyzer.report import glossary
from analyzer.report.cells import Clock, Mark, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.evidence import CapsuleFact, evidence
from analyzer.report.secrets import masked_args
from analyzer.report.wording import listed, message, number, plural, say
from analyzer.schema import FindingRow
from analyzer.units import NS_PER_MS, human_ms

MAX_FINDINGS = 500
"""Findings drawn on the page; the exports have the rest."""

MAX_RUNS = 8
"""Runs of frames written out of one finding; its filter has the rest."""

ICONS = {"error": "▲", "warning": "●", "note": "○", "info": "i"}

SEVERITY_WORDS = {
    "error": message("error"),
    "warning": message("warning"),
    "note": message("note"),
    "info": message("info"),
}

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

TABLES = {"websocket": "WebSocket"}
"""Table → how people write it, where that is not in capitals."""

BLAMES = {
    "client": message("points to the client"),
    "network": message("points to the network"),
    "server": message("points to the server"),
    "resolver": message("points to the resolver"),
    "capture": message("points to the recording"),
}


@dataclass(frozen=True, slots=True)
class FindingFact:
    """A finding ready to be shown.

    Attributes:
        frames: what proves it, in words; note: what the display filter leaves out, empty when nothing.
        terms: (word, anchor in the glossary) of codes that the title names.
    """

    anchor: str
    code: str
    severity: str
    severity_word: str
    icon: str
    title: str
    why: str
    advice: str
    cost: str
    blame: str
    frames: str
    note: str
    display_filter: str
    reference: str
    link: str
    link_words: str
    terms: tuple[tuple[str, str], ...]
    mark: Mark
    evidence: CapsuleFact | None


@dataclass(frozen=True, slots=True)
class FindingsFact:
    """The findings shown, of ``total``, with (severity, icon, how many in words) of each severity that occurs."""

    rows: tuple[FindingFact, ...]
    total: int
    counts: tuple[tuple[str, str, str], ...]


def severity_word(severity: str) -> Prose:
    """Return the word for a severity."""
    return say(SEVERITY_WORDS.get(severity, SEVERITY_WORDS["info"]))


def cost_words(finding: FindingRow) -> str:
    """Say what a finding cost, if somebody would notice."""
    cost = noticed_cost(finding)
    return human_ms(cost) if cost else ""


def findings(analysis: Analysis, clock: Clock) -> FindingsFact:
    """Draw up the findings of a capture."""
    amounts = {severity: sum(one.severity == severity for one in analysis.findings) for severity in SEVERITIES}
    times = _Times(analysis)
    return FindingsFact(
        tuple(
            _fact(n, finding, analysis, clock, times)
            for n, finding in enumerate(ranked(analysis.findings)[:MAX_FINDINGS])
        ),
        len(analysis.findings),
        tuple((severity, ICONS[severity], _amount(severity, n)) for severity, n in amounts.items() if n),
    )


def _amount(severity: str, n: int) -> Prose:
    if severity == "error":
        return plural(n, "error")
    if severity == "warning":
        return plural(n, "warning")
    return plural(n, "note") if severity == "note" else plural(n, "info", "info")


def _fact(n: int, finding: FindingRow, analysis: Analysis, clock: Clock, times: _Times) -> FindingFact:
    text = sentences.finding_text(finding.title_key, masked_args(finding.args, analysis.options))
    link, link_words = _link(finding, analysis)
    start, end = times.span(finding)
    return FindingFact(
        anchor=f"finding-{n + 1}",
        code=safe(finding.code, 60),
        severity=finding.severity if finding.severity in SEVERITIES else "info",
        severity_word=severity_word(finding.severity),
        icon=ICONS.get(finding.severity, "i"),
        title=Prose(text.title),
        why=Prose(text.why),
        advice=Prose(text.advice),
        cost=say("cost {time}", time=cost) if (cost := cost_words(finding)) else "",
        blame=say(BLAMES[finding.blame]) if finding.blame in BLAMES else "",
        frames=_frames(finding.frames),
        note=_note(finding),
        display_filter=Prose(finding.display_filter),
        reference=_reference(finding.reference),
        link=link,
        link_words=link_words,
        terms=tuple(_terms(finding.args)),
        mark=marked(
            clock,
            host=finding.args.get("host") or finding.args.get("name") or finding.args.get("server"),
            status=finding.args.get("status"),
            method=finding.args.get("method"),
            stream=finding.stream,
            proto=safe(finding.layer, 20),
            severity=safe(finding.severity, 20),
            duration_ms=finding.cost_ms,
            start=start,
            end=end,
            frames=finding.frames,
        ),
        evidence=evidence(analysis, n + 1, finding),
    )


def _frames(frames: Sequence[int]) -> Prose:
    """Say which frames prove it: the first runs, and how many frames there are in all."""
    parts = runs(frames)
    if not parts:
        return Prose("")
    if len(frames) == 1:
        return say("frame {frame}", frame=frames[0])
    shown = listed(str(a) if a == b else f"{a}–{b}" for a, b in parts[:MAX_RUNS])
    if len(parts) <= MAX_RUNS:
        return say("frames {frames}", frames=shown)
    return say("frames {frames} and more, {n} in all", frames=shown, n=number(len(frames)))


def _note(finding: FindingRow) -> Prose:
    """Say so where the filter may leave out some of the evidence: it lists the first frames only."""
    if len(finding.frames) < MAX_FRAMES or finding.display_filter != frames_filter(finding.frames):
        return Prose("")
    return say("The filter selects the first {n} frames of the evidence; there may be more.", n=number(MAX_FRAMES))


_SECTION = re.compile(r"(RFC \d+) section (\d[\d.]*)")


def _reference(text: str) -> Prose:
    """Name the standards that a finding goes by."""
    return Prose(_SECTION.sub(lambda found: say("{standard} section {n}", standard=found[1], n=found[2]), safe(text)))


def _terms(args: Mapping[str, object]) -> Iterable[tuple[Prose, str]]:
    """Yield the codes that a finding names and the glossary explains."""
    for name, kind in (("status", "status"), ("rcode", "rcode"), ("close_code", "close")):
        value = args.get(name)
        if isinstance(value, int | str) and (anchor := glossary.link(kind, value)):
            yield safe(value, 20), anchor


def _link(finding: FindingRow, analysis: Analysis) -> tuple[str, str]:
    """Return the anchor of the row a finding is about, and words for it."""
    row, table = finding.row, finding.table or ""
    if row is not None and table == "visits" and 0 <= row < len(analysis.visits):
        visit = analysis.visits[row].visit
        return f"visit-{visit}", say("visit {n}", n=visit)
    if row is not None and table == "tcp":
        return f"stream-{row}", say("stream {n}", n=row)
    if row is not None and table in ANCHORS and table != "visits":
        name = Prose(TABLES.get(table, table.upper()))
        return f"{ANCHORS[table]}-{row + 1}", say("{table} row {n}", table=name, n=row + 1)
    if finding.stream is not None:
        return f"stream-{finding.stream}", say("stream {n}", n=finding.stream)
    return "", ""


class _Times:
    """Knows when a finding was: from its TCP segments, else from the row it is about."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        order = np.argsort(analysis.segments.frame, kind="stable")
        self._frames = analysis.segments.frame[order]
        self._times = analysis.segments.time[order]

    def span(self, finding: FindingRow) -> tuple[int | None, int | None]:
        """Return the first and last instant (ns) of the evidence, None where nobody knows."""
        cited = np.asarray(finding.frames, np.int64)
        if self._frames.size and cited.size:
            at = np.minimum(np.searchsorted(self._frames, cited), self._frames.size - 1)
            known = self._times[at[self._frames[at] == cited]]
            if known.size:
                return int(known.min()), int(known.max())
        return _row_span(self._row(finding))

    def _row(self, finding: FindingRow) -> Any:
        if finding.row is None or finding.table not in ANCHORS:
            return None
        if finding.table == "tcp":
            known = 0 <= finding.row < len(self._analysis.connections)
            return self._analysis.connections.row(finding.row) if known else None
        table = getattr(self._analysis, finding.table)
        return table[finding.row] if 0 <= finding.row < len(table) else None


def _row_span(row: Any) -> tuple[int | None, int | None]:
    """Return the first and last instant that a row of any table has."""
    names = [name for name in getattr(row, "__slots__", ()) if name == "time" or name.endswith("_time")]
    times = [value for name in names if isinstance(value := getattr(row, name), int)]
    if not times:
        return None, None
    lasted = getattr(row, "duration_ms", None)
    end = max(times) if lasted is None else max(*times, min(times) + round(lasted * NS_PER_MS))
    return min(times), end
