"""The first screen: four sentences with numbers and links, and how far the capture can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analyzer import http_status, sentences
from analyzer.analysis import Analysis
from analyzer.findings.model import rank
from analyzer.report.connections import failed as failed_connections
from analyzer.report.escape import Prose, safe
from analyzer.report.findings import cost_words
from analyzer.report.icmp import exchanged, failed_icmp
from analyzer.report.protocols import dns_failed
from analyzer.report.requests import PHASES, durations
from analyzer.report.secrets import masked, masked_args
from analyzer.report.wording import joined, number, plural
from analyzer.schema import HttpRow
from analyzer.units import human_bytes, human_ms, rfc3339
from analyzer.version import __version__
from analyzer.visits import verdicts
from analyzer.visits.traceroutes import probing

FAILED = (
    ("no_answer", "request without an answer", "requests without an answer"),
    ("cut_off", "answer cut off", "answers cut off"),
    ("gave_up", "request that the client gave up", "requests that the client gave up"),
    ("left", "answer that the client did not wait for", "answers that the client did not wait for"),
    ("malformed", "exchange that broke the rules of HTTP", "exchanges that broke the rules of HTTP"),
)
"""Failure of a request without an error answer → words for one and for many, the server's before the client's."""
BACKGROUND = {
    "poll": ("request by a timer (polling)", "requests by a timer (polling)"),
    "long_poll": ("request that waited for news (long polling)", "requests that waited for news (long polling)"),
    "event_stream": ("event stream", "event streams"),
    "websocket": ("WebSocket", "WebSockets"),
}
"""Kind of background → words for one and for many."""
UNKNOWN = (
    ("answer", "answer is not in this capture", "answers are not in this capture"),
    ("lost", "answer is not in this capture to its end", "answers are not in this capture to their end"),
    ("waiting", "request was waiting when the capture ended", "requests were waiting when the capture ended"),
    ("receiving", "answer was still coming when the capture ended", "answers were still coming when the capture ended"),
    ("request", "answer has no request in this capture", "answers have no request in this capture"),
)
"""What of an exchange cannot be seen → words for one and for many."""


@dataclass(frozen=True, slots=True)
class HeaderFact:
    """What the page's header says of the file."""

    file: str
    sha256: str
    sha256_short: str
    start: str
    end: str
    span: str
    packets: str
    size: str
    format: str
    version: str


@dataclass(frozen=True, slots=True)
class CardLine:
    """A sentence of a card, and the part of the page that proves it."""

    sentence: str
    link: str
    link_words: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One of the four cards of the first screen."""

    key: str
    question: str
    lines: tuple[CardLine, ...]
    tone: str


def header(analysis: Analysis) -> HeaderFact:
    """Return the header's facts."""
    capture = analysis.capture
    packed = f", {capture.compression}" if capture.compression else ""
    return HeaderFact(
        file=safe(capture.file.replace("\\", "/").rsplit("/", 1)[-1], 120),
        sha256=safe(capture.sha256, 64),
        sha256_short=safe(capture.sha256[:12]),
        start=_clock_text(capture.start_time),
        end=_clock_text(capture.end_time),
        span=human_ms(capture.duration_ms) if capture.duration_ms is not None else "",
        packets=plural(capture.packets, "packet"),
        size=human_bytes(capture.size_bytes),
        format=safe(f"{capture.format}{packed}"),
        version=__version__,
    )


def _clock_text(time_ns: int | None) -> str:
    """Write an instant to the millisecond: ``2026-11-22 01:57:11.123 UTC``."""
    text = rfc3339(time_ns)
    return "unknown" if text is None else f"{text[:10]} {text[11:23]} UTC"


def banner(analysis: Analysis) -> str:
    """Say that the capture could not be read to its end; empty when it could."""
    capture = analysis.capture
    if not capture.partial and not capture.ledger.truncated_file:
        return ""
    reason = capture.partial_why or "the file ends in the middle of a packet"
    unread = capture.ledger.bytes_unread
    rest = f" {human_bytes(unread)} could not be read." if unread else ""
    verb = "is" if capture.packets == 1 else "are"
    return Prose(
        f"This report covers only a part of the capture: {safe(reason).rstrip('.')}.{rest} "
        f"The {plural(capture.packets, 'packet')} before that {verb} analyzed in full."
    )


