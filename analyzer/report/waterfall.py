"""The waterfall of a visit: each request as a bar cut into its phases, placed on the visit's own time axis.

A request's phases end where it was sent: blocked, TLS, connect and DNS lie before its first byte, in the order they
happened. Where the local network was asked for a hardware address, the row of the next request shows it; the close of
a connection stands in the row of the last request on it. Both are no part of that request's sum. A connection whose
requests are encrypted gets one bar of its own: connect, TLS, and the time it carried data.

The requests that determined when the visit ended are marked (:mod:`analyzer.report.critical`); the same pieces by
connection are in :mod:`analyzer.report.lanes`.

Source: MEASURES, "Phases of a request".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from analyzer.report.axis import Axis, Tick
from analyzer.report.bars import Bar, connection_bar, request_bar
from analyzer.report.cells import DASH, Clock
from analyzer.report.critical import Wait, critical_path
from analyzer.report.escape import Prose, safe
from analyzer.report.lanes import Lane, Pieces, connection_pieces, lanes, parts
from analyzer.report.request_facts import Links
from analyzer.report.requests import phases, pieces, request_anchor, tone
from analyzer.report.shares import Share
from analyzer.report.wording import plural, say
from analyzer.schema import ArpRow, HttpRow, TcpRow, TlsRow
from analyzer.units import NS_PER_MS, human_ms

MAX_WATERFALL_ROWS = 250
"""Requests drawn of one visit; the table of requests has the rest."""

MAX_WATERFALL_ROWS_IN_ALL = 500
"""Requests drawn on the whole page: about 1 kB of markup each."""

MAX_DETAILED = 200
"""Requests of the page whose rows open, but for those that failed: about 5 kB of markup each."""

MAX_PATH = 12
"""Requests of a critical path that are named above the waterfall; their rows are marked all the same."""

MUCH_LONGER = 3
"""How many times longer than the visit what goes on afterwards must be to get an axis of its own."""

CLOSE_ROOM = 0.5
"""How much longer than its requests an axis may get to show how their connections closed; later ones are cut off."""


@dataclass(frozen=True, slots=True)
class Path:
    """The critical path in words: how many requests, how long, and (anchor, text) of those that are named."""

    sentence: str
    links: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True, slots=True)
class Band:
    """Bars on one axis, and the same by connection; ``title`` is empty where there is only one band."""

    title: str
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    lanes: tuple[Lane, ...] = ()


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars on one axis or two; ``total`` counts the bars that exist, ``detailed`` those that open.

    Attributes:
        bands: a second one has what went on when the visit was over, where that lasted much longer.
    """

    bands: tuple[Band, ...]
    total: int
    path: Path | None = None
    detailed: int = 0

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Return the bars of all bands."""
        return tuple(bar for band in self.bands for bar in band.bars)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Return the lanes of all bands."""
        return tuple(lane for band in self.bands for lane in band.lanes)


