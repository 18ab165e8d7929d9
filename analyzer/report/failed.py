"""What failed, as the card of the first screen says it: each kind of failure with how often, the server's first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from analyzer import http_status
from analyzer.analysis import Analysis
from analyzer.report import glossary
from analyzer.report.card import CardLine
from analyzer.report.connection_failures import failed as failed_connections
from analyzer.report.escape import Prose
from analyzer.report.icmp import failed_icmp
from analyzer.report.lookups import own_failures
from analyzer.report.requests import request_anchor
from analyzer.report.wording import joined, listed, number, paragraph, plural, say
from analyzer.units import human_ms
from analyzer.visits import verdicts
from analyzer.visits.traceroutes import probing

MAX_KINDS = 4
"""Kinds of failure named in the card's sentence; the findings have the rest."""

MAX_CODES = 6
"""Status codes of a class named in the card's sentence."""

REQUESTS: Mapping[str, Callable[[int], Prose]] = {
    "no_answer": lambda n: plural(n, "request without an answer", "requests without an answer"),
    "cut_off": lambda n: plural(n, "answer cut off", "answers cut off"),
    "gave_up": lambda n: plural(n, "request that the client gave up", "requests that the client gave up"),
    "left": lambda n: plural(n, "answer that the client did not wait for", "answers that the client did not wait for"),
    "malformed": lambda n: plural(n, "exchange that broke the rules of HTTP", "exchanges that broke the rules of HTTP"),
}
"""Failure of a request without an error answer → so many of it, the server's before the client's."""

CONNECTIONS: Mapping[str, Callable[[int], Prose]] = {
    "no_synack": lambda n: plural(n, "connection never answered", "connections never answered"),
    "refused": lambda n: plural(n, "connection refused", "connections refused"),
    "reset": lambda n: plural(n, "connection reset", "connections reset"),
}
"""Failure of a connection → so many of it."""

UNKNOWN: Mapping[str, Callable[[int], Prose]] = {
    "answer": lambda n: plural(n, "answer is not in this capture.", "answers are not in this capture."),
    "lost": lambda n: plural(
        n, "answer is not in this capture to its end.", "answers are not in this capture to their end."
    ),
    "waiting": lambda n: plural(
        n, "request was waiting when the capture ended.", "requests were waiting when the capture ended."
    ),
    "receiving": lambda n: plural(
        n, "answer was still coming when the capture ended.", "answers were still coming when the capture ended."
    ),
    "request": lambda n: plural(
        n, "answer has no request in this capture.", "answers have no request in this capture."
    ),
}
"""What of an exchange cannot be seen → so many of it, a whole sentence."""


def failures(analysis: Analysis) -> Iterable[tuple[Prose, str]]:
    """Yield (words, link) for each kind of failure, the first of its kind linked."""
    yield from _requests(analysis)
    circles = [visit.visit for visit in analysis.visits if visit.failed_why == "redirect_loop"]
    if circles:  # each of its answers was a good redirect
        words = plural(len(circles), "visit that went in a circle", "visits that went in a circle")
        yield words, f"visit-{circles[0]}"
    broken = failed_connections(analysis.connections)
    yield from ((said(broken[key]), "connections") for key, said in CONNECTIONS.items() if broken[key])
    lookups = own_failures(analysis.dns)
    if lookups.any():
        yield plural(int(lookups.sum()), "failed DNS lookup"), f"dns-{int(lookups.argmax()) + 1}"
    sessions = [n for n, row in enumerate(analysis.tls) if row.outcome == "failed"]
    if sessions:
        yield plural(len(sessions), "failed TLS handshake"), f"tls-{sessions[0] + 1}"
    silent_hosts = [n for n, row in enumerate(analysis.arp) if row.outcome == "unanswered" and row.kind != "probe"]
    if silent_hosts:
        yield plural(len(silent_hosts), "unanswered ARP request"), f"arp-{silent_hosts[0] + 1}"
    claimed = [n for n, row in enumerate(analysis.arp) if row.conflict and n not in silent_hosts]
    if claimed:
        words = plural(
            len(claimed),
            "address claim that another machine contradicts",
            "address claims that another machine contradicts",
        )
        yield words, f"arp-{claimed[0] + 1}"
    pings = failed_icmp(analysis.icmp, probing(analysis.traceroutes))
    if pings:
        words = plural(len(pings), "ICMP error or unanswered ping", "ICMP errors or unanswered pings")
        yield words, f"icmp-{pings[0] + 1}"