def cards(analysis: Analysis) -> tuple[Card, ...]:
    """Return the four cards."""
    failures = list(_failures(analysis))
    why = tuple(_why(analysis))
    return (
        Card("what", "What happened", (_what(analysis),), "info"),
        Card("slow", "What was slow", tuple(_slow(analysis)), "warn"),
        Card("failed", "What failed", tuple(_failed(analysis, failures)), "bad" if failures else "good"),
        Card("why", "Why", why, "info"),
    )


def _what(analysis: Analysis) -> CardLine:
    hosts = Counter(row.host for row in analysis.http if row.host)
    hosts.update(row.sni for row in analysis.tls if row.sni and row.sni not in hosts)
    names = [safe(name, 60) for name, _ in sorted(hosts.items(), key=lambda item: (-item[1], item[0]))[:2]]
    span = human_ms(analysis.capture.duration_ms)
    parts = []
    if analysis.visits:
        parts.append(plural(len(analysis.visits), "visit"))
    requests = sum(map(verdicts.asked, analysis.http))
    if requests:
        parts.append(plural(requests, "HTTP request"))
    elif analysis.http:
        parts.append(plural(len(analysis.http), "HTTP answer"))
    if len(analysis.connections):
        parts.append(plural(len(analysis.connections), "TCP connection"))
    if analysis.dns:
        parts.append(plural(len(analysis.dns), "DNS lookup"))
    if exchanged(analysis.icmp) and len(parts) < 4:
        parts.append(plural(exchanged(analysis.icmp), "ICMP exchange"))
    if analysis.arp and len(parts) < 4:
        parts.append(plural(len(analysis.arp), "ARP exchange"))
    if not analysis.capture.packets:
        return CardLine("The capture holds no packets.", "about", "about this file")
    if not parts:
        words = f"{plural(analysis.capture.packets, 'packet')} in {span}, of protocols that are only counted here"
        ranked = sorted(analysis.capture.traffic.items(), key=lambda item: (-item[1], item[0]))
        listed = [f"{safe(name, 40)} ({number(count)})" for name, count in ranked[:3]]
        if len(ranked) > 3:
            listed.append(plural(len(ranked) - 3, "more protocol"))
        return CardLine(
            Prose(f"{words}{': ' if listed else ''}{joined(listed)}."),
            "traffic-table" if ranked else "frames-table",
            "every frame accounted for",
        )
    more = len(hosts) - len(names)
    to = f", with {joined([*names, *([plural(more, 'more host')] if more > 0 else [])])}" if names else ""
    target = ("visits", "the visits") if analysis.visits or analysis.http else ("timeline", "the timeline")
    if not (analysis.visits or analysis.http) and len(analysis.connections):
        target = ("connections", "the connections")
    return CardLine(Prose(f"{joined(parts)} in {span}{to}."), *target)


def _slow(analysis: Analysis) -> Iterable[CardLine]:
    timed = verdicts.slowest_requests(analysis.http)
    if timed:
        total, n = timed[0]
        words = _slow_request(analysis.http[n], total)
        if any(not row.decrypted for row in analysis.tls):
            words = Prose(f"Of the requests that can be read, {words}")
        yield CardLine(words, f"http-{n + 1}", "its breakdown")
        yield from _slow_visit(analysis, n, total)
        return
    kept = Counter(row.background for row in analysis.http if row.background is not None)
    if kept:
        named = [plural(count, *BACKGROUND.get(kind, (kind,))) for kind, count in kept.items()]
        text = f"Nothing that somebody waited for: {joined(named)} went on in the background."
        yield CardLine(Prose(text), "visits", "the visits")
        return
    lookups = [(row.latency_ms, n) for n, row in enumerate(analysis.dns) if row.latency_ms is not None]
    shakes = [(row.handshake_ms, row.stream) for row in analysis.tls if row.handshake_ms is not None]
    connect = np.asarray(analysis.connections.columns["connect_ms"], np.float64)
    best: list[tuple[float, str, str]] = []
    if lookups:
        value, n = max(lookups)
        name = safe(analysis.dns[n].qname, 80)
        best.append((value, f"The slowest lookup, of {name}, took {human_ms(value)}.", f"dns-{n + 1}"))
    if shakes:
        value, stream = max(shakes)
        words = f"The slowest TLS handshake, on stream {stream}, took {human_ms(value)}."
        best.append((value, words, f"stream-{stream}"))
    if connect.size and not np.isnan(connect).all():
        stream = int(np.nanargmax(connect))
        value = float(connect[stream])
        words = f"The slowest TCP handshake, on stream {stream}, took {human_ms(value)}."
        best.append((value, words, f"stream-{stream}"))
    pings = [(row.latency_ms, n) for n, row in enumerate(analysis.icmp) if row.latency_ms is not None]
    if pings:
        value, n = max(pings)
        best.append((value, f"The slowest ping took {human_ms(value)}.", f"icmp-{n + 1}"))
    if not best:
        yield CardLine("Nothing here could be timed: no question has its answer in this capture.", "about", "why")
        return
    _, words, link = max(best)
    yield CardLine(Prose(words), link, "its evidence")


