"""The ladder of one connection as facts: its segments in order, what they carry, and the state of both sides.

Control segments, trouble and the ends of messages stand alone; runs of ordinary segments are collapsed to one rung
("12 segments, 16 kB") and idle time to another. How a rung looks is decided by who draws it:
:mod:`analyzer.report.ladder_svg` for the page, :mod:`analyzer.text_ladder` for the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.acceptable import answering
from analyzer.flows.groups import Groups
from analyzer.flows.model import Label, Segments
from analyzer.report.states import Segment, Side, Sides, speaks, still_sending, walk
from analyzer.report.wording import message, say
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS, NS_PER_S, human_fine_ms

MAX_LADDER_ROWS = 400
"""Rungs of one ladder: beyond that nobody reads on, and 400 rows are 150 kB of SVG."""

ALONE = 3
"""Runs of up to this many ordinary segments are drawn one by one: a summary line would not be shorter."""

IDLE_MS = 500.0
"""Silence that gets a rung of its own; shorter pauses are visible beside the time."""

LABEL_WORDS: tuple[tuple[Label, str], ...] = (
    (Label.CAPTURED_TWICE, message("same packet captured twice")),
    (Label.LOST_SEGMENT, message("a segment before this one was not captured")),
    (Label.SPURIOUS_RETRANSMISSION, message("sent again although it had arrived")),
    (Label.FAST_RETRANSMISSION, message("fast retransmission")),
    (Label.RETRANSMISSION, message("retransmission")),
    (Label.OUT_OF_ORDER, message("out of order")),
    (Label.DUPLICATE_ACK, message("duplicate ACK")),
    (Label.ACKED_UNSEEN, message("acknowledges data that was not captured")),
    (Label.ZERO_WINDOW_PROBE, message("zero window probe")),
    (Label.ZERO_WINDOW_PROBE_ACK, message("answer to a zero window probe")),
    (Label.ZERO_WINDOW, message("window is full: stop sending")),
    (Label.WINDOW_FULL, message("fills the other side's window")),
    (Label.WINDOW_UPDATE, message("window update")),
    (Label.KEEP_ALIVE, message("keep-alive")),
    (Label.KEEP_ALIVE_ACK, message("answer to a keep-alive")),
    (Label.PORT_REUSED, message("same ports used again")),
)
"""Label → words, the most telling first."""

_VERDICTS = {
    "needed": message("needed"),
    "needless": message("needless"),
    "reordered": message("reordered"),
    "captured_twice": message("captured twice"),
    "doubled": message("doubled by the network"),
}
"""What the second opinion concludes, in a word or three."""
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
class Rung:
    """One rung of a ladder: a segment, a run of ordinary segments, or silence.

    Attributes:
        kind: "segment", "run" or "idle".
        since: ns from the connection's start to it (to the first segment of a run).
        took: ns: since the rung before it for a segment (None for the first), from first to last for a run, the
            length of a silence.
        client, server: the states after it.
        frame, last_frame: its frame; a run's first and last.
        segments: how many it stands for.
        flags: names joined by commas, a word for none without any.
        seq, ack, length, window: relative numbers as in :class:`analyzer.flows.model.Segments`; ack None without ACK.
        note: what it carries and what is wrong with it, as captured: not display text yet.
        tone: "bad", "data" or "".
        client_bytes, server_bytes: payload that a run carries from each side; duplicate_acks: how many are in it.
    """

    kind: str
    since: int
    took: int | None
    client: Side
    server: Side
    frame: int = 0
    last_frame: int = 0
    segments: int = 0
    from_client: bool = True
    flags: str = ""
    seq: int = 0
    ack: int | None = None
    length: int = 0
    window: int = 0
    note: str = ""
    tone: str = ""
    client_bytes: int = 0
    server_bytes: int = 0
    duplicate_acks: int = 0


@dataclass(frozen=True, slots=True)
class Rungs:
    """A connection's ladder; ``shown`` and ``total`` count segments, collapsed ones as shown.

    ``before`` are the states of client and server before the first rung (None without any segment), ``last`` those at
    the end (None too when the ladder stops before it).
    """

    rungs: tuple[Rung, ...]
    before: Sides | None
    shown: int
    total: int
    last: Sides | None


def climb(row: TcpRow, segments: Segments, notes: Mapping[int, str], limit: int = MAX_LADDER_ROWS) -> Rungs:
    """Find the rungs of a connection's ladder.

    Args:
        row: the connection.
        segments: of the whole capture.
        notes: frame → what it carries, in a few words (``GET /``, ``ClientHello``).
        limit: rungs at most.
    """
    return _Builder(row, segments, notes, limit).build()


def clock(since: int) -> str:
    """Write when a rung happened: seconds since the connection's start."""
    return f"{since / NS_PER_S:.6f}"


