"""What following TCP gives: segments sorted by connection, and one row of columns per connection.

Connections (possibly millions) stay columns; :meth:`Connections.row` draws one for a reader. The bits of
:class:`Label` are Wireshark's analysis words as MEASURES defines them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import IntFlag
from functools import cache
from itertools import repeat
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.addresses import host_text
from analyzer.flows.tcp_state import STATES
from analyzer.schema import TcpConflict, TcpOpinion, TcpRow
from analyzer.units import NS_PER_MS


class Label(IntFlag):
    """What Wireshark would say about a segment (bits of ``Segments.label``)."""

    LOST_SEGMENT = 0x0001  # previous segment not captured
    RETRANSMISSION = 0x0002
    FAST_RETRANSMISSION = 0x0004
    SPURIOUS_RETRANSMISSION = 0x0008
    OUT_OF_ORDER = 0x0010
    DUPLICATE_ACK = 0x0020
    ACKED_UNSEEN = 0x0040
    ZERO_WINDOW = 0x0080
    ZERO_WINDOW_PROBE = 0x0100
    ZERO_WINDOW_PROBE_ACK = 0x0200
    WINDOW_FULL = 0x0400
    WINDOW_UPDATE = 0x0800
    KEEP_ALIVE = 0x1000
    KEEP_ALIVE_ACK = 0x2000
    PORT_REUSED = 0x4000
    CAPTURED_TWICE = 0x8000  # second opinion: the same packet recorded twice, not sent twice


VERDICTS = ("", "needed", "needless", "reordered", "captured_twice", "doubled")
"""What the second opinion concludes about a segment; a segment's verdict is an index into this."""
NEEDED, NEEDLESS, REORDERED, TWICE, DOUBLED = range(1, 6)
NOTHING_NEW = (
    Label.RETRANSMISSION
    | Label.FAST_RETRANSMISSION
    | Label.SPURIOUS_RETRANSMISSION
    | Label.OUT_OF_ORDER
    | Label.KEEP_ALIVE
)
"""Labels of segments that do not advance what their side has sent."""
HANDSHAKES = ("complete", "no_synack", "refused", "no_final_ack", "midstream", "simultaneous", "split")
CLOSES = ("none", "four_way", "three_way", "simultaneous", "half_closed", "reset")
CLIENT_BY = ("syn", "synack", "port", "first_packet")
CLOSERS = ("", "client", "server", "both")
HANDSHAKE_WHYS = ("", "refused", "unreachable", "filtered", "one_sided", "capture_end")
"""Why nobody agreed to open a connection; nothing where somebody did."""
DEVIATIONS = (
    "syn_repeated",
    "synack_repeated",
    "simultaneous_open",
    "split_handshake",
    "data_with_syn",
    "time_wait_reused",
    "fin_with_ack",
    "simultaneous_close",
    "data_after_fin",
    "fin_repeated",
    "rst_instead_of_fin",
    "rst_after_fin",
    "unclosed",
)
"""What can be out of the ordinary about opening and closing; bit k of the column ``deviations`` is the k-th."""
CONN_STATES = ("OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR")
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("client_by", CLIENT_BY),
    ("handshake", HANDSHAKES),
    ("handshake_why", HANDSHAKE_WHYS),
    ("close", CLOSES),
    ("closed_by", CLOSERS),
    ("client_state", STATES),
    ("server_state", STATES),
    ("conn_state", CONN_STATES),
)
_FLAGS: tuple[str, ...] = ("sack_permitted", "timestamps", "fast_open", "ecn", "accurate_ecn", "multipath")
_FLAG_VALUES = (False, True, None)  # by code; -1, the last, is unknown
_RST_BY = ("server", "client", None)  # the same
_CODED: dict[str, Sequence[object]] = {name: [word or None for word in words] for name, words in _WORDS}
_CODED |= dict.fromkeys(_FLAGS, _FLAG_VALUES)
"""Columns of codes, with what each code stands for."""
_ROW_FIELDS = tuple(f.name for f in fields(TcpRow))
T = TypeVar("T")
_DRAWN_AT_ONCE = 4096
"""Rows drawn together: enough to spread the cost of a column over many, few enough to hold in memory."""


@cache
def _deviation_names(bits: int) -> tuple[str, ...]:
    return tuple(name for k, name in enumerate(DEVIATIONS) if bits >> k & 1)


def _known(column: NDArray[Any]) -> list[Any]:
    """Turn a column into Python values; what is negative or NaN is unknown."""
    known = column >= 0
    if known.all():
        return column.tolist()  # type: ignore[no-any-return]
    return [value if is_known else None for value, is_known in zip(column.tolist(), known.tolist(), strict=True)]


