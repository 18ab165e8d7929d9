"""The ladder of one connection: its segments as arrows between two lines, each line with its state band.

Control segments, trouble and the ends of messages stand alone; runs of ordinary segments are collapsed to one line
("12 segments, 16 kB") and idle time to another. Geometry is computed here, in SVG user units, so that the template
only writes numbers down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.model import Label, Segments
from analyzer.report.cells import plural
from analyzer.report.escape import safe
from analyzer.report.states import Segment, Side, walk
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms

MAX_LADDER_ROWS = 400
"""Rows drawn of one ladder: beyond that nobody reads on, and 400 rows are 150 kB of SVG."""

ALONE = 3
"""Runs of up to this many ordinary segments are drawn one by one: a summary line would not be shorter."""

IDLE_MS = 500.0
"""Silence that gets a line of its own; shorter pauses are visible in the Δ column."""

NOTE_LIMIT = 52
"""Characters of a note that fit beside the ladder."""

ROW_HEIGHT, THIN_HEIGHT, TOP = 32, 26, 34
CLIENT_X, SERVER_X = 390, 800

LABEL_WORDS: tuple[tuple[Label, str], ...] = (
    (Label.CAPTURED_TWICE, "same packet captured twice"),
    (Label.LOST_SEGMENT, "a segment before this one was not captured"),
    (Label.SPURIOUS_RETRANSMISSION, "sent again although it had arrived"),
    (Label.FAST_RETRANSMISSION, "fast retransmission"),
    (Label.RETRANSMISSION, "retransmission"),
    (Label.OUT_OF_ORDER, "out of order"),
    (Label.DUPLICATE_ACK, "duplicate ACK"),
    (Label.ACKED_UNSEEN, "acknowledges data that was not captured"),
    (Label.ZERO_WINDOW_PROBE, "zero window probe"),
    (Label.ZERO_WINDOW_PROBE_ACK, "answer to a zero window probe"),
    (Label.ZERO_WINDOW, "window is full: stop sending"),
    (Label.WINDOW_FULL, "fills the other side's window"),
    (Label.WINDOW_UPDATE, "window update"),
    (Label.KEEP_ALIVE, "keep-alive"),
    (Label.KEEP_ALIVE_ACK, "answer to a keep-alive"),
    (Label.PORT_REUSED, "same ports used again"),
)
"""Label → words, the most telling first."""

_TROUBLE = (
    Label.CAPTURED_TWICE
    | Label.LOST_SEGMENT
    | Label.SPURIOUS_RETRANSMISSION
    | Label.FAST_RETRANSMISSION
    | Label.RETRANSMISSION
    | Label.OUT_OF_ORDER
    | Label.ACKED_UNSEEN
    | Label.ZERO_WINDOW
    | Label.ZERO_WINDOW_PROBE
    | Label.WINDOW_FULL
    | Label.KEEP_ALIVE
)
_BAD = _TROUBLE & ~(Label.KEEP_ALIVE | Label.CAPTURED_TWICE | Label.WINDOW_FULL | Label.ZERO_WINDOW_PROBE)
_FLAG_NAMES = (
    (Flag.SYN, "SYN"),
    (Flag.FIN, "FIN"),
    (Flag.RST, "RST"),
    (Flag.PSH, "PSH"),
    (Flag.ACK, "ACK"),
    (Flag.URG, "URG"),
    (Flag.ECE, "ECE"),
    (Flag.CWR, "CWR"),
    (Flag.AE, "AE"),
)


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
    """A stretch of one side's line during which it was in one state; ``label_y`` is 0 when there is no room."""

    client: bool
    state: str
    inferred: bool
    top: int
    height: int
    label_y: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """A connection's ladder; ``shown`` and ``total`` count segments, collapsed ones as shown.

    ``last`` is the state of client and server at the end, None when the ladder stops before it.
    """

    lines: tuple[Line, ...]
    bands: tuple[Band, ...]
    height: int
    shown: int
    total: int
    last: tuple[Side, Side] | None


