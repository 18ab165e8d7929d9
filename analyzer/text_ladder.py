"""The ladder of one connection as text: client left, server right, a band beside each line with the states.

Rules: a line never is wider than asked for. What does not fit is shortened in a fixed order (the window goes first,
the flags last), notes go on lines of their own and are cut, never the drawing. A state is named where it changes, and
is the one *after* the segment on its line; the band is broken (``┊``) where the state is only inferred. Text from the
capture passes :func:`analyzer.text.display`, and its width is counted in terminal cells.

The facts are those of :mod:`analyzer.report.ladder`; sentences come from :mod:`analyzer.tcp_words`. This module knows
no terminal: it gives lines of (text, style), and who prints them decides about colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from analyzer import tcp_words
from analyzer.addresses import endpoint
from analyzer.flows.deviations import details, handshake_acks
from analyzer.flows.model import Connections, Segments
from analyzer.provenance import frames_text
from analyzer.report.ladder import Rung, Rungs, climb, clock, pause
from analyzer.report.ladder_svg import run_words
from analyzer.report.remarks import older_answer
from analyzer.report.states import Side
from analyzer.schema import TcpRow
from analyzer.text import display
from analyzer.units import NS_PER_MS, human_bytes, human_ms

MIN_WIDTH, MAX_WIDTH = 72, 140
"""Columns: below, the drawing says nothing any more; above, the eye loses the line."""

PIPE_WIDTH = 100
"""Columns where nobody can say how wide the reader's window is."""

MIN_LANE = 36
"""Columns between both bands that make room for flags, both numbers and an arrow; other columns give way to them."""

LEAST_LANE = 16
"""Columns between both bands whatever else there is: a hostile clock makes times of eighteen digits."""

MIN_NOTES = 28
"""Columns from which on notes stand beside the ladder instead of below their line."""

MAX_NOTES = 60
"""Columns of notes beside the ladder at most; the lane gets the rest."""

NOTE_LINES = 2
"""Lines of a note below its segment; more would tear the ladder apart."""

MAX_SENTENCES = 20
"""Sentences below the ladder of one kind; a connection may have thousands of segments sent again."""

