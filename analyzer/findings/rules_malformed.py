"""Findings about HTTP that breaks the form of HTTP, and about pages sent in clear by sites that could encrypt them."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.about import about, answered_in, asked_in, client_of, host_of, in_clear
from analyzer.findings.model import Hit, Rule, grouped
from analyzer.schema import HttpRow
from analyzer.visits.asking import path_of
from analyzer.visits.caching import header
from analyzer.visits.model import Facts, Found

AMBIGUOUS = frozenset({"conflicting_lengths", "bad_length", "bad_transfer_encoding", "bad_chunk", "bad_status_line"})
"""Flaws by which two readers may see two different messages: what is smuggled past a firewall, or simply lost."""
_CLIENTS = frozenset({"bad_request_line"})
_SERVERS = frozenset({"bad_status_line", "bad_upgrade"})
_LENGTHS = frozenset({"conflicting_lengths", "bad_length", "bad_transfer_encoding"})


def _sender(row: HttpRow) -> str | None:
    """Return who broke the rule (client | server), None where the row does not tell."""
    why = row.outcome_why
    if why in _CLIENTS or row.request_cut == "malformed":
        return "client"
    if why in _SERVERS or row.response_cut == "malformed":
        return "server"
    if why == "not_http":
        return "client" if row.method is None and row.request_frames is not None else "server"
    if why in _LENGTHS:
        mine = any(header(row.request_headers, name) for name in ("content-length", "transfer-encoding"))
        theirs = any(header(row.response_headers, name) for name in ("content-length", "transfer-encoding"))
        return None if mine and theirs else "client" if mine else "server"
    if row.response_frames is None:
        return "client"
    return "server" if row.request_frames is None else None


def malformed(facts: Facts) -> Iterator[Hit]:
    """Messages that break the rules of HTTP; once for a server, a rule and who broke it.

    A warning where it is in doubt what was meant, so that two readers may understand two things; else a note.
    """
    bad = (
        ((host_of(facts, row), row.outcome_why, _sender(row)), (at, row))
        for at, row in enumerate(facts.http)
        if row.outcome == "malformed" and row.wrong_scheme is None
    )
    for (host, why, by), found in grouped(bad).items():
        row = found[0][1]
        args: dict[str, object] = {
            "host": host,
            "client": client_of(facts, row),
            "by": by or "client or the server",
            "flaw": why,
            "target": path_of(row) if row.target else None,
        }
        variant = "not_http" if why == "not_http" else "ambiguous" if why in AMBIGUOUS else None
        weight = "warning" if why in AMBIGUOUS else None
        yield about(found, _both(found), args, severity=weight, blame=by, variant=variant)


def _both(found: Found) -> tuple[int, ...]:
    return (*asked_in(found), *answered_in(found))


def _page(row: HttpRow) -> bool:
    """Say whether a request brought a page, or took a filled-in form along."""
    if not in_clear(row) or row.status is None or not 200 <= row.status < 300:
        return False
    return _form(row) or (row.content_type or "").lower().startswith(("text/html", "application/xhtml+xml"))


def _form(row: HttpRow) -> bool:
    return any(field.place == "body" for field in row.parameters)


def plain(facts: Facts) -> Iterator[Hit]:
    """Pages or forms sent in clear, although the same site speaks https in this capture; once for a site."""
    secure: dict[str, int | None] = {}
    for row in facts.tls:
        if row.outcome == "established" and row.sni:
            secure.setdefault(row.sni.lower(), row.client_hello_frame)
    if not secure:
        return
    pages = ((row.host.lower(), (at, row)) for at, row in enumerate(facts.http) if row.host and _page(row))
    for host, found in grouped(pages).items():
        if host in secure:
            forms = [(at, row) for at, row in found if _form(row)]
            told = forms or found
            args: dict[str, object] = {"host": host_of(facts, told[0][1]), "target": path_of(told[0][1])}
            frames = (*asked_in(told), *(f for f in (secure[host],) if f is not None))
            yield about(told, frames, args, variant="form" if forms else None)


RULES: tuple[Rule, ...] = (
    Rule("HTTP-MALFORMED", "note", "http", "unknown", "RFC 9112 section 2.2", malformed),
    Rule("HTTP-PLAIN", "note", "http", "server", "RFC 9110 section 17.1, RFC 7258", plain),
)