@dataclass(slots=True)
class Segments:
    """All TCP segments, sorted by stream and inside a stream by frame.

    Attributes:
        first: (streams + 1,) int64; the segments of stream s are ``first[s]:first[s + 1]``.
        frame: (n,) int32, 1-based; time: (n,) int64 ns.
        from_client: (n,) bool.
        flags: (n,) uint16 of :class:`analyzer.decode.table.Flag`.
        seq: (n,) int64, unwrapped and relative to the sender's ISN (SYN is 0, the first data byte 1); without a
            SYN, relative so that the first segment seen has 1.
        ack: (n,) int64, unwrapped, relative to the other side's ISN in the same way; 0 without ACK.
        length: (n,) uint32, payload bytes on the wire.
        window: (n,) uint32, scaled where a SYN told the shift, else as sent.
        label: (n,) uint16 of :class:`Label`.
        judged: (k,) int64 index, ascending, of the segments on which the second opinion has a verdict; verdict: (k,)
            uint8 code into :data:`VERDICTS`.
        answered: (j,) int64 index, ascending, of the SYNs that were answered though another one was sent before the
            answer came; elsewhere it was the last one before it.
    """

    first: NDArray[np.int64]
    frame: NDArray[np.int32]
    time: NDArray[np.int64]
    from_client: NDArray[np.bool_]
    flags: NDArray[np.uint16]
    seq: NDArray[np.int64]
    ack: NDArray[np.int64]
    length: NDArray[np.uint32]
    window: NDArray[np.uint32]
    label: NDArray[np.uint16]
    judged: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    verdict: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    answered: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def of(self, stream: int) -> slice:
        """Return the slice of a stream's segments."""
        return slice(int(self.first[stream]), int(self.first[stream + 1]))

    def verdicts(self, part: slice) -> NDArray[np.uint8]:
        """Return the verdict on each segment of a slice, 0 where there is none."""
        return verdicts_of(self.judged, self.verdict, part)

    def __len__(self) -> int:
        return int(self.frame.size)


def verdicts_of(judged: NDArray[np.int64], verdict: NDArray[np.uint8], part: slice) -> NDArray[np.uint8]:
    """Spread the verdicts on some segments out over a slice of all; arguments as in :class:`Segments`."""
    out = np.zeros(part.stop - part.start, np.uint8)
    low, high = np.searchsorted(judged, (part.start, part.stop))
    out[judged[low:high] - part.start] = verdict[low:high]
    return out


