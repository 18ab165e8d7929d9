"""The connections of a visit: one lane each, with its opening, its requests one after the other, and its close.

The same pieces as in the waterfall of requests (:mod:`analyzer.report.waterfall`), on the same axis: what a request's
row shows above each other stands here behind each other, so that one sees which connections were busy, which lay idle,
and what waited for a free one. A connection whose requests cannot be read carries encrypted data.

Sources: MEASURES, "Phases of a request"; RFC 9293 section 3.6 (closing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.decode.table import Flag
from analyzer.flows.model import Segments
from analyzer.report.axis import Axis, Part
from analyzer.report.cells import DASH
from analyzer.report.escape import Prose, safe
from analyzer.report.requests import AFTER, phases, pieces, request_anchor, status_text, target_text, total_ms
from analyzer.report.wording import plural, say
from analyzer.schema import HttpRow, TcpRow, TlsRow
from analyzer.units import NS_PER_MS, human_ms

Pieces = list[tuple[str, int, int]]
"""(phase, start, end) in ns, in the order of time."""

_OPENING = frozenset({"dns", "connect", "tls"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on a lane: the anchor of its row, its name and how long it took, and its pieces."""

    anchor: str
    words: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One connection.

    Attributes:
        ends: its server, or its name and its server.
        requests: how many there are, in words.
        open: (left, width) in percent, from its first packet to its last one.
        parts: its opening, its close, and what it carried where that cannot be read.
        asked: its requests.
    """

    stream: int
    ends: str
    requests: str
    open: tuple[float, float]
    parts: tuple[Part, ...]
    asked: tuple[Asked, ...]


def connection_pieces(row: TcpRow, tls: TlsRow | None) -> Pieces:
    """Return the pieces of an encrypted connection."""
    end = row.start_time + round(row.duration_ms * NS_PER_MS)
    out: Pieces = []
    at = row.start_time
    if row.connect_ms is not None:
        at = row.start_time + round(row.connect_ms * NS_PER_MS)
        out.append(("connect", row.start_time, at))
    if tls is not None and tls.client_hello_time is not None and tls.finished_time is not None:
        out.append(("tls", tls.client_hello_time, tls.finished_time))
        at = tls.finished_time
    return [*out, ("open", at, max(end, at))]


def closing(row: TcpRow, segments: Segments) -> tuple[int, int] | None:
    """Return when a connection's close began and was over, in ns; None where it was not seen whole."""
    if row.close_ms is None or row.close in ("none", "half_closed"):
        return None
    part = segments.of(row.stream)
    flags = segments.flags[part]
    ends = (flags & Flag.FIN) != 0
    if not ends.any():
        ends = (flags & Flag.RST) != 0
    found = np.flatnonzero(ends)
    if not len(found):
        return None
    start = int(segments.time[part][found[0]])
    return start, start + round(row.close_ms * NS_PER_MS)


def lanes(
    requests: Sequence[tuple[int, HttpRow]],
    connections: Iterable[tuple[TcpRow, TlsRow | None]],
    closes: Mapping[int, tuple[int, int]],
    axis: Axis,
) -> tuple[Lane, ...]:
    """Draw up the lanes of a visit.

    Args:
        requests: (row number in the ``http`` table, row) of those that the waterfall shows.
        connections: those that they went over, and those whose requests cannot be read.
        closes: stream → start and end of its close.
    """
    asked: dict[int, list[tuple[int, HttpRow]]] = {}
    for number, one in requests:
        asked.setdefault(one.stream, []).append((number, one))
    words = {phase: short for phase, short, _ in phases()}
    drawn = []
    for row, tls in sorted(connections, key=lambda pair: (pair[0].start_time, pair[0].stream)):
        mine = sorted(asked.get(row.stream, ()), key=lambda item: item[1].index)
        drawn.append(_lane(row, tls, mine, closes.get(row.stream), axis, words))
    return tuple(drawn)


def _lane(
    row: TcpRow,
    tls: TlsRow | None,
    mine: Sequence[tuple[int, HttpRow]],
    close: tuple[int, int] | None,
    axis: Axis,
    words: Mapping[str, str],
) -> Lane:
    timed = [*_openings(row, tls, mine), *([] if close is None else [("close", *close)])]
    opened = axis.clipped(row.start_time, row.start_time + round(row.duration_ms * NS_PER_MS))
    server = f"[{safe(row.server)}]" if ":" in row.server else safe(row.server)
    name = next((one.host for _, one in mine if one.host), tls.sni if tls is not None else None)
    at = Prose(f"{server}:{row.server_port}")
    return Lane(
        stream=row.stream,
        ends=say("{name} at {server}", name=safe(name, 80), server=at) if name else at,
        requests=plural(len(mine), "request") if mine else say("requests cannot be read"),
        open=axis.place(*opened) if opened is not None else (0.0, 0.0),
        parts=parts(timed, axis, words),
        asked=tuple(_asked(number, one, axis, words) for number, one in mine),
    )


def parts(
    timed: Pieces, axis: Axis, words: Mapping[str, str], named: Mapping[tuple[str, int, int], str] | None = None
) -> tuple[Part, ...]:
    """Place pieces on an axis, each with its name and how long it took; what lies outside is left out.

    Args:
        words: phase → its name; named: piece → a name of its own.
    """
    out = []
    for phase, low, high in timed:
        if (seen := axis.clipped(low, high)) is not None:
            name = (named or {}).get((phase, low, high), words[phase])
            out.append(Part(phase, *axis.place(*seen), Prose(f"{name} {human_ms((high - low) / NS_PER_MS)}")))
    return tuple(out)


def _openings(row: TcpRow, tls: TlsRow | None, mine: Sequence[tuple[int, HttpRow]]) -> Pieces:
    """Return what came before the first request: as the request was charged with it, or as the connection says."""
    if not mine:
        return connection_pieces(row, tls)
    charged = [piece for piece in pieces(mine[0][1]) if piece[0] in _OPENING]
    return charged or [piece for piece in connection_pieces(row, tls) if piece[0] in _OPENING]


def _asked(number: int, row: HttpRow, axis: Axis, words: Mapping[str, str]) -> Asked:
    whole = total_ms(row)
    what = Prose(f"#{number + 1} {safe(row.method or '?', 20)} {safe(target_text(row), 60)}")
    took = DASH if whole is None else Prose(human_ms(whole))
    said = say("{request}: {status}, {time}", request=what, status=Prose(status_text(row)), time=took)
    carried = [piece for piece in pieces(row) if piece[0] in AFTER]
    return Asked(request_anchor(number), said, parts(carried, axis, words))
