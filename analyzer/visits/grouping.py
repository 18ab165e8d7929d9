"""Which requests and encrypted connections belong to one thing a person did.

Evidence, strongest first: a redirect that names the URL asked for next; a Referer that names a URL (or, cut to its
origin, the host) of the visit, or the Origin that a WebSocket names instead; credentials sent for what was refused
without (401); the same client asking the same host for a part of a page while the visit is still going on. A page
(HTML) asked for without a Referer, or after a pause, begins a new visit; so does a form that is sent, and what the
browser says a person asked for (Sec-Fetch-User). A Referer that names a style sheet stands for the page shown last
that may use it, because a sheet in the cache is not asked for again. Encrypted connections join by host name, or by
beginning while an encrypted visit is going on, those inside a proxy's tunnel the visit that asked for it (CONNECT).
Where nothing speaks for a visit, the request stands as its own. Sessions of mail, files or messages are no visits.

Requests in the background (``HttpRow.background``) belong to a visit but make it no longer, and do not show that a page
is still loading. Nor does what a page asks for when it has been there for a while make the visit longer.

Rows of different clients are never put together. Work is proportional to the rows: redirects and Referers are found
by name, and only the last :data:`MAX_OPEN` visits of a client are looked at one by one.

Sources: RFC 9110 sections 9.3.6 (CONNECT), 10.1.3 (Referer), 10.2.2 (Location), 15.4 (redirects).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

import numpy as np

from analyzer.decode.table import Flag
from analyzer.schema import HttpRow, TlsRow
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits.asking import by_hand, is_page, is_part, is_sheet, origin
from analyzer.visits.attempts import Attempt
from analyzer.visits.model import Facts
from analyzer.visits.web_sessions import not_of_the_web, server_of

REDIRECTS = frozenset({301, 302, 303, 307, 308})
REDIRECT_WITHIN_NS = 10 * NS_PER_S
"""A client follows a redirect at once (a new connection may need repeated SYNs); later is somebody asking anew."""
PROGRAM_WITHIN_NS = 500 * NS_PER_MS
"""Until a program that is no browser looks up the new name, or connects: it has nothing else to do in between."""
CHALLENGED_WITHIN_NS = 10 * NS_PER_S
"""A request is sent again with credentials at once, if the client has them; a person takes longer to type them."""
KEEPS_METHOD = frozenset({307, 308})
"""Redirects after which the same method is sent again (RFC 9110 section 15.4); after the others it is GET or HEAD."""
CHALLENGES = frozenset({401, 407})
CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
BROWSERS = ("Mozilla/", "Opera/")
"""How the programs begin to call themselves that load the parts of pages on their own."""
TOGETHER_NS = 2 * NS_PER_S
"""A page asks for its parts within about this long after its last activity; a person is slower."""
DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_OPEN = 64
"""Visits looked back at; more do not run side by side on one client."""
MAX_PAGE_HOSTS = 16
"""Hosts remembered whose pages one visit got; frames make a few of them."""
_PLAIN_URL = re.compile(r"[a-z][a-z0-9+.-]*://([A-Za-z0-9._-]+)(?::\d{1,5})?(?:[/?#]|\Z)")


@dataclass(slots=True)
class Draft:
    """A visit being put together. Rows are positions in the http and tls tables.

    Attributes:
        start, until: ns, first request, and last known byte of what was waited for.
        active: ns, the last thing that shows the page still loading: an answer, or a new encrypted connection (which
            then may stay open, and silent, for hours).
        fresh: streams this visit was the first to use.
        chain: http rows: redirects, then the document.
        pages: the hosts whose pages (HTML) it got.
        later: http rows asked for when the page had been there for a while, by a script of it.
        initiators: http row → the http row that caused it.
        attempt: what the visit is, where nothing came of it; name: what was looked up, or dialled, for it.
        attempts: what else was tried in vain for it.
        number: its place among the visits of its client, from 1.
        whole: ns, ``until`` without what it waited for in vain; 0 until that is known.
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
    pages: set[str] = field(default_factory=set)
    later: set[int] = field(default_factory=set)
    initiators: dict[int, int] = field(default_factory=dict)
    attempt: Attempt | None = None
    name: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    number: int = 0
    whole: int = 0


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

    def __init__(self, address: str) -> None:
        self.address = address
        self.recent: list[Draft] = []
        self._opened = 0
        self._awake: dict[int, Draft] = {}  # by number, those of the recent ones that may still be loading
        self._sheets: set[int] = set()  # rows that are style sheets
        self.tunnels: dict[int, Draft] = {}  # stream → the visit that asked a proxy for it
        self._asked: dict[str, tuple[Draft, int]] = {}  # URL, or origin and "/" → where it was asked for first
        self._sent_on: set[int] = set()  # rows that are redirects: no page that could ask for more
        self._to_url: dict[str, list[Redirect]] = defaultdict(list)
        self._to_tls: dict[str, list[Redirect]] = defaultdict(list)
        self._got_on: dict[tuple[int, str], list[Redirect]] = defaultdict(list)  # stream and host sent to
        self._refused: dict[
            tuple[str, str], tuple[Draft, int, int, int]
        ] = {}  # method and URL → where and when 401 came, stream

    def open(self, draft: Draft) -> None:
        """Note a new visit."""
        self._opened += 1
        draft.number = self._opened
        self.recent.append(draft)
        del self.recent[:-MAX_OPEN]
        self._awake.pop(self._opened - MAX_OPEN, None)

    def wake(self, draft: Draft) -> None:
        """Note that something happened in a visit."""
        if draft.number > self._opened - MAX_OPEN:
            self._awake[draft.number] = draft

    def loading(self, when: int) -> list[Draft]:
        """Return the recent visits that show activity up to now, the newest first."""
        for number in [number for number, draft in self._awake.items() if when - draft.active > TOGETHER_NS]:
            del self._awake[number]  # until something happens in it: time only goes on
        return [self._awake[number] for number in sorted(self._awake, reverse=True)]

    def note(self, draft: Draft, row: HttpRow, at: int, page: bool) -> None:
        """Note what was asked for, and where the answer sends the client."""
        if not row.url:
            return
        if row.method == "CONNECT":
            if row.outcome == "switched":
                self.tunnels[row.stream] = draft
            return
        if is_sheet(row):
            self._sheets.add(at)
        elif page and row.status == 200 and row.host and len(draft.pages) < MAX_PAGE_HOSTS:
            draft.pages.add(row.host)
        for name in (row.url, f"{row.scheme}://{_authority(row.url)}/"):
            known = self._asked.get(name)
            if known is None or known[0] is not draft or known[1] in self._sent_on:
                self._asked[name] = draft, at
        if row.status in CHALLENGES and row.response_time is not None:
            self._refused[row.method or "", row.url] = draft, at, row.response_time, row.stream
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
        found = self._asked.get(referer)
        if found is None or found[1] not in self._sheets:
            return found
        of, sheet = found
        later = reversed(self.recent)
        return next((draft for draft in later if draft is of or draft.pages & of.pages), of), sheet

    def challenged(self, row: HttpRow, when: int) -> tuple[Draft, int] | None:
        """Return the visit and the http row that a request repeats with the credentials that were asked for.

        A program that is no browser repeats it on the connection that it has.
        """
        if not self._refused or not any(name.lower() in CREDENTIALS for name, _ in row.request_headers):
            return None
        found = self._refused.pop((row.method or "", row.url or ""), None)
        if found is None or not 0 <= when - found[2] <= CHALLENGED_WITHIN_NS:
            return None
        browser = (row.user_agent or "").startswith(BROWSERS)
        return found[:2] if browser or row.stream == found[3] else None

    def followed(self, row: HttpRow, when: int) -> Redirect | None:
        """Return the redirect that a request follows, and strike it off."""
        waiting = self._to_url.get(row.url or "", [])
        found = _latest(waiting, when, row.method)
        if found is not None and _idled(row, when, found):
            found = None
        # A client that asks the same host for something else on the connection did not follow the redirect it got.
        for redirect in self._got_on.pop((row.stream, row.host or ""), []):
            redirect.over = True
        return found

    def followed_by_tls(self, name: str, when: int) -> Redirect | None:
        """Return the redirect that an encrypted connection to a host follows, and strike it off."""
        return _latest(self._to_tls.get(name, []), when, None)