def _slow_visit(analysis: Analysis, named: int, longest: float) -> Iterable[CardLine]:
    """Name the slowest visit where it is more than the request ``named``: the terminal lists visits first."""
    visits = verdicts.slowest_visits(analysis.visits)
    if not visits:
        return
    lasted, at = visits[0]
    visit = analysis.visits[at]
    if visit.http_rows != (named,) and lasted > longest:
        url = safe(masked(visit.url, analysis.options), 80)
        words = f"The slowest visit, to {url}, took {human_ms(lasted)} in all."
        yield CardLine(Prose(words), f"visit-{visit.visit}", "its waterfall")


def _slow_request(row: HttpRow, total: float) -> str:
    known = {phase: value for phase, value in durations(row).items() if value and phase != "blocked"}
    words = {phase: text for phase, _, text in PHASES}
    name = f"{row.method or 'A request'} {safe(row.target or '', 60)}".strip()
    host = None if row.method == "CONNECT" else verdicts.authority(row)  # there the target says it
    where = f" on {safe(host, 60)}" if host else ""
    text = f"{safe(name, 80)}{where} took {human_ms(total)}"
    if verdicts.failure(row) == "gave_up":
        return Prose(f"{text}: then the client gave up, and no answer had come.")
    if known and total > 0:
        phase, value = max(known.items(), key=lambda item: item[1])
        share = value / total * 100
        text += f"; {share:.0f} % of it ({human_ms(value)}) went into {words[phase]}"
        lost = {"wait": row.wait_loss_ms, "receive": row.receive_loss_ms}.get(phase) or 0.0
        if lost > value / 2:
            text += f", {human_ms(lost)} of that into sending lost packets again"
    if verdicts.failure(row) == "left":
        text += "; the client did not wait for all of it"
    return Prose(f"{text}.")


