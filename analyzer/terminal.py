"""What a person sees in the terminal: the summary that reads in ten seconds, and the progress bar.

Rules: every string from a capture passes :func:`analyzer.text.display` and is printed as a ``rich`` Text, never as
markup, so neither escape sequences nor ``[bold]`` in a host name do anything. The summary holds no fact of its own:
it draws from the tables and speaks with the catalogue's sentences. Lists are short; the report has the rest.
``rich`` is imported only when something is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from analyzer.text import display
from analyzer.units import human_bytes, human_ms, rfc3339

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from analyzer.analysis import Analysis
    from analyzer.schema import DnsRow, FindingRow, HttpRow, IcmpRow, TlsRow, VisitRow
    from analyzer.text_ladder import Span

SHOWN = 3
"""Lines of each list; more would not be read in ten seconds."""

VALUE_LIMIT = 70
"""Characters shown of one URL or name; a line of a terminal."""

SEVERITIES = ("error", "warning", "note", "info")
"""From worst to mildest."""

PROGRESS_AFTER_S = 1.0
"""A run shorter than this needs no bar."""

NOTABLE_SHARE = 0.3
"""A phase is named as the cause of slowness from this share of a visit on; less explains nothing."""

FAILED = {
    "no_answer": "no answer",
    "gave_up": "the client gave up",
    "cut_off": "cut off",
    "left": "the client left",
    "malformed": "malformed",
}
"""Failure of a request without an error answer → words."""

EXPLAINED = ("TCP", "DNS", "mDNS", "LLMNR", "ARP", "ICMP", "DHCP", "DHCPv6", "not decoded")
"""Names of traffic that the line above it has counted in its own way."""

PLAIN = str.maketrans("│┊─┄▶◀└⋯…–→Δ·‹›", "|:-.><`~~->d-<>")
"""What stands for the characters of a drawing where the terminal's encoding has none of them."""

SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "info": "dim"}


def console(file: TextIO, *, color: bool = True) -> Console:
    """Return a console that interprets nothing in the text it is given, and says when its reader has gone away."""
    from rich.console import Console

    class Honest(Console):
        """Lets a broken pipe be one; rich would end the program with an exit code of its own."""

        def on_broken_pipe(self) -> None:
            raise  # rich calls this while it handles the error

    return Honest(
        file=file,
        no_color=None if color else True,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=not file.isatty(),
    )


def print_lines(lines: Iterable[Sequence[Span]], out: Console) -> None:
    """Print lines of (text, style) as they are: what makes them has broken them to the width."""
    from rich.text import Text

    simple = not _can_draw(out.encoding)
    for line in lines:
        text = Text.assemble(*((span.text.translate(PLAIN) if simple else span.text, span.style) for span in line))
        text.rstrip()
        out.print(text, no_wrap=True, crop=False, overflow="ignore")


