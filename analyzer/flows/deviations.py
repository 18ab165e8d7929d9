"""What was out of the ordinary in how connections opened and closed, for all connections at once and in full for one.

Both are found by the same rules from the same few segments: :func:`columns` marks every connection (bits in the order
of :data:`analyzer.flows.model.DEVIATIONS`), :func:`details` says for one of them which frames prove each mark.

Rules, each with its source:

* ``syn_repeated``, ``synack_repeated``, ``fin_repeated``: a side sends the same control segment again, with the same
  numbers (RFC 9293 section 3.8.1). A copy of the recorder's is none: one it marked as captured twice, or one so soon
  that no sender's timer can have run out. Why is told by :mod:`analyzer.flows.repeats`, as far as it can be.
* ``simultaneous_open``, ``split_handshake``: the kind of handshake (RFC 9293 section 3.5, figure 7).
* ``data_with_syn``: payload on a SYN or SYN/ACK (RFC 9293 section 3.4, RFC 7413).
* ``time_wait_reused``: a SYN opens the same addresses and ports again less than two maximum segment lifetimes after
  their earlier connection closed and left a side in TIME_WAIT (RFC 9293 section 3.6.1, RFC 6191).
* ``fin_with_ack``, ``simultaneous_close``: the kind of close (RFC 9293 section 3.6, figures 12 and 13).
* ``data_after_fin``: a side that has acknowledged the other's FIN sends new data: the half-closed connection is used
  (RFC 9293 section 3.6, case 2).
* ``rst_instead_of_fin``: a side resets an open connection without a FIN of its own (RFC 9293 section 3.10.5).
* ``rst_after_fin``: a side sends a reset after its own FIN, before or after the close was complete.
* ``unclosed``: an open connection of which at most one side was done when the capture ended.

A connection is *open* once the client acknowledges the SYN/ACK or either side sends data; one met mid-stream is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows import repeats
from analyzer.flows.acceptable import answering
from analyzer.flows.closing import Closings
from analyzer.flows.deviation_rules import SYN_ACK, Indices, View, end_of, marks, opened_by
from analyzer.flows.groups import Groups
from analyzer.flows.handshake import Handshakes
from analyzer.flows.key import StreamKeys
from analyzer.flows.model import CLOSES, DEVIATIONS, HANDSHAKE_WHYS, HANDSHAKES, Connections, Segments
from analyzer.flows.segments import Sorted
from analyzer.flows.tcp_state import STATES, TIME_WAIT
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS, NS_PER_S

TIME_WAIT_NS = 240 * NS_PER_S
"""Two maximum segment lifetimes of two minutes (RFC 9293 section 3.4.2): how long TIME_WAIT keeps the ports."""
FIRST_TRY_NS = NS_PER_S
"""How long a first SYN waits for its answer before it is sent again (RFC 6298 section 2)."""
SECOND_TRY_NS = 3 * NS_PER_S
"""Two tries, the second with its timer doubled (RFC 6298 section 5.5): after that, silence says something."""
MAX_FRAMES = 64
"""Frames listed of one deviation; ``times`` and ``segments`` count them all. Nobody reads more."""

_SIDES = ("server", "client")


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing out of the ordinary, proven.

    Attributes:
        code: of :data:`analyzer.flows.model.DEVIATIONS`.
        frames: what proves it, in capture order, at most :data:`MAX_FRAMES`.
        args: what :func:`analyzer.tcp_words.deviation` says in its sentence.
    """

    code: str
    frames: tuple[int, ...]
    args: dict[str, object]


# ── all connections at once ──────────────────────────────────────────────────────────────────────────────────────


