"""How well a connection ran: round trips, bytes in flight, what held the sender back, what loss cost.

:func:`columns` measures every connection for the ``tcp`` table, :func:`course` one side of one connection for graphs;
both go the same way: lay a direction out (:mod:`.sending`), sample its round trips (:mod:`.rtt`), say what each wait
was for (:mod:`.limits`), cut it into transfers (:mod:`.transfers`) and find what was repaired (:mod:`.episodes`).

All instants are the recorder's. A direction of which no acknowledgement was recorded (a one-sided capture) has no round
trips, flight or transfers; without the other side's SYN its windows cannot be read (RFC 7323 section 2.3), so nothing
is said about limits. Definitions: "How a connection ran" in docs/measures.md.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows import episodes, limits, rtt, transfers
from analyzer.flows.acceptable import MAX_ACKED
from analyzer.flows.groups import NOTHING, Groups
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import Label, Segments, verdicts_of
from analyzer.flows.opinion import Opinions
from analyzer.flows.segments import Sorted
from analyzer.flows.sending import Ints, Part, Sending, highest
from analyzer.units import NS_PER_MS, NS_PER_S

_BATCH = 1 << 18
"""Segments measured at a time (whole connections), so that temporary columns stay small next to the capture."""
MAX_LISTED = 10_000
"""Transfers, and episodes of loss, listed of one side; no graph shows more, and a hostile capture has millions."""
_SYN_ACK = Flag.SYN | Flag.ACK


@dataclass(frozen=True, slots=True)
class RttSamples:
    """Round trips of one side's data, measured at the recorder: from a data segment to the ACK that covers it.

    Attributes:
        data_frame, ack_frame: (k,) int64; time: (k,) int64 ns of the ACK; ms: (k,) float64, never negative.
        delayed: (k,) bool, the receiver held the ACK back; such samples are in no column of the ``tcp`` table.
    """

    data_frame: NDArray[np.int64]
    ack_frame: NDArray[np.int64]
    time: NDArray[np.int64]
    ms: NDArray[np.float64]
    delayed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Flight:
    """Bytes under way after each data segment of one side and each ACK that advanced.

    Attributes:
        frame: (m,) int64; time: (m,) int64 ns; bytes: (m,) int64, sent but not acknowledged at the recorder.
    """

    frame: NDArray[np.int64]
    time: NDArray[np.int64]
    bytes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """What the other side advertised to this side, segment by segment.

    Attributes:
        frame: (w,) int64; time: (w,) int64 ns; bytes: (w,) int64, the window.
        edge: (w,) int64, ack + window: the position that may not be passed, relative like ``Segments.seq``.
    """

    frame: NDArray[np.int64]
    time: NDArray[np.int64]
    bytes: NDArray[np.int64]
    edge: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Episode:
    """One time of loss and repair: from when bytes were first missed until the last of them came again."""

    frames: tuple[int, ...]  # the repairs
    start_time: int  # ns
    end_time: int
    cost_ms: float
    kind: episodes.Kind  # what made the sender repair


@dataclass(frozen=True, slots=True)
class Transfer:
    """One run of data of one side. The limits are None where the other side's window is not known (its SYN unseen)."""

    first_frame: int
    last_frame: int
    start_time: int  # ns
    end_time: int  # when the last byte was acknowledged, or sent if no ACK was seen
    bytes: int  # distinct payload bytes
    receiver_limited_ms: float | None
    sender_limited_ms: float | None
    network_limited_ms: float | None


@dataclass(frozen=True, slots=True)
class Course:
    """How sending ran for one side of one connection, for graphs.

    Attributes:
        more_transfers, more_episodes: those beyond :data:`MAX_LISTED` of each.
    """

    rtt: RttSamples
    flight: Flight
    window: Window
    transfers: tuple[Transfer, ...]
    episodes: tuple[Episode, ...]
    more_transfers: int = 0
    more_episodes: int = 0


@dataclass(slots=True)
class _Measured:
    """One direction of some streams, measured."""

    sending: Sending
    rtt: rtt.Rtt
    transfers: transfers.Transfers
    episodes: episodes.Episodes


