"""Ties an ICMP error to what it quotes: a connection, so that unreachable is told from filtered, a lookup, an echo.

Rules:

* Only errors that say that packets do not arrive count: destination unreachable with every reason (the administrative
  ones too), and time exceeded on the way. "Packet too big" asks for smaller packets and a connection goes on with them;
  redirect and source quench are advice; a parameter problem and a fragment that timed out come from machines that were
  reached. The ``icmp`` table has them all.
* ``unreachable_frame`` is the first such error that quotes a connection, whatever became of it: RFC 5461 lets a sender
  go on, and a traceroute over TCP gets one from every router on the way.
* ``quoted_table`` and ``quoted_row`` lead to what any error is about: the connection, the row of the ``dns`` table that
  the quoted datagram is a query or an answer of, or the echo request's row of the ``icmp`` table.
* ``handshake_why`` becomes ``unreachable`` where nobody answered: silence is explained. A reset stays a refusal, and a
  client that went on had an answer.

Sources: RFC 792, RFC 4443 section 3, RFC 1122 section 4.2.3.9 (what TCP does with each), RFC 5461 section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.flows.model import HANDSHAKE_WHYS, Connections
from analyzer.schema import DnsRow, IcmpRow, filled

_UNREACHABLE = {4: 3, 6: 1}
_TIME_EXCEEDED = {4: 11, 6: 3}
_TOO_BIG_CODE = 4
"""IPv4 says "packet too big" as a kind of destination unreachable; ICMPv6 has a type for it."""
_SILENT = tuple(HANDSHAKE_WHYS.index(why) for why in ("filtered", "capture_end"))


def tie(connections: Connections, rows: Iterable[IcmpRow]) -> None:
    """Write the columns ``unreachable_frame`` and ``handshake_why`` of the connections that ICMP errors quote.

    Args:
        connections: changed in place.
        rows: the ``icmp`` table, in the order of its frames.
    """
    frames, whys = connections.columns["unreachable_frame"], connections.columns["handshake_why"]
    for row in rows:
        stream, frame = row.quoted_stream, row.request_frame
        if stream is None or frame is None or not says_unreachable(row) or frames[stream] >= 0:
            continue
        frames[stream] = frame
        if whys[stream] in _SILENT:
            whys[stream] = HANDSHAKE_WHYS.index("unreachable")


def quoting(rows: Sequence[IcmpRow], lookups: Sequence[DnsRow]) -> None:
    """Write the columns ``quoted_table`` and ``quoted_row`` of the errors whose packets belong to a row.

    Args:
        rows: the ``icmp`` table, changed in place; lookups: the ``dns`` table.
    """
    quoted = {row.quoted_frame for row in rows if row.quoted_frame is not None}
    if not quoted:
        return
    about: dict[int, tuple[str, int]] = {}
    for at, lookup in enumerate(lookups):
        for frame in (*lookup.query_frames, lookup.response_frame, *lookup.duplicate_frames):
            if frame in quoted:
                about[frame] = ("dns", at)
    for at, row in enumerate(rows):
        if row.kind == "echo" and row.request_frame in quoted:
            about[row.request_frame] = ("icmp", at)
    for row in rows:
        if row.quoted_stream is not None:
            filled(row, quoted_table="tcp", quoted_row=row.quoted_stream)
        elif row.quoted_frame in about:
            table, at = about[row.quoted_frame]
            filled(row, quoted_table=table, quoted_row=at)


def says_unreachable(row: IcmpRow) -> bool:
    """Tell whether an ICMP message says that a packet did not get where it was going."""
    if row.kind != "error":
        return False
    version = 6 if ":" in row.source else 4
    if row.type == _UNREACHABLE[version]:
        return version == 6 or row.code != _TOO_BIG_CODE
    return row.type == _TIME_EXCEEDED[version] and row.code == 0
