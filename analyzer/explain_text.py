"""The story of a capture as text: what was recorded, each visit as a journey step by step, and what stands out.

Rules: every fact is in the tables, every sentence in :mod:`analyzer.sentences`; text from the capture passes
:func:`analyzer.text.display`, secrets are masked as in the report. A step that is not there is told with its reason and
without a number. Of many visits a list comes first, and only the most telling ones are told in full. A capture without
visits is told by what else is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf

from rich.cells import cell_len

from analyzer.analysis import Analysis
from analyzer.explain_findings import other_findings, visit_findings
from analyzer.explain_lines import (
    BOLD,
    DIM,
    GAP,
    URL_LIMIT,
    Teller,
    address,
    cut,
    evidence,
    padded,
    paragraph,
    with_makers,
)
from analyzer.explain_rest import rest
from analyzer.schema import Gateway, Step, VisitRow, Waste
from analyzer.sentences import sentence, why
from analyzer.sentences.story import STORY
from analyzer.text import display
from analyzer.text_ladder import Span, TextLine
from analyzer.units import NS_PER_MS, human_ms, rfc3339
from analyzer.walks import WALKED, Branch, asked_for, tree

FULL_VISITS = 3
"""Visits told in full when nobody asks for one; more steps than these have are not read in a terminal."""

LISTED_VISITS = 40
"""Lines of the list of visits: a screen."""

AT_ONCE_MS = 1.0
"""What begins sooner than this after the first packet begins with it, as far as anybody can tell."""

NARROW = 72
"""Columns below which a step's sentence stands below its times instead of beside them."""

TOLD_ONCE = frozenset({"step.tcp.numbers", "step.dns.keep", "step.dns.race"})
"""Remarks with other numbers each time: one of them shows how it goes."""

_TIME, _TOOK, _NAME = 9, 9, 10


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
    yield from other_findings(told, teller)


def _opening(teller: Teller) -> Iterator[TextLine]:
    capture = teller.analysis.capture
    name = teller.say("opening.stdin") if capture.file == "-" else display(capture.file, URL_LIMIT)
    yield (Span(name, BOLD),)
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
    text += _ways_out(capture.gateways, teller)
    yield from teller.lines(paragraph(text, teller.lang))
    if capture.partial:
        yield from teller.lines(teller.say("partial", why=capture.partial_why or why("truncated")), "yellow")


def _ways_out(gateways: Sequence[Gateway], teller: Teller) -> list[str]:
    """Say through which machines packets left the local network."""
    if not gateways:
        return []
    first = gateways[0]
    args = with_makers({"ip": first.ip or first.mac, "mac": first.mac}, teller)
    more = len({gateway.mac for gateway in gateways}) - 1
    said = [teller.say("gateway" if first.ip else "gateway.mac", **args)]
    return said + ([teller.say("gateway.more", more=more)] if more else [])


def _telling(visit: VisitRow) -> tuple[bool, float]:
    """Return what orders visits by how much there is to tell: failed, then how long it took."""
    return bool(visit.failed_requests) or visit.failed_step is not None, visit.duration_ms or 0.0


def _chosen(analysis: Analysis) -> list[VisitRow]:
    """Return the visits told in full, in the order they happened."""
    most = sorted(analysis.visits, key=_telling, reverse=True)[:FULL_VISITS]
    return sorted(most, key=lambda visit: visit.visit)


# ── visits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _list(teller: Teller) -> Iterator[TextLine]:
    visits = teller.analysis.visits
    yield ()
    yield from teller.lines(teller.say("visits", visits=len(visits)), BOLD)
    for visit in visits[:LISTED_VISITS]:
        number = f"{visit.visit:>4}"
        times = f"{_since(teller, visit.start_time):>{_TIME}}{GAP}{_took(visit.duration_ms):>{_TOOK}}"
        failed = _failed(visit, teller)
        left = f"{number}{GAP}{times}{GAP}"
        room = teller.width - cell_len(left) - (cell_len(failed) + 2 if failed else 0)
        url = cut(address(visit.url, teller), max(room, 16))
        yield Span(left, DIM), Span(url), Span(f"{GAP}{failed}" if failed else "", "red")
    if len(visits) > LISTED_VISITS:
        more = teller.say("visits.more", more=len(visits) - LISTED_VISITS, visits=len(visits))
        yield from teller.lines(more, DIM, "      ")
    yield from teller.lines(teller.say("visits.some"), DIM)


def _failed(visit: VisitRow, teller: Teller) -> str:
    """Say in a word or two that a visit failed, or some of its requests; empty when it did not."""
    if visit.failed_step is not None and not visit.requests:
        return teller.say("list.failed.step", step=_name(visit.failed_step, teller))
    return teller.say("list.failed", failed=visit.failed_requests) if visit.failed_requests else ""