def _measure(part: Part) -> tuple[tuple[_Measured, _Measured], Ints]:
    """Measure both directions of some streams: the server's and the client's; and (2, streams) int64 ns, the loops.

    A loop is the quickest time seen from the recorder to a side and back: by the handshake, or by data of the *other*
    side and this side's ACK of it.
    """
    sides = [Sending(part, client=mine) for mine in (False, True)]
    samples = [rtt.read(x) for x in sides]
    loop = np.stack([samples[1].quickest, samples[0].quickest])
    out = []
    for mine, x in enumerate(sides):
        gaps = limits.read(x, sides[1 - mine], loop)
        runs = transfers.read(x, gaps, samples[mine], loop)
        out.append(_Measured(x, samples[mine], runs, episodes.read(x, loop)))
    return (out[0], out[1]), loop


# ── one side of one connection ───────────────────────────────────────────────────────────────────────────────────


def course(segments: Segments, stream: int, *, client: bool) -> Course:
    """Follow how one side of a connection sent; what :func:`courses` gives for it."""
    return courses(segments, stream)[int(client)]


def courses(segments: Segments, stream: int) -> tuple[Course, Course]:
    """Follow how the server and the client of a connection sent: their data, the other side's ACKs, and its windows.

    Both are measured together, because what limits one side shows in what the other says.

    Args:
        segments: of the capture; its bytes are not needed.
        stream: the connection; IndexError when there is none of that number.
    """
    if not 0 <= stream < segments.first.size - 1:
        raise IndexError(f"no TCP stream {stream}")
    part = _part_of(segments, stream)
    (server, client), loop = _measure(part)
    frame = segments.frame[segments.of(stream)].astype(np.int64)
    return _course(part, server, loop, frame, client=False), _course(part, client, loop, frame, client=True)


def _course(part: Part, found: _Measured, loop: Ints, frame: Ints, *, client: bool) -> Course:
    x = found.sending
    heard = bool(x.heard[0])
    return Course(
        RttSamples(
            frame[found.rtt.data],
            frame[x.step[found.rtt.step]],
            x.step_when(found.rtt.step),
            found.rtt.ns / NS_PER_MS,
            found.rtt.delayed,
        ),
        _flight(x, frame) if heard else _flight(x, frame[:0]),
        _windows(part, frame, client=client),
        _transfers(found, frame) if heard else (),
        _episodes(found, frame, loop),
        max(found.transfers.first.size - MAX_LISTED, 0) * heard,
        max(found.episodes.owner.size - MAX_LISTED, 0),
    )


def _part_of(segments: Segments, stream: int) -> Part:
    at = segments.of(stream)
    client, flags, time = segments.from_client[at], segments.flags[at], segments.time[at]
    ack = np.where((flags & Flag.ACK) != 0, segments.ack[at], NOTHING)
    seq = segments.seq[at]
    has_syn = (flags & Flag.SYN) != 0
    scaled = np.array([[bool((has_syn & (client == mine)).any())] for mine in (False, True)])
    return Part(
        Groups(np.array([0, at.stop - at.start], np.int64)),
        client,
        flags,
        segments.label[at],
        segments.verdicts(at),
        time,
        seq,
        ack,
        segments.length[at],
        segments.window[at],
        scaled,
        _legs(client, flags, time, seq, ack, _within(segments.answered, at)),
    )


def _within(index: Ints, part: slice) -> Ints:
    """Return those of some ascending indices that lie in a slice, counted from its start."""
    low, high = np.searchsorted(index, (part.start, part.stop))
    return np.asarray(index[low:high] - part.start)


def _legs(
    client: NDArray[np.bool_], flags: NDArray[np.uint16], time: Ints, seq: Ints, ack: Ints, answered: Ints
) -> Ints:
    """Return (2, 1) int64 ns, the legs of one stream's handshake as :func:`analyzer.flows.handshake.read` has them.

    Args:
        answered: the SYN that was answered, if it was not the last one before the SYN/ACK.
    """
    out = np.full((2, 1), -1, np.int64)
    synacks = np.flatnonzero((flags & _SYN_ACK) == _SYN_ACK)
    if not synacks.size:
        return out
    synack = synacks[0]
    syns = np.flatnonzero(client[:synack] & ((flags[:synack] & _SYN_ACK) == Flag.SYN))
    if syns.size:
        out[0] = time[synack] - time[answered[0] if answered.size else syns[-1]]
    above = ack - seq[synack]
    answers = (client != client[synack]) & ((flags & (Flag.SYN | Flag.RST | Flag.ACK)) == Flag.ACK)
    answers &= (above > 0) & (above <= MAX_ACKED)
    finals = synack + 1 + np.flatnonzero(answers[synack + 1 :])
    if finals.size:
        out[1] = time[finals[0]] - time[synacks[synacks < finals[0]][-1]]
    return np.maximum(out, -1)