def _idled(row: HttpRow, when: int, redirect: Redirect) -> bool:
    """Say whether a program did nothing for a while before it asked for what a redirect names: a new command."""
    if row.user_agent is None or row.user_agent.startswith(BROWSERS):
        return False
    opening = sum(
        part or 0.0 for part in (row.dns_ms, row.connect_ms, row.tls_ms, row.blocked_ms if not row.index else 0)
    )
    return when - round(opening * NS_PER_MS) - redirect.answered > PROGRAM_WITHIN_NS


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
    answered, other = _answered_in_clear(facts), not_of_the_web(facts)
    events += [
        (row.request_time, at, True)
        for at, row in enumerate(facts.http)
        if row.request_time is not None and not (row.stream in answered and at in answered[row.stream])
    ]
    events += [
        (row.client_hello_time, at, False)
        for at, row in enumerate(facts.tls)
        if row.client_hello_time is not None and at not in other
    ]
    drafts: list[Draft] = []
    used: set[int] = set()
    clients: dict[int, Client] = {}
    c = facts.connections
    for when, at, is_http in sorted(events):
        stream = facts.http[at].stream if is_http else facts.tls[at].stream
        host = int(c.client_host[stream])
        client = clients.get(host)
        if client is None:
            client = clients[host] = Client(c.host(host))
        cause: int | None = None
        page = False
        if is_http:
            page = is_page(facts.http[at])
            draft, cause = _join_http(facts.http[at], at, when, client, page)
        else:
            draft = _join_tls(facts.tls[at].sni, when, client, stream)
        if draft is None:
            url = (facts.http[at].url or "") if is_http else _tls_url(facts, facts.tls[at])
            draft = Draft(client.address, url, when, when, when)
            drafts.append(draft)
            client.open(draft)
        if cause is not None:
            draft.initiators[at] = cause
        if stream not in used:
            used.add(stream)
            draft.fresh.add(stream)
        if is_http:
            _add_http(draft, facts.http[at], at)
            client.note(draft, facts.http[at], at, page)
        else:
            _add_tls(draft, facts, at)
            draft.http += answered.get(stream, ())
            if stream in client.tunnels:
                _name_tunnel(draft, facts.http[draft.http[0]], facts.tls[at])
        client.wake(draft)
    return drafts


