"""Follow TCP: from the packet table to connections, labelled segments and byte streams.

:func:`follow` runs the steps in order; :class:`Flows` keeps what later layers ask for while the capture is open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.link import link_addresses
from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import (
    answered,
    closing,
    conflict,
    deviations,
    handshake,
    history,
    key,
    labels,
    opinion,
    quality,
    reassembly,
    segments,
)
from analyzer.flows.groups import NOTHING, Groups
from analyzer.flows.model import DOUBLED, NOTHING_NEW, TWICE, Connections, Label, Segments
from analyzer.flows.segments import Sorted
from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem
from analyzer.units import NS_PER_MS

MAX_MAC_LOOKUPS = 200_000
"""Connections whose MAC addresses are looked up; a flood of more says nothing new about who is who."""
_BATCH = 1 << 18
"""Segments labelled at a time, so that temporary columns stay small next to the capture."""
CAPTURED_TWICE_NS = NS_PER_MS
"""Two records of one packet lie microseconds apart; no sender gives up on a segment within a millisecond (RFC 6298)."""
_COUNTED: tuple[tuple[str, int], ...] = (
    ("retransmissions", Label.RETRANSMISSION),
    ("fast_retransmissions", Label.FAST_RETRANSMISSION),
    ("spurious_retransmissions", Label.SPURIOUS_RETRANSMISSION),
    ("out_of_order", Label.OUT_OF_ORDER),
    ("lost_segments", Label.LOST_SEGMENT),
    ("duplicate_acks", Label.DUPLICATE_ACK),
    ("acked_unseen", Label.ACKED_UNSEEN),
    ("zero_windows", Label.ZERO_WINDOW),
    ("window_full", Label.WINDOW_FULL),
    ("keep_alives", Label.KEEP_ALIVE),
    ("duplicates_in_capture", Label.CAPTURED_TWICE),
)


@dataclass(slots=True)
class Flows:
    """All TCP of one capture, while its bytes can be read.

    Attributes:
        connections: the ``tcp`` table as columns; segments: columns over all segments; problems: limits that were hit.
    """

    table: PacketTable
    connections: Connections
    segments: Segments
    problems: tuple[Problem, ...]
    _pieces: reassembly.Pieces
    _ends: reassembly.Ends
    _latest: tuple[int, dict[bool, ByteStream]] | None = None  # asked for again and again while one row is worked on
    _shelf: reassembly.Shelf | None = None
    _by_frame: NDArray[np.int64] | None = None

    def streams_with_data(self) -> NDArray[np.int64]:
        """Return (k,) int64: the connections of which any payload was captured, in order."""
        held = np.diff(self._pieces.first)
        return np.flatnonzero(held[0::2] + held[1::2] > 0)

    def stream(self, stream: int, *, client: bool) -> ByteStream:
        """Return one direction of a connection, reassembled."""
        if self._latest is None or self._latest[0] != stream:
            self._latest = stream, {}
        made = self._latest[1]
        if client not in made:
            made[client] = self._made(2 * stream + int(client))
        return made[client]

    def _made(self, direction: int) -> ByteStream:
        shelf = self._shelf
        if shelf is None or not shelf.low <= direction < shelf.high:
            even = direction & ~1
            shelf = self._shelf = reassembly.Shelf(self.table, self.segments, self._pieces, even, self._ends)
        if direction < shelf.high:
            return shelf.stream(direction)
        opened, finished, heard, reset = self._ends
        side, stream = direction & 1, direction // 2
        return reassembly.stream_of(
            self.table,
            self.segments,
            self._pieces,
            direction,
            from_start=bool(opened[side, stream]),
            finished=bool(finished[side, stream]),
            heard=bool(heard[side, stream]),
            reset=bool(reset[stream]),
        )

    def stream_of_frame(self, frame: int) -> int | None:
        """Return the ``tcp.stream`` of a frame, None when it is not TCP."""
        found = self.segment_of_frame(frame)
        return None if found is None else found[0]

    def segment_of_frame(self, frame: int) -> tuple[int, int] | None:
        """Return the ``tcp.stream`` of a frame and where in ``segments`` it is, None when it is not TCP."""
        if self._by_frame is None:
            self._by_frame = np.argsort(self.segments.frame, kind="stable")
        wanted = np.array(frame, self.segments.frame.dtype)  # another type would convert the whole column
        at = int(np.searchsorted(self.segments.frame, wanted, sorter=self._by_frame))
        if at >= len(self.segments):
            return None
        index = int(self._by_frame[at])
        if self.segments.frame[index] != frame:
            return None
        return int(np.searchsorted(self.segments.first, index, side="right")) - 1, index


def follow(table: PacketTable) -> Flows:
    """Sort, label, time and reassemble every TCP connection of a capture."""
    keys = key.group(table)
    ordered = segments.sort(table, keys)
    opened = handshake.read(table, ordered)
    scale = handshake.window_scales(ordered, opened)
    label = _labels(table, ordered, opened, scale)
    label[keys.reused] |= int(Label.PORT_REUSED)
    opinions = opinion.read(table, ordered, opened, label)
    label[opinions.having(TWICE)] |= int(Label.CAPTURED_TWICE)
    label[opinions.having(DOUBLED)] &= int(~Label.CAPTURED_TWICE) & 0xFFFF  # it was on the wire twice
    late = answered.correct(table, ordered, opened, label)
    closed = closing.read(ordered, opened)
    pieces = reassembly.assemble(table, ordered, label)
    connections = _connections(table, ordered, opened, closed, pieces, label)
    columns = connections.columns
    latest = int(table.index.time.max(initial=0))
    columns |= deviations.columns(ordered, opened, closed, keys, label, latest)
    columns |= quality.columns(ordered, opened, _window(table, ordered, scale), label, opinions)
    conflicts = conflict.find(table, ordered, pieces, label)
    columns |= conflicts.columns | opinions.columns
    connections.conflicts, connections.opinions = conflicts.rows, opinions.rows
    _slim(columns)
    heard = np.stack([columns[f"{name}_packets"].astype(np.int64) > 0 for name in ("server", "client")])
    ends = (ordered.opening >= 0, closed.fin >= 0, heard, closed.rst >= 0)
    table.index.data.release(0, table.index.data.array.size)  # what was looked into: options, MAC addresses
    problems = conflicts.problems + opinions.problems + _jumps(ordered, pieces)
    public = _public(table, ordered, scale, label)
    public.judged, public.verdict, public.answered = opinions.judged, opinions.verdict, late
    return Flows(table, connections, public, problems, pieces, ends)


def _jumps(s: Sorted, pieces: reassembly.Pieces) -> tuple[Problem, ...]:
    """Report sequence numbers that leave a hole too large to believe, one for each capture."""
    if not pieces.jumps.size:
        return ()
    frame = int(s.rows[pieces.jumps[0]]) + 1
    count = pieces.jumps.size
    more = f"; so do {count - 1} more segments" if count > 1 else ""
    text = "the sequence number jumps further than any sender can be ahead: it is damaged or forged"
    return (Problem("TCP-SEQUENCE-JUMP", "tcp", f"{text}, and what it skips is not counted as missing{more}", frame),)


def _public(table: PacketTable, s: Sorted, scale: NDArray[np.int8], label: NDArray[np.uint16]) -> Segments:
    """Take what later layers ask for; what is only needed to follow is let go."""
    return Segments(
        s.groups.first,
        (s.rows + 1).astype(np.int32),
        s.time,
        s.client,
        s.flags,
        s.seq,
        np.where((s.flags & Flag.ACK) != 0, s.ack, 0),
        s.length.astype(np.uint32),
        _window(table, s, scale),
        label,
    )


def _window(table: PacketTable, s: Sorted, scale: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Return (n,) uint32, bytes: each segment's receive window, scaled where the shift is known."""
    shift = np.where((s.flags & Flag.SYN) != 0, 0, np.maximum(scale, 0)).astype(np.uint32)
    return np.asarray(table.window[s.rows].astype(np.uint32) << shift)