def columns(
    s: Sorted, h: Handshakes, c: Closings, keys: StreamKeys, label: NDArray[np.uint16], end: int
) -> dict[str, NDArray[np.generic]]:
    """Return the columns ``deviations`` (bits), ``handshake_why`` (codes), ``unreachable_frame`` and
    ``previous_stream``.

    Args:
        keys: tells which streams began by using ports again, and whose they were.
        label: (n,) uint16 of :class:`Label`.
        end: time of the capture's latest packet, ns.

    Returns:
        (streams,) each: int64 bits in the order of DEVIATIONS; uint8 codes into HANDSHAKE_WHYS; int64 -1 (nobody has
        looked at ICMP yet); int64 the stream that had the same addresses and ports before, -1 without one.
    """
    g = s.groups
    columns = s.client, s.flags, s.time, s.seq, s.length, label, h.answers
    view = View(g, *columns, h.kind, h.syn, h.ack, c.fin, c.fin_acked)
    opened = opened_by(view)
    bits = np.zeros(g.count, np.int64)
    for code, hits in marks(view, opened).items():
        bits[g.of[hits]] |= _bit(code)
    for code, hit in (
        ("simultaneous_open", h.kind == HANDSHAKES.index("simultaneous")),
        ("split_handshake", h.kind == HANDSHAKES.index("split")),
        ("fin_with_ack", c.kind == CLOSES.index("three_way")),
        ("simultaneous_close", c.kind == CLOSES.index("simultaneous")),
        ("unclosed", _unclosed(s, c, opened)),
    ):
        bits[hit] |= _bit(code)
    previous = np.full(g.count, -1, np.int64)
    again = g.of[keys.reused]
    previous[again] = keys.previous
    bits[again[_in_time_wait(s, c, keys)]] |= _bit("time_wait_reused")
    return {
        "deviations": bits,
        "handshake_why": _why(s, h, end),
        "unreachable_frame": np.full(g.count, -1, np.int64),
        "previous_stream": previous,
    }


def _bit(code: str) -> int:
    return 1 << DEVIATIONS.index(code)


def _unclosed(s: Sorted, c: Closings, opened: Indices) -> NDArray[np.bool_]:
    """Return which connections were open, and not both sides done, when the capture ended.

    Where a side was never recorded its FIN would not be either: nothing can be said once the other is done.
    """
    done = c.fin >= 0
    silent = np.stack([~s.groups.any_where(s.client == mine) for mine in (False, True)])
    cannot_tell = (done & silent[::-1]).any(axis=0)
    return np.asarray((opened >= 0) & (c.rst < 0) & ~done.all(axis=0) & ~cannot_tell)


def _in_time_wait(s: Sorted, c: Closings, keys: StreamKeys) -> NDArray[np.bool_]:
    """Return for each SYN that used ports again whether a side still kept them in TIME_WAIT."""
    waits = (c.states[:, keys.previous] == STATES.index(TIME_WAIT)).any(axis=0)
    end = c.end[keys.previous]
    closed = waits & (end >= 0)
    since = np.zeros(closed.size, np.int64)
    since[closed] = s.time[keys.reused[closed]] - s.time[end[closed]]
    return np.asarray(closed & (since >= 0) & (since < TIME_WAIT_NS))


def _why(s: Sorted, h: Handshakes, end: int) -> NDArray[np.uint8]:
    """Return why nobody agreed to open, as far as TCP tells: codes into HANDSHAKE_WHYS."""
    g = s.groups
    out = np.zeros(g.count, np.uint8)
    out[h.kind == HANDSHAKES.index("refused")] = HANDSHAKE_WHYS.index("refused")
    alone = (h.kind == HANDSHAKES.index("no_synack")) & ~g.any_where(~s.client)
    if not alone.any():
        return out
    # Only an answer lets a client send anything but SYNs: giving up is silent (RFC 9293 section 3.10.4, SYN-SENT).
    went_on = g.any_where(s.client & ((s.flags & Flag.SYN) == 0))
    syns = np.flatnonzero((s.flags & SYN_ACK) == Flag.SYN)
    first, last = g.first_of(syns), g.last_of(syns)
    early = np.zeros(g.count, np.bool_)
    early[alone] = (end - s.time[last[alone]] < FIRST_TRY_NS) & (end - s.time[first[alone]] < SECOND_TRY_NS)
    out[alone] = HANDSHAKE_WHYS.index("filtered")
    out[alone & early] = HANDSHAKE_WHYS.index("capture_end")
    out[alone & went_on] = HANDSHAKE_WHYS.index("one_sided")
    return out


# ── one connection in full ───────────────────────────────────────────────────────────────────────────────────────


