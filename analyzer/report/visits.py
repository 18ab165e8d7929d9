"""Visits as the page shows them: what a person did, the steps it took, and the waterfall of its requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from analyzer import sentences
from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.protocols.dns import table as columns_of
from analyzer.provenance import frames_filter, frames_text, runs
from analyzer.report.around import around, drawn_together
from analyzer.report.cells import DASH, Clock, Mark, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.request_facts import Links
from analyzer.report.requests import PHASES, interval, phases
from analyzer.report.secrets import masked, masked_args
from analyzer.report.walks import WalkLine, walk_of
from analyzer.report.waterfall import (
    MAX_DETAILED,
    MAX_WATERFALL_ROWS,
    MAX_WATERFALL_ROWS_IN_ALL,
    Waterfall,
    waterfall,
)
from analyzer.report.wording import listed, message, plural, say
from analyzer.schema import DnsRow, HttpRow, Step, VisitRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms, rfc3339
from analyzer.visits.blame import of_request
from analyzer.visits.model import Facts
from analyzer.walks import WALKED

MAX_VISITS = 300
"""Visits drawn on the page; the exports have the rest."""

MAX_OPENING = 100
"""Where a capture has no more visits, all open to their journey and waterfall: about 14 kB of markup each."""

MAX_OPENING_OF_MORE = 60
"""Visits that open where there are more; the others are a row."""

LEAST_REST = 0.02
"""Share of a visit that its phases leave open, from which on it is said what they are of."""

MAX_MARK_STREAMS = 50
"""Connections of a visit that the page's filter knows."""

STEP_NAMES: dict[str, str] = {
    "dhcp": message("Get an address"),
    "dns": message("Look up the name"),
    "arp": message("Find the next hop"),
    "tcp": message("Open a connection"),
    "tls": message("Agree on encryption"),
    "request": message("Ask"),
    "response": message("Get the answer"),
    "redirect": message("Be sent elsewhere"),
    "objects": message("Fetch the rest"),
    "background": message("In the background"),
    "close": message("Close"),
}
"""Step of a journey → what it does, in a few words (messages)."""


