"""What stands in one row of a waterfall: a request or an encrypted connection, and what its row shows when opened.

Where the bar's pieces lie is not known here: :mod:`analyzer.report.waterfall` places them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import http_status
from analyzer.provenance import stream_filter
from analyzer.report.axis import Part
from analyzer.report.cells import DASH, Clock, Mark, marked
from analyzer.report.critical import CONNECTION, PAGE, REDIRECT, Wait
from analyzer.report.escape import Prose, safe
from analyzer.report.lanes import connection_pieces
from analyzer.report.request_facts import Fact, Group, Links, groups
from analyzer.report.requests import (
    meaning,
    notes,
    phases,
    request_anchor,
    request_filter,
    request_mark,
    status_text,
    target_text,
    tone,
    total_ms,
)
from analyzer.report.shares import Share, shares, vantage_note
from analyzer.report.wording import message, number, say
from analyzer.schema import HttpRow, TcpRow, TlsRow
from analyzer.units import NS_PER_MS, human_bytes, human_ms

MAX_HEADERS = 40
"""Header fields shown of one message."""

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
        number: as the critical path names it; empty for a connection.
        critical: whether it is on the critical path; box: (left, width) in percent of the whole bar.
        meaning: of its status, in a sentence.
        detail: None where the page has no room for it.
    """

    anchor: str
    number: str
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


def request_bar(number_: int, row: HttpRow, links: Links, clock: Clock | None, wait: Wait | None, full: bool) -> Bar:
    """Return the bar of a request; with ``full``, its row opens.

    Args:
        number_: of its row in the ``http`` table.
        wait: its place on the critical path, None where it is not on it.
    """
    whole = total_ms(row)
    return Bar(
        anchor=request_anchor(number_),
        number=f"#{number_ + 1}",
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


def connection_bar(row: TcpRow, tls: TlsRow | None, clock: Clock | None) -> Bar:
    """Return the bar of a connection whose requests cannot be read."""
    name = tls.sni if tls is not None and tls.sni else row.server
    stream = number(row.stream)
    unread = say("what was asked and answered cannot be read") if tls is not None else Prose("")
    end = row.start_time + round(row.duration_ms * NS_PER_MS)
    return Bar(
        anchor="",
        number="",
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