def _flight(x: Sending, frame: Ints) -> Flight:
    """Follow the bytes under way; ``frame``: frame numbers of the stream's segments, empty to give nothing."""
    if not frame.size:
        return Flight(frame, frame, frame)
    advances = np.flatnonzero(np.diff(x.acked, prepend=NOTHING) > 0)
    sent = np.searchsorted(x.data, x.step[advances]) - 1
    advances, sent = advances[sent >= 0], sent[sent >= 0]
    begin = x.start[0] if x.start.size else 0
    acked = np.maximum(x.acked[advances], begin)  # bytes before those that were captured are not counted
    left = np.maximum(x.reached[sent] - acked, 0)
    index = np.concatenate((x.data, x.step[advances]))
    order = np.argsort(index)
    index = index[order]
    return Flight(frame[index], x.part.time[index], np.concatenate((x.flight(), left))[order])


def _windows(part: Part, frame: Ints, *, client: bool) -> Window:
    """List what the other side offered to the client (or the server), unscaled where the scale is not known."""
    told = (part.client != client) & ((part.flags & (Flag.ACK | Flag.RST)) == Flag.ACK)
    at = np.flatnonzero(told & ((part.label & int(Label.CAPTURED_TWICE)) == 0))
    size = part.window[at].astype(np.int64)
    return Window(frame[at], part.time[at], size, part.ack[at] + size)


def _transfers(found: _Measured, frame: Ints) -> tuple[Transfer, ...]:
    x, t = found.sending, found.transfers
    unit = np.repeat(np.arange(t.first.size), np.diff(t.first, append=x.data.size))
    size = transfers.distinct(x, unit, t.first.size)
    known = bool(x.part.scaled[1 - x.side, 0])
    network = t.total - t.receiver - t.sender
    limits_ms = ((part / NS_PER_MS).tolist() for part in (t.receiver, t.sender, network))
    columns = (
        frame[x.data[t.first]].tolist(),
        frame[x.data[t.last]].tolist(),
        x.when(t.first).tolist(),
        (x.when(t.last) + t.tail).tolist(),
        size.tolist(),
        *(part if known else [None] * len(part) for part in limits_ms),
    )
    return tuple(itertools.starmap(Transfer, itertools.islice(zip(*columns, strict=True), MAX_LISTED)))


def _episodes(found: _Measured, frame: Ints, loop: Ints) -> tuple[Episode, ...]:
    x, e = found.sending, found.episodes
    names = episodes.kinds(x, e, loop)
    bounds = np.searchsorted(e.number, np.arange(e.owner.size + 1)).tolist()
    return tuple(
        Episode(
            tuple(np.sort(frame[x.data[e.repair[bounds[k] : bounds[k + 1]]]]).tolist()),
            start,
            end,
            (end - start) / NS_PER_MS,
            names[k],
        )
        for k, (start, end) in enumerate(zip(e.start[:MAX_LISTED].tolist(), e.end[:MAX_LISTED].tolist(), strict=True))
    )


# ── every connection ─────────────────────────────────────────────────────────────────────────────────────────────

_DURATIONS = (
    "rtt_min_ms",
    "rtt_p50_ms",
    "rtt_p95_ms",
    "transfer_ms",
    "receiver_limited_ms",
    "sender_limited_ms",
    "network_limited_ms",
    "throughput_bytes",
    "loss_ms",
)
_MEDIAN, _HIGH = 0.5, 0.95