def details(row: TcpRow, segments: Segments, connections: Connections | None = None) -> tuple[Deviation, ...]:
    """Prove each deviation of one connection with its frames, in the order of DEVIATIONS.

    What both sides did appears once for each side.

    Args:
        row: the connection; segments: of the whole capture.
        connections: all of them, to say of ports used again whose they were before; without, that stays unsaid.
    """
    if not row.deviations:
        return ()
    one = _One(row, segments, connections)
    found = {code: tuple(one.tell(code)) for code in row.deviations}
    return tuple(chain.from_iterable(found[code] for code in DEVIATIONS if code in found))


def handshake_acks(row: TcpRow, segments: Segments) -> dict[str, tuple[int, int]]:
    """Return side → (frame, acknowledgement number as sent) of the other side's first acknowledgement of its SYN.

    A side whose SYN, or whose acknowledgement, was not captured is absent.
    """
    part = segments.of(row.stream)
    flags, ack = segments.flags[part], segments.ack[part]
    answers = _answering(segments, part) & ((flags & (Flag.ACK | Flag.RST)) == Flag.ACK)
    out: dict[str, tuple[int, int]] = {}
    for who, isn in (("client", row.client_isn), ("server", row.server_isn)):
        hits = np.flatnonzero(answers & (segments.from_client[part] != (who == "client")))
        if isn is not None and hits.size:
            out[who] = int(segments.frame[part][hits[0]]), (isn + int(ack[hits[0]])) % (1 << 32)
    return out


def stray_acks(row: TcpRow, segments: Segments, who: str) -> tuple[int, ...]:
    """Return the frames of a side's ACKs that answer no SYN of the other side, at most MAX_FRAMES.

    The server sends such while it still remembers an older connection on these ports (RFC 9293 section 3.5.1, figure
    9); of the client it acknowledges what was never sent.
    """
    part = segments.of(row.stream)
    mine = segments.from_client[part] == (who == "client")
    asked = np.flatnonzero(((segments.flags[part] & Flag.SYN) != 0) & ~mine)
    plain = (segments.flags[part] & (Flag.SYN | Flag.RST | Flag.ACK)) == Flag.ACK
    hits = np.flatnonzero(plain & mine & ~_answering(segments, part))
    if not asked.size:
        return ()
    return tuple(segments.frame[part][hits[hits > asked[0]][:MAX_FRAMES]].tolist())


def _answering(segments: Segments, part: slice) -> NDArray[np.bool_]:
    """Return which segments of one connection may answer the other side's SYN."""
    sent = segments.from_client[part], segments.flags[part], segments.seq[part], segments.ack[part]
    return answering(Groups(np.array([0, sent[0].size], np.int64)), *sent, segments.length[part])


