"""The story of a capture as text: what was recorded, each visit as a journey step by step, and what stands out.

Rules: every fact is in the tables, every sentence in :mod:`analyzer.sentences`; text from the capture passes
:func:`analyzer.text.display`, secrets are masked as in the report. A step that is not there is told with its reason and
without a number. Of many visits a list comes first, and only the most telling ones are told in full. A capture without
visits is told by what else is in it.

This module knows no terminal: it gives lines of (text, style), broken to a width counted in terminal cells, and who
prints them decides about colours.

Source of the line breaking: Unicode Standard Annex #14, classes ID, OP and CL, as far as Chinese and Latin need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from rich.cells import cell_len, set_cell_size

from analyzer.analysis import Analysis
from analyzer.explain_rest import rest
from analyzer.findings.model import noticed_cost, rank
from analyzer.provenance import frames_filter, runs
from analyzer.report.secrets import masked, masked_args
from analyzer.schema import FindingRow, Step, VisitRow
from analyzer.sentences import finding_text, phrase, sentence, why, word
from analyzer.sentences.story import STORY
from analyzer.text import display
from analyzer.text_ladder import Span, TextLine
from analyzer.units import NS_PER_MS, human_ms, rfc3339

FULL_VISITS = 3
"""Visits told in full when nobody asks for one; more steps than these have are not read in a terminal."""

LISTED_VISITS = 40
"""Lines of the list of visits: a screen."""

VISIT_FINDINGS = 6
"""Findings told with a visit; the report has all."""

OTHER_FINDINGS = 10
"""Findings named that belong to no visit that is told; the report has all."""

NARROW = 72
"""Columns below which a step's sentence stands below its times instead of beside them."""

FRAMES_SHOWN = 6
"""Runs of frames written out beside a step; its filter has them all."""

URL_LIMIT = 200
"""Characters shown of an address."""

_DIM, _BOLD = "dim", "bold"
SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "info": "dim"}
_TIME, _TOOK, _NAME = 9, 9, 10
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Teller:
    """What all parts of a story need: the tables, the language, and the columns of a line."""

    analysis: Analysis
    lang: str
    width: int

    def say(self, key: str, **args: object) -> str:
        """Say an entry of :data:`analyzer.sentences.story.STORY`."""
        return phrase(STORY[key], f"story.{key}", args, self.lang)

    def lines(self, text: str, style: str = "", left: str = "", left_style: str = _DIM) -> Iterator[TextLine]:
        """Break a text to the width, with ``left`` before its first line and as much room before the others."""
        room = cell_len(left)
        for number, part in enumerate(broken(text, max(self.width - room, 16))):
            yield Span(" " * room if number else left, left_style), Span(part, style)


def document(analysis: Analysis, *, visit: int | None, lang: str, width: int) -> Iterator[TextLine]:
    """Give the lines of a story.

    Args:
        analysis: of the capture.
        visit: number of the one visit to tell (from 1), None for the capture's whole story.
        lang: of :data:`analyzer.language.LANGUAGES`.
        width: columns of a line.
    """
    teller = Teller(analysis, lang, width)
    yield from _opening(teller)
    if not analysis.capture.packets:
        return
    visits = analysis.visits
    if visit is not None:
        yield from _visit(visits[visit - 1], teller)
        return
    told = _chosen(analysis)
    if len(told) < len(visits):
        yield from _list(teller)
    for one in told:
        yield from _visit(one, teller)
    yield from _beside(teller)
    yield from _other_findings(told, teller)


def _opening(teller: Teller) -> Iterator[TextLine]:
    capture = teller.analysis.capture
    yield (Span(display(capture.file, URL_LIMIT), _BOLD),)
    start = rfc3339(capture.start_time)
    facts = {"size_bytes": capture.size_bytes, "format": capture.format, "packets": capture.packets}
    if not capture.packets:
        yield from teller.lines(teller.say("opening.empty", **facts))
        return
    if start is None:
        text = [teller.say("opening.no_time", **facts)]
    else:
        times = {"duration_ms": capture.duration_ms, "start": start[:19].replace("T", " ")}
        text = [teller.say("opening", **facts, **times)]
    if len(teller.analysis.connections):
        local = capture.vantage == "unknown" and capture.vantage_why.startswith("both ends")
        text.append(teller.say(f"vantage.{'local' if local else capture.vantage}"))
    yield from teller.lines(_paragraph(text, teller.lang))
    if capture.partial:
        yield from teller.lines(teller.say("partial", why=capture.partial_why or why("truncated")), "yellow")


def _paragraph(sentences: Iterable[str], lang: str) -> str:
    return ("" if lang == "zh" else " ").join(sentences)


def _telling(visit: VisitRow) -> tuple[bool, float]:
    """Return what orders visits by how much there is to tell: failed, then how long it took."""
    failed = bool(visit.failed_requests) or any(".failed" in step.sentence_key for step in visit.steps)
    return failed, visit.duration_ms or 0.0


