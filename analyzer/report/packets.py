"""The list of packets: a row per frame with who sent it to whom, its protocol, its length, and what is odd about it.

Everything here is columns: a capture of 200,000 packets costs no object per packet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from analyzer.addresses import endpoint, host_text
from analyzer.analysis import Analysis
from analyzer.decode.summary import Packets
from analyzer.decode.table import Flag, Kind
from analyzer.flows.model import Label
from analyzer.report.cells import DASH, MAX_GRID_ROWS, Cell, Clock, Column, Elsewhere, Grid, Numbers, Row, Table, Texts
from analyzer.report.escape import Prose, safe
from analyzer.report.grid import NS_PER_US, PREVIEW_ROWS
from analyzer.report.ladder import LABEL_WORDS
from analyzer.report.wording import joined, message, say

NAMES: Mapping[int, str] = {Kind.TCP: "TCP", Kind.UDP: "UDP", Kind.ICMP: "ICMP", Kind.ARP: "ARP"}
"""Kind of frame → protocol, where the one tells the other."""

IP_PROTOCOLS: Mapping[int, str] = {
    2: "IGMP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    89: "OSPF",
    103: "PIM",
    112: "VRRP",
    132: "SCTP",
}
"""Number in the IP header → protocol (IANA, Assigned Internet Protocol Numbers)."""

OTHERS: Mapping[int, str] = {
    Kind.NON_IP: message("not IP"),
    Kind.FRAGMENT: message("IP fragment"),
    Kind.UNSUPPORTED: message("not supported"),
    Kind.MALFORMED: message("malformed"),
}
"""Kind of frame → what stands where others have their protocol."""

PORTS: Mapping[int, str] = {
    53: "dns",
    67: "dhcp",
    68: "dhcp",
    123: "ntp",
    443: "quic",
    546: "dhcp",
    547: "dhcp",
    5353: "dns mdns",
    5355: "dns llmnr",
    8000: "oicq",
}
"""UDP port → what the filter may call the datagrams beside "udp" (IANA, Service Name and Port Number Registry)."""

FLAGS = ((Flag.SYN, "SYN"), (Flag.FIN, "FIN"), (Flag.RST, "RST"), (Flag.PSH, "PSH"), (Flag.ACK, "ACK"))

Ints = NDArray[np.int64]


def packets_table(analysis: Analysis, clock: Clock) -> Table:
    """Draw up the list of packets; without rows where an analysis has none."""
    columns = (
        Column(say("Frame"), numeric=True),
        Column(say("Time"), numeric=True),
        Column(say("Source")),
        Column(say("Destination")),
        Column(say("Protocol")),
        Column(say("Length"), numeric=True),
        Column(say("Stream"), numeric=True),
        Column(say("Note"), wide=True),
    )
    packets = analysis.packets
    caption = say("Packets")
    if packets is None or not len(packets):
        return Table("packets-table", caption, columns, (), 0)
    count = min(len(packets), MAX_GRID_ROWS)
    grid = _grid(analysis, packets, count, clock)
    return Table("packets-table", caption, columns, _preview(grid, clock), packets.total, grid, Elsewhere.CAPTURE)


def _grid(analysis: Analysis, packets: Packets, count: int, clock: Clock) -> Grid:
    streams, notes = _segments(analysis, count)
    kind, proto = packets.kind[:count].astype(np.int64), packets.proto[:count].astype(np.int64)
    _other_notes(packets, kind, notes)
    talks, words = _talks(analysis, packets, count, streams)
    protocols = _unique(kind << 8 | proto, lambda key: _protocol(key >> 8, key & 255))
    named = _unique(
        (talks << 16) | (kind << 8) | proto,
        lambda key: f"{_protocol(key >> 8 & 255, key & 255).text} {words[key >> 16]}".lower().strip(),
    )
    hosts = [""] + [host_text(host.tobytes()) for host in packets.hosts]
    src, dst = packets.src[:count].astype(np.int64) + 1, packets.dst[:count].astype(np.int64) + 1
    pair = _unique(src * len(hosts) + dst, lambda key: " ".join(hosts[at] for at in divmod(key, len(hosts))))

    def end(key: int) -> Cell:
        host, port = hosts[key >> 16], key & 0xFFFF
        return (
            Cell(endpoint(host, port) if port else host)
            if host
            else Cell(DASH, tone="muted", title=say("no IP address"))
        )

    time = packets.time[:count]
    start = clock.start or 0
    since = _numbers((time - start) // NS_PER_US, time != 0)
    return Grid(
        count,
        (
            Numbers(range(1, count + 1), "plain", link="frame"),
            Numbers(since, "instant", 1_000_000),
            *_pair(src << 16 | packets.sport[:count], dst << 16 | packets.dport[:count], end),
            protocols,
            Numbers(packets.length[:count].tolist(), "count"),
            Numbers(_numbers(streams, streams >= 0), "plain", link="stream"),
            _unique(notes, lambda key: _note(key, packets)),
        ),
        {"frames": 0, "from": 1, "host": pair, "proto": named, "stream": 6},
        "frame",
    )


def _numbers(values: Ints, known: NDArray[np.bool_]) -> list[int | None]:
    out: list[int | None] = values.tolist()
    for at in np.flatnonzero(~known).tolist():
        out[at] = None
    return out


def _unique(keys: Ints, make: Callable[[int], Cell | str]) -> Texts:
    """Return a column in which rows with the same key have the same cell."""
    distinct, at = np.unique(keys, return_inverse=True)
    return Texts([make(key) for key in distinct.tolist()], at.reshape(-1).tolist())


def _pair(first: Ints, second: Ints, make: Callable[[int], Cell | str]) -> tuple[Texts, Texts]:
    """Return two columns of the same kind: who sends receives, too, and is written once."""
    both = _unique(np.concatenate((first, second)), make)
    places = both.at or ()
    return Texts(both.cells, places[: first.size]), Texts(both.cells, places[first.size :])


def _preview(grid: Grid, clock: Clock) -> tuple[Row, ...]:
    """Return the first rows as markup needs them; they have no anchors, since the lines of ladders have these."""
    rows = range(min(grid.total, PREVIEW_ROWS))
    return tuple(Row("", tuple(_shown(column, n) for column in grid.columns)) for n in rows)


def _shown(column: Texts | Numbers, n: int) -> Cell:
    if isinstance(column, Texts):
        cell = column.cells[column.at[n] if column.at is not None else n if len(column.cells) > 1 else 0]
        return Cell(cell) if isinstance(cell, str) else cell
    value = column.values[n]
    if value is None:
        return Cell(DASH, tone="muted")
    return Cell(f"{value / column.per:.6f} s" if column.form == "instant" else str(value))


# ── protocols ────────────────────────────────────────────────────────────────────────────────────────────────────


def _protocol(kind: int, proto: int) -> Cell:
    if kind == Kind.OTHER_IP or (kind == Kind.ICMP and proto in IP_PROTOCOLS):
        return Cell(IP_PROTOCOLS[proto] if proto in IP_PROTOCOLS else say("IP protocol {number}", number=proto))
    if kind in NAMES:
        return Cell(NAMES[kind])
    return Cell(say(OTHERS[kind]), tone="bad" if kind == Kind.MALFORMED else "muted")


def _talks(analysis: Analysis, packets: Packets, count: int, streams: Ints) -> tuple[Ints, list[str]]:
    """Return for each frame a place in a list of words: what is spoken on its connection or port."""
    applications = analysis.connections.words.get("application", {})
    words = ["", *sorted(set(applications.values()) | set(PORTS.values()))]
    places = {word: at for at, word in enumerate(words)}
    of_stream = np.zeros(len(analysis.connections) + 1, np.int64)  # the last is for frames of no connection
    for stream, word in applications.items():
        of_stream[stream] = places[word]
    of_port = np.zeros(0x10000, np.int64)
    for port, word in PORTS.items():
        of_port[port] = places[word]
    by_port = np.where(
        of_port[packets.sport[:count]] > 0, of_port[packets.sport[:count]], of_port[packets.dport[:count]]
    )
    return np.where(packets.kind[:count] == Kind.UDP, by_port, of_stream[streams]), words


# ── notes ────────────────────────────────────────────────────────────────────────────────────────────────────────

_PLAIN, _FRAGMENT, _UNSUPPORTED, _MALFORMED, _REASON = -1, -2, -3, -4, -5
"""Keys of notes; from 0 on a segment's flags and labels, from ``_REASON`` downwards the reason of row 0, 1, 2 …"""


