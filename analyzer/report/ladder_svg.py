"""The ladder of one connection as geometry: arrows between two lines, each line with its state band.

Everything is in SVG user units, so that the template only writes numbers down; the facts are those of
:mod:`analyzer.report.ladder`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from analyzer.flows.model import Segments
from analyzer.flows.tcp_state import UNKNOWN
from analyzer.report.escape import Prose, safe
from analyzer.report.ladder import MAX_LADDER_ROWS, Rung, Rungs, climb, clock, pause
from analyzer.report.sides import who
from analyzer.report.states import Side, Sides
from analyzer.report.wording import joined, plural, say
from analyzer.schema import TcpRow
from analyzer.tcp_states import STATES, explain
from analyzer.units import NS_PER_MS, human_bytes, human_ms

NOTE_LIMIT = 52
"""Characters of a note that fit beside the ladder."""

ROW_HEIGHT, THIN_HEIGHT, TOP = 32, 26, 34
BAND_TOP = TOP - 22
"""Where the bands begin: the states before the first segment."""

MIN_LABEL_HEIGHT = 16
"""A band lower than this has no room for its name."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ladder.

    ``kind`` is "segment", "run" or "idle"; ``y`` is its middle. Texts that do not apply are empty.
    """

    kind: str
    y: int
    time: str = ""
    delta: str = ""
    frame: str = ""
    from_client: bool = True
    flags: str = ""
    detail: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of one side's line during which it was in one state.

    ``label`` is its name, with a word where it is inferred; ``label_y`` is 0 when there is no room for it.
    """

    client: bool
    state: str
    inferred: bool
    top: int
    height: int
    label_y: int
    label: str


@dataclass(frozen=True, slots=True)
class State:
    """A state that a ladder shows: its name, and in a sentence what it means."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """A connection's ladder; ``shown`` and ``total`` count segments, collapsed ones as shown."""

    lines: tuple[Line, ...]
    bands: tuple[Band, ...]
    states: tuple[State, ...]
    height: int
    shown: int
    total: int

    @property
    def inferred(self) -> bool:
        """Whether a state in it is only inferred."""
        return any(band.inferred for band in self.bands)


def ladder(row: TcpRow, segments: Segments, notes: Mapping[int, str], limit: int = MAX_LADDER_ROWS) -> Ladder:
    """Draw up a connection's ladder; the arguments are those of :func:`analyzer.report.ladder.climb`."""
    return draw(climb(row, segments, notes, limit))


def draw(facts: Rungs) -> Ladder:
    """Place the rungs of a ladder one below the other."""
    lines: list[Line] = []
    changes: list[tuple[int, Sides]] = [(BAND_TOP, facts.before)] if facts.before else []
    y = TOP
    for rung in facts.rungs:
        height = ROW_HEIGHT if rung.kind == "segment" else THIN_HEIGHT
        line = _DRAW[rung.kind](rung, y + (height - 10 if rung.kind == "segment" else height // 2))
        lines.append(line)
        changes.append((line.y, (rung.client, rung.server)))
        y += height
    height = y + 10
    bands = (*_bands([(at, sides[0]) for at, sides in changes], height, client=True),)
    bands += (*_bands([(at, sides[1]) for at, sides in changes], height, client=False),)
    return Ladder(tuple(lines), bands, _states(bands), height, facts.shown, facts.total)


def _segment(rung: Rung, y: int) -> Line:
    ack = "" if rung.ack is None else f" ack {rung.ack}"
    return Line(
        "segment",
        y,
        time=clock(rung.since),
        delta="" if rung.took is None else f"+{pause(rung.took)}",
        frame=str(rung.frame),
        from_client=rung.from_client,
        flags=rung.flags,
        detail=f"seq {rung.seq}{ack} len {rung.length} win {rung.window}",
        note=safe(rung.note, NOTE_LIMIT),
        tone=rung.tone,
    )


def run_words(rung: Rung) -> str:
    """Say what a run of ordinary segments carried and how long it took, in words as long as the box is wide."""
    volumes = (("client", rung.client_bytes), ("server", rung.server_bytes))
    sent = [(side, human_bytes(size)) for side, size in volumes if size]
    words = {
        "segments": plural(rung.segments, "segment"),
        "volume": _volume(sent, short=len(sent) > 1 or bool(rung.duplicate_acks)),
        "took": human_ms((rung.took or 0) / NS_PER_MS),
    }
    if rung.duplicate_acks:
        repeats = plural(rung.duplicate_acks, "duplicate ACK")
        return say("{segments}, {volume}, {repeats}, in {took}", **words, repeats=repeats)
    return say("{segments}, {volume}, in {took}", **words)


def _volume(sent: list[tuple[str, str]], *, short: bool) -> Prose:
    """Say how much (side, size) was sent, in arrows where there is no room for words."""
    if not sent:
        return say("no data")
    if short:
        return joined([f"{size} {'→' if side == 'client' else '←'}" for side, size in sent])
    side, size = sent[0]
    return say("{size} from the {side}", size=size, side=who(side))


def _run(rung: Rung, y: int) -> Line:
    frames = f"{rung.frame}–{rung.last_frame}"
    return Line("run", y, time=clock(rung.since), frame=frames, note=run_words(rung))


def _idle(rung: Rung, y: int) -> Line:
    return Line("idle", y, note=say("silence for {took}", took=human_ms((rung.took or 0) / NS_PER_MS)))


_DRAW = {"segment": _segment, "run": _run, "idle": _idle}


def _bands(changes: list[tuple[int, Side]], bottom: int, *, client: bool) -> list[Band]:
    """Join equal states of one side into bands; ``changes`` are (y, state from there on)."""
    runs = [change for k, change in enumerate(changes) if not k or changes[k - 1][1] != change[1]]
    edges = [*(y for y, _ in runs), bottom]
    return [
        Band(client, side.state, side.inferred, top, end - top, _label_y(top, end), state_words(side))
        for (_, side), (top, end) in zip(runs, pairwise(edges), strict=True)
        if end > top
    ]


def state_words(side: Side) -> Prose:
    """Return a state's name, and a word where it is only inferred."""
    name = say("unknown") if side.state == UNKNOWN else Prose(side.state)
    return say("{state} (inferred)", state=name) if side.inferred else name


def _states(bands: Iterable[Band]) -> tuple[State, ...]:
    """Explain the states that a ladder shows, in the order a connection passes through them."""
    seen = {band.state for band in bands}
    return tuple(
        State(say("unknown") if state == UNKNOWN else Prose(state), Prose(explain(state)))
        for state in (*STATES, UNKNOWN)
        if state in seen
    )


def _label_y(top: int, bottom: int) -> int:
    """Place a state's name just under the arrow that led to it, if its band is tall enough to hold text."""
    return top + 14 if bottom - top >= MIN_LABEL_HEIGHT else 0