def _chosen(analysis: Analysis) -> list[VisitRow]:
    """Return the visits told in full, in the order they happened."""
    most = sorted(analysis.visits, key=_telling, reverse=True)[:FULL_VISITS]
    return sorted(most, key=lambda visit: visit.visit)


# ── visits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _list(teller: Teller) -> Iterator[TextLine]:
    visits = teller.analysis.visits
    yield ()
    yield from teller.lines(teller.say("visits", visits=len(visits)), _BOLD)
    for visit in visits[:LISTED_VISITS]:
        number = f"{visit.visit:>4}"
        times = f"{_since(teller, visit.start_time):>{_TIME}}{_GAP}{_took(visit.duration_ms):>{_TOOK}}"
        failed = teller.say("list.failed", failed=visit.failed_requests) if visit.failed_requests else ""
        left = f"{number}{_GAP}{times}{_GAP}"
        room = teller.width - cell_len(left) - (cell_len(failed) + 2 if failed else 0)
        url = _cut(_url(visit.url, teller), max(room, 16))
        yield Span(left, _DIM), Span(url), Span(f"{_GAP}{failed}" if failed else "", "red")
    if len(visits) > LISTED_VISITS:
        more = teller.say("visits.more", more=len(visits) - LISTED_VISITS, visits=len(visits))
        yield from teller.lines(more, _DIM, "      ")
    yield from teller.lines(teller.say("visits.some"), _DIM)