def ladder(row: TcpRow, segments: Segments, notes: Mapping[int, str], limit: int = MAX_LADDER_ROWS) -> Ladder:
    """Draw up a connection's ladder.

    Args:
        row: the connection.
        segments: of the whole capture.
        notes: frame → what it carries, in a few words (``GET /``, ``ClientHello``).
        limit: rows at most.
    """
    return _Builder(row, segments, notes, limit).build()


class _Builder:
    def __init__(self, row: TcpRow, segments: Segments, notes: Mapping[int, str], limit: int) -> None:
        part = segments.of(row.stream)
        self.row, self.notes, self.limit = row, notes, limit
        self.frame, self.time = segments.frame[part], segments.time[part]
        self.from_client, self.flags = segments.from_client[part], segments.flags[part]
        self.seq, self.ack = segments.seq[part], segments.ack[part]
        self.length, self.window, self.label = segments.length[part], segments.window[part], segments.label[part]
        self.lines: list[Line] = []
        self.state_changes: list[tuple[int, Side, Side]] = []
        self.y = TOP
        self.shown = 0
        self.last_time = int(self.time[0]) if self.time.size else 0

    def _telling(self) -> NDArray[np.bool_]:
        """Return which segments stand alone."""
        control = (self.flags & (Flag.SYN | Flag.FIN | Flag.RST)) != 0
        telling: NDArray[np.bool_] = control | ((self.label & int(_TROUBLE)) != 0)
        telling |= np.isin(self.frame, np.fromiter(self.notes, np.int64, len(self.notes)))
        telling[:1] = True  # the first segment of any connection says where it begins
        for i in self._proofs():
            telling[i] = True
        return telling

    def _proofs(self) -> list[int]:
        """Return the segments that acknowledge a SYN/ACK or FIN first: they move a state."""
        out: list[int] = []
        acks = (self.flags & Flag.ACK) != 0
        synack = np.flatnonzero(((self.flags & Flag.SYN) != 0) & acks)
        if synack.size:
            out += _first(self.from_client & acks, int(synack[0]) + 1)
        for client in (True, False):
            fins = np.flatnonzero((self.from_client == client) & ((self.flags & Flag.FIN) != 0))
            if fins.size:
                at = int(fins[0])
                end = int(self.seq[at]) + int(self.length[at]) + 1
                out += _first((self.from_client != client) & acks & (self.ack >= end), at + 1)
        return out

    def build(self) -> Ladder:
        """Walk the telling segments, and sum up the others between them."""
        telling = np.flatnonzero(self._telling()).tolist()
        states = walk(
            (self._segment(i) for i in telling),
            server_spoke=self.row.server_packets > 0,
            server_refused=self.row.handshake == "refused",
        )
        if states:
            self.state_changes.append((TOP - 22, *states[0]))
        position = 0
        for k, i in enumerate(telling):
            self._ordinary(position, i)
            if self._full():
                break
            self._alone(i)
            self.state_changes.append((self.lines[-1].y, *states[k + 1]))
            position = i + 1
        else:
            self._ordinary(position, int(self.frame.size))
        height = self.y + 10
        total = int(self.frame.size)
        last = states[-1] if states and self.shown == total else None
        return Ladder(tuple(self.lines), tuple(self._bands(height)), height, self.shown, total, last)

    def _full(self) -> bool:
        return len(self.lines) >= self.limit

    def _segment(self, i: int) -> Segment:
        return Segment(
            bool(self.from_client[i]), int(self.flags[i]), int(self.seq[i]), int(self.ack[i]), int(self.length[i])
        )

    def _ordinary(self, start: int, stop: int) -> None:
        """Draw the ordinary segments [start, stop), together if they are many."""
        if stop - start <= ALONE:
            for i in range(start, stop):
                if not self._full():
                    self._alone(i)
        elif not self._full():
            self._run(start, stop)

    def _idle(self, i: int) -> None:
        pause = (int(self.time[i]) - self.last_time) / NS_PER_MS
        if pause >= IDLE_MS and not self._full():
            self.lines.append(Line("idle", self.y + THIN_HEIGHT // 2, note=f"silence for {human_ms(pause)}"))
            self.y += THIN_HEIGHT

    def _since(self, i: int) -> str:
        return f"{(int(self.time[i]) - self.row.start_time) / 1e9:.6f}"

    def _run(self, start: int, stop: int) -> None:
        self._idle(start)
        client = self.from_client[start:stop]
        sent = self.length[start:stop].astype(np.int64)
        up, down = int(sent[client].sum()), int(sent[~client].sum())
        parts = [
            f"{human_bytes(volume)} from the {side}" for volume, side in ((up, "client"), (down, "server")) if volume
        ]
        took = (int(self.time[stop - 1]) - int(self.time[start])) / NS_PER_MS
        note = f"{plural(stop - start, 'segment')}, {' and '.join(parts) or 'no data'}, in {human_ms(took)}"
        frames = f"{int(self.frame[start])}–{int(self.frame[stop - 1])}"
        line = Line("run", self.y + THIN_HEIGHT // 2, time=self._since(start), frame=frames, note=note)
        self.lines.append(line)
        self.y += THIN_HEIGHT
        self.shown += stop - start
        self.last_time = int(self.time[stop - 1])

    def _alone(self, i: int) -> None:
        self._idle(i)
        flags, length, label = int(self.flags[i]), int(self.length[i]), int(self.label[i])
        delta = (int(self.time[i]) - self.last_time) / NS_PER_MS
        detail = f"seq {int(self.seq[i])}" + (f" ack {int(self.ack[i])}" if flags & Flag.ACK else "")
        frame = int(self.frame[i])
        self.lines.append(
            Line(
                "segment",
                self.y + ROW_HEIGHT - 10,
                time=self._since(i),
                delta=f"+{_short(delta)}" if self.shown else "",
                frame=str(frame),
                from_client=bool(self.from_client[i]),
                flags=",".join(name for bit, name in _FLAG_NAMES if flags & bit) or "none",
                detail=f"{detail} len {length} win {int(self.window[i])}",
                note=safe(self._note(frame, label), NOTE_LIMIT),
                tone="bad" if flags & Flag.RST or label & int(_BAD) else "data" if length else "",
            )
        )
        self.y += ROW_HEIGHT
        self.shown += 1
        self.last_time = int(self.time[i])

    def _note(self, frame: int, label: int) -> str:
        words = [text for bit, text in LABEL_WORDS if label & int(bit)]
        if frame in self.notes:
            words.append(self.notes[frame])
        return "; ".join(words)

    def _bands(self, height: int) -> list[Band]:
        """Join equal states of each side into bands."""
        out: list[Band] = []
        for client in (True, False):
            runs: list[tuple[int, Side]] = []
            for y, left, right in self.state_changes:
                side = left if client else right
                if not runs or runs[-1][1] != side:
                    runs.append((y, side))
            for k, (top, side) in enumerate(runs):
                bottom = runs[k + 1][0] if k + 1 < len(runs) else height
                if bottom > top:
                    out.append(Band(client, side.state, side.inferred, top, bottom - top, _label_y(top, bottom)))
        return out


def _short(ms: float) -> str:
    """Write a pause; neighbouring segments are often microseconds apart."""
    return human_ms(ms) if abs(ms) >= 0.1 else f"{ms * 1000:.0f} µs"


def _label_y(top: int, bottom: int) -> int:
    """Place a state's name just under the arrow that led to it, if its band is tall enough to hold text."""
    return top + 14 if bottom - top >= 16 else 0


def _first(mask: NDArray[np.bool_], start: int) -> list[int]:
    """Return the first true position at or after ``start``, if any."""
    hits = np.flatnonzero(mask[start:])
    return [start + int(hits[0])] if hits.size else []
