"""What a visit's waterfall shows beside its requests: connections, how they closed, hardware addresses asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.analysis import Analysis
from analyzer.report.lanes import closing
from analyzer.report.waterfall import MAX_WATERFALL_ROWS, Around
from analyzer.schema import TcpRow, TlsRow, VisitRow
from analyzer.units import NS_PER_MS

_Connections = list[tuple[TcpRow, TlsRow | None]]


def drawn_together(analysis: Analysis, rows: Sequence[VisitRow], tls: dict[int, TlsRow]) -> dict[int, TcpRow]:
    """Return the connections that visits need, drawn at once: one by one, each would cost as much as a hundred."""
    streams = {stream for visit in rows for stream in visit.tcp_streams if stream in tls}
    for visit in rows:
        numbers = visit.http_rows[:MAX_WATERFALL_ROWS]
        streams.update(analysis.http[n].stream for n in numbers if 0 <= n < len(analysis.http))
    return analysis.connections.rows_of([stream for stream in streams if 0 <= stream < len(analysis.connections)])


def around(
    analysis: Analysis,
    visit: VisitRow,
    numbers: Sequence[int],
    tls: dict[int, TlsRow],
    connections: dict[int, TcpRow],
) -> Around:
    """Return what a visit's waterfall shows beside the requests that may be drawn.

    Args:
        numbers: rows of the requests.
        tls: stream → its row.
        connections: stream → its row, of those that are drawn already; more may be added.
    """
    streams = dict.fromkeys(analysis.http[n].stream for n in numbers[:MAX_WATERFALL_ROWS])
    rows = _of_streams(analysis, streams, tls, connections)
    closes = {row.stream: close for row, _ in rows if (close := closing(row, analysis.segments)) is not None}
    arp = [analysis.arp[n] for n in visit.arp_rows if 0 <= n < len(analysis.arp)]
    over = None if visit.duration_ms is None else visit.start_time + round(visit.duration_ms * NS_PER_MS)
    return Around(_encrypted(analysis, visit, tls, connections), rows, closes, arp, visit.start_time, over)


def _encrypted(
    analysis: Analysis, visit: VisitRow, tls: dict[int, TlsRow], connections: dict[int, TcpRow]
) -> _Connections:
    """Return the visit's connections on which no request can be read."""
    readable = {analysis.http[n].stream for n in visit.http_rows if 0 <= n < len(analysis.http)}
    streams = [stream for stream in visit.tcp_streams if stream not in readable and stream in tls]
    return _of_streams(analysis, streams, tls, connections)


def _of_streams(
    analysis: Analysis, streams: Iterable[int], tls: dict[int, TlsRow], connections: dict[int, TcpRow]
) -> _Connections:
    known = [stream for stream in streams if 0 <= stream < len(analysis.connections)]
    if missing := [stream for stream in known if stream not in connections]:
        connections.update(analysis.connections.rows_of(missing))
    return [(connections[stream], tls.get(stream)) for stream in known]