def _visit(visit: VisitRow, teller: Teller) -> Iterator[TextLine]:
    yield ()
    url, final = _url(visit.url, teller), _url(visit.final_url or visit.url, teller)
    yield from teller.lines(teller.say("visit", number=visit.visit, url=url), _BOLD)
    facts = {
        "offset_ms": _offset(visit.start_time, teller.analysis.capture.start_time),
        "duration_ms": visit.duration_ms,
        "connections": len(visit.tcp_streams),
        "transferred_bytes": visit.bytes,
    }
    text = [] if final == url else [teller.say("visit.led_to", url=final)]
    if visit.requests is None:
        reason = why(visit.requests_why or "encrypted", teller.lang)
        text.append(teller.say("visit.summary.unreadable", **facts, why=reason))
    else:
        text.append(teller.say("visit.summary", **facts, requests=visit.requests))
    if visit.failed_requests:
        text.append(teller.say("visit.failed", failed=visit.failed_requests))
    yield from teller.lines(_paragraph(text, teller.lang))
    yield ()
    number = 0
    for step in in_order(visit.steps):
        number += step.absent_why is None
        yield from _step(step, number, visit.start_time, teller)
    yield from _visit_findings(visit, teller)


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Return steps by the time they began; one without a time stays behind the one it stood behind, the close last."""
    timed: list[tuple[float, Step]] = []
    at = -inf
    for step in steps:
        at = inf if step.step == "close" else at if step.time is None else step.time
        timed.append((at, step))
    return [step for _, step in sorted(timed, key=lambda pair: pair[0])]


def _step(step: Step, number: int, start: int, teller: Teller) -> Iterator[TextLine]:
    """Give a step: number, time since the visit began, duration, name, sentence; below, how to find it."""
    absent = step.absent_why is not None
    args = masked_args(step.sentence_args, teller.analysis.options)
    text = sentence(step.sentence_key, args, teller.lang)
    name = teller.say(key) if (key := f"step.{step.step}") in STORY else display(step.step)
    offset = "" if step.time is None else _signed(_offset(step.time, start))
    took = "" if absent or step.duration_ms is None else human_ms(step.duration_ms)
    marks = f"{'–' if absent else number:>3}{_GAP}{offset:>{_TIME}}{_GAP}{took:>{_TOOK}}{_GAP}"
    left = f"{marks}{padded(name, _NAME)}{_GAP}"
    style = _DIM if absent else ""
    if teller.width < NARROW:
        yield Span(f"{marks}{name}".rstrip(), _DIM), Span("")
        left = "     "
    yield from teller.lines(text, style, left)
    if step.frames:
        yield from teller.lines(_evidence(step.frames, teller), _DIM, " " * cell_len(left))


def _evidence(frames: Sequence[int], teller: Teller) -> str:
    """Return ``frames 3, 7–9 · frame.number in {3, 7..9}``."""
    parts = runs(frames)
    listed = word("comma", teller.lang).join(str(a) if a == b else f"{a}–{b}" for a, b in parts)
    if len(parts) > FRAMES_SHOWN:
        words = teller.say("frames.many", count=len(set(frames)), first=parts[0][0], last=parts[-1][1])
    else:
        words = teller.say("frames.several" if len(set(frames)) > 1 else "frames", frames=listed)
    return f"{words} · {frames_filter(frames)}"


def _url(url: str, teller: Teller) -> str:
    return display(masked(url, teller.analysis.options), URL_LIMIT)


def _offset(time: int, start: int | None) -> float | None:
    return None if start is None else (time - start) / NS_PER_MS


def _signed(ms: float | None) -> str:
    return "" if ms is None else f"{'-' if ms < 0 else '+'}{human_ms(abs(ms))}"


def _since(teller: Teller, time: int) -> str:
    return _signed(_offset(time, teller.analysis.capture.start_time))


def _took(ms: float | None) -> str:
    return "" if ms is None else human_ms(ms)


# ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _visit_findings(visit: VisitRow, teller: Teller) -> Iterator[TextLine]:
    frames = _frames_of(visit, teller.analysis)
    found = [one for one in sorted(teller.analysis.findings, key=rank) if belongs(one, visit, frames)]
    if not found:
        return
    yield ()
    yield from teller.lines(teller.say("heading.findings"), _BOLD)
    for finding in found[:VISIT_FINDINGS]:
        yield from _finding(finding, teller, in_full=finding.severity in ("error", "warning"))
    if len(found) > VISIT_FINDINGS:
        yield from teller.lines(teller.say("finding.more", more=len(found) - VISIT_FINDINGS), _DIM, "    ")


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
    text = finding_text(finding.title_key, masked_args(finding.args, teller.analysis.options), teller.lang)
    key = f"severity.{finding.severity}"
    severity = teller.say(key) if key in STORY else display(finding.severity)
    left = f"  {padded(severity, 7)}{_GAP}"
    style = SEVERITY_STYLES.get(finding.severity, "")
    room = " " * cell_len(left)
    yield from teller.lines(text.title, _BOLD if in_full else "", left, style)
    if in_full:
        for part, words in (("why", text.why), ("advice", text.advice)):
            if words:
                yield from teller.lines(_labelled(part, words, teller), "", room)
    aside = []
    if (key := f"blame.{finding.blame}") in STORY:
        aside.append(teller.say("finding.blame", blame=teller.say(key)))
    if cost := noticed_cost(finding):
        aside.append(teller.say("finding.cost", cost_ms=cost))
    aside += [_evidence(finding.frames, teller)] if finding.frames else []
    yield from teller.lines(" · ".join(aside), _DIM, room)


def _labelled(part: str, words: str, teller: Teller) -> str:
    """Put a label before a text that is filled already, and may be long."""
    label = teller.say(f"finding.{part}")
    return f"{label}{'' if teller.lang == 'zh' else ' '}{words}"


def _other_findings(told: Sequence[VisitRow], teller: Teller) -> Iterator[TextLine]:
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
    yield from teller.lines(teller.say(heading), _BOLD)
    for finding in found[:OTHER_FINDINGS]:
        yield from _finding(finding, teller, in_full=not told)
    if len(found) > OTHER_FINDINGS:
        yield from teller.lines(teller.say("finding.more", more=len(found) - OTHER_FINDINGS), _DIM, "    ")


def _beside(teller: Teller) -> Iterator[TextLine]:
    """Give what is in the capture and in no visit; the whole story where there are no visits."""
    visits = teller.analysis.visits
    lines = list(rest(teller.analysis, teller.lang))
    yield ()
    if not visits:
        yield from teller.lines(teller.say("visits.none"))
    if not lines:
        if not visits:
            yield from teller.lines(teller.say("there.nothing"))
        return
    yield from teller.lines(teller.say("heading.beside" if visits else "heading.there_is"), _BOLD)
    for line in lines:
        yield from teller.lines(line, "", "  · ")


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────

_OPEN, _CLOSE = "（“‘《「‹", "，。、；：！？）”’》」›…"
_WIDE = "\u2e80-\u303f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_UNITS = re.compile(
    rf"\d[\d.,]* (?:ms|s|min|h|B|kB|MB|GB|TB|%)[.,;:)]*(?![^\s{_CLOSE}{_WIDE}])[{_CLOSE}]*|"
    rf"[{_OPEN}]*(?:[^\s{_OPEN}{_CLOSE}{_WIDE}]+|[{_WIDE}](?<![{_OPEN}{_CLOSE}]))[{_CLOSE}]*|\s+|[{_OPEN}{_CLOSE}]+"
)
"""What a line is not broken within: a number with its unit, a word of Latin, one wide character, with its marks."""


def broken(text: str, width: int) -> list[str]:
    """Break a text into lines of at most ``width`` cells: at spaces, and beside any Chinese character.

    A line neither begins with a closing mark nor ends with an opening one, unless nothing else fits.
    """
    lines = [""]
    for unit in _UNITS.findall(text):
        if cell_len(lines[-1]) + cell_len(unit.rstrip()) > width and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        if unit.isspace():
            lines[-1] += " " if lines[-1] else ""
            continue
        while cell_len(lines[-1]) + cell_len(unit) > width:
            head = set_cell_size(unit, width)
            head = head if unit.startswith(head) else head[:-1]  # half a wide character became a space
            if not head:
                break
            lines[-1] = head
            unit = unit[len(head) :]
            lines.append("")
        lines[-1] += unit
    return [line.rstrip() for line in lines if line.strip()] or [""]


def padded(text: str, width: int) -> str:
    """Fill a text up to a number of cells."""
    return text + " " * max(width - cell_len(text), 0)


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