def _can_draw(encoding: str | None) -> bool:
    try:
        "".join(map(chr, PLAIN)).encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class ProgressBar:
    """A bar on standard error that comes up after about a second; a context manager that can be called.

    Call it with a stage's name and the fraction of it that is done (0 to 1). Where standard error is no terminal, or
    ``enabled`` is false, it does nothing.
    """

    def __init__(self, name: str, *, enabled: bool = True, color: bool = True) -> None:
        self._name = display(name, VALUE_LIMIT)
        self._enabled = enabled and sys.stderr.isatty()
        self._color = color
        self._began = time.monotonic()
        self._progress: Progress | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __call__(self, stage: str, fraction: float) -> None:
        if not self._enabled or (self._progress is None and time.monotonic() - self._began < PROGRESS_AFTER_S):
            return
        if self._progress is None:
            self._progress = self._start()
        self._progress.update(
            self._progress.task_ids[0], completed=min(max(fraction, 0.0), 1.0), description=f"{self._name}: {stage}"
        )

    def _start(self) -> Progress:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console(sys.stderr, color=self._color),
            transient=True,
        )
        progress.add_task(self._name, total=1.0)
        progress.start()
        return progress


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary: a label (empty to continue the one above), the text, and a style for the text."""

    label: str
    text: str
    style: str = ""


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _short(value: object) -> str:
    return display(value, VALUE_LIMIT)


def _listed(label: str, texts: Iterable[str], total: int, style: str = "") -> Iterator[Line]:
    """Yield a labelled list of at most :data:`SHOWN` lines and how many are not shown."""
    shown = list(islice(texts, SHOWN))
    for number, text in enumerate(shown):
        yield Line(label if number == 0 else "", text, style)
    if total > len(shown):
        yield Line("" if shown else label, f"… and {total - len(shown):,} more", "dim")


def _happened(analysis: Analysis) -> Iterator[Line]:
    from analyzer.report.icmp import exchanged
    from analyzer.visits.verdicts import asked

    capture = analysis.capture
    start = rfc3339(capture.start_time)
    span = f" over {human_ms(capture.duration_ms)} from {start[:19].replace('T', ' ')} UTC" if start else ""
    yield Line(
        "Capture", f"{human_bytes(capture.size_bytes)} {capture.format}, {_count(capture.packets, 'packet')}{span}"
    )
    requests = sum(map(asked, analysis.http))
    counts = (
        (len(analysis.visits), "visit", None),
        (len(analysis.connections), "connection", None),
        (requests, "HTTP request", None),
        (0 if requests else len(analysis.http), "HTTP answer", None),
        (len(analysis.tls), "TLS session", None),
        (len(analysis.dns), "DNS lookup", None),
        (len(analysis.arp), "ARP exchange", None),
        (len(analysis.ndp), "IPv6 neighbour exchange", None),
        (len(analysis.dhcp), "DHCP exchange", None),
        (exchanged(analysis.icmp), "ICMP exchange", None),
    )
    parts = [_count(number, one, many) for number, one, many in counts if number]
    nothing = "nothing of a protocol that is explained here"
    if not capture.packets:
        nothing = "no packets: the wrong interface, or a filter that lets nothing through?"
    yield Line("Happened", ", ".join(parts) if parts else nothing)
    if traffic := _traffic(capture.traffic):
        yield Line("", f"also frames of {traffic}") if parts else Line("Frames", traffic)
    ledger = capture.ledger
    unread = sum(ledger.unsupported.values()) + sum(ledger.malformed.values())
    if unread:
        yield Line("", f"{_count(unread, 'packet')} could not be decoded", "dim")
    if capture.partial:
        why = display(capture.partial_why or "the file ends early")
        yield Line("Partial", f"only part of this capture could be read: {why}", "yellow")


def _traffic(counts: Mapping[str, int]) -> str:
    """Name the most frequent of the frames that the tables say nothing about; empty when there are none."""
    rest = [(name, count) for name, count in counts.items() if name not in EXPLAINED]
    rest.sort(key=lambda item: (-item[1], item[0]))
    shown = [f"{_short(name)} {count:,}" for name, count in rest[:SHOWN]]
    if len(rest) > SHOWN:
        shown.append(f"{len(rest) - SHOWN} more")
    return ", ".join(shown)


def _slowest_phase(visit: VisitRow, http: Sequence[HttpRow]) -> str:
    """Say which phase took most of a visit, when one took a good part of it, and whether loss was the reason."""
    words = (
        ("arp_ms", "ARP"),
        ("dns_ms", "DNS"),
        ("connect_ms", "connecting"),
        ("tls_ms", "TLS"),
        ("send_ms", "sending"),
        ("wait_ms", "waiting for the server"),
        ("receive_ms", "receiving"),
    )
    known = [(value, word) for name, word in words if (value := getattr(visit.phases, name))]
    value, word = max(known, default=(0.0, ""))
    if value < NOTABLE_SHARE * (visit.duration_ms or 0.0) or not word:
        return ""
    rows = [http[at] for at in visit.http_rows]
    lost = {
        "waiting for the server": sum(row.wait_loss_ms or 0.0 for row in rows),
        "receiving": sum(row.receive_loss_ms or 0.0 for row in rows),
    }
    if lost.get(word, 0.0) > value / 2:
        return f", {human_ms(lost[word])} of it repeating lost packets"
    return f", {human_ms(value)} of it {word}"


def _ended(visit: VisitRow, analysis: Analysis) -> str:
    """Say of a visit that nothing came of it, else what made it slow."""
    tls = [analysis.tls[at] for at in visit.tls_rows]
    clear = all(analysis.http[at].wrong_scheme == "https_on_http" for at in visit.http_rows)
    if tls and clear and all(row.outcome == "failed" for row in tls):
        return ", failed: no encrypted session came about"
    return _slowest_phase(visit, analysis.http)


def _slowest(analysis: Analysis) -> Iterator[Line]:
    """Yield the slowest things a person waited for: visits and the slowest request, else the slowest lookups."""
    from analyzer.visits.verdicts import slowest_requests, slowest_visits

    requests = [(waited, analysis.http[at], at) for waited, at in slowest_requests(analysis.http)]
    visits = [(lasted, analysis.visits[at]) for lasted, at in slowest_visits(analysis.visits)]
    texts = [f"{human_ms(lasted)}  {_short(v.url)}{_ended(v, analysis)}" for lasted, v in visits[:SHOWN]]
    if not visits:
        texts = [f"{human_ms(waited)}  {_request(row)}" for waited, row, _ in requests[:SHOWN]]
    elif requests:
        waited, row, at = requests[0]
        named = any(at in v.http_rows and row.url in (v.url, v.final_url) for _, v in visits[:SHOWN])
        if not named:
            texts = [*texts[: SHOWN - 1], f"{human_ms(waited)}  the request {_request(row)}"]
    if not texts:
        lookups = sorted((d for d in analysis.dns if d.latency_ms), key=lambda d: -(d.latency_ms or 0.0))
        texts = [f"{human_ms(d.latency_ms)}  DNS {d.qtype} {_short(d.qname)}" for d in lookups[:SHOWN]]
    yield from _listed("Slowest", texts, len(texts))


def _request(row: HttpRow) -> str:
    return f"{_short(row.method or '?')} {_short(row.url or row.target or '?')} (stream {row.stream})"


def _result(row: HttpRow, kind: str) -> str:
    """Say how a failed request ended: its status, and what became of it where that is what failed."""
    words = FAILED.get(kind)
    if row.wrong_scheme == "http_on_https":
        words = "plain http sent to a port for https"
    if words is None or row.status is None:
        return words or str(row.status)
    return f"{row.status}, {words}"


def _tls(row: TlsRow) -> str:
    from analyzer.sentences import why

    text = f"TLS failed  {_short(row.sni or 'no name given')} (stream {row.stream})"
    return f"{text}: {why(row.handshake_why)}" if row.handshake_why in ("plain_http", "not_tls") else text


def _dns(row: DnsRow) -> str:
    if row.outcome == "malformed":
        return f"DNS malformed  {_short(row.qname) or 'unreadable question'} ({_short(row.server)})"
    return f"DNS {row.rcode or 'no answer'}  {row.qtype} {_short(row.qname or '(root)')}"


def _icmp(row: IcmpRow) -> str:
    if row.kind == "echo":
        return f"ping {row.outcome}  {_short(row.destination)} (sequence {row.sequence})"
    return f"ICMP {_short(row.meaning)}  (said {_short(row.source)})"


def _failures(analysis: Analysis) -> tuple[int, list[str]]:
    """Return how many things failed, and the first of them in words."""
    from analyzer.protocols.dns.table import picked
    from analyzer.report.icmp import failed_icmp
    from analyzer.report.lookups import own_failures
    from analyzer.visits.traceroutes import probing
    from analyzer.visits.verdicts import failure

    texts: list[str] = []
    total = 0

    def note(rows: Sequence[str] | Iterator[str], number: int) -> None:
        nonlocal total
        total += number
        texts.extend(islice(rows, SHOWN))

    http = [(r, kind) for r in analysis.http if (kind := failure(r)) is not None and r.wrong_scheme != "https_on_http"]
    http.sort(key=lambda pair: pair[1] in ("client_error", "left"))  # what the server or the network did comes first
    note((f"{_result(r, kind)}  {_request(r)}" for r, kind in http), len(http))
    circles = [v for v in analysis.visits if v.failed_why == "redirect_loop"]  # each answer was a good redirect
    note((f"redirects in a circle  {_short(v.url)}" for v in circles), len(circles))
    tls = [r for r in analysis.tls if r.outcome == "failed"]
    note((_tls(r) for r in tls), len(tls))
    lookups = own_failures(analysis.dns).nonzero()[0].tolist()
    note((_dns(r) for _, r in picked(analysis.dns, lookups[:SHOWN])), len(lookups))
    note(*_failed_connections(analysis))
    arp = [r for r in analysis.arp if r.outcome == "unanswered" and r.kind != "probe"]
    note((f"ARP no answer  {_short(r.target_ip or '?')}" for r in arp), len(arp))
    claims = [r for r in analysis.arp if r.conflict and not (r.outcome == "unanswered" and r.kind != "probe")]
    note((f"ARP claim contradicted  {_short(r.target_ip or '?')}" for r in claims), len(claims))
    icmp = [analysis.icmp[at] for at in failed_icmp(analysis.icmp, probing(analysis.traceroutes))]
    note((_icmp(r) for r in icmp), len(icmp))
    return total, texts


def _failed_connections(analysis: Analysis) -> tuple[Iterator[str], int]:
    """Pick connections that were refused, never answered, or reset; by column, there may be a million."""
    import numpy as np

    from analyzer.report.connection_failures import cut_off, refused, unanswered

    connections = analysis.connections
    if not len(connections):
        return iter(()), 0
    words = {"refused": "refused", "no_synack": "no answer"}
    streams = np.flatnonzero(refused(connections) | unanswered(connections) | cut_off(connections))

    def texts() -> Iterator[str]:
        for stream in streams[:SHOWN]:
            row = connections.row(int(stream))
            what = words.get(row.handshake, "reset")
            yield f"TCP {what}  {row.client} → {row.server} port {row.server_port} (stream {row.stream})"

    return texts(), int(streams.size)


def _findings(findings: Sequence[FindingRow]) -> Iterator[Line]:
    from analyzer.findings.model import ranked
    from analyzer.sentences import sentence

    for number, row in enumerate(ranked(findings)[:SHOWN]):
        text = f"{row.severity}: {sentence(row.title_key, row.args)}"
        yield Line("Findings" if number == 0 else "", text, SEVERITY_STYLES[row.severity])
    if len(findings) > SHOWN:
        yield Line("", f"… and {len(findings) - SHOWN:,} more", "dim")


def summary_lines(analysis: Analysis, written: Sequence[Path] = ()) -> list[Line]:
    """Return the summary: what happened, slowest, failed, findings, and where the report is."""
    total, failures = _failures(analysis)
    lines = [*_happened(analysis), *_slowest(analysis), *_listed("Failed", failures, total, "red")]
    if not total and analysis.capture.packets:
        alarming = any(finding.severity in ("error", "warning") for finding in analysis.findings)
        words = "no request, lookup or connection; but see the findings" if alarming else "nothing"
        lines.append(Line("Failed", words, "" if alarming else "green"))
    lines += _findings(analysis.findings)
    for number, path in enumerate(written):
        lines.append(Line("Written" if number == 0 else "", display(str(path), 1000), "bold"))
    return lines


def print_summary(analysis: Analysis, written: Sequence[Path], file: TextIO, *, color: bool = True) -> None:
    """Print the summary of one analysis; a terminal gets hanging indents, a pipe one line per line."""
    from rich.table import Table
    from rich.text import Text

    out = console(file, color=color)
    out.print(Text(display(analysis.capture.file, 200), style="bold"))
    lines = summary_lines(analysis, written)
    if out.is_terminal:
        table = Table.grid(padding=(0, 2, 0, 0))
        for line in lines:
            table.add_row(Text(f"  {line.label}", style="dim"), Text(line.text, style=line.style, overflow="fold"))
        out.print(table)
    else:
        for line in lines:
            out.print(Text(f"  {line.label:<8}  {line.text}"))