def _failures(analysis: Analysis) -> Iterable[tuple[str, str]]:
    """Yield (words, link) for each kind of failure, the first of its kind linked."""
    codes: Counter[int] = Counter()
    kinds: Counter[str] = Counter()
    first: dict[str, int] = {}
    for n, row in enumerate(analysis.http):
        kind = verdicts.failure(row)
        if kind in ("server_error", "client_error") and row.status is not None:
            codes[row.status] += 1
            first.setdefault(str(row.status), n)
        elif kind is not None:
            kinds[kind] += 1
            first.setdefault(kind, n)
    for klass in (5, 4):
        mine = sorted(code for code in codes if code // 100 == klass)
        if len(mine) == 1:
            yield f"{codes[mine[0]]} × {mine[0]} {http_status.name(mine[0])}", f"http-{first[str(mine[0])] + 1}"
        elif mine:
            listed = ", ".join(map(str, mine[:6])) + (" …" if len(mine) > 6 else "")
            amount = sum(codes[code] for code in mine)
            yield f"{number(amount)} × {klass}xx ({listed})", f"http-{min(first[str(code)] for code in mine) + 1}"
    for kind, one, many in FAILED:
        if kinds[kind]:
            waited = analysis.http[first[kind]].wait_ms if kind == "gave_up" and kinds[kind] == 1 else None
            after = f" after {human_ms(waited)}" if waited else ""
            yield plural(kinds[kind], one, many) + after, f"http-{first[kind] + 1}"
    circles = [visit.visit for visit in analysis.visits if visit.failed_why == "redirect_loop"]
    if circles:  # each of its answers was a good redirect
        yield plural(len(circles), "visit that went in a circle", "visits that went in a circle"), f"visit-{circles[0]}"
    broken = failed_connections(analysis)
    for key, words in (
        ("no_synack", "connection never answered"),
        ("refused", "connection refused"),
        ("reset", "connection reset"),
    ):
        if broken[key]:
            yield f"{number(broken[key])} {_plural_first(words, broken[key])}", "connections"
    lookups = [n for n, row in enumerate(analysis.dns) if dns_failed(row) and row.caused_by is None]
    if lookups:
        yield plural(len(lookups), "failed DNS lookup"), f"dns-{lookups[0] + 1}"
    sessions = [n for n, row in enumerate(analysis.tls) if row.outcome == "failed"]
    if sessions:
        yield plural(len(sessions), "failed TLS handshake"), f"tls-{sessions[0] + 1}"
    silent_hosts = [n for n, row in enumerate(analysis.arp) if row.outcome == "unanswered" and row.kind != "probe"]
    if silent_hosts:
        yield plural(len(silent_hosts), "unanswered ARP request"), f"arp-{silent_hosts[0] + 1}"
    claimed = [n for n, row in enumerate(analysis.arp) if row.conflict and n not in silent_hosts]
    if claimed:
        one, many = "address claim that another machine contradicts", "address claims that another machine contradicts"
        yield plural(len(claimed), one, many), f"arp-{claimed[0] + 1}"
    pings = failed_icmp(analysis.icmp, probing(analysis.traceroutes))
    if pings:
        yield (
            plural(len(pings), "ICMP error or unanswered ping", "ICMP errors or unanswered pings"),
            f"icmp-{pings[0] + 1}",
        )


def _plural_first(words: str, amount: int) -> str:
    noun, rest = words.split(" ", 1)
    return words if amount == 1 else f"{noun}s {rest}"


def _failed(analysis: Analysis, failures: list[tuple[str, str]]) -> Iterable[CardLine]:
    unknown = Counter(what for row in analysis.http if (what := verdicts.unknown(row)) is not None)
    if failures:
        shown = [words for words, _ in failures[:4]]
        if len(failures) > 4:
            shown.append(plural(len(failures) - 4, "more kind of failure", "more kinds of failure"))
        yield CardLine(Prose(f"Failed: {joined(shown)}."), failures[0][1], "the first of them", "bad")
    else:
        yield _nothing_failed(analysis, unknown)
    if unknown:
        words = [plural(unknown[what], one, many) for what, one, many in UNKNOWN if unknown[what]]
        n = next(n for n, row in enumerate(analysis.http) if verdicts.unknown(row) is not None)
        yield CardLine(Prose(f"{joined(words)}."), f"http-{n + 1}", "the first of them")


def _nothing_failed(analysis: Analysis, unknown: Counter[str]) -> CardLine:
    hidden = sum(not row.decrypted for row in analysis.tls)
    answered = sum(verdicts.asked(row) and verdicts.unknown(row) is None for row in analysis.http)
    if answered:
        asked = sum(map(verdicts.asked, analysis.http))
        every = "the one request" if asked == 1 else f"each of the {number(asked)} requests"
        if unknown:
            every = f"{number(answered)} of {plural(asked, 'request')}"
        readable = " that can be read" if hidden else ""
        words = f"Nothing{' visible' if hidden or unknown else ''}: {every}{readable} got a good answer."
        return CardLine(Prose(f"{words}{_hidden(hidden)}"), "protocols", "all status codes")
    return CardLine(Prose(f"Nothing that this capture shows.{_hidden(hidden)}"), "protocols", "all protocols")


def _hidden(sessions: int) -> str:
    return f" What {plural(sessions, 'TLS session')} carried is encrypted." if sessions else ""


def _why(analysis: Analysis) -> Iterable[CardLine]:
    ranked = sorted(enumerate(analysis.findings), key=lambda item: (rank(item[1]), item[0]))
    if not ranked:
        yield CardLine("Nothing stood out, so there is nothing to explain.", "findings", "what was looked for")
    for n, (_, finding) in enumerate(ranked[:3]):
        title = sentences.sentence(finding.title_key, masked_args(finding.args, analysis.options))
        cost = f" – cost {words}" if (words := cost_words(finding)) else ""
        yield CardLine(Prose(f"{title}{cost}."), f"finding-{n + 1}", "why and what to try", finding.severity)