@dataclass(frozen=True, slots=True)
class Around:
    """What a waterfall shows beside its requests.

    Attributes:
        encrypted: connections whose requests cannot be read.
        connections: of the requests; closes: stream → when its close began and was over, in ns.
        arp: exchanges of the visit.
        start: ns, where the axis begins at the latest; over: when the visit was.
    """

    encrypted: Sequence[tuple[TcpRow, TlsRow | None]] = ()
    connections: Sequence[tuple[TcpRow, TlsRow | None]] = ()
    closes: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    arp: Sequence[ArpRow] = ()
    start: int | None = None
    over: int | None = None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A bar before it is placed: its pieces, when it was sent, its row, and whether somebody waited for it.

    Pieces beside it may be ``named`` for what they are about.
    """

    bar: Bar
    pieces: Pieces
    sent: int
    number: int | None = None
    awaited: bool = True
    named: Mapping[tuple[str, int, int], str] = field(default_factory=dict)


def waterfall(
    requests: Sequence[tuple[int, HttpRow]],
    around: Around | None = None,
    room: int = MAX_WATERFALL_ROWS,
    detailed: int = MAX_DETAILED,
    links: Links | None = None,
    clock: Clock | None = None,
) -> Waterfall:
    """Draw up a waterfall.

    Args:
        requests: (row number in the ``http`` table, row).
        room: bars at most; detailed: those of them that open, but for those that failed.
        links: which request led to which.
        clock: tells the filter when each was.
    """
    links, around, room = links or Links(), around or Around(), max(room, 0)
    total = len(requests) + len(around.encrypted)
    path = () if around.encrypted else critical_path(requests, around.over)
    waits = {wait.number: wait for wait in path} if total > 1 else {}
    shown = requests[:room]
    drawn: list[_Drawn] = []
    for number_, row in shown:
        full = detailed > 0 or tone(row) in ("bad", "warn")
        detailed -= full
        parts_ = pieces(row)
        bar = request_bar(number_, row, links, clock, waits.get(number_), full)
        drawn.append(
            _Drawn(bar, parts_, row.request_time or (parts_[0][1] if parts_ else 0), number_, row.background is None)
        )
    drawn += [
        _Drawn(connection_bar(row, tls, clock), connection_pieces(row, tls), row.start_time)
        for row, tls in around.encrypted
    ]
    drawn.sort(key=lambda one: one.pieces[0][1] if one.pieces else 0)
    drawn = _with_closes(_with_arp(drawn[:room], around.arp), around.closes)
    axis = _axis(drawn, around.start)
    if axis is None:
        return Waterfall((), total)
    return Waterfall(
        _bands(drawn, axis, around, dict(shown)),
        total,
        _path(path, dict(requests)) if waits else None,
        sum(one.bar.detail is not None for one in drawn),
    )


def _bands(drawn: Sequence[_Drawn], axis: Axis, around: Around, rows: Mapping[int, HttpRow]) -> tuple[Band, ...]:
    """Place the bars: on one axis, or those that the visit did not wait for on an axis of their own."""
    last = axis.end if around.over is None else around.over
    first = [one for one in drawn if one.awaited and one.sent <= last]
    later = [one for one in drawn if not (one.awaited and one.sent <= last)]
    shorter, longer = _axis(first, around.start), _axis(later, None)
    if shorter is None or longer is None or axis.end - axis.start <= MUCH_LONGER * (shorter.end - shorter.start):
        return (_band(Prose(""), drawn, axis, axis.start, around, rows),)
    since = say("In the background, and afterwards: from {start} on", start=_since(longer.start, axis.start))
    return (
        _band(say("Until the visit was over"), first, shorter, axis.start, around, rows),
        _band(since, later, longer, axis.start, around, rows),
    )


def _band(
    title: Prose, drawn: Sequence[_Drawn], axis: Axis, zero: int, around: Around, rows: Mapping[int, HttpRow]
) -> Band:
    """Place bars on an axis; ``zero`` is when the visit began."""
    words = {phase: short for phase, short, _ in phases()}
    placed = tuple(_placed(one, axis, zero, words) for one in drawn)
    streams = {one.bar.stream for one in drawn}
    lined = [pair for pair in (*around.connections, *around.encrypted) if pair[0].stream in streams]
    asked = [(one.number, rows[one.number]) for one in drawn if one.number is not None]
    found = lanes(asked, lined, around.closes, axis) if len(rows) + len(around.encrypted) > 1 else ()
    return Band(title, placed, axis.ticks(), found)


def _axis(drawn: Sequence[_Drawn], start: int | None) -> Axis | None:
    """Return the axis of all pieces; closes stretch it by :data:`CLOSE_ROOM` at most."""
    edges = [time for one in drawn for phase, low, high in one.pieces if phase != "close" for time in (low, high)]
    if not edges:
        return None
    first = min(edges) if start is None else min(start, *edges)
    last = max(edges)
    room = last + round((last - first) * CLOSE_ROOM)
    closed = (high for one in drawn for phase, _, high in one.pieces if phase == "close" and high <= room)
    return Axis(first, max([last, *closed]))


def _with_arp(drawn: list[_Drawn], exchanges: Sequence[ArpRow]) -> list[_Drawn]:
    """Put each answered ARP exchange into the row of the request that was sent next."""
    out = list(drawn)
    for row in exchanges:
        if row.request_time is None or row.latency_ms is None:
            continue
        end = row.request_time + round(row.latency_ms * NS_PER_MS)
        at = next((at for at, one in enumerate(out) if one.sent >= end), None)
        if at is not None:
            out[at] = _beside(out[at], "arp", row.request_time, end, row.target_ip)
    return out


def _with_closes(drawn: list[_Drawn], closes: Mapping[int, tuple[int, int]]) -> list[_Drawn]:
    """Put the close of each connection into the row of the last request on it."""
    out = list(drawn)
    last = {one.bar.stream: at for at, one in enumerate(out) if one.bar.anchor}
    for stream, at in last.items():
        if stream in closes:
            out[at] = _beside(out[at], "close", *closes[stream])
    return out


def _beside(one: _Drawn, phase: str, low: int, high: int, about: str | None = None) -> _Drawn:
    """Add a piece that is no part of a request's sum, and a line about it; ``about`` is whose address it asks for."""
    piece = (phase, low, high)
    label, words = next((short, text) for key, short, text in phases() if key == phase)
    if about is not None:
        label = Prose(f"{label} {safe(about, 45)}")
    pieces_ = [*one.pieces, piece] if phase == "close" else [piece, *one.pieces]
    detail = one.bar.detail
    if detail is not None:
        why = say("after it, not part of the sum") if phase == "close" else say("before it, not part of the sum")
        line = Share(phase, label, words, human_ms((high - low) / NS_PER_MS), why, 0.0)
        lines = (*detail.shares, line) if phase == "close" else (line, *detail.shares)
        detail = replace(detail, shares=lines)
    return replace(one, bar=replace(one.bar, detail=detail), pieces=pieces_, named={**one.named, piece: label})


def _placed(one: _Drawn, axis: Axis, zero: int, words: Mapping[str, str]) -> Bar:
    own = [piece for piece in one.pieces if piece[0] not in ("arp", "close")]
    start = _since(own[0][1], zero) if own else DASH
    box = axis.around(own[0][1], own[-1][2]) if own else (0.0, 0.0)
    return replace(one.bar, parts=parts(one.pieces, axis, words, one.named), start=start, box=box)


def _since(instant: int, zero: int) -> Prose:
    return Prose(f"+{human_ms((instant - zero) / NS_PER_MS)}")


def _path(path: Sequence[Wait], rows: Mapping[int, HttpRow]) -> Path:
    """Say which requests determined when the visit ended, and how long that took."""
    first, last = pieces(rows[path[0].number]), pieces(rows[path[-1].number])
    count, time = plural(len(path), "request"), Prose(human_ms((last[-1][2] - first[0][1]) / NS_PER_MS))
    if len(path) == 1:
        words = say(
            "Critical path: {count}, {time}. It ended last, and the capture names none that it waited for.",
            count=count,
            time=time,
        )
    else:
        words = say("Critical path: {count}, {time}. Each waited for the one before it.", count=count, time=time)
    named = tuple((request_anchor(wait.number), f"#{wait.number + 1}") for wait in path[:MAX_PATH])
    return Path(words, named, len(path) - len(named))