@dataclass(frozen=True, slots=True)
class StepFact:
    """A step of a journey: a sentence, and its evidence or the reason why it is absent."""

    name: str
    sentence: str
    duration: str
    frames: str
    display_filter: str
    absent: bool
    remarks: tuple[str, ...] = ()
    walk: tuple[WalkLine, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class PhaseSum:
    """How long one phase took over a visit's main chain."""

    phase: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class VisitFact:
    """A visit ready to be shown."""

    anchor: str
    number: str
    url: str
    final_url: str
    start: str
    start_utc: str
    duration: str
    summary: str
    failed: str
    phases: tuple[PhaseSum, ...]
    steps: tuple[StepFact, ...]
    waterfall: Waterfall
    display_filter: str
    mark: Mark
    opens: bool = True
    phases_of: str = ""
    blame: str = ""
    blamed: bool = False
    waste: tuple[str, ...] = ()
    savings: tuple[str, ...] = ()


def visits(analysis: Analysis, clock: Clock) -> list[VisitFact]:
    """Return the visits, then one group for requests that belong to none."""
    tls = {row.stream: row for row in analysis.tls}
    cause = partial(_cause, facts=analysis.facts(), options=analysis.options)
    links = Links.of(analysis.http, analysis.websocket, cause)
    room, detailed = MAX_WATERFALL_ROWS_IN_ALL, MAX_DETAILED
    out: list[VisitFact] = []
    walked: Sequence[DnsRow] = () if columns_of.one_of(analysis.dns, "caused_by", (None,)).all() else analysis.dns
    claimed: set[int] = set()
    opening = _opening(analysis.visits[:MAX_VISITS])
    connections = drawn_together(analysis, [analysis.visits[at] for at in sorted(opening)], tls)
    for at, visit in enumerate(analysis.visits[:MAX_VISITS]):
        # A request belongs to the first visit that names it, so that its anchor stays unique.
        numbers = [n for n in visit.http_rows if 0 <= n < len(analysis.http) and n not in claimed]
        claimed.update(numbers)
        if at not in opening:
            out.append(_visit(visit, None, clock, analysis, walked))
            continue
        drawn = waterfall(
            [(n, analysis.http[n]) for n in numbers],
            around(analysis, visit, numbers, tls, connections),
            min(room, MAX_WATERFALL_ROWS),
            detailed,
            links,
            clock,
        )
        room -= len(drawn.bars)
        detailed -= drawn.detailed
        out.append(_visit(visit, drawn, clock, analysis, walked))
    for visit in analysis.visits[MAX_VISITS:]:
        claimed.update(visit.http_rows)
    rest = [(n, row) for n, row in enumerate(analysis.http) if n not in claimed]
    if rest:
        drawn = waterfall(rest, None, min(room, MAX_WATERFALL_ROWS), detailed, links, clock)
        out.append(_others(rest, drawn, bool(analysis.visits), clock))
    return out


def _opening(rows: Sequence[VisitRow]) -> set[int]:
    """Return which visits open: all, or those that failed, those that somebody is to blame for, and the first ones."""
    order = sorted(range(len(rows)), key=lambda at: (not _failed(rows[at]), rows[at].blame is None, at))
    return set(order if len(rows) <= MAX_OPENING else order[:MAX_OPENING_OF_MORE])


def drawn_requests(facts: list[VisitFact]) -> set[str]:
    """Return the anchors of the requests that a waterfall shows."""
    return {bar.anchor for fact in facts for bar in fact.waterfall.bars if bar.anchor}


def _visit(
    visit: VisitRow, drawn: Waterfall | None, clock: Clock, analysis: Analysis, walked: Sequence[DnsRow]
) -> VisitFact:
    """Draw up a visit; without a waterfall, only its row."""
    options = analysis.options
    url, final = masked(visit.url, options), masked(visit.final_url or "", options)
    return VisitFact(
        anchor=f"visit-{visit.visit}",
        number=str(visit.visit),
        url=safe(url, 200),
        final_url=safe(final, 200) if final != url else "",
        start=clock.text(visit.start_time),
        start_utc=rfc3339(visit.start_time) or DASH,
        duration=say("unknown") if visit.duration_ms is None else human_ms(visit.duration_ms),
        summary=_summary(visit),
        failed=_failed(visit),
        phases=_phases(visit),
        steps=() if drawn is None else _steps(visit, options, walked),
        waterfall=Waterfall((), 0) if drawn is None else drawn,
        display_filter="" if drawn is None else _filter(visit),
        mark=marked(
            clock,
            host=_host(visit.url),
            proto="visit",
            stream=visit.tcp_streams[:MAX_MARK_STREAMS],
            duration_ms=visit.duration_ms,
            start=visit.start_time,
            end=visit.start_time + round((visit.duration_ms or 0.0) * NS_PER_MS),
            frames=[frame for step in visit.steps for frame in step.frames],
        ),
        opens=drawn is not None,
        phases_of=_phases_of(visit),
        blame="" if visit.blame_key is None else _said(visit.blame_key, visit.blame_args, options),
        blamed=visit.blame is not None,
        waste=tuple(_said(one.sentence_key, one.sentence_args, options) for one in visit.waste),
        savings=tuple(_said(one.sentence_key, one.sentence_args, options) for one in visit.savings),
    )


def _said(key: str, args: Mapping[str, object], options: Options) -> str:
    return Prose(sentences.sentence(key, masked_args(args, options)))


def _cause(row: HttpRow, facts: Facts, options: Options) -> str:
    """Say who is to blame for a request that failed or was slow; nothing of one that did neither."""
    found = of_request(row, facts)
    return "" if found is None else _said(found.key, found.args, options)


def _summary(visit: VisitRow) -> str:
    """Return ``12 requests over 3 connections, 1 redirect, 240 kB``, or where it came to nothing."""
    if visit.failed_step in _FAILED_AT:
        return say(_FAILED_AT[visit.failed_step])
    if visit.requests is None:
        why = Prose(sentences.why(visit.requests_why or "encrypted"))
        unread = visit.requests_why != "no_session"
        requests = say("requests unknown ({why})", why=why) if unread else say("no request ({why})", why=why)
    else:
        requests = plural(visit.requests, "request")
    connections = plural(len(visit.tcp_streams), "connection")
    parts = [say("{requests} over {connections}", requests=requests, connections=connections)]
    if visit.redirects:
        parts.append(plural(visit.redirects, "redirect"))
    return listed([*parts, human_bytes(visit.bytes)])


def _failed(visit: VisitRow) -> str:
    """Return how many requests of a visit failed, or that it did as a whole."""
    if visit.failed_requests:
        return plural(visit.failed_requests, "failure")
    return say("failed") if visit.failed_step in _FAILED_AT else ""


_FAILED_AT = {
    "dns": message("no address: the name did not resolve"),
    "tcp": message("no connection came about"),
}
"""Step at which a visit failed before anything could be asked → what is said instead of a sum (messages)."""


def _phases(visit: VisitRow) -> tuple[PhaseSum, ...]:
    """Return the phases of a visit's main chain in words."""
    known = _known_phases(visit)
    return tuple(PhaseSum(phase, label, human_ms(known[phase])) for phase, label, _ in phases() if phase in known)


def _known_phases(visit: VisitRow) -> dict[str, float]:
    """Return phase → ms of the main chain, as far as known; its close is no part of what somebody waited for."""
    told = ((phase, getattr(visit.phases, f"{phase}_ms", None)) for phase, _, _ in PHASES if phase != "close")
    return {phase: value for phase, value in told if value is not None}


def _phases_of(visit: VisitRow) -> str:
    """Say what the phases in a visit's head are of, where they do not add up to the visit; else nothing."""
    whole = sum(_known_phases(visit).values())
    if not whole or visit.duration_ms is None or visit.duration_ms - whole < LEAST_REST * visit.duration_ms:
        return ""
    if not visit.http_rows:
        return say("Opening alone, {time}:", time=human_ms(whole))
    if visit.redirects:
        return say("Redirects and first document alone, {time}:", time=human_ms(whole))
    return say("First document alone, {time}:", time=human_ms(whole))


def _steps(visit: VisitRow, options: Options, walked: Sequence[DnsRow]) -> tuple[StepFact, ...]:
    """Return the steps of a visit; what a remark says is said at the first step that it fits.

    Args:
        walked: the dns table, empty where no resolver's questions are in the capture.
    """
    told: set[str] = set()
    return tuple(_step(step, visit, options, walked, told) for step in visit.steps)


def _failed_here(step: Step, visit: VisitRow) -> bool:
    """Say whether a step came to nothing, or brought an error where the visit counts it as one."""
    if step.step == "response":
        status = step.sentence_args.get("status")
        error = isinstance(status, int) and status >= FIRST_ERROR and bool(visit.failed_requests)
        return error or visit.failed_step == "response"
    return (
        step.step in _CAN_FAIL
        and step.absent_why is None
        and not _FAILURES.isdisjoint(step.sentence_key.split(".")[2:3])
    )


FIRST_ERROR = 400
"""Status codes from here on are errors (RFC 9110 section 15.5)."""
_CAN_FAIL = frozenset({"dns", "arp", "ndp", "tcp", "tls"})
_FAILURES = frozenset({"failed", "unanswered", "refused", "unreachable"})
"""Variants of sentences that say that a step came to nothing."""


def _step(step: Step, visit: VisitRow, options: Options, rows: Sequence[DnsRow], told: set[str]) -> StepFact:
    absent = step.absent_why is not None
    walk = walk_of(step, rows)
    remarks = []
    for one in step.remarks:
        if walk and one.sentence_key.startswith(WALKED):
            continue
        text = _said(one.sentence_key, one.sentence_args, options)
        if text not in told:
            told.add(text)
            remarks.append(text)
    return StepFact(
        name=say(STEP_NAMES[step.step]) if step.step in STEP_NAMES else safe(step.step),
        sentence=_said(step.sentence_key, step.sentence_args, options),
        duration="" if absent or step.duration_ms is None else human_ms(step.duration_ms),
        frames=_frames(step.frames),
        display_filter=Prose(frames_filter(step.frames)),
        absent=absent,
        remarks=tuple(remarks),
        walk=walk,
        failed=_failed_here(step, visit),
    )


def _frames(frames: Sequence[int]) -> str:
    """Return ``1–3, 7``, and how many runs more there are."""
    more = len(runs(frames)) - MAX_RUNS
    shown = Prose(frames_text(frames, MAX_RUNS).split(" … ")[0])
    return say("{frames} … (+{more} more)", frames=shown, more=more) if more > 0 else shown


MAX_RUNS = 4
"""Runs of frames named beside a step; its display filter has all of them."""


def _filter(visit: VisitRow) -> str:
    """Return the display filter of a visit: its connections, and the frames of its other steps."""
    frames = [frame for step in visit.steps if step.step in ("dhcp", "dns", "arp") for frame in step.frames]
    parts = []
    if visit.tcp_streams:
        parts.append("tcp.stream in {" + ", ".join(str(int(stream)) for stream in visit.tcp_streams) + "}")
    if frames:
        parts.append(frames_filter(frames))
    return Prose(" || ".join(parts))


def _host(url: str) -> str:
    return url.split("://", 1)[-1].split("/", 1)[0]


def _others(rest: Sequence[tuple[int, HttpRow]], drawn: Waterfall, beside_visits: bool, clock: Clock) -> VisitFact:
    times = [span for _, row in rest if (span := interval(row))[0] is not None]
    return VisitFact(
        anchor="visit-0",
        number="",
        url=say("Requests that belong to no visit") if beside_visits else say("All requests"),
        final_url="",
        start="",
        start_utc="",
        duration="",
        summary=plural(drawn.total, "request"),
        failed="",
        phases=(),
        steps=(),
        waterfall=drawn,
        display_filter="",
        mark=marked(
            clock,
            proto="http",
            start=min((low for low, _ in times if low is not None), default=None),
            end=max((high for _, high in times if high is not None), default=None),
        ),
    )
