"""The packet table while it is being filled: columns, addresses, reasons and problems.

Rules
    1. The innermost decodable header decides a row: an IP header inside a tunnel wipes what the outer one had booked.
    2. A frame is booked as malformed only while it has no better kind: a tunnel in which no sound IP header is found
       stays the datagram it is, with a problem.
    3. Counts are complete; examples (``reasons``, problems) are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.model import PacketIndex
from analyzer.decode.gather import Cursors, Ints
from analyzer.decode.hosts import HostIds
from analyzer.decode.table import Kind, PacketTable
from analyzer.problems import Problem, ProblemLog

MAX_REASONS = 10_000
"""Rows that keep their own reason text; a reader looks at examples, and the counts by reason are complete."""

_NO_BETTER_KIND = (Kind.NON_IP, Kind.FRAGMENT)
_LATER_COLUMNS = (
    "sport", "dport", "seq", "ack", "window", "flags", "tcp_header", "payload_at", "payload_len", "payload_cap",
)  # fmt: skip


class Columns:
    """Every column of the packet table, zeroed; rows are written as they are understood."""

    def __init__(self, count: int) -> None:
        self.kind = np.zeros(count, dtype=np.uint8)
        self.src = np.full(count, -1, dtype=np.int32)
        self.dst = np.full(count, -1, dtype=np.int32)
        self.proto = np.zeros(count, dtype=np.uint8)
        self.sport = np.zeros(count, dtype=np.uint16)
        self.dport = np.zeros(count, dtype=np.uint16)
        self.seq = np.zeros(count, dtype=np.uint32)
        self.ack = np.zeros(count, dtype=np.uint32)
        self.window = np.zeros(count, dtype=np.uint16)
        self.flags = np.zeros(count, dtype=np.uint16)
        self.tcp_header = np.zeros(count, dtype=np.uint8)
        self.ttl = np.zeros(count, dtype=np.uint8)
        self.ip_id = np.zeros(count, dtype=np.uint16)
        self.payload_at = np.zeros(count, dtype=np.int32)
        self.payload_len = np.zeros(count, dtype=np.uint32)
        self.payload_cap = np.zeros(count, dtype=np.uint32)
        self.hosts = HostIds()
        self.reasons: dict[int, str] = {}
        self.unsupported: dict[str, int] = {}
        self.malformed: dict[str, int] = {}
        self.problems = ProblemLog()

    def reset(self, rows: Ints) -> None:
        """Forget what outer headers booked, before an inner IP header books itself."""
        again = rows[self.kind[rows] != Kind.NON_IP]
        if not again.size:
            return
        self.kind[again] = Kind.NON_IP
        for name in _LATER_COLUMNS:
            getattr(self, name)[again] = 0

    def payload(self, cursors: Cursors) -> None:
        """Book everything from ``at`` on as payload."""
        rows = cursors.rows
        self.payload_at[rows] = cursors.at
        self.payload_len[rows] = np.maximum(cursors.wire - cursors.at, 0)
        self.payload_cap[rows] = np.maximum(cursors.end - cursors.at, 0)

    def book(self, cursors: Cursors, kind: Kind) -> None:
        """Book rows as ``kind`` with everything from ``at`` on as payload."""
        self.kind[cursors.rows] = kind
        self.payload(cursors)

    def book_malformed(self, rows: Ints, reason: str) -> None:
        """Book rows as malformed, unless something about them was understood: then it is a problem."""
        if not rows.size:
            return
        open_rows = rows[np.isin(self.kind[rows], _NO_BETTER_KIND)]
        self._book(open_rows, Kind.MALFORMED, reason, self.malformed)
        inner = rows[~np.isin(self.kind[rows], _NO_BETTER_KIND) & (self.kind[rows] != Kind.MALFORMED)]
        if inner.size:
            first = int(inner[0]) + 1
            self.problems.add(Problem("TUNNEL-MALFORMED", "ip", f"Inside a tunnel: {reason}", first), int(inner.size))

    def book_unsupported(self, rows: Ints, reason: str) -> None:
        """Book rows as of a kind that is not read, unless something about them was understood."""
        self._book(rows[self.kind[rows] == Kind.NON_IP], Kind.UNSUPPORTED, reason, self.unsupported)

    def cut_short(self, cursors: Cursors, short: NDArray[np.bool_], header: str, needed: int) -> None:
        """Book the rows of a (m,) mask as malformed because the packet or its capture ends inside ``header``."""
        sent = cursors.wire - cursors.at >= needed
        self.book_malformed(cursors.rows[short & sent], f"cut by snaplen inside the {header} header")
        self.book_malformed(cursors.rows[short & ~sent], f"packet ends inside the {header} header")

    def _book(self, rows: Ints, kind: Kind, reason: str, counts: dict[str, int]) -> None:
        if not rows.size:
            return
        self.kind[rows] = kind
        counts[reason] = counts.get(reason, 0) + int(rows.size)
        for row in rows[: MAX_REASONS - len(self.reasons)].tolist():
            self.reasons[row] = reason

    def table(self, index: PacketIndex, rebuilt: Mapping[int, bytes]) -> PacketTable:
        """Return the finished table; the arrays are handed over, not copied."""
        return PacketTable(
            index=index,
            kind=self.kind,
            src=self.src,
            dst=self.dst,
            hosts=self.hosts.table(),
            proto=self.proto,
            sport=self.sport,
            dport=self.dport,
            seq=self.seq,
            ack=self.ack,
            window=self.window,
            flags=self.flags,
            tcp_header=self.tcp_header,
            ttl=self.ttl,
            ip_id=self.ip_id,
            payload_at=self.payload_at,
            payload_len=self.payload_len,
            payload_cap=self.payload_cap,
            rebuilt=rebuilt,
            reasons=self.reasons,
            unsupported=self.unsupported,
            malformed=self.malformed,
            problems=tuple(self.problems),
        )