def _answered_in_clear(facts: Facts) -> dict[int, list[int]]:
    """Return the http rows that stand for a ClientHello on a port for http, by stream: the session is what was asked
    for, and the rows go where it goes."""
    begun = {row.stream for row in facts.tls if row.handshake_why == "plain_http" and row.client_hello_time is not None}
    out: dict[int, list[int]] = {}
    for at, row in enumerate(facts.http if begun else ()):
        if row.wrong_scheme == "https_on_http" and row.stream in begun:
            out.setdefault(row.stream, []).append(at)
    return out


def _name_tunnel(draft: Draft, first: HttpRow, inside: TlsRow) -> None:
    """Give a visit that began with asking a proxy for a tunnel the address of what the tunnel leads to.

    The proxy may have been asked for an address in numbers; TLS in the tunnel then tells the name.
    """
    if first.method == "CONNECT" and first.stream == inside.stream and first.url and first.host:
        numbers = first.host.startswith("[") or first.host.replace(".", "").isdecimal()
        name = inside.sni.lower() if numbers and inside.sni else first.host
        draft.url = f"https://{name}{first.url.removeprefix(first.host).removesuffix(':443')}/"


def _tls_url(facts: Facts, row: TlsRow) -> str:
    host, port = server_of(facts, row.stream)
    name = row.sni or host
    return f"https://{f'[{name}]' if ':' in name else name}{'' if port == 443 else f':{port}'}/"


def _join_http(row: HttpRow, at: int, when: int, client: Client, page: bool) -> tuple[Draft | None, int | None]:
    """Return (the visit a request belongs to, None when it begins one; the http row that caused it, if known)."""
    if row.method == "CONNECT":  # what begins is an encrypted connection
        return _join_tls(row.host, when, client, row.stream), None
    redirect = client.followed(row, when)
    if redirect is not None:
        if redirect.row in redirect.draft.chain:
            redirect.draft.chain.append(at)
        return redirect.draft, redirect.row
    again = client.challenged(row, when)
    if again is not None:
        draft, cause = again
        if cause in draft.chain:
            draft.chain.append(at)
        return draft, cause
    asking = row.referer or origin(row)
    named = client.named(asking) if asking else None
    if named is not None:
        draft, cause = named
        if (page and when - draft.active > TOGETHER_NS) or by_hand(row, page):
            return None, cause  # a link followed or a form sent, not a part of the page
        return draft, cause
    program = row.user_agent is not None and not row.user_agent.startswith(BROWSERS)
    if not page and row.method == "GET" and is_part(row) and not program:
        for draft in client.loading(when):
            if row.host in draft.hosts:
                return draft, None
    return None, None


def _join_tls(sni: str | None, when: int, client: Client, stream: int) -> Draft | None:
    """Return the visit an encrypted connection belongs to, None when it begins one."""
    if stream in client.tunnels:
        return client.tunnels[stream]
    name = (sni or "").lower()
    redirect = client.followed_by_tls(name, when)
    if redirect is not None:
        return redirect.draft
    for draft in client.loading(when):
        if draft.tls or name in draft.hosts:
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
    if row.host:
        draft.hosts.add(row.host)
    if at not in draft.chain:
        if row.background is not None:
            return
        if row.request_time is not None and row.request_time - draft.until > TOGETHER_NS:
            draft.later.add(at)
    ended = row.response_end_time or row.response_time or row.request_end_time or row.request_time or draft.until
    draft.active = max(draft.active, ended)
    if row.response_time is None and row.wait_ms is not None:
        ended += round(row.wait_ms * NS_PER_MS)
    if at not in draft.later:
        draft.until = max(draft.until, ended)


def _add_tls(draft: Draft, facts: Facts, at: int) -> None:
    row = facts.tls[at]
    draft.tls.append(at)
    draft.until = max(draft.until, _last_data(facts, row.stream))
    draft.active = max(draft.active, row.finished_time or row.client_hello_time or draft.active)
    if row.sni:
        draft.hosts.add(row.sni.lower())
