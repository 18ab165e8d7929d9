"""What each protocol did, as tables and the numbers behind the charts: traffic, HTTP, latency, DNS, ARP, TLS."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer import http_status
from analyzer.analysis import Analysis
from analyzer.dns_words import explain_type
from analyzer.report import cells, leases, neighbours
from analyzer.report.cells import MAX_ROWS_MADE, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.icmp import icmp_table, pings_table, traceroutes_table
from analyzer.report.oicq import oicq_table
from analyzer.report.requests import durations
from analyzer.report.walks import WalkFact, walks
from analyzer.report.wording import joined, plural
from analyzer.schema import DnsRow, TlsRow
from analyzer.units import human_ms

MAX_CURVE_POINTS = 1000
"""Points drawn of one latency curve; more differ by less than a pixel."""

RCODES = {
    "NOERROR": "the name exists and here is what is known",
    "NXDOMAIN": "the name does not exist",
    "SERVFAIL": "the resolver could not find out",
    "REFUSED": "the server will not answer this client",
    "FORMERR": "the server could not read the question",
    "NOTIMP": "the server does not know this kind of question",
}
"""DNS response code → words (RFC 1035 section 4.1.1)."""


MULTICAST = ("mdns", "llmnr")
"""Transports on which a question is put to all neighbours."""


@dataclass(frozen=True, slots=True)
class StatusFact:
    """One status code: how often, what it means, and where it first happened."""

    code: int
    name: str
    klass: str
    explained: str
    count: int
    first: str


@dataclass(frozen=True, slots=True)
class LatencyFact:
    """One distribution of durations in ms: sorted values (thinned for drawing) and its percentiles."""

    key: str
    label: str
    meaning: str
    count: int
    values: tuple[float, ...]
    fractions: tuple[float, ...]
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class CountFact:
    """A word, how often it occurred, its part of the largest in percent, and what it means."""

    word: str
    count: int
    percent: float
    meaning: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class ProtocolsFact:
    """Everything of the protocols section."""

    traffic: Table
    statuses: tuple[StatusFact, ...]
    latencies: tuple[LatencyFact, ...]
    latency_table: Table
    dns_types: tuple[CountFact, ...]
    dns_codes: tuple[CountFact, ...]
    dns: Table
    walks: tuple[WalkFact, ...]
    arp: Table
    ndp: Table
    dhcp: Table
    tls: Table
    icmp: Table
    pings: Table
    traceroutes: Table
    oicq: Table


def protocols(analysis: Analysis, clock: Clock) -> ProtocolsFact:
    """Draw up the protocols of a capture."""
    measured = latencies(analysis)
    return ProtocolsFact(
        traffic=traffic_table(analysis),
        statuses=statuses(analysis),
        latencies=measured,
        latency_table=_latency_table(measured),
        dns_types=_counts(Counter(row.qtype for row in analysis.dns), {}),
        dns_codes=_counts(Counter(_dns_word(row) for row in analysis.dns), RCODES),
        dns=_dns_table(analysis.dns, clock),
        walks=walks(analysis.dns),
        arp=neighbours.arp_table(analysis.arp, clock),
        ndp=neighbours.ndp_table(analysis.ndp, clock),
        dhcp=leases.dhcp_table(analysis.dhcp, clock),
        tls=_tls_table(analysis.tls),
        icmp=icmp_table(analysis.icmp, clock),
        pings=pings_table(analysis.pings, clock),
        traceroutes=traceroutes_table(analysis.traceroutes),
        oicq=oicq_table(analysis.oicq, clock),
    )


def traffic_table(analysis: Analysis) -> Table:
    """Count every frame under the name of its protocol, the most frequent first; the frames add up to the packets."""
    columns = (
        Column("Protocol", title="the innermost protocol its numbers name: EtherType, IP protocol or UDP port"),
        Column("Frames", numeric=True),
        Column("Share", numeric=True, title="of all frames"),
    )
    ranked = sorted(analysis.capture.traffic.items(), key=lambda item: (-item[1], item[0]))
    whole = sum(count for _, count in ranked) or 1
    rows = tuple(
        Row(
            "",
            (Cell(safe(name, 60)), cells.count(count), Cell(_share(count / whole))),
            Mark(proto=safe(name.lower(), 60)),
        )
        for name, count in ranked[:MAX_ROWS_MADE]
    )
    return Table("traffic-table", "What is in this capture", columns, rows, len(ranked))


def _share(share: float) -> str:
    """Write a share in percent; what is there is never rounded to nothing."""
    percent = share * 100
    return "< 0.1 %" if percent < 0.1 else f"{percent:.1f} %" if percent < 99.95 or share == 1 else "> 99.9 %"


def statuses(analysis: Analysis) -> tuple[StatusFact, ...]:
    """Count status codes, interim ones too, in order of code."""
    count: Counter[int] = Counter()
    first: dict[int, str] = {}
    for n, row in enumerate(analysis.http):
        for status in [*(interim.status for interim in row.informational), row.status]:
            if status is not None:
                count[status] += 1
                first.setdefault(status, f"http-{n + 1}")
    return tuple(
        StatusFact(
            code,
            http_status.name(code),
            http_status.status_class(code),
            http_status.explain(code),
            count[code],
            first[code],
        )
        for code in sorted(count)
    )


def latencies(analysis: Analysis) -> tuple[LatencyFact, ...]:
    """Return the distributions of what people wait for; those without a value are left out."""
    columns = analysis.connections.columns
    connect = np.asarray(columns["connect_ms"], np.float64)
    series: list[tuple[str, str, str, Iterable[float | None]]] = [
        ("dns", "DNS lookup", "first query to first answer", (row.latency_ms for row in analysis.dns)),
        ("connect", "TCP connect", "first SYN to the ACK that completes the handshake", connect.tolist()),
        ("tls", "TLS handshake", "ClientHello until data may flow", (row.handshake_ms for row in analysis.tls)),
        (
            "wait",
            "HTTP wait",
            "last byte of the request to first byte of the response",
            (durations(row)["wait"] for row in analysis.http),
        ),
        (
            "receive",
            "HTTP download",
            "first to last byte of the response, where it took more than one packet",
            (durations(row)["receive"] or None for row in analysis.http),
        ),
    ]
    out = []
    for key, label, meaning, raw in series:
        values = np.array([value for value in raw if value is not None and value == value], np.float64)
        if values.size:
            out.append(_latency(key, label, meaning, np.sort(values)))
    return tuple(out)


def _latency(key: str, label: str, meaning: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> LatencyFact:
    """Thin a sorted sample to what can be drawn. Percentiles are nearest-rank: a value that was really measured."""
    n = int(values.size)
    picks = np.unique(np.linspace(0, n - 1, min(n, MAX_CURVE_POINTS)).round().astype(np.int64))
    p50, p95, p99 = (float(values[max(-(-n * q // 100) - 1, 0)]) for q in (50, 95, 99))
    fractions = ((picks + 1) / n).round(6).tolist()
    return LatencyFact(key, label, meaning, n, tuple(values[picks].round(6).tolist()), tuple(fractions), p50, p95, p99)


def _latency_table(measured: Sequence[LatencyFact]) -> Table:
    columns = (
        Column("What"),
        Column("Measured from … to", wide=True),
        Column("How many", numeric=True),
        Column("p50", numeric=True, title="half of them were at most this long"),
        Column("p95", numeric=True, title="95 of 100 were at most this long"),
        Column("p99", numeric=True, title="99 of 100 were at most this long"),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(fact.label),
                Cell(fact.meaning),
                cells.count(fact.count),
                Cell(human_ms(fact.p50)),
                Cell(human_ms(fact.p95)),
                Cell(human_ms(fact.p99)),
            ),
        )
        for fact in measured
    )
    return Table("latency", "How long things took", columns, rows, len(rows))


def _counts(counter: Counter[str], meanings: dict[str, str]) -> tuple[CountFact, ...]:
    most = max(counter.values(), default=1)
    return tuple(
        CountFact(
            safe(word, 40),
            count,
            round(count / most * 100, 1),
            meanings.get(word, ""),
            "" if word == "NOERROR" or not meanings else "bad",
        )
        for word, count in sorted(counter.items(), key=lambda item: (-item[1], item[0]))[:20]
    )


def _dns_word(row: DnsRow) -> str:
    if row.rcode is not None:
        return row.rcode
    return {"no_answer": "no answer", "malformed": "malformed"}.get(row.outcome, row.outcome)


def dns_failed(row: DnsRow) -> bool:
    """Return whether a lookup gave nobody an answer to work with.

    A question to all neighbours is answered by who has the name, and by nobody else: silence is no failure (RFC 6762
    section 6, RFC 4795 section 2.3).
    """
    if row.outcome == "no_answer" and row.transport in MULTICAST:
        return False
    return row.outcome in ("no_answer", "malformed") or row.rcode not in (None, "NOERROR")


def _dns_table(rows: Sequence[DnsRow], clock: Clock) -> Table:
    columns = (
        Column("#", numeric=True),
        Column("Start", numeric=True),
        Column("Name", wide=True),
        Column("Type"),
        Column("Result"),
        Column("Answers", wide=True),
        Column("Took", numeric=True),
        Column("Queries", numeric=True, title="how often the question was sent"),
        Column("Asked"),
        Column("Via"),
        Column("Frames"),
    )
    return Table(
        "dns-table",
        "DNS lookups",
        columns,
        tuple(_dns_row(n, row, clock) for n, row in enumerate(rows[:MAX_ROWS_MADE])),
        len(rows),
    )


def _dns_row(n: int, row: DnsRow, clock: Clock) -> Row:
    failed = dns_failed(row)
    name = row.qname if row.qname_unicode in ("", row.qname) else f"{row.qname} ({row.qname_unicode})"
    return Row(
        f"dns-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.query_time, "not_captured"),
            Cell(safe(name or "(root)")),
            Cell(safe(row.qtype, 40), title=explain_type(row.qtype)),
            Cell(safe(_dns_word(row), 60), tone="bad" if failed else "good", title=RCODES.get(row.rcode or "", "")),
            _answers(row),
            cells.ms(row.latency_ms, None if row.latency_ms is not None else _dns_why(row)),
            cells.count(row.attempts, bad=row.attempts > 1),
            Cell(safe(row.server)),
            Cell(safe(row.transport)),
            cells.frames([*row.query_frames[:6], row.response_frame]),
        ),
        Mark(
            host=safe(row.qname),
            proto="dns",
            stream="" if row.stream is None else str(row.stream),
            duration="" if row.latency_ms is None else f"{row.latency_ms:.3f}",
            severity="error" if failed else "",
        ),
    )


def _answers(row: DnsRow) -> Cell:
    """List the answers; without any, say where the server sent the asker instead, or that there is none.

    A name can exist without a record of the type asked for (NODATA, RFC 2308 section 2.2), a server refers to those
    that know (RFC 1034 section 4.3.1), and what is too long for a datagram is left out (TC, RFC 2181 section 9).
    """
    answers = [f"{answer.type} {_cut(answer.data)}" for answer in row.answers[:4]]
    more = len(row.answers) - len(answers)
    if answers:
        return cells.text(", ".join(answers) + (f" (+{more} more)" if more > 0 else ""))
    if row.flags.tc and row.response_frame is not None:
        if row.retried_over_tcp is None:
            return Cell("cut off: too long for UDP (TC)")
        at = row.retried_over_tcp + 1
        return Cell(f"cut off (TC); asked again over TCP in row {at}", link=f"dns-{at}")
    if row.referral is not None and row.rcode == "NOERROR":
        return Cell(Prose(f"referred to the servers of {safe(row.referral)}"))
    return cells.unknown("no_record" if row.rcode == "NOERROR" and row.opcode == "query" else None)


MAX_ANSWER = 100
"""Characters shown of one answer, so that a long text does not push the other columns off the page."""


def _cut(data: str) -> str:
    return data if len(data) <= MAX_ANSWER else f"{data[: MAX_ANSWER - 1]}…"


def _dns_why(row: DnsRow) -> str:
    if row.query_time is not None and row.response_time is not None:
        return "clock"
    return "unanswered" if row.outcome == "no_answer" else "not_captured"


def _tls_table(rows: Sequence[TlsRow]) -> Table:
    columns = (
        Column("Stream", numeric=True),
        Column("Server name (SNI)", wide=True),
        Column("Version"),
        Column("Cipher"),
        Column("ALPN", title="the protocol agreed on for inside"),
        Column("Handshake", numeric=True),
        Column("Resumed"),
        Column("Certificate", wide=True),
        Column("Alerts"),
        Column("Readable"),
        Column("Outcome"),
    )
    return Table(
        "tls-table",
        "TLS sessions",
        columns,
        tuple(_tls_row(n, row) for n, row in enumerate(rows[:MAX_ROWS_MADE])),
        len(rows),
    )


def _tls_row(n: int, row: TlsRow) -> Row:
    alerts = joined([f"{alert.from_}: {alert.description}" for alert in row.alerts[:3]])
    if row.certificates:
        leaf = row.certificates[0]
        signed = "self-signed" if leaf.self_signed else f"issued by {safe(common_name(leaf.issuer), 60)}"
        certificate = Cell(
            Prose(f"{safe(common_name(leaf.subject), 60)}, {signed}, until {safe(leaf.not_after[:10])}"),
            tone="warn" if leaf.self_signed else "",
            title=safe(f"{leaf.subject}, issued by {leaf.issuer}"),
        )
    else:
        certificate = cells.unknown(row.certificates_why or "not_captured")
    resumption = row.resumption
    return Row(
        f"tls-{n + 1}",
        (
            Cell(str(row.stream), link=f"stream-{row.stream}"),
            cells.text(row.sni, "encrypted" if row.ech else _not_sent(row)),
            cells.text(row.version, "not_captured"),
            cells.text(row.cipher, "not_captured"),
            cells.text(row.alpn, "encrypted" if row.version == "TLSv1.3" else _not_sent(row)),
            cells.ms(row.handshake_ms, row.handshake_why or "not_captured"),
            cells.unknown()
            if resumption is None
            else Cell("no" if resumption == "none" else f"yes, {safe(resumption)}"),
            certificate,
            Cell(safe(alerts), tone="bad") if alerts else Cell("none", tone="muted"),
            Cell("yes", tone="good") if row.decrypted else Cell("no", why=_readable_why(row), tone="muted"),
            Cell(safe(row.outcome), tone="bad" if row.outcome == "failed" else ""),
        ),
        Mark(
            host=safe(row.sni or ""),
            stream=str(row.stream),
            proto="tls",
            duration="" if row.handshake_ms is None else f"{row.handshake_ms:.3f}",
            severity="error" if row.outcome == "failed" else "",
        ),
    )


def _not_sent(row: TlsRow) -> str:
    return "not_captured" if row.client_hello_frame is None else "not_sent"


def common_name(name: str) -> str:
    """Return what a distinguished name is called: its CN, else the whole (RFC 4514 section 2)."""
    parts = re.split(r"(?<!\\)[,+]", name)
    return next((part[3:] for part in parts if part[:3].upper() == "CN=" and part[3:]), name)


def _readable_why(row: TlsRow) -> str:
    return cells.unknown(row.decrypted_why or "encrypted").why


def dns_sentence(rows: Sequence[DnsRow]) -> str:
    """Sum up the lookups in a sentence; empty without any."""
    if not rows:
        return ""
    bad = sum(dns_failed(row) for row in rows)
    repeated = sum(row.attempts > 1 for row in rows)
    parts: list[str] = [plural(len(rows), "lookup")]
    parts.append("all answered" if not bad else f"{bad} of them without a usable answer")
    if repeated:
        parts.append(f"{repeated} asked more than once")
    return ", ".join(parts) + "."
