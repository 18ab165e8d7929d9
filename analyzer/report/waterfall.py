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

from analyzer import http_status
from analyzer.provenance import stream_filter
from analyzer.report.axis import Axis, Part, Tick
from analyzer.report.cells import DASH, Clock, Mark, marked
from analyzer.report.critical import CONNECTION, PAGE, REDIRECT, Wait, critical_path
from analyzer.report.escape import Prose, safe
from analyzer.report.lanes import Lane, Pieces, connection_pieces, lanes, parts
from analyzer.report.request_facts import Fact, Group, Links, anchor, groups
from analyzer.report.requests import (
    meaning,
    notes,
    phases,
    pieces,
    request_filter,
    request_mark,
    status_text,
    target_text,
    tone,
    total_ms,
)
from analyzer.report.shares import Share, shares, vantage_note
from analyzer.report.wording import message, number, plural, say
from analyzer.schema import ArpRow, HttpRow, TcpRow, TlsRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms

MAX_WATERFALL_ROWS = 250
"""Requests drawn of one visit; the table of requests has the rest."""

MAX_WATERFALL_ROWS_IN_ALL = 500
"""Requests drawn on the whole page: about 1 kB of markup each."""

MAX_DETAILED = 200
"""Requests of the page whose rows open, but for those that failed: about 5 kB of markup each."""

MAX_HEADERS = 40
"""Header fields shown of one message."""

MAX_PATH = 12
"""Requests of a critical path that are named above the waterfall; their rows are marked all the same."""

CLOSE_ROOM = 0.5
"""How much longer than its requests an axis may get to show how their connections closed; later ones are cut off."""

CAUSES: Mapping[str, str] = {
    "": message("On the critical path, as its first request."),
    REDIRECT: message("On the critical path: it waited for #{cause}, the redirect that led here."),
    PAGE: message("On the critical path: it waited for #{cause}, which named it."),
    CONNECTION: message("On the critical path: it waited for #{cause}, which was before it on its connection."),
}
"""Why a request waited for another → what its row says of that (messages)."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What the row of a request shows when it is opened."""

    shares: tuple[Share, ...]
    notes: tuple[str, ...]
    vantage: str
    groups: tuple[Group, ...]
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    more_headers: int
    display_filter: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One request (or encrypted connection) of a waterfall.

    Attributes:
        critical: whether it is on the critical path; box: (left, width) in percent of the whole bar.
        meaning: of its status, in a sentence.
        detail: None where the page has no room for it.
    """

    anchor: str
    method: str
    target: str
    host: str
    status: str
    status_words: str
    meaning: str
    tone: str
    size: str
    total: str
    start: str
    parts: tuple[Part, ...]
    box: tuple[float, float]
    critical: bool
    detail: Detail | None
    stream: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Path:
    """The critical path in words: how many requests, how long, and (anchor, text) of those that are named."""

    sentence: str
    links: tuple[tuple[str, str], ...]
    more: int


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Bars on one axis; ``total`` counts the bars that exist, ``detailed`` those that open."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    total: int
    lanes: tuple[Lane, ...] = ()
    path: Path | None = None
    detailed: int = 0


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
    """A bar before it is placed: its pieces, and when it was sent."""

    bar: Bar
    pieces: Pieces
    sent: int


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
        bar = _request_bar(number_, row, links, clock, waits.get(number_), full)
        drawn.append(_Drawn(bar, parts_, row.request_time or (parts_[0][1] if parts_ else 0)))
    drawn += [
        _Drawn(_connection_bar(row, tls, clock), connection_pieces(row, tls), row.start_time)
        for row, tls in around.encrypted
    ]
    drawn.sort(key=lambda one: one.pieces[0][1] if one.pieces else 0)
    drawn = _with_closes(_with_arp(drawn[:room], around.arp), around.closes)
    axis = _axis(drawn, around.start)
    if axis is None:
        return Waterfall((), (), total)
    words = {phase: short for phase, short, _ in phases()}
    bars = tuple(_placed(one, axis, words) for one in drawn)
    lined = [*around.connections, *around.encrypted] if total > 1 else []
    return Waterfall(
        bars,
        axis.ticks(),
        total,
        lanes(shown, lined, around.closes, axis),
        _path(path, dict(requests)) if waits else None,
        sum(bar.detail is not None for bar in bars),
    )


def _axis(drawn: Sequence[_Drawn], start: int | None) -> Axis | None:
    """Return the axis of all pieces; closes stretch it by :data:`CLOSE_ROOM` at most."""
    edges = [time for one in drawn for phase, low, high in one.pieces if phase != "close" for time in (low, high)]
    if not edges:
        return None
    first = min(edges) if start is None else min(start, *edges)
    last = max(edges)
    room = last + round((last - first) * CLOSE_ROOM)
    closed = (high for one in drawn for phase, _, high in one.pieces if phase == "close" and high <= room)
    return Axis(first, max(last, *closed, last))


def _with_arp(drawn: list[_Drawn], exchanges: Sequence[ArpRow]) -> list[_Drawn]:
    """Put each answered ARP exchange into the row of the request that was sent next."""
    out = list(drawn)
    for row in exchanges:
        if row.request_time is None or row.latency_ms is None:
            continue
        end = row.request_time + round(row.latency_ms * NS_PER_MS)
        at = next((at for at, one in enumerate(out) if one.sent >= end), None)
        if at is not None:
            out[at] = _beside(out[at], "arp", row.request_time, end)
    return out


def _with_closes(drawn: list[_Drawn], closes: Mapping[int, tuple[int, int]]) -> list[_Drawn]:
    """Put the close of each connection into the row of the last request on it."""
    out = list(drawn)
    last = {one.bar.stream: at for at, one in enumerate(out) if one.bar.anchor}
    for stream, at in last.items():
        if stream in closes:
            out[at] = _beside(out[at], "close", *closes[stream])
    return out


def _beside(one: _Drawn, phase: str, low: int, high: int) -> _Drawn:
    """Add a piece that is no part of a request's sum, and a line about it."""
    piece = (phase, low, high)
    pieces_ = [*one.pieces, piece] if phase == "close" else [piece, *one.pieces]
    detail = one.bar.detail
    if detail is not None:
        label, words = next((short, text) for key, short, text in phases() if key == phase)
        why = say("after it, not part of the sum") if phase == "close" else say("before it, not part of the sum")
        line = Share(phase, label, words, human_ms((high - low) / NS_PER_MS), why, 0.0)
        lines = (*detail.shares, line) if phase == "close" else (line, *detail.shares)
        detail = replace(detail, shares=lines)
    return replace(one, bar=replace(one.bar, detail=detail), pieces=pieces_)