def pause(ns: int) -> str:
    """Write a pause; neighbouring segments are often microseconds apart."""
    return human_fine_ms(ns / NS_PER_MS)


class _Builder:
    def __init__(self, row: TcpRow, segments: Segments, notes: Mapping[int, str], limit: int) -> None:
        part = segments.of(row.stream)
        self.row, self.notes, self.limit = row, notes, limit
        self.frame, self.time = segments.frame[part], segments.time[part]
        self.from_client, self.flags = segments.from_client[part], segments.flags[part]
        self.seq, self.ack = segments.seq[part], segments.ack[part]
        self.length, self.window, self.label = segments.length[part], segments.window[part], segments.label[part]
        whole = Groups(np.array([0, self.frame.size], np.int64))
        self.answers = answering(whole, self.from_client, self.flags, self.seq, self.ack, self.length)
        self.verdicts = {o.frame: o.verdict for o in row.opinions}
        self.rungs: list[Rung] = []
        self.shown = 0
        self.last_time = int(self.time[0]) if self.time.size else 0
        self.states: Sides = (Side("UNKNOWN", True), Side("UNKNOWN", True))

    def build(self) -> Rungs:
        """Walk the telling segments, and sum up the others between them."""
        sending = still_sending(self.from_client, self.flags)
        # Each telling segment is a rung at least, so no more of them than rungs are ever looked at.
        telling = np.flatnonzero(self._telling(sending))[: self.limit + 1]
        spoke = speaks(self.flags, self.answers)
        ends = [int(np.flatnonzero(self.from_client == mine)[-1:].sum()) for mine in (True, False)]
        states = walk(
            map(self._segment, telling.tolist()),
            handshake=self.row.handshake,
            client_spoke=bool(spoke[self.from_client].any()),
            server_spoke=bool(spoke[~self.from_client].any()),
            last=(_position(telling, sending[0]), _position(telling, sending[1])),
            end=(_position(telling, ends[0]), _position(telling, ends[1])),
        )
        before = next(states, None)
        self.states = before or self.states
        position, total = 0, int(self.frame.size)
        for i in telling.tolist():
            self._ordinary(position, i)
            if self._full():
                break
            self._idle(i)
            if self._full():
                break
            self.states = next(states)
            self._alone(i)
            position = i + 1
        else:
            self._ordinary(position, total)
        last = self.states if total and self.shown == total else None
        return Rungs(tuple(self.rungs), before, self.shown, total, last)

    def _telling(self, sending: tuple[int, int]) -> NDArray[np.bool_]:
        """Return which segments stand alone."""
        control = (self.flags & (Flag.SYN | Flag.FIN | Flag.RST)) != 0
        telling: NDArray[np.bool_] = control | ((self.label & int(_TROUBLE)) != 0)
        if self.notes:
            telling |= np.isin(self.frame, np.fromiter(self.notes, np.int64, len(self.notes)))
        begins = (_first(self.from_client == client, 0) for client in (True, False))  # from here on a side is known
        for i in (*chain.from_iterable(begins), *self._proofs(), *sending):
            if i >= 0:
                telling[i] = True
        return telling

    def _proofs(self) -> Iterator[int]:
        """Yield the segments that acknowledge a SYN/ACK or FIN first: they move a state."""
        syn, acks = (self.flags & Flag.SYN) != 0, (self.flags & Flag.ACK) != 0
        resets = (self.flags & Flag.RST) != 0
        agreed = syn & acks
        for client in (True, False):
            asked = np.flatnonzero(syn & (self.from_client == client))
            answers = np.flatnonzero(agreed & (self.from_client != client)) if agreed.any() else asked
            if asked.size and answers.size:
                after = max(int(asked[0]), int(answers[0])) + 1
                yield from _first((self.from_client == client) & acks & self.answers & ~syn & ~resets, after)
            fins = np.flatnonzero((self.from_client == client) & ((self.flags & Flag.FIN) != 0))
            if fins.size:
                at = int(fins[0])
                end = int(self.seq[at]) + int(self.length[at]) + 1
                yield from _first((self.from_client != client) & acks & ~resets & (self.ack >= end), at + 1)

    def _full(self) -> bool:
        return len(self.rungs) >= self.limit

    def _segment(self, i: int) -> Segment:
        numbers = int(self.flags[i]), int(self.seq[i]), int(self.ack[i]), int(self.length[i])
        return Segment(bool(self.from_client[i]), *numbers, bool(self.answers[i]))

    def _ordinary(self, start: int, stop: int) -> None:
        """Add the ordinary segments [start, stop), together if they are many."""
        if stop - start > ALONE:
            self._run(start, stop)
            return
        for i in range(start, stop):
            self._idle(i)
            if self._full():
                return
            self._alone(i)

    def _since(self, i: int) -> int:
        return int(self.time[i]) - self.row.start_time

    def _idle(self, i: int) -> None:
        silence = int(self.time[i]) - self.last_time
        if silence >= IDLE_MS * NS_PER_MS and not self._full():
            self.rungs.append(Rung("idle", self.last_time - self.row.start_time, silence, *self.states))

    def _run(self, start: int, stop: int) -> None:
        self._idle(start)
        if self._full():
            return
        client = self.from_client[start:stop]
        sent = self.length[start:stop].astype(np.int64)
        self.rungs.append(
            Rung(
                "run",
                self._since(start),
                int(self.time[stop - 1]) - int(self.time[start]),
                *self.states,
                frame=int(self.frame[start]),
                last_frame=int(self.frame[stop - 1]),
                segments=stop - start,
                client_bytes=int(sent[client].sum()),
                server_bytes=int(sent[~client].sum()),
                duplicate_acks=int(np.count_nonzero(self.label[start:stop] & int(Label.DUPLICATE_ACK))),
            )
        )
        self.shown += stop - start
        self.last_time = int(self.time[stop - 1])

    def _alone(self, i: int) -> None:
        flags, length, label = int(self.flags[i]), int(self.length[i]), int(self.label[i])
        frame = int(self.frame[i])
        self.rungs.append(
            Rung(
                "segment",
                self._since(i),
                int(self.time[i]) - self.last_time if self.shown else None,
                *self.states,
                frame=frame,
                last_frame=frame,
                segments=1,
                from_client=bool(self.from_client[i]),
                flags=",".join(name for bit, name in _FLAG_NAMES if flags & bit) or say("none", "flags"),
                seq=int(self.seq[i]),
                ack=int(self.ack[i]) if flags & Flag.ACK else None,
                length=length,
                window=int(self.window[i]),
                note=self._note(frame, label),
                tone="bad" if flags & Flag.RST or label & int(_BAD) else "data" if length else "",
            )
        )
        self.shown += 1
        self.last_time = int(self.time[i])

    def _note(self, frame: int, label: int) -> str:
        words: list[str] = [say(text) for bit, text in LABEL_WORDS if label & int(bit)]
        if frame in self.verdicts and not label & int(Label.CAPTURED_TWICE):  # that word is the evidence's already
            verdict = self.verdicts[frame]
            words.append(
                say("evidence: {verdict}", verdict=say(_VERDICTS[verdict]) if verdict in _VERDICTS else verdict)
            )
        if frame in self.notes:
            words.append(self.notes[frame])
        return say("; ").join(words)


def _first(mask: NDArray[np.bool_], start: int) -> list[int]:
    """Return the first true position at or after ``start``, if any."""
    hits = np.flatnonzero(mask[start:])
    return [start + int(hits[0])] if hits.size else []


def _position(telling: NDArray[np.int64], index: int) -> int:
    """Return where a segment is among the telling ones; behind all of them when the ladder stops before it."""
    return int(np.searchsorted(telling, index)) if index >= 0 else -1