def _labels(table: PacketTable, s: Sorted, h: handshake.Handshakes, scale: NDArray[np.int8]) -> NDArray[np.uint16]:
    """Label all segments, a batch of whole connections at a time."""
    out = np.zeros(s.groups.size, np.uint16)
    rtt = (
        np.where(h.opening_ack >= 0, s.time[h.opening_ack] - s.time[h.latest_syn], 0) if s.groups.size else h.latest_syn
    )
    first = s.groups.first
    low = 0
    while low < s.groups.count:
        high = int(np.searchsorted(first, first[low] + _BATCH, side="right")) - 1
        high = min(max(high, low + 1), s.groups.count)
        part = slice(int(first[low]), int(first[high]))
        rows = s.rows[part]
        facts = labels.Facts(
            s.time[part],
            s.client[part],
            s.flags[part],
            s.seq[part],
            s.ack[part],
            ((s.flags[part] & Flag.RST) != 0) & (table.seq[rows] == 0) & (s.length[part] == 0),
            s.length[part],
            table.window[rows].astype(np.int64),
            scale[part],
            rtt[low:high],
            h.opening_ack[low:high] - first[low],
        )
        out[part] = labels.label(Groups(first[low : high + 1] - first[low]), facts)
        low = high
    out[_captured_twice(table, s, out)] |= int(Label.CAPTURED_TWICE)
    return out