def _segments(analysis: Analysis, count: int) -> tuple[Ints, Ints]:
    """Return (n,) the stream of each frame, -1 for none, and (n,) the key of its note."""
    segments = analysis.segments
    streams, notes = np.full(count, -1, np.int64), np.full(count, _PLAIN, np.int64)
    if not len(segments):
        return streams, notes
    owner = np.repeat(np.arange(segments.first.size - 1), np.diff(segments.first))
    kept = np.flatnonzero(segments.frame <= count)
    rows = segments.frame[kept].astype(np.int64) - 1
    streams[rows] = owner[kept]
    notes[rows] = segments.flags[kept].astype(np.int64) | segments.label[kept].astype(np.int64) << 16
    return streams, notes


def _other_notes(packets: Packets, kind: Ints, notes: Ints) -> None:
    for of, key in ((Kind.FRAGMENT, _FRAGMENT), (Kind.UNSUPPORTED, _UNSUPPORTED), (Kind.MALFORMED, _MALFORMED)):
        notes[kind == of] = key
    for row in packets.reasons:
        if row < notes.size:
            notes[row] = _REASON - row


def _note(key: int, packets: Packets) -> Cell:
    """Say what is to be said of a frame."""
    if key >= 0:
        return _segment_note(key & 0xFFFF, key >> 16)
    if key == _FRAGMENT:
        return Cell(say("part of a datagram that another frame completes"))
    if key <= _REASON:
        return Cell(safe(packets.reasons[_REASON - key]), tone="bad")
    return Cell("", tone="bad" if key == _MALFORMED else "")


def _segment_note(flags: int, label: int) -> Cell:
    set_flags = Prose(", ".join(name for bit, name in FLAGS if flags & bit))
    words = [say(text) for bit, text in LABEL_WORDS if label & bit]
    if not words:
        return Cell(set_flags, tone="bad" if flags & Flag.RST else "")
    minor = label & ~(Label.WINDOW_UPDATE | Label.KEEP_ALIVE | Label.KEEP_ALIVE_ACK | Label.DUPLICATE_ACK) == 0
    return Cell(Prose(f"{set_flags} – {joined(words)}"), tone="" if minor else "warn")
