"""Which requests and encrypted connections belong to one thing a person did.

Evidence, strongest first: a redirect that names the URL asked for next; a Referer that names a URL (or, cut to its
origin, the host) of the visit, or the Origin that a WebSocket names instead; the same client asking the same host for a
part of a page while the visit is still going on. A page (HTML) asked for without a Referer, or after a pause, begins a
new visit. Encrypted connections join by host name, or by beginning while an encrypted visit is going on. Where nothing
speaks for a visit, the request stands as its own.

Rows of different clients are never put together. Work is proportional to the rows: redirects and Referers are found
by name, and only the last :data:`MAX_OPEN` visits of a client are looked at one by one.

Sources: RFC 9110 sections 10.1.3 (Referer), 10.2.2 (Location), 15.4 (redirects).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

import numpy as np

from analyzer.decode.table import Flag
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
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_OPEN = 64
"""Visits looked back at; more do not run side by side on one client."""
_PLAIN_URL = re.compile(r"[a-z][a-z0-9+.-]*://([A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?#]|\Z)")
_PAGES = ("text/html", "application/xhtml+xml")
_PART_TYPES = ("text/css", "image/", "font/", "application/font", "text/javascript", "application/javascript")
_PART_ENDINGS = ("css", "js", "png", "svg")


@dataclass(slots=True)
class Draft:
    """A visit being put together. Rows are positions in the http and tls tables.

    Attributes:
        start, until: ns, first request and last known byte.
        active: ns, the last thing that shows the page still loading: an answer, or a new encrypted connection (which
            then may stay open, and silent, for hours).
        fresh: streams this visit was the first to use.
        chain: http rows: redirects, then the document.
        initiators: http row → the http row that caused it.
    """

    client: str
    url: str
    start: int
    until: int
    active: int
    http: list[int] = field(default_factory=list)
    tls: list[int] = field(default_factory=list)
    fresh: set[int] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    chain: list[int] = field(default_factory=list)
    initiators: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Redirect:
    """A redirect that may be followed yet; ``over`` when it was, or was not."""

    draft: Draft
    target: str
    host: str
    answered: int
    row: int
    method: str
    over: bool = False


class Client:
    """What one client did so far."""

    def __init__(self) -> None:
        self.recent: list[Draft] = []
        self._asked: dict[str, tuple[Draft, int]] = {}  # URL, or origin and "/" → where it was asked for first
        self._sent_on: set[int] = set()  # rows that are redirects: no page that could ask for more
        self._to_url: dict[str, list[Redirect]] = defaultdict(list)
        self._to_tls: dict[str, list[Redirect]] = defaultdict(list)
        self._got_on: dict[tuple[int, str], list[Redirect]] = defaultdict(list)  # stream and host sent to

    def open(self, draft: Draft) -> None:
        """Note a new visit."""
        self.recent.append(draft)
        del self.recent[:-MAX_OPEN]

    def note(self, draft: Draft, row: HttpRow, at: int) -> None:
        """Note what was asked for, and where the answer sends the client."""
        if not row.url:
            return
        for name in (row.url, f"{row.scheme}://{_authority(row.url)}/"):
            known = self._asked.get(name)
            if known is None or known[0] is not draft or known[1] in self._sent_on:
                self._asked[name] = draft, at
        if row.status in REDIRECTS and row.location and row.response_time is not None:
            target = join(row.url, row.location)
            parts = split(target)
            again = (row.method if row.status in KEEPS_METHOD else None) or "GET"
            redirect = Redirect(draft, target, parts.hostname or "", row.response_time, at, again)
            self._sent_on.add(at)
            self._got_on[row.stream, redirect.host].append(redirect)
            self._to_url[target].append(redirect)
            if parts.scheme == "https":
                self._to_tls[redirect.host].append(redirect)

    def named(self, referer: str) -> tuple[Draft, int] | None:
        """Return the visit and the http row that a Referer names."""
        return self._asked.get(referer)

    def followed(self, row: HttpRow, when: int) -> Redirect | None:
        """Return the redirect that a request follows, and strike it off."""
        waiting = self._to_url.get(row.url or "", [])
        found = _latest(waiting, when, row.method)
        # A client that asks the same host for something else on the connection did not follow the redirect it got.
        for redirect in self._got_on.pop((row.stream, row.host or ""), []):
            redirect.over = True
        return found

    def followed_by_tls(self, name: str, when: int) -> Redirect | None:
        """Return the redirect that an encrypted connection to a host follows, and strike it off."""
        return _latest(self._to_tls.get(name, []), when, None)


def _latest(waiting: list[Redirect], when: int, method: str | None) -> Redirect | None:
    """Take the newest redirect that can still be followed, by this method, off a list; forget those that cannot."""
    keep: list[Redirect] = []
    found = None
    while waiting and found is None:
        redirect = waiting.pop()
        if redirect.over or when - redirect.answered > REDIRECT_WITHIN_NS:
            continue
        if when < redirect.answered or method not in (None, redirect.method, "GET", "HEAD"):
            keep.append(redirect)
            if len(keep) >= MAX_OPEN:
                break
            continue
        redirect.over = True
        found = redirect
    waiting.extend(reversed(keep))
    return found


def group(facts: Facts) -> list[Draft]:
    """Group the rows that began something into drafts, in order of time."""
    events: list[tuple[int, int, bool]] = []
    events += [(row.request_time, at, True) for at, row in enumerate(facts.http) if row.request_time is not None]
    events += [
        (row.client_hello_time, at, False) for at, row in enumerate(facts.tls) if row.client_hello_time is not None
    ]
    drafts: list[Draft] = []
    used: set[int] = set()
    clients: dict[int, Client] = defaultdict(Client)
    c = facts.connections
    for when, at, is_http in sorted(events):
        stream = facts.http[at].stream if is_http else facts.tls[at].stream
        client = clients[int(c.client_host[stream])]
        cause: int | None = None
        if is_http:
            draft, cause = _join_http(facts.http[at], at, when, client)
        else:
            draft = _join_tls(facts.tls[at], when, client)
        if draft is None:
            url = (facts.http[at].url or "") if is_http else _tls_url(facts, facts.tls[at])
            draft = Draft(c.host(int(c.client_host[stream])), url, when, when, when)
            drafts.append(draft)
            client.open(draft)
        if cause is not None:
            draft.initiators[at] = cause
        if stream not in used:
            used.add(stream)
            draft.fresh.add(stream)
        if is_http:
            _add_http(draft, facts.http[at], at)
            client.note(draft, facts.http[at], at)
        else:
            _add_tls(draft, facts, at)
    return drafts


def _tls_url(facts: Facts, row: TlsRow) -> str:
    c = facts.connections
    name = row.sni or c.host(int(c.server_host[row.stream]))
    port = int(c.columns["server_port"][row.stream])
    return f"https://{f'[{name}]' if ':' in name else name}{'' if port == 443 else f':{port}'}/"


def _is_page(row: HttpRow) -> bool:
    """Say whether a request is for a page: by what came or, when the answer names no type (304), what was wanted."""
    if row.content_type is not None:
        return row.content_type in _PAGES
    return any(name.lower() == "accept" and value.startswith(_PAGES) for name, value in row.request_headers)


def _is_part(row: HttpRow) -> bool:
    """Say whether a request looks like a part of a page: its type, or its well-known name."""
    path = (row.target or "").partition("?")[0].rpartition("/")[2]
    part = (row.content_type or "").startswith(_PART_TYPES)
    return part or path == "favicon.ico" or path.rpartition(".")[2] in _PART_ENDINGS


def _origin(row: HttpRow) -> str | None:
    """Return the origin of the page that opens a WebSocket, which has no Referer (RFC 6455 section 4.1, point 8)."""
    if row.upgrade is None or row.upgrade.lower() != "websocket":
        return None
    return next((f"{value}/" for name, value in row.request_headers if name.lower() == "origin"), None)


def _join_http(row: HttpRow, at: int, when: int, client: Client) -> tuple[Draft | None, int | None]:
    """Return (the visit a request belongs to, None when it begins one; the http row that caused it, if known)."""
    redirect = client.followed(row, when)
    if redirect is not None:
        if redirect.row in redirect.draft.chain:
            redirect.draft.chain.append(at)
        return redirect.draft, redirect.row
    page = _is_page(row)
    asking = row.referer or _origin(row)
    named = client.named(asking) if asking else None
    if named is not None:
        draft, cause = named
        if page and when - draft.active > TOGETHER_NS:
            return None, cause  # a link followed, not a part of the page
        return draft, cause
    if not page and _is_part(row):
        for draft in reversed(client.recent):
            if when - draft.active <= TOGETHER_NS and row.host in draft.hosts:
                return draft, None
    return None, None


def _join_tls(row: TlsRow, when: int, client: Client) -> Draft | None:
    """Return the visit an encrypted connection belongs to, None when it begins one."""
    name = (row.sni or "").lower()
    redirect = client.followed_by_tls(name, when)
    if redirect is not None:
        return redirect.draft
    for draft in reversed(client.recent):
        if when - draft.active <= TOGETHER_NS and (draft.tls or name in draft.hosts):
            return draft
    return None


def join(base: str, location: str) -> str:
    """Return the URL that is asked for when a Location is followed, written as the ``url`` column writes it.

    Without the fragment, which is never sent, and without the port that the scheme implies (RFC 9110 sections 4.2.3
    and 10.2.2).
    """
    try:
        target = urljoin(base, location).partition("#")[0]
        parts = urlsplit(target)
        host, port = parts.hostname, parts.port
    except ValueError:  # a bracket that is no IPv6 literal, a port that is no number
        return location
    if host is None:
        return target
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != DEFAULT_PORTS.get(parts.scheme):
        shown += f":{port}"
    return f"{parts.scheme}://{shown}{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def split(url: str) -> SplitResult:
    """Split a URL from a capture; one that cannot be read has no host."""
    try:
        parts = urlsplit(url)
        _ = parts.hostname
    except ValueError:  # a bracket that is no IPv6 literal
        return SplitResult("", "", url, "", "")
    return parts


def host_of(url: str) -> str | None:
    """Return the host of a URL in lower case, None for one that cannot be read."""
    plain = _PLAIN_URL.match(url)
    return plain[1].lower() if plain is not None else split(url).hostname


def _authority(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def _last_data(facts: Facts, stream: int) -> int:
    """Return when the last payload of a connection was seen (ns): an idle connection's close comes much later.

    What follows a FIN is not counted: of an encrypted connection, it is the farewell (close_notify) that answers it.
    """
    s, part = facts.segments, facts.segments.of(stream)
    ends = np.flatnonzero((s.flags[part] & Flag.FIN) != 0)
    held = np.flatnonzero(s.length[part] > 0)
    if ends.size and held.size and held[0] <= ends[0]:
        held = held[held <= ends[0]]
    return int(s.time[part][held[-1]]) if held.size else int(facts.connections.columns["end_time"][stream])


def _add_http(draft: Draft, row: HttpRow, at: int) -> None:
    draft.http.append(at)
    if not draft.chain:
        draft.chain.append(at)
    ended = row.response_end_time or row.response_time or row.request_end_time or row.request_time or draft.until
    draft.until = max(draft.until, ended)
    draft.active = max(draft.active, ended)
    if row.host:
        draft.hosts.add(row.host)


def _add_tls(draft: Draft, facts: Facts, at: int) -> None:
    row = facts.tls[at]
    draft.tls.append(at)
    draft.until = max(draft.until, _last_data(facts, row.stream))
    draft.active = max(draft.active, row.finished_time or row.client_hello_time or draft.active)
    if row.sni:
        draft.hosts.add(row.sni.lower())