def _visit(visit: VisitRow, teller: Teller) -> Iterator[TextLine]:
    yield ()
    url, final = address(visit.url, teller), address(visit.final_url or visit.url, teller)
    yield from teller.lines(teller.say("visit", number=visit.visit, url=url), BOLD)
    offset = _offset(visit.start_time, teller.analysis.capture.start_time)
    first = ".first" if offset is not None and offset < AT_ONCE_MS else ""
    facts = {
        **({} if first else {"offset_ms": offset}),
        "duration_ms": visit.duration_ms,
        "connections": len(visit.tcp_streams),
        "transferred_bytes": visit.bytes,
    }
    text = [] if final == url else [teller.say("visit.led_to", url=final)]
    if visit.failed_step is not None and not visit.requests:
        text.append(teller.say(f"visit.summary.failed{first}", **facts, step=_name(visit.failed_step, teller)))
    elif visit.requests is None:
        reason = why(visit.requests_why or "encrypted", teller.lang)
        text.append(teller.say(f"visit.summary.unreadable{first}", **facts, why=reason))
    else:
        text.append(teller.say(f"visit.summary{first}", **facts, requests=visit.requests))
    if visit.failed_requests:
        text.append(teller.say("visit.failed", failed=visit.failed_requests))
    yield from teller.lines(paragraph(text, teller.lang))
    if visit.blame_key is not None:
        unread = visit.requests is None and visit.blame_key.startswith("blame.fine.")
        key = "blame.fine.encrypted" if unread else visit.blame_key  # "in all" is not known of what cannot be read
        args = with_makers(visit.blame_args, teller)
        yield from teller.lines(sentence(key, args, teller.lang), "yellow" if visit.blame else "")
    yield ()
    number = 0
    for step in in_order(visit.steps):
        number += step.absent_why is None
        yield from _step(step, number, visit.start_time, teller)
    yield from _economy(visit, teller)
    yield from visit_findings(visit, teller)


def _economy(visit: VisitRow, teller: Teller) -> Iterator[TextLine]:
    """Give what a visit spent in vain, and what it was spared."""
    if not (visit.waste or visit.savings):
        return
    yield ()
    yield from teller.lines(teller.say("heading.economy"), BOLD)
    for key, style, parts in (("economy.waste", "yellow", visit.waste), ("economy.saved", "green", visit.savings)):
        left = f"  {padded(teller.say(key), 7)}{GAP}"
        for one in parts:
            yield from teller.lines(_spent(one, teller), "", left, style)


def _spent(one: Waste, teller: Teller) -> str:
    return sentence(one.sentence_key, with_makers(one.sentence_args, teller), teller.lang)


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
    text = sentence(step.sentence_key, with_makers(step.sentence_args, teller), teller.lang)
    name = _name(step.step, teller)
    offset = "" if step.time is None else _signed(_offset(step.time, start))
    took = "" if absent or step.duration_ms is None else human_ms(step.duration_ms)
    marks = f"{'–' if absent else number:>3}{GAP}{offset:>{_TIME}}{GAP}{took:>{_TOOK}}{GAP}"
    left = f"{marks}{padded(name, _NAME)}{GAP}"
    style = DIM if absent else ""
    if teller.width < NARROW:
        yield Span(f"{marks}{name}".rstrip(), DIM), Span("")
        left = "     "
    yield from teller.lines(text, style, left)
    room = " " * cell_len(left)
    for depth, text in _details(step, teller):
        yield from teller.lines(text, "", f"{room}{'  ' * depth}· ")
    if step.frames:
        yield from teller.lines(evidence(step.frames, teller), DIM, room)


def _name(step: str, teller: Teller) -> str:
    return teller.say(key) if (key := f"step.{step}") in STORY else display(step)


def _details(step: Step, teller: Teller) -> Iterator[Branch]:
    """Give the remarks about a step that were not told before, and the walk that a resolver made for it."""
    walk = list(tree(asked_for(step, teller.analysis.dns), teller.say))
    for remark in step.remarks:
        if walk and remark.sentence_key.startswith(WALKED):
            continue
        text = sentence(remark.sentence_key, with_makers(remark.sentence_args, teller), teller.lang)
        once = remark.sentence_key if remark.sentence_key in TOLD_ONCE else text
        if once not in teller.told:
            teller.told.add(once)
            yield 0, text
    if walk:
        yield 0, teller.say("walk.opening")
        yield from ((depth + 1, text) for depth, text in walk)


def _offset(time: int, start: int | None) -> float | None:
    return None if start is None else (time - start) / NS_PER_MS


def _signed(ms: float | None) -> str:
    return "" if ms is None else f"{'-' if ms < 0 else '+'}{human_ms(abs(ms))}"


def _since(teller: Teller, time: int) -> str:
    return _signed(_offset(time, teller.analysis.capture.start_time))


def _took(ms: float | None) -> str:
    return "" if ms is None else human_ms(ms)


def _beside(teller: Teller) -> Iterator[TextLine]:
    """Give what is in the capture and in no visit; the whole story where there are no visits."""
    visits = teller.analysis.visits
    lines = list(rest(teller))
    if lines or not visits:
        yield ()
    if not visits:
        yield from teller.lines(teller.say("visits.none"))
    if not lines:
        if not visits:
            yield from teller.lines(teller.say("there.nothing"))
        return
    yield from teller.lines(teller.say("heading.beside" if visits else "heading.there_is"), BOLD)
    for depth, line in lines:
        yield from teller.lines(line, "", f"  {'  ' * depth}· ")
