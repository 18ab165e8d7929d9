"""Which requests and encrypted connections belong to one thing a person did.

Evidence, strongest first: a redirect that names the URL asked for next; a Referer that names a URL of the visit; the
same client asking the same host for something that is no page while the visit is still going on. A page (HTML)
asked for without a Referer, or after a pause, begins a new visit. Encrypted connections join by host name, or by
beginning while the visit is going on. Where nothing speaks for a visit, the request stands as its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from analyzer.schema import HttpRow, TlsRow
from analyzer.units import NS_PER_S
from analyzer.visits.model import Facts

REDIRECTS = frozenset({301, 302, 303, 307, 308})
REDIRECT_WITHIN_NS = 10 * NS_PER_S
"""A client follows a redirect at once (a new connection may need repeated SYNs); later is somebody asking anew."""
KEEPS_METHOD = frozenset({307, 308})
"""Redirects after which the same method is sent again (RFC 9110 section 15.4); after the others it is GET or HEAD."""
TOGETHER_NS = 2 * NS_PER_S
"""A page asks for its parts within about this long after its last activity; a person is slower."""
MAX_OPEN = 64
"""Visits looked back at; more do not run side by side on one client."""


@dataclass(slots=True)
class Redirect:
    """A redirect that nobody has followed yet."""

    target: str
    answered: int
    row: int
    stream: int
    method: str


@dataclass(slots=True)
class Draft:
    """A visit being put together. Rows are positions in the http and tls tables."""

    client: str
    url: str
    start: int
    until: int
    http: list[int] = field(default_factory=list)
    tls: list[int] = field(default_factory=list)
    fresh: set[int] = field(default_factory=set)  # streams this visit was the first to use
    hosts: set[str] = field(default_factory=set)
    urls: dict[str, int] = field(default_factory=dict)  # url → http row
    redirects: list[Redirect] = field(default_factory=list)
    chain: list[int] = field(default_factory=list)  # http rows: redirects, then the document
    initiators: dict[int, int] = field(default_factory=dict)


def group(facts: Facts) -> list[Draft]:
    """Group the rows that began something into drafts, in order of time."""
    events: list[tuple[int, int, bool]] = []
    events += [(row.request_time, at, True) for at, row in enumerate(facts.http) if row.request_time is not None]
    events += [
        (row.client_hello_time, at, False) for at, row in enumerate(facts.tls) if row.client_hello_time is not None
    ]
    drafts: list[Draft] = []
    used: set[int] = set()
    open_: dict[str, list[Draft]] = {}
    c = facts.connections
    for when, at, is_http in sorted(events):
        stream = facts.http[at].stream if is_http else facts.tls[at].stream
        client = c.host(int(c.client_host[stream]))
        recent = open_.setdefault(client, [])
        draft = _join_http(facts.http[at], at, when, recent) if is_http else _join_tls(facts.tls[at], when, recent)
        if draft is None:
            url = (facts.http[at].url or "") if is_http else _tls_url(facts, facts.tls[at])
            draft = Draft(client, url, when, when)
            drafts.append(draft)
            recent.append(draft)
            del recent[:-MAX_OPEN]
        if stream not in used:
            used.add(stream)
            draft.fresh.add(stream)
        if is_http:
            _add_http(draft, facts.http[at], at)
        else:
            _add_tls(draft, facts, at)
    return drafts


def _tls_url(facts: Facts, row: TlsRow) -> str:
    c = facts.connections
    name = row.sni or c.host(int(c.server_host[row.stream]))
    port = int(c.columns["server_port"][row.stream])
    return f"https://{f'[{name}]' if ':' in name else name}{'' if port == 443 else f':{port}'}/"


def _follows(redirect: Redirect, row: HttpRow, when: int) -> bool:
    fits = row.method == redirect.method or row.method in ("GET", "HEAD")
    return fits and 0 <= when - redirect.answered <= REDIRECT_WITHIN_NS


def _is_page(row: HttpRow) -> bool:
    return row.content_type in ("text/html", "application/xhtml+xml")


def _join_http(row: HttpRow, at: int, when: int, recent: list[Draft]) -> Draft | None:
    """Return the visit a request belongs to, None when it begins one."""
    url = row.url or ""
    for draft in reversed(recent):
        for redirect in reversed(draft.redirects):
            if redirect.target == url and _follows(redirect, row, when):
                draft.redirects.remove(redirect)
                draft.initiators[at] = redirect.row
                if redirect.row in draft.chain:
                    draft.chain.append(at)
                return draft
        # A client that asks for something else on the connection did not follow the redirect it got there.
        draft.redirects = [r for r in draft.redirects if r.stream != row.stream]
    if row.referer:
        for draft in reversed(recent):
            cause_row = draft.urls.get(row.referer)
            if cause_row is None:
                continue
            if _is_page(row) and when - draft.until > TOGETHER_NS:
                return None  # a link followed, not a part of the page
            draft.initiators[at] = cause_row
            return draft
    for draft in reversed(recent):
        going_on = when - draft.until <= TOGETHER_NS
        if going_on and row.host in draft.hosts and not _is_page(row) and _is_part(row):
            return draft
    return None


_PARTS = ("text/css", "image/", "font/", "application/font", "text/javascript", "application/javascript")


def _is_part(row: HttpRow) -> bool:
    """Say whether a request looks like a part of a page: its type, or its well-known name."""
    kind = row.content_type or ""
    path = urlsplit(row.target or "").path.rpartition("/")[2]
    return kind.startswith(_PARTS) or path in ("favicon.ico",) or path.rpartition(".")[2] in ("css", "js", "png", "svg")


def _join_tls(row: TlsRow, when: int, recent: list[Draft]) -> Draft | None:
    """Return the visit an encrypted connection belongs to, None when it begins one."""
    name = (row.sni or "").lower()
    for draft in reversed(recent):
        for redirect in reversed(draft.redirects):
            parts = urlsplit(redirect.target)
            on_time = 0 <= when - redirect.answered <= REDIRECT_WITHIN_NS
            if parts.scheme == "https" and parts.hostname == name and on_time:
                draft.redirects.remove(redirect)
                return draft
    for draft in reversed(recent):
        if when - draft.until <= TOGETHER_NS and (draft.tls or name in draft.hosts):
            return draft
    return None


def _add_http(draft: Draft, row: HttpRow, at: int) -> None:
    draft.http.append(at)
    if not draft.chain:
        draft.chain.append(at)
    ended = row.response_end_time or row.response_time or row.request_end_time or row.request_time or draft.until
    draft.until = max(draft.until, ended)
    if row.host:
        draft.hosts.add(row.host)
    if row.url:
        draft.urls.setdefault(row.url, at)
        if row.status in REDIRECTS and row.location and row.response_time is not None:
            target = urljoin(row.url, row.location)
            again = row.method if row.status in KEEPS_METHOD else "GET"
            draft.redirects.append(Redirect(target, row.response_time, at, row.stream, again or "GET"))


def _add_tls(draft: Draft, facts: Facts, at: int) -> None:
    row = facts.tls[at]
    draft.tls.append(at)
    draft.until = max(draft.until, int(facts.connections.columns["end_time"][row.stream]))
    if row.sni:
        draft.hosts.add(row.sni.lower())