@dataclass(slots=True)
class Connections:
    """One row per connection (``stream`` is the row number), as columns.

    ``columns`` holds an array per numeric column of the ``tcp`` table under its name there: frames and counts int32,
    sizes and sequence numbers int64 (-1 is unknown), durations float64 ms (NaN is unknown), ``handshake``, ``close``,
    ``client_by`` and the like uint8 codes into :data:`HANDSHAKES`, :data:`CLOSES`, :data:`CLIENT_BY`; instants int64
    ns. ``words`` holds text per stream for the columns that are text, with a default where a stream is absent.

    Attributes:
        client_host, server_host: (c,) int32 into ``hosts``; hosts: (h, 17) uint8 as in the packet table.
        targets: host and port that a proxy was asked for (SOCKS), by stream.
    """

    client_host: NDArray[np.int32]
    server_host: NDArray[np.int32]
    hosts: NDArray[np.uint8]
    columns: dict[str, NDArray[np.generic]]
    words: dict[str, dict[int, str]] = field(default_factory=dict)
    syn_frames: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    opinions: dict[int, tuple[TcpOpinion, ...]] = field(default_factory=dict)
    conflicts: dict[int, tuple[TcpConflict, ...]] = field(default_factory=dict)
    targets: dict[int, tuple[str, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.client_host.size)

    def host(self, host_id: int) -> str:
        """Return an address as text."""
        return host_text(self.hosts[host_id].tobytes())

    def row(self, stream: int) -> TcpRow:
        """Draw one connection as a row of the ``tcp`` table. Raises IndexError for an unknown stream."""
        return self.rows_of((stream,))[stream]

    def rows(self) -> Iterator[TcpRow]:
        """Draw every connection, in stream order."""
        for low in range(0, len(self), _DRAWN_AT_ONCE):
            yield from self._draw(np.arange(low, min(low + _DRAWN_AT_ONCE, len(self))))

    def rows_of(self, streams: Collection[int]) -> dict[int, TcpRow]:
        """Draw some connections, each under its stream. Raises IndexError for an unknown stream."""
        at = np.fromiter(streams, np.int64, len(streams))
        for stream in at[(at < 0) | (at >= len(self))].tolist():
            raise IndexError(f"no TCP stream {stream}")
        return dict(zip(at.tolist(), self._draw(at), strict=True))

    def drawn(self) -> Iterator[tuple[type[TcpRow], list[Sequence[Any]]]]:
        """Give all connections in stream order, in batches of (the type of row, for each of its fields the values)."""
        for low in range(0, len(self), _DRAWN_AT_ONCE):
            values = self._values(np.arange(low, min(low + _DRAWN_AT_ONCE, len(self))))
            yield TcpRow, [column if isinstance(column, list | tuple) else list(column) for column in values]

    def outlines(self, kind: Callable[..., T], names: Sequence[str], streams: Collection[int]) -> dict[int, T]:
        """Draw only some fields of some connections, which is quicker where rows are many.

        Args:
            kind: what to make of the values of the fields, in the order of ``names``.
            names: of fields of the ``tcp`` table.
            streams: which connections.
        """
        at = np.fromiter(streams, np.int64, len(streams))
        return dict(zip(at.tolist(), map(kind, *self._values(at, names)), strict=True)) if at.size else {}

    def _draw(self, at: NDArray[np.int64]) -> Iterator[TcpRow]:
        """Draw connections."""
        return map(TcpRow, *self._values(at)) if at.size else iter(())

    def _values(self, at: NDArray[np.int64], names: Sequence[str] = _ROW_FIELDS) -> list[Iterable[Any]]:
        """Return the values of some fields of some rows: each column is turned into Python values once."""
        streams = at.tolist()
        return [self._field(name, at, streams) for name in names]

    def _field(self, name: str, at: NDArray[np.int64], streams: list[int]) -> Iterable[Any]:
        if name in _MADE:
            return _MADE[name](self, at, streams)
        values: NDArray[Any] = self.columns[name][at]
        if name in _CODED:
            return map(_CODED[name].__getitem__, values.tolist())
        # Negative or NaN is unknown; durations are where a clock ran backwards, too. An instant may lie before 1970.
        return values.tolist() if name == "start_time" else _known(values)

    def _duration(self, at: NDArray[np.int64]) -> Iterable[float]:
        part: dict[str, NDArray[Any]] = {name: self.columns[name][at] for name in ("start_time", "end_time")}
        return ((part["end_time"] - part["start_time"]) / NS_PER_MS).tolist()  # type: ignore[no-any-return]

    def _rst_by(self, at: NDArray[np.int64]) -> Iterable[str | None]:
        frame, by_client = np.asarray(self.columns["rst_frame"][at]), self.columns["rst_by_client"][at]
        return map(_RST_BY.__getitem__, np.where(frame < 0, -1, by_client).tolist())

    def _openings(self, at: NDArray[np.int64], streams: list[int], side: int) -> Iterable[tuple[int, ...]]:
        """Return the SYN frames (side 0) or SYN/ACK frames (side 1) of each connection."""
        frames = np.asarray(self.columns[("syn_frame", "synack_frame")[side]][at]).tolist()
        several = self.syn_frames
        return [
            several[stream][side] if stream in several else () if frame < 0 else (frame,)
            for stream, frame in zip(streams, frames, strict=True)
        ]

    def _host_texts(self, ids: NDArray[np.int32]) -> list[str]:
        numbers = ids.tolist()
        texts = {host_id: self.host(host_id) for host_id in set(numbers)}
        return [texts[host_id] for host_id in numbers]

    def _histories(self, at: NDArray[np.int64]) -> list[str]:
        letters, first = self.columns["history_letters"], self.columns["history_first"]
        bounds = zip(first[at].tolist(), first[at + 1].tolist(), strict=True)
        return [letters[low:high].tobytes().decode("ascii") for low, high in bounds]

    def ms(self, name: str, stream: int) -> float | None:
        """Return a duration column's value, None when unknown: not captured, or the clock ran backwards in between."""
        value = float(self.columns[name][stream])
        return value if value >= 0 else None

    def number(self, name: str, stream: int) -> int | None:
        """Return a frame or count column's value, None when unknown."""
        value = int(self.columns[name][stream])
        return None if value < 0 else value


_MADE: dict[str, Callable[[Connections, NDArray[np.int64], list[int]], Iterable[Any]]] = {
    "stream": lambda c, at, streams: streams,
    "client": lambda c, at, streams: c._host_texts(c.client_host[at]),
    "server": lambda c, at, streams: c._host_texts(c.server_host[at]),
    "duration_ms": lambda c, at, streams: c._duration(at),
    "application": lambda c, at, streams: map(c.words["application"].get, streams, repeat("unknown")),
    "client_mac": lambda c, at, streams: map(c.words["client_mac"].get, streams),
    "server_mac": lambda c, at, streams: map(c.words["server_mac"].get, streams),
    "history": lambda c, at, streams: c._histories(at),
    "rst_by": lambda c, at, streams: c._rst_by(at),
    "deviations": lambda c, at, streams: map(_deviation_names, np.asarray(c.columns["deviations"][at]).tolist()),
    "opinions": lambda c, at, streams: map(c.opinions.get, streams, repeat(())),
    "conflicts": lambda c, at, streams: map(c.conflicts.get, streams, repeat(())),
    "syn_frames": lambda c, at, streams: c._openings(at, streams, 0),
    "synack_frames": lambda c, at, streams: c._openings(at, streams, 1),
}
"""The fields of a row that are more than a column's value."""
