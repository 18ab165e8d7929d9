"""The first screen: what file this is, and four questions answered in sentences with numbers and links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from analyzer import sentences
from analyzer.analysis import Analysis
from analyzer.findings.model import ranked
from analyzer.flows.model import Connections
from analyzer.report.card import Card, CardLine
from analyzer.report.connection_words import APPLICATIONS
from analyzer.report.escape import Prose, safe
from analyzer.report.failed import failed, failures
from analyzer.report.findings import ICONS, cost_words, severity_word
from analyzer.report.icmp import exchanged
from analyzer.report.protocols import traffic_name
from analyzer.report.secrets import masked_args
from analyzer.report.slow import slow
from analyzer.report.visits import MAX_VISITS
from analyzer.report.wording import joined, number, paragraph, plural, say
from analyzer.units import human_bytes, human_ms, rfc3339
from analyzer.version import __version__
from analyzer.visits import verdicts

MAX_REASONS = 3
"""Findings on the card "why": what a person takes in at a glance."""

KEPT_OF_NAME = 12
"""Characters at the end of a file's name that are never cut: room for a number or a date, and the suffix."""

SHORT_NAME = 16
"""Characters of a file's name that have room on every screen."""

MAX_HOSTS = 2
"""Hosts named on the card "what happened"."""

MAX_KINDS = 4
"""Kinds of exchanges counted on the card "what happened", before ICMP and ARP are left to their tables."""

READ = frozenset({"dns", "http1", "tls", "websocket"})
"""Applications of connections that are explained here."""

PORT_BITS = 16
"""Bits of a port number."""

MAX_PRINTED = 5
"""Visits on paper, one to three pages each."""

MAX_PROTOCOLS = 3
"""Protocols named of a capture that holds nothing else than what is only counted."""


@dataclass(frozen=True, slots=True)
class HeaderFact:
    """What the page's header says of the file; ``start_utc`` and ``end_utc`` are RFC 3339, empty when unknown."""

    file: str
    sha256: str
    sha256_short: str
    start: str
    end: str
    start_utc: str
    end_utc: str
    span: str
    packets: str
    size: str
    format: str
    version: str

    @property
    def file_start(self) -> str:
        """Return what of the file's name is cut where it has no room."""
        return self.file.removesuffix(self.file_end)

    @property
    def file_end(self) -> str:
        """Return what of the file's name stays: captures mostly differ at their end."""
        name = self.file.rpartition("/")[2]
        return "" if len(self.file) <= SHORT_NAME else name if len(name) <= SHORT_NAME else self.file[-KEPT_OF_NAME:]