class _One:
    """One connection, its segments counted from 0."""

    def __init__(self, row: TcpRow, segments: Segments, connections: Connections | None) -> None:
        part = segments.of(row.stream)
        self._row, self._segments, self._connections = row, segments, connections
        self._frame = segments.frame[part]

        def at(*frames: int | None) -> Indices:
            return np.array([-1 if f is None else int(np.searchsorted(self._frame, f)) for f in frames], np.int64)

        self._view = View(
            Groups(np.array([0, self._frame.size], np.int64)),
            segments.from_client[part],
            segments.flags[part],
            segments.time[part],
            segments.seq[part],
            segments.length[part],
            segments.label[part],
            _answering(segments, part),
            np.array([HANDSHAKES.index(row.handshake)], np.uint8),
            at(row.syn_frame),
            at(row.ack_frame),
            at(row.server_fin_frame, row.client_fin_frame).reshape(2, 1),
            at(row.server_fin_acked_frame, row.client_fin_acked_frame).reshape(2, 1),
        )
        self._ack = segments.ack[part]
        self._marks = marks(self._view, opened_by(self._view))

    def tell(self, code: str) -> Iterator[Deviation]:
        """Yield what is to be said about one deviation."""
        if code in self._marks:
            for side, who in ((1, "client"), (0, "server")):
                hits = self._marks[code]
                hits = hits[self._view.client[hits] == bool(side)]
                if hits.size and code in _REPEATED:
                    yield from self.repeated(code, who, hits)
                elif hits.size:
                    yield _PER_SIDE[code](self, code, who, hits)
        else:
            yield _WHOLE[code](self, code)

    def _make(self, code: str, hits: Indices | list[int], **args: object) -> Deviation:
        return Deviation(code, self._frames(hits), args)

    def _frames(self, hits: Indices | list[int]) -> tuple[int, ...]:
        index = np.unique(np.asarray(hits, np.int64))
        return tuple(self._frame[index[index >= 0][:MAX_FRAMES]].tolist())

    def _ms(self, start: int, end: int) -> float | None:
        """Return the time between two segments, None where the clock ran backwards."""
        elapsed = int(self._view.time[end]) - int(self._view.time[start])  # hostile times may differ by 2^64
        return elapsed / NS_PER_MS if elapsed >= 0 else None

    def _fin(self, who: str) -> int:
        return int(self._view.fin[_SIDES.index(who), 0])

    def repeated(self, code: str, who: str, hits: Indices) -> Iterator[Deviation]:
        """A control segment sent again, told apart by why: all of them, and how long the side went on."""
        v = self._view
        bits = _REPEATED[code]
        mask = Flag.FIN if bits == Flag.FIN else SYN_ACK
        first = int(np.flatnonzero(((v.flags & mask) == bits) & (v.client == (who == "client")))[0])
        for variant, proof, chosen in self._why(bits, who == "client", first, hits):
            sent = np.concatenate(([first], chosen))
            frame = int(self._frame[proof if proof >= 0 else chosen[0]])
            yield self._make(code, sent, who=who, other=_other(who), times=int(sent.size), frame=frame,
                             over_ms=self._ms(first, int(chosen[-1])), variant=variant)  # fmt: skip

    def _why(self, bits: int, client: bool, first: int, hits: Indices) -> Iterator[repeats.Case]:
        if bits == Flag.FIN:
            return repeats.fin(self._view, client, first, hits, self._ack)
        if bits == SYN_ACK:
            return repeats.synack(self._view, client, first, hits)
        return repeats.syn(self._view, client, first, hits, _ANSWERS.get(self._row.handshake_why or "", ""))

    def syn_data(self, code: str, who: str, hits: Indices) -> Deviation:
        """Data on a SYN or SYN/ACK: how much, and whether the other side took it."""
        v = self._view
        first = int(hits[0])
        size = int(v.length[first])
        answer = (v.flags & Flag.ACK).astype(np.bool_) & (v.client != v.client[first])
        answer[: first + 1] = False
        later = np.flatnonzero(answer & ((v.flags & Flag.RST) == 0))
        taken = bool(self._ack[later[0]] > v.seq[first] + 1) if later.size else None
        frames = [*hits.tolist(), *later[:1].tolist()]
        asked = bool(self._row.fast_open)
        variant = {None: "unanswered", False: "left"}.get(taken, "" if asked else "plain")
        return self._make(code, frames, who=who, data_bytes=size, taken=taken, fast_open=asked, variant=variant,
                          flags="SYN/ACK" if v.flags[first] & Flag.ACK else "SYN")  # fmt: skip

    def after_fin(self, code: str, who: str, hits: Indices) -> Deviation:
        """Data of a side that knows that the other is done."""
        v = self._view
        other = _other(who)
        fin, acked = self._fin(other), int(v.fin_acked[_SIDES.index(other), 0])
        size = int(end_of(v, hits).max() - v.seq[hits].min())
        over = self._ms(fin, int(hits[-1]))
        return self._make(code, [fin, acked, *hits.tolist()], who=other, other=who, data_bytes=size,
                          segments=int(hits.size), over_ms=over)  # fmt: skip

    def reset(self, code: str, who: str, hits: Indices) -> Deviation:
        """A reset without a FIN of its own: out of the blue, or as the answer to the other side's FIN."""
        first, fin = int(hits[0]), self._fin(_other(who))
        answers = 0 <= fin < first
        variant = "answer" if answers else ""
        return self._make(code, [*([fin] if answers else []), *hits.tolist()], who=who, other=_other(who),
                          frame=int(self._frame[first]), resets=int(hits.size), variant=variant)  # fmt: skip

    def reset_late(self, code: str, who: str, hits: Indices) -> Deviation:
        """A reset after a FIN of its own: before or after all was said and acknowledged."""
        v = self._view
        first, fin = int(hits[0]), self._fin(who)
        acked = v.fin_acked[:, 0]
        closed = bool((acked >= 0).all() and acked.max() < first)
        return self._make(code, [fin, *hits.tolist()], who=who, other=_other(who), frame=int(self._frame[first]),
                          after_ms=self._ms(fin, first), resets=int(hits.size),
                          variant="closed" if closed else "")  # fmt: skip

    def both_syns(self, code: str) -> Deviation:
        """Two SYNs that crossed, or a SYN answered by a SYN."""
        v = self._view
        syns = np.flatnonzero((v.flags & SYN_ACK) == Flag.SYN)
        firsts = [int(syns[v.client[syns] == mine][0]) for mine in (True, False)]
        synacks = np.flatnonzero((v.flags & SYN_ACK) == SYN_ACK)
        return self._make(code, [*firsts, *synacks[:2].tolist(), *v.ack[v.ack >= 0].tolist()],
                          frame=int(self._frame[firsts[0]]), answer_frame=int(self._frame[firsts[1]]))  # fmt: skip

    def closed(self, code: str) -> Deviation:
        """Two FINs: the second riding on the acknowledgement of the first, or crossing it."""
        fins = sorted(("client", "server"), key=self._fin)
        index = [self._fin(who) for who in fins]
        return self._make(code, [*index, *self._view.fin_acked[:, 0].tolist()], who=fins[0], other=fins[1],
                          frame=int(self._frame[index[0]]), answer_frame=int(self._frame[index[1]]))  # fmt: skip

    def reused(self, code: str) -> Deviation:
        """Ports used again: by whom they were held, and for how long."""
        c, row = self._connections, self._row
        earlier = -1 if c is None else int(c.columns["previous_stream"][row.stream])
        if c is None or earlier < 0:
            return self._make(code, [0])
        before = c.row(earlier)
        end = max(before.client_fin_acked_frame or 0, before.server_fin_acked_frame or 0)
        part = self._segments.of(earlier)
        at = int(np.searchsorted(self._segments.frame[part], end))
        since = (row.start_time - int(self._segments.time[part][at])) / NS_PER_MS
        waits = [who for who in ("client", "server") if getattr(before, f"{who}_state") == TIME_WAIT]
        if (before.client, before.client_port) != (row.client, row.client_port):
            waits = [_other(who) for who in waits]  # the two have changed roles
        args = {"variant": "known", "previous": earlier, "who": " and ".join(waits), "after_ms": since}
        return Deviation(code, (end, *self._frames([0])), args)

    def open_at_the_end(self, code: str) -> Deviation:
        """Never closed, or by one side only."""
        done = [who for who in ("client", "server") if self._fin(who) >= 0]
        last = int(self._view.time.size - 1)
        if not done:
            return self._make(code, [last], variant="")
        return self._make(code, [self._fin(done[0]), last], variant="half", who=done[0], other=_other(done[0]))


def _other(who: str) -> str:
    return "server" if who == "client" else "client"


_ANSWERS = {
    "filtered": "unanswered",
    "unreachable": "unanswered",
    "capture_end": "unanswered",
}
"""Why nobody agreed → what to say of SYNs that were repeated and brought nothing back."""

_REPEATED = {"syn_repeated": Flag.SYN, "synack_repeated": SYN_ACK, "fin_repeated": Flag.FIN}
_PER_SIDE = {
    "data_with_syn": _One.syn_data,
    "data_after_fin": _One.after_fin,
    "rst_instead_of_fin": _One.reset,
    "rst_after_fin": _One.reset_late,
}
_WHOLE = {
    "simultaneous_open": _One.both_syns,
    "split_handshake": _One.both_syns,
    "time_wait_reused": _One.reused,
    "fin_with_ack": _One.closed,
    "simultaneous_close": _One.closed,
    "unclosed": _One.open_at_the_end,
}