def _requests(analysis: Analysis) -> Iterable[tuple[Prose, str]]:
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
            words = Prose(f"{codes[mine[0]]} × {mine[0]} {http_status.name(mine[0])}")
            yield words, request_anchor(first[str(mine[0])])
        elif mine:
            shown = listed(map(str, mine[:MAX_CODES])) + (" …" if len(mine) > MAX_CODES else "")
            amount = number(sum(codes[code] for code in mine))
            yield Prose(f"{amount} × {klass}xx ({shown})"), request_anchor(min(first[str(code)] for code in mine))
    for kind, said in REQUESTS.items():
        if not kinds[kind]:
            continue
        waited = analysis.http[first[kind]].wait_ms if kind == "gave_up" and kinds[kind] == 1 else None
        words = said(kinds[kind])
        if waited:
            words = say("{requests} after {time}", requests=words, time=human_ms(waited))
        yield words, request_anchor(first[kind])


def failed(analysis: Analysis, found: list[tuple[Prose, str]]) -> Iterable[CardLine]:
    """Yield the sentences of the card: what failed, or that nothing did, and what cannot be seen."""
    unknown = Counter(what for row in analysis.http if (what := verdicts.unknown(row)) is not None)
    if found:
        named = MAX_KINDS if len(found) > MAX_KINDS + 1 else len(found)  # one more is named as fast as counted
        shown = [words for words, _ in found[:named]]
        if len(found) > named:
            shown.append(plural(len(found) - named, "more kind of failure", "more kinds of failure"))
        text = say("Failed: {things}.", things=joined(shown))
        yield CardLine(text, found[0][1], say("the first of them"), terms=tuple(_codes(analysis)))
    else:
        yield _nothing_failed(analysis, unknown)
    if unknown:
        n = next(n for n, row in enumerate(analysis.http) if verdicts.unknown(row) is not None)
        text = paragraph(said(unknown[what]) for what, said in UNKNOWN.items() if unknown[what])
        yield CardLine(text, request_anchor(n), say("the first of them"))


def _codes(analysis: Analysis) -> Iterable[tuple[Prose, str]]:
    """Yield the status codes that failed, each with its place in the glossary; the gravest first."""
    kinds = ("server_error", "client_error")
    codes = {row.status for row in analysis.http if row.status is not None and verdicts.failure(row) in kinds}
    for code in sorted(codes, key=lambda code: (code < 500, code))[:MAX_CODES]:
        if anchor := glossary.link("status", code):
            yield Prose(code), anchor


def _nothing_failed(analysis: Analysis, unknown: Counter[str]) -> CardLine:
    hidden = sum(not row.decrypted for row in analysis.tls)
    encrypted = [say("What {sessions} carried is encrypted.", sessions=plural(hidden, "TLS session"))] if hidden else []
    answered = sum(verdicts.asked(row) and verdicts.unknown(row) is None for row in analysis.http)
    if not answered:
        text = paragraph([say("Nothing that this capture shows."), *encrypted])
        return CardLine(text, "protocols", say("all protocols"))
    good = _answered(answered, sum(map(verdicts.asked, analysis.http)), bool(hidden), bool(unknown))
    return CardLine(paragraph([good, *encrypted]), "protocols", say("all status codes"))


def _answered(answered: int, asked: int, hidden: bool, unknown: bool) -> Prose:
    """Say that all requests that can be judged got a good answer."""
    if unknown:
        args = {"answered": number(answered), "requests": plural(asked, "request")}
        if hidden:
            return say("Nothing visible: {answered} of {requests} that can be read got a good answer.", **args)
        return say("Nothing visible: {answered} of {requests} got a good answer.", **args)
    if hidden and asked == 1:
        return say("Nothing visible: the one request that can be read got a good answer.")
    if hidden:
        return say("Nothing visible: each of the {n} requests that can be read got a good answer.", n=number(asked))
    if asked == 1:
        return say("Nothing: the one request got a good answer.")
    return say("Nothing: each of the {n} requests got a good answer.", n=number(asked))