def _short_path(file: str) -> str:
    """Return a capture's name, with the folder it lies in where that tells captures of a batch apart."""
    parts = PurePosixPath(file.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or parts[0].endswith(":") or ".." in parts:
        return parts[-1] if parts else file
    return "/".join(parts[-2:])


def header(analysis: Analysis) -> HeaderFact:
    """Return the header's facts."""
    capture = analysis.capture
    packed = f", {capture.compression}" if capture.compression else ""
    return HeaderFact(
        file=safe(_short_path(capture.file), 120),
        sha256=safe(capture.sha256, 64),
        sha256_short=safe(capture.sha256[:12]),
        start=_clock_text(capture.start_time),
        end=_clock_text(capture.end_time),
        start_utc=_utc(capture.start_time),
        end_utc=_utc(capture.end_time),
        span=human_ms(capture.duration_ms) if capture.duration_ms is not None else "",
        packets=plural(capture.packets, "packet"),
        size=human_bytes(capture.size_bytes),
        format=safe(f"{capture.format}{packed}"),
        version=__version__,
    )


def _clock_text(time_ns: int | None) -> Prose:
    """Write an instant to the millisecond: ``2026-11-22 01:57:11.123 UTC``."""
    text = rfc3339(time_ns)
    return say("unknown") if text is None else Prose(f"{text[:10]} {text[11:23]} UTC")


def _utc(time_ns: int | None) -> str:
    """Write an instant to the millisecond as scripts read it: ``2026-11-22T01:57:11.123Z``."""
    text = rfc3339(time_ns)
    return "" if text is None else f"{text[:23]}Z"


def banner(analysis: Analysis) -> str:
    """Say that the capture could not be read to its end; empty when it could."""
    capture = analysis.capture
    if not capture.partial and not capture.ledger.truncated_file:
        return ""
    unread, packets = capture.ledger.bytes_unread, capture.packets
    said = [
        say("This report covers only a part of the capture: {reason}.", reason=_reason(capture.partial_why))
        if capture.partial_why
        else say("This report covers only a part of the capture: the file ends in the middle of a packet.")
    ]
    if unread:
        said.append(say("{size} could not be read.", size=human_bytes(unread)))
    if packets == 1:
        said.append(say("The 1 packet before that is analyzed in full."))
    else:
        said.append(say("The {packets} before that are analyzed in full.", packets=plural(packets, "packet")))
    return paragraph(said)


def _reason(text: str) -> Prose:
    return Prose(safe(text).rstrip("."))


def cards(analysis: Analysis) -> tuple[Card, ...]:
    """Return the four cards."""
    if not analysis.capture.packets:
        return _empty()
    found = list(failures(analysis))
    judged = "good" if _things(analysis) else "info"
    return (
        Card("what", say("What happened"), tuple(_happened(analysis)), "info"),
        Card("slow", say("What was slow"), tuple(slow(analysis)), "warn"),
        Card("failed", say("What failed"), tuple(failed(analysis, found)), "bad" if found else judged),
        Card("why", say("Why"), tuple(_why(analysis)), "info"),
    )


def _empty() -> tuple[Card, ...]:
    """Return the cards of a capture without packets: nothing is fine, since nothing was seen."""
    happened = say("The capture holds no packets: nothing was recorded.")
    timed, judged = say("Nothing could be timed: there are no packets."), say("Cannot be told: there are no packets.")
    why = say("Empty: the wrong interface, or a filter that lets nothing through? Or nothing passed while it recorded.")
    about = say("about this file")
    return (
        Card("what", say("What happened"), (CardLine(happened, "about", about),), "warn"),
        Card("slow", say("What was slow"), (CardLine(timed, "about", about),), "info"),
        Card("failed", say("What failed"), (CardLine(judged, "about", about),), "info"),
        Card("why", say("Why"), (CardLine(why, "about", about),), "info"),
    )


def _happened(analysis: Analysis) -> Iterable[CardLine]:
    yield _what(analysis)
    if len(analysis.connections) and not analysis.http and not analysis.tls:
        yield from _unread(analysis.connections)


def _unread(connections: Connections) -> Iterable[CardLine]:
    """Name the applications that a capture's connections carried, where nothing of them is read."""
    found = Counter(name for name in connections.words.get("application", {}).values() if name not in READ)
    if not found:
        return
    ranked = sorted(found, key=lambda name: (-found[name], name))
    named = [Prose(APPLICATIONS.get(name, safe(name, 40))) for name in ranked[:MAX_PROTOCOLS]]
    if len(ranked) > MAX_PROTOCOLS:
        named.append(plural(len(ranked) - MAX_PROTOCOLS, "more protocol"))
    text = say("What {protocols} carried is not read here: only its connections are told of.", protocols=joined(named))
    yield CardLine(text, "connections", say("the connections"))


def _servers(connections: Connections) -> list[Prose]:
    """Name the servers that most connections went to, each with its port."""
    ports = np.asarray(connections.columns["server_port"], np.int64)
    keys = np.asarray(connections.server_host, np.int64) << PORT_BITS | ports
    servers, first, counts = np.unique(keys, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    named = [
        say("{address} port {port}", address=connections.host(key >> PORT_BITS), port=key & ((1 << PORT_BITS) - 1))
        for key in servers[order[:MAX_HOSTS]].tolist()
    ]
    return [*named, plural(len(servers) - len(named), "more server")] if len(servers) > len(named) else named


def _what(analysis: Analysis) -> CardLine:
    span = human_ms(analysis.capture.duration_ms)
    things = _things(analysis)
    if not things:
        return _only_counted(analysis, span)
    hosts = verdicts.hosts(analysis.http, analysis.tls)
    names = [safe(name, 60) for name in hosts[:MAX_HOSTS]]
    if len(hosts) > len(names):
        names.append(plural(len(hosts) - len(names), "more host"))
    if not names and len(analysis.connections):
        names = _servers(analysis.connections)
    text = (
        say("{things} in {time}, with {hosts}.", things=joined(things), time=span, hosts=joined(names))
        if names
        else say("{things} in {time}.", things=joined(things), time=span)
    )
    if analysis.visits or analysis.http:
        return CardLine(text, "visits", say("the visits"))
    if len(analysis.connections):
        return CardLine(text, "connections", say("the connections"))
    return CardLine(text, "timeline", say("the timeline"))


def _things(analysis: Analysis) -> list[Prose]:
    """Count what happened, from the whole to the detail."""
    requests = sum(map(verdicts.asked, analysis.http))
    out: list[Prose] = []
    if analysis.visits:
        out.append(plural(len(analysis.visits), "visit"))
    if requests:
        out.append(plural(requests, "HTTP request"))
    elif analysis.http:
        out.append(plural(len(analysis.http), "HTTP answer"))
    if len(analysis.connections):
        out.append(plural(len(analysis.connections), "TCP connection"))
    if analysis.dns:
        out.append(plural(len(analysis.dns), "DNS lookup"))
    if exchanged(analysis.icmp) and len(out) < MAX_KINDS:
        out.append(plural(exchanged(analysis.icmp), "ICMP exchange"))
    if analysis.arp and len(out) < MAX_KINDS:
        out.append(plural(len(analysis.arp), "ARP exchange"))
    return out


def _only_counted(analysis: Analysis, span: str) -> CardLine:
    """Name the protocols of a capture that holds nothing else than what is only counted."""
    packets = plural(analysis.capture.packets, "packet")
    ranked = sorted(analysis.capture.traffic.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        text = say("{packets} in {time}, of protocols that are only counted here.", packets=packets, time=span)
        return CardLine(text, "frames-table", say("every frame accounted for"))
    listed = [Prose(f"{traffic_name(name)} ({number(count)})") for name, count in ranked[:MAX_PROTOCOLS]]
    if len(ranked) > MAX_PROTOCOLS:
        listed.append(plural(len(ranked) - MAX_PROTOCOLS, "more protocol"))
    text = say(
        "{packets} in {time}, of protocols that are only counted here: {protocols}.",
        packets=packets,
        time=span,
        protocols=joined(listed),
    )
    return CardLine(text, "traffic-table", say("every frame accounted for"))


def printed(analysis: Analysis) -> tuple[int, ...]:
    """Return the visits that go on paper: those that failed, then the longest; nothing where all of them do."""
    visits = analysis.visits[:MAX_VISITS]
    if len(visits) <= MAX_PRINTED:
        return ()
    ranked = sorted(visits, key=lambda visit: (visit.failed_step is None, -(visit.duration_ms or 0.0), visit.visit))
    return tuple(sorted(visit.visit for visit in ranked[:MAX_PRINTED]))


def _why(analysis: Analysis) -> Iterable[CardLine]:
    if not analysis.findings:
        text = say("Nothing stood out, so there is nothing to explain.")
        yield CardLine(text, "findings", say("what was looked for"))
    for n, finding in enumerate(ranked(analysis.findings)[:MAX_REASONS]):
        title = Prose(sentences.sentence(finding.title_key, masked_args(finding.args, analysis.options)))
        cost = cost_words(finding)
        yield CardLine(
            say("{finding} – cost {time}.", finding=title, time=cost) if cost else say("{finding}.", finding=title),
            f"finding-{n + 1}",
            say("why and what to try"),
            finding.severity if finding.severity in ICONS else "info",
            ICONS.get(finding.severity, "i"),
            severity_word(finding.severity),
        )