def _captured_twice(table: PacketTable, s: Sorted, label: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return the segments that are an earlier packet of their connection recorded once more, not sent once more.

    The same IPv4 identification (a sender counts it up), sequence number, acknowledgement, flags, length and window
    within a millisecond: a mirror port or two interfaces saw one packet. Identification 0 proves nothing. Copies may
    come in any order behind their originals.
    """
    g, rows = s.groups, s.rows
    if not g.size:
        return rows
    # A copy brings nothing new: Wireshark calls its data sent again, and its acknowledgement is not the highest.
    stale = (label & NOTHING_NEW) != 0
    for mine in (False, True):
        own = s.client == mine
        highest = np.concatenate(([NOTHING], g.running_max(s.ack, own)[:-1]))
        highest[g.first[:-1]] = NOTHING
        stale |= own & (s.length == 0) & (s.ack <= highest) & ((s.flags & (Flag.SYN | Flag.FIN)) == 0)
    stale &= table.ip_id[rows] != 0
    wanted = np.zeros(1 << 16, np.bool_)
    wanted[table.ip_id[rows[stale]]] = True
    pool = np.flatnonzero(wanted[table.ip_id[rows]])  # the copies, their originals, and some that share a number
    at = rows[pool]
    columns = (s.client[pool], table.ip_id[at], table.seq[at], table.ack[at], s.flags[pool], s.length[pool])
    keys = (g.of[pool], *columns, table.window[at])
    order = np.lexsort((pool, *keys))
    same = np.ones(max(pool.size - 1, 0), np.bool_)
    for key_ in keys:
        ranked = key_[order]
        same &= ranked[1:] == ranked[:-1]
    copy, original = pool[order[1:]], pool[order[:-1]]
    elapsed = s.time[copy] - s.time[original]
    return np.asarray(copy[same & stale[copy] & (elapsed >= 0) & (elapsed < CAPTURED_TWICE_NS)])


def _frames(s: Sorted, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn segment indices into frame numbers, -1 staying -1."""
    if not s.groups.size:
        return index
    return np.where(index >= 0, s.rows[index] + 1, -1)


def _connections(
    table: PacketTable,
    s: Sorted,
    h: handshake.Handshakes,
    c: closing.Closings,
    pieces: reassembly.Pieces,
    label: NDArray[np.uint16],
) -> Connections:
    """Fill the columns of the ``tcp`` table."""
    g, n = s.groups, s.groups.count
    head, tail = g.first[:-1], g.first[1:] - 1
    lead = s.rows[head] if n else np.zeros(0, np.int64)
    from_client = s.client[head] if n else np.zeros(0, np.bool_)
    columns: dict[str, NDArray[np.generic]] = {
        "client_port": np.where(from_client, table.sport[lead], table.dport[lead]).astype(np.int64),
        "server_port": np.where(from_client, table.dport[lead], table.sport[lead]).astype(np.int64),
        "client_by": s.client_by,
        "first_frame": _frames(s, head),
        "last_frame": _frames(s, tail),
        "start_time": s.time[head] if n else head,
        # The latest time seen: where the clock ran backwards the last segment is not it.
        "end_time": g.max_where(s.time, np.ones(g.size, np.bool_), -(1 << 63)),
        "handshake": h.kind,
        "syn_frame": _frames(s, h.syn),
        "synack_frame": _frames(s, h.synack),
        "ack_frame": _frames(s, h.ack),
        "connect_ms": h.connect_ms,
        "syn_loss_ms": h.syn_loss_ms,
        "initial_rtt_ms": h.initial_rtt_ms,
        "server_leg_ms": h.server_leg_ms,
        "client_leg_ms": h.client_leg_ms,
        "client_isn": np.where(h.syn >= 0, s.base[1].astype(np.int64), -1),
        "server_isn": np.where(h.synack >= 0, s.base[0].astype(np.int64), -1),
        "client_mss": h.mss[1],
        "server_mss": h.mss[0],
        "client_window_scale": h.scale[1],
        "server_window_scale": h.scale[0],
        "sack_permitted": h.sack,
        "timestamps": h.timestamps,
        "fast_open": h.fast_open,
        "ecn": h.ecn,
        "accurate_ecn": h.accurate_ecn,
        "multipath": h.multipath,
        "close": c.kind,
        "closed_by": c.by,
        "client_fin_frame": _frames(s, c.fin[1]),
        "client_fin_acked_frame": _frames(s, c.fin_acked[1]),
        "server_fin_frame": _frames(s, c.fin[0]),
        "server_fin_acked_frame": _frames(s, c.fin_acked[0]),
        "rst_frame": _frames(s, c.rst),
        "rst_by_client": s.client[c.rst].astype(np.int8) if g.size else c.rst,
        "client_state": c.states[1],
        "server_state": c.states[0],
        "conn_state": c.conn_state,
        "completeness": _completeness(s),
    }
    columns["close_ms"] = _close_ms(s, c)
    _volumes(columns, s, pieces, label)
    lost = np.flatnonzero(label & Label.LOST_SEGMENT)
    holes = lost[reassembly.hole_before(s, pieces, lost)]
    letters, pointers = history.letters(s, label, holes, ~from_client)
    columns["history_letters"], columns["history_first"] = letters, pointers
    macs = link_addresses(table, lead[:MAX_MAC_LOOKUPS].tolist()) if n <= MAX_MAC_LOOKUPS else []
    words: dict[str, dict[int, str]] = {"application": {}, "client_mac": {}, "server_mac": {}}
    for stream, (pair, by_client) in enumerate(zip(macs, from_client.tolist(), strict=False)):
        for name, mac in (("client_mac", pair.src_mac), ("server_mac", pair.dst_mac)):
            side = name if by_client else ("server_mac" if name == "client_mac" else "client_mac")
            if mac:
                words[side][stream] = mac
    return Connections(
        np.where(from_client, table.src[lead], table.dst[lead]).astype(np.int32),
        np.where(from_client, table.dst[lead], table.src[lead]).astype(np.int32),
        table.hosts,
        columns,
        words,
        handshake.syn_lists(s),
    )


_WIDE = ("_time", "_bytes", "_isn")
"""Endings of the integer columns whose values may pass 2^31; frames and counts cannot (a frame number is int32)."""


def _slim(columns: dict[str, NDArray[np.generic]]) -> None:
    """Store frames and counts in 32 bits: a flood has a million rows of them."""
    for name, column in columns.items():
        if column.dtype == np.int64 and not name.endswith(_WIDE) and name != "history_first":
            columns[name] = column.astype(np.int32)


def _volumes(
    columns: dict[str, NDArray[np.generic]], s: Sorted, pieces: reassembly.Pieces, label: NDArray[np.uint16]
) -> None:
    """Add packet, byte and label counts of each side."""
    for mine, name in ((True, "client"), (False, "server")):
        own = s.client == mine
        columns[f"{name}_packets"] = s.groups.count_where(own)
        columns[f"{name}_bytes"] = s.groups.sum_where(s.length, own)
        columns[f"{name}_unique_bytes"] = pieces.unique[int(mine) :: 2]
        columns[f"{name}_missing_bytes"] = pieces.missing[int(mine) :: 2]
        for column, bit in _COUNTED:
            columns[f"{name}_{column}"] = s.groups.count_where(own & ((label & bit) != 0))


def _close_ms(s: Sorted, c: closing.Closings) -> NDArray[np.float64]:
    """Return the time from the first FIN (or the reset) to the segment that completed the close."""
    out = np.full(s.groups.count, np.nan)
    start = np.where(c.fin >= 0, c.fin, 1 << 62).min(axis=0)
    start = np.where(start == 1 << 62, c.rst, start)
    known = (start >= 0) & (c.end >= 0) & (c.end >= start)
    out[known] = (s.time[c.end[known]] - s.time[start[known]]) / NS_PER_MS
    return out


def _completeness(s: Sorted) -> NDArray[np.int64]:
    """Return Wireshark's ``tcp.completeness`` bits (MEASURES).

    A SYN and its data count when the connection begins with it; anything else but a reset only with ACK.
    """
    g, flags = s.groups, s.flags
    syn, ack, data = (flags & Flag.SYN) != 0, (flags & Flag.ACK) != 0, s.length > 0
    begins = np.zeros(g.size, np.bool_)
    begins[g.first[:-1]] = True
    begins &= syn & ~ack
    bits = (
        (1, begins),
        (2, syn & ack),
        (4, ack & ~syn & ~data),
        (8, data & ((ack & ~syn) | begins)),
        (16, ((flags & Flag.FIN) != 0) & ack),
        (32, (flags & Flag.RST) != 0),
    )
    out = np.zeros(g.count, np.int64)
    for bit, where in bits:
        out[g.any_where(where)] |= bit
    return out