_SHAFT = 4
"""Columns of the shortest arrow."""
_WINDOW = 8
"""Columns that a window takes on an arrow: the lane gets them before there are pauses or notes beside it."""
_STATE_STYLES = {
    "ESTABLISHED": "green",
    "LISTEN": "cyan",
    "SYN_SENT": "cyan",
    "SYN_RCVD": "cyan",
    "TIME_WAIT": "magenta",
    "CLOSED": "dim",
    "UNKNOWN": "dim",
}
_CLOSING_STYLE = "yellow"
_TONES = {"bad": "red", "data": "bright_blue", "": ""}
_DIM, _BOLD = "dim", "bold"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line and how it looks: words of ``rich`` styles, empty for plain."""

    text: str
    style: str = ""


TextLine = tuple[Span, ...]
Shift = tuple[int | None, int | None]
"""What to add to the numbers of client and server (their ISNs), None to leave them relative."""
RELATIVE: Shift = (None, None)


def document(
    row: TcpRow,
    connections: Connections,
    segments: Segments,
    notes: Mapping[int, str],
    *,
    width: int,
    limit: int,
    absolute: bool = False,
    meaning: str | None = None,
) -> Iterator[TextLine]:
    """Yield the whole text about one connection: who talks, the ladder, and what was out of the ordinary.

    Args:
        row: the connection; connections, segments: of the whole capture.
        notes: frame → what it carries.
        width: columns; brought between :data:`MIN_WIDTH` and :data:`MAX_WIDTH`.
        limit: rungs at most.
        absolute: show sequence numbers as they were sent where a SYN tells the side's first one.
        meaning: what the ICMP message says that made the connection fail, if one did.
    """
    width = min(max(width, MIN_WIDTH), MAX_WIDTH)
    facts = climb(row, segments, notes, limit)
    shift = (row.client_isn, row.server_isn) if absolute else RELATIVE
    yield from _heading(row, facts, width)
    if absolute:
        yield from _missing(row, width)
    yield ()
    yield from drawing(facts, width, shift)
    yield ()
    yield from _legend(facts, width)
    yield from _sentences("Sequence numbers", tcp_words.isn_lines(row, handshake_acks(row, segments)), width)
    older = older_answer(row, segments)
    why = older.text if older else tcp_words.handshake_why(row, meaning)
    deviations = [_proven(tcp_words.deviation(d.code, d.args), d.frames) for d in details(row, segments, connections)]
    yield from _sentences("Out of the ordinary", [why, *deviations] if why else deviations, width)
    yield from _sentences("Second opinion", [tcp_words.opinion(o) for o in row.opinions], width)
    yield from _sentences("Sent twice with different bytes", [tcp_words.conflict(c) for c in row.conflicts], width)


def _heading(row: TcpRow, facts: Rungs, width: int) -> Iterator[TextLine]:
    ends = f"client {endpoint(row.client, row.client_port)}, server {endpoint(row.server, row.server_port)}"
    for line in wrapped(f"Stream {row.stream}: {display(ends)}", width):
        yield (Span(line, _BOLD),)
    count = f"{facts.total:,} segment{'' if facts.total == 1 else 's'}"
    size = f"{human_bytes(row.client_bytes)} from the client, {human_bytes(row.server_bytes)} from the server"
    for line in wrapped(f"{count} in {human_ms(row.duration_ms)}: {size}", width):
        yield (Span(line, _DIM),)


def _missing(row: TcpRow, width: int) -> Iterator[TextLine]:
    """Say whose numbers stay relative although absolute ones were asked for."""
    sides = [side for side, isn in (("client", row.client_isn), ("server", row.server_isn)) if isn is None]
    if sides:
        whose = " and the ".join(f"{side}'s" for side in sides)
        words = f"The {whose} first sequence number is not in this capture, so these numbers stay relative."
        for line in wrapped(words, width):
            yield (Span(line, "yellow"),)


def _legend(facts: Rungs, width: int) -> Iterator[TextLine]:
    if facts.shown < facts.total:
        words = f"Showing {facts.shown:,} of {facts.total:,} segments; --rows N shows more."
        for line in wrapped(words, width):
            yield (Span(line, "yellow"),)
    if facts.before is None:
        return
    words = "States are those after the segment on their line"
    sides = [*facts.before, *(side for rung in facts.rungs for side in (rung.client, rung.server))]
    if any(side.inferred for side in sides):
        words += "; where the band is broken (┊) the state is inferred: no segment proves it"
    words += "."
    for line in wrapped(words, width):
        yield (Span(line, _DIM),)


def _proven(sentence: str, frames: Sequence[int]) -> str:
    """Add the frames that prove a sentence, where it does not name them itself."""
    if not frames or "(frame" in sentence:
        return sentence
    return f"{sentence.removesuffix('.')} (frame{'' if len(frames) == 1 else 's'} {frames_text(frames)})."


def _sentences(title: str, sentences: Sequence[str], width: int) -> Iterator[TextLine]:
    if not sentences:
        return
    yield ()
    yield (Span(title, _BOLD),)
    for sentence in sentences[:MAX_SENTENCES]:
        for n, line in enumerate(wrapped(sentence, width - 4)):
            yield (Span(f"{'  - ' if n == 0 else '    '}{line}"),)
    if len(sentences) > MAX_SENTENCES:
        yield (Span(f"    … and {len(sentences) - MAX_SENTENCES:,} more", _DIM),)


# ── the drawing ──────────────────────────────────────────────────────────────────────────────────────────────────


def drawing(facts: Rungs, width: int, shift: Shift = RELATIVE) -> list[TextLine]:
    """Draw a ladder.

    Args:
        facts: its rungs.
        width: columns at most, at least :data:`MIN_WIDTH`.
        shift: added to the sequence numbers of client and server, modulo 2^32.
    """
    return list(_Drawing(facts, width, shift).lines())


class _Drawing:
    """One ladder of one width: which columns it has, and how wide they are."""

    def __init__(self, facts: Rungs, width: int, shift: Shift) -> None:
        self.facts, self.shift = facts, shift
        self.time = max([len("time, s"), *(len(clock(rung.since)) for rung in facts.rungs)])
        self.frame = max([len("frame"), *(len(str(rung.frame)) for rung in facts.rungs)])
        self.words, self.delta, self.notes = False, 0, 0
        self.client, self.server = self._state_widths()
        room = width - self._taken() - MIN_LANE
        self.words = True
        wide = self._state_widths()
        if sum(wide) - self.client - self.server > room:
            self.words = False
        else:
            room -= sum(wide) - self.client - self.server
            self.client, self.server = wide
        pauses = [len(pause(rung.took)) for rung in facts.rungs if rung.kind == "segment" and rung.took is not None]
        delta = 2 + max(pauses, default=0)
        if pauses and delta <= room - _WINDOW:
            self.delta = delta
            room -= delta
        if any(rung.note for rung in facts.rungs) and room >= MIN_NOTES + 1 + _WINDOW:
            self.notes = min(room - 1 - _WINDOW, MAX_NOTES)
            room -= self.notes + 1
        self.lane = max(MIN_LANE + room, LEAST_LANE)

    def _taken(self) -> int:
        """Return the columns of everything but the lane: texts, a space between two, and the bands."""
        return self.time + 1 + self.frame + 2 + self.client + 1 + 1 + 1 + 1 + self.server

    def _state_widths(self) -> tuple[int, int]:
        sides = [*((r.client, r.server) for r in self.facts.rungs)]
        if self.facts.before:
            sides.append(self.facts.before)
        client = max([len("client"), *(len(self._state(pair[0])) for pair in sides)])
        return client, max([len("server"), *(len(self._state(pair[1])) for pair in sides)])

    def _state(self, side: Side) -> str:
        name = "unknown" if side.state == "UNKNOWN" else side.state
        return name + (" (inferred)" if self.words else " ?") if side.inferred else name

    def lines(self) -> Iterator[TextLine]:
        """Yield the head, then each rung with its notes."""
        if self.facts.before is None:
            return
        delta = f"{'Δ':>{self.delta}}" if self.delta else ""
        head = f"{'time, s':>{self.time}}{delta} {'frame':>{self.frame}} "
        lane = " " * (self.lane + 2)
        yield (Span(f"{head} {'client':>{self.client}} {lane} server", _DIM),)
        now = self.facts.before
        yield self._line("", "", "", now, now, (), named=True)
        for rung in self.facts.rungs:
            after = (rung.client, rung.server)
            yield from self._rung(rung, now, after)
            now = after

    def _rung(self, rung: Rung, before: tuple[Side, Side], after: tuple[Side, Side]) -> Iterator[TextLine]:
        if rung.kind == "idle":
            words = f" silence for {human_ms((rung.took or 0) / NS_PER_MS)} "
            yield self._line("", "", "", before, after, (Span(f"{words:┄^{self.lane}}", _DIM),))
            return
        time = clock(rung.since)
        if rung.kind == "run":
            frames = f"frames {rung.frame}–{rung.last_frame}"
            amount = f"⋯ {rung.segments:,} segments, {human_bytes(rung.client_bytes + rung.server_bytes)}"
            whole = f"⋯ {run_words(rung)}"
            repeats = (f"{amount}, {rung.duplicate_acks:,} duplicate ACKs",) if rung.duplicate_acks > 1 else ()
            forms = (f"{whole}, {frames}", whole, *repeats, f"{amount}, {frames}", amount)
            words = _first_fit(forms, self.lane - 2)
            first = "" if frames in words else f"{rung.frame}…"[: self.frame]
            yield self._line(time, "", first, before, after, (Span(f" {words}", _DIM),))
            return
        delta = "" if rung.took is None else f"+{pause(rung.took)}"
        note = display(rung.note)
        tone = _TONES[rung.tone]
        beside = note if self.notes and cell_len(note) <= self.notes else ""
        line = self._line(time, delta, str(rung.frame), before, after, self._arrow(rung))
        yield (*line, Span(f" {beside}", tone))
        if note and not beside:
            for n, part in enumerate(wrapped(note, self.lane - 5, NOTE_LINES)):
                yield self._line("", "", "", after, after, (Span(f"{'   └ ' if n == 0 else '     '}{part}", tone),))

    def _line(
        self,
        time: str,
        delta: str,
        frame: str,
        before: tuple[Side, Side],
        after: tuple[Side, Side],
        lane: TextLine,
        *,
        named: bool = False,
    ) -> TextLine:
        """Put a line together: times, the client's state and band, the lane, the server's band and state."""
        left, right = (side if named or side != old else None for side, old in zip(after, before, strict=True))
        gap = f"{delta:>{self.delta}}" if self.delta else ""
        spans = [
            Span(f"{time:>{self.time}}{gap} {frame:>{self.frame}}  ", _DIM),
            Span(f"{self._state(left) if left else '':>{self.client}} ", _style(after[0])),
            Span(_band(after[0]), _style(after[0])),
            *lane,
            Span(" " * (self.lane - sum(cell_len(span.text) for span in lane))),
            Span(_band(after[1]), _style(after[1])),
            Span(f" {self._state(right) if right else '':<{self.server}}", _style(after[1])),
        ]
        return tuple(span for span in spans if span.text)

    def _arrow(self, rung: Rung) -> TextLine:
        """Draw a segment's arrow with as much of its numbers as fits on it."""
        style = _TONES[rung.tone]
        flags, detail = self._numbers(rung)
        text = f"{flags} {detail}".rstrip()
        shaft = "─" * (self.lane - 3 - cell_len(text))
        words = (Span(flags, f"{_BOLD} {style}".rstrip()), Span(f" {detail}" if detail else ""))
        if rung.from_client:
            return (Span(" "), *words, Span(f" {shaft}▶", style))
        return (Span(f"◀{shaft} ", style), *words)

    def _numbers(self, rung: Rung) -> tuple[str, str]:
        own, other = self.shift if rung.from_client else self.shift[::-1]
        seq = f" seq {_shifted(rung.seq, own)}"
        ack = "" if rung.ack is None else f" ack {_shifted(rung.ack, other)}"
        length = f" len {rung.length}" if rung.length else ""
        forms = (
            f"{seq}{ack}{length} win {rung.window}",
            f"{seq}{ack}{length}",
            f"{seq}{length}" if length else ack,
            length,
            "",
        )
        room = self.lane - 3 - _SHAFT
        flags = _cut(rung.flags, room)
        return flags, _first_fit(forms, room - len(flags)).strip()


def _band(side: Side) -> str:
    return "┊" if side.inferred else "│"


def _style(side: Side) -> str:
    return _STATE_STYLES.get(side.state, _CLOSING_STYLE)


def _shifted(number: int, isn: int | None) -> int:
    return number if isn is None else (isn + number) % 2**32


def _first_fit(forms: Sequence[str], room: int) -> str:
    """Return the first text that fits, the last one cut if none does."""
    return next((form for form in forms if cell_len(form) <= room), _cut(forms[-1], room))


def _cut(text: str, room: int) -> str:
    """Cut a text visibly to at most ``room`` terminal cells."""
    return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"


def wrapped(text: str, width: int, most: int | None = None) -> list[str]:
    """Break a text into lines of at most ``width`` terminal cells, between words where that is possible.

    Args:
        most: lines at most; the last one is cut visibly.
    """
    lines: list[str] = []
    for word in text.split(" "):
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
            continue
        rest = word
        while cell_len(rest) > width:
            head = set_cell_size(rest, width)
            head = head if rest.startswith(head) else head[:-1]  # half a wide character became a space
            lines.append(head)
            rest = rest[len(head) :]
        lines.append(rest)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], _cut(" ".join(lines[most - 1 :]), width)]
    return lines