def columns(
    s: Sorted, h: Handshakes, window: NDArray[np.uint32], label: NDArray[np.uint16], opinions: Opinions
) -> dict[str, NDArray[np.generic]]:
    """Measure every connection.

    Args:
        window: (n,) uint32 bytes, scaled where the shift is known; label: (n,) uint16 of Label.
        opinions: on what was really sent again, or lost.

    Returns:
        Columns of the ``tcp`` table, (streams,) each, for both sides: ``…_ms`` and ``…_throughput_bytes`` float64, NaN
        unknown; ``…_max_in_flight_bytes`` int64, -1 unknown; counts int64.
    """
    n, first = s.groups.count, s.groups.first
    out: dict[str, NDArray[np.generic]] = {}
    for side in ("server", "client"):
        for name in ("rtt_samples", "loss_episodes"):
            out[f"{side}_{name}"] = np.zeros(n, np.int64)
        out[f"{side}_max_in_flight_bytes"] = np.full(n, -1, np.int64)
        for name in _DURATIONS:
            out[f"{side}_{name}"] = np.full(n, np.nan)
    legs = _nanoseconds(np.stack([h.server_leg_ms, h.client_leg_ms]))
    low = 0
    while low < n:
        high = int(np.searchsorted(first, first[low] + _BATCH, side="right")) - 1
        high = min(max(high, low + 1), n)
        at = slice(int(first[low]), int(first[high]))
        if s.length[at].any():
            part = Part(
                Groups(first[low : high + 1] - first[low]),
                s.client[at],
                s.flags[at],
                label[at],
                verdicts_of(opinions.judged, opinions.verdict, at),
                s.time[at],
                s.seq[at],
                s.ack[at],
                s.length[at],
                window[at],
                s.opening[:, low:high] >= 0,
                legs[:, low:high],
            )
            for side, found in zip(("server", "client"), _measure(part)[0], strict=True):
                for name, column in _columns_of(found).items():
                    out[f"{side}_{name}"][low:high] = column
        low = high
    return out


_CENTURY_MS = 3_155_760_000_000.0


def _nanoseconds(ms: NDArray[np.float64]) -> Ints:
    """Turn durations into int64 ns, -1 for unknown and negative ones; a clock that leaps gives at most a century."""
    return np.where(ms >= 0, np.rint(np.clip(np.nan_to_num(ms), 0, _CENTURY_MS) * NS_PER_MS), -1).astype(np.int64)


def _columns_of(found: _Measured) -> dict[str, NDArray[np.generic]]:
    """Return one direction's columns, without its side in their names."""
    x, t, e = found.sending, found.transfers, found.episodes
    n = x.part.groups.count
    samples, (quickest, median, high) = rtt.percentiles(found.rtt, n, (0, _MEDIAN, _HIGH))
    sent = np.zeros(n, np.bool_)
    sent[x.owner] = True
    known = sent & x.heard
    judged = known & x.part.scaled[1 - x.side]
    total, receiver, sender = (_sums(t.owner, column, n) for column in (t.total, t.receiver, t.sender))
    rate = np.full(n, np.nan)
    timed = known & (total > 0)
    rate[timed] = transfers.distinct(x, x.owner, n)[timed] / (total[timed] / NS_PER_S)
    return {
        "rtt_samples": samples,
        "rtt_min_ms": quickest,
        "rtt_p50_ms": median,
        "rtt_p95_ms": high,
        "max_in_flight_bytes": np.where(known, highest(x.owner, x.flight(), n), -1),
        "transfer_ms": np.where(known, total / NS_PER_MS, np.nan),
        "receiver_limited_ms": np.where(judged, receiver / NS_PER_MS, np.nan),
        "sender_limited_ms": np.where(judged, sender / NS_PER_MS, np.nan),
        "network_limited_ms": np.where(judged, (total - receiver - sender) / NS_PER_MS, np.nan),
        "throughput_bytes": rate,
        "loss_episodes": np.bincount(e.owner, minlength=n),
        "loss_ms": np.where(sent, _sums(e.owner, e.end - e.start, n) / NS_PER_MS, np.nan),
    }


def _sums(owner: Ints, values: Ints, count: int) -> NDArray[np.float64]:
    """Return (count,) float64: the sum of each stream's values, exact up to 2^53."""
    return np.asarray(np.bincount(owner, weights=values, minlength=count), np.float64)