def _placed(one: _Drawn, axis: Axis, words: Mapping[str, str]) -> Bar:
    own = [piece for piece in one.pieces if piece[0] not in ("arp", "close")]
    start = Prose(f"+{human_ms((own[0][1] - axis.start) / NS_PER_MS)}") if own else DASH
    box = axis.around(own[0][1], own[-1][2]) if own else (0.0, 0.0)
    return replace(one.bar, parts=parts(one.pieces, axis, words), start=start, box=box)


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
    named = path if len(path) <= MAX_PATH else path[:MAX_PATH]
    return Path(words, tuple((anchor(wait.number), f"#{wait.number + 1}") for wait in named), len(path) - len(named))


def _request_bar(number_: int, row: HttpRow, links: Links, clock: Clock | None, wait: Wait | None, full: bool) -> Bar:
    whole = total_ms(row)
    return Bar(
        anchor=anchor(number_),
        method=safe(row.method or "?"),
        target=safe(target_text(row), 200),
        host=safe(row.host) if row.host else say("unknown host"),
        status=status_text(row),
        status_words="" if row.status is None else http_status.name(row.status),
        meaning=meaning(row),
        tone=tone(row),
        size=DASH if row.response_body_bytes is None else human_bytes(row.response_body_bytes),
        total=DASH if whole is None else human_ms(whole),
        start="",
        parts=(),
        box=(0.0, 0.0),
        critical=wait is not None,
        detail=_detail(number_, row, links, wait) if full else None,
        stream=row.stream,
        mark=request_mark(row, clock),
    )


def _detail(number_: int, row: HttpRow, links: Links, wait: Wait | None) -> Detail:
    headers = len(row.request_headers) + len(row.response_headers)
    shown = row.request_headers[:MAX_HEADERS], row.response_headers[:MAX_HEADERS]
    said = notes(row)
    if wait is not None:
        words = CAUSES[wait.why]
        said = (*said, say(words) if wait.cause is None else say(words, cause=wait.cause + 1))
    return Detail(
        shares=shares(row),
        notes=said,
        vantage=vantage_note(row),
        groups=groups(number_, row, links),
        request_headers=shown[0],
        response_headers=shown[1],
        more_headers=max(headers - len(shown[0]) - len(shown[1]), 0),
        display_filter=request_filter(row),
    )


def _connection_bar(row: TcpRow, tls: TlsRow | None, clock: Clock | None) -> Bar:
    name = tls.sni if tls is not None and tls.sni else row.server
    stream = number(row.stream)
    unread = say("what was asked and answered cannot be read") if tls is not None else Prose("")
    end = row.start_time + round(row.duration_ms * NS_PER_MS)
    return Bar(
        anchor="",
        method="TCP" if tls is None else "TLS",
        target=say("port {port}, stream {stream}", port=row.server_port, stream=stream)
        if tls is None
        else say("encrypted, stream {stream}", stream=stream),
        host=safe(name),
        status=DASH,
        status_words=unread,
        meaning=unread,
        tone="muted",
        size=human_bytes(row.server_unique_bytes),
        total=human_ms(row.duration_ms),
        start="",
        parts=(),
        box=(0.0, 0.0),
        critical=False,
        detail=_connection_detail(row, tls),
        stream=row.stream,
        mark=marked(
            clock,
            host=name,
            stream=row.stream,
            proto="tls",
            duration_ms=row.duration_ms,
            start=row.start_time,
            end=end,
            frames=(row.first_frame, row.last_frame),
        ),
    )


def _connection_detail(row: TcpRow, tls: TlsRow | None) -> Detail:
    known = {phase: (label, words) for phase, label, words in phases()}
    lines = []
    for phase, low, high in connection_pieces(row, tls):
        part = (high - low) / NS_PER_MS
        percent = round(part / row.duration_ms * 100, 1) if row.duration_ms else 0.0
        lines.append(Share(phase, *known[phase], human_ms(part), "", percent))
    server = say("{address} port {port}", address=safe(row.server), port=row.server_port)
    facts = (
        Fact(say("Server"), (server,)),
        Fact(say("Stream"), (str(row.stream),), f"stream-{row.stream}"),
        Fact(say("Frames"), (Prose(f"{row.first_frame}–{row.last_frame}"),)),
    )
    group = Group(say("Connection"), facts)
    return Detail(tuple(lines), (), "", (group,), (), (), 0, Prose(stream_filter(row.stream)))
