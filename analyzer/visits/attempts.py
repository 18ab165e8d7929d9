"""What somebody tried and nothing came of: a name that did not resolve, a connection that nobody agreed to open.

Told apart from noise, because most packets that fail are nobody's doing:

* *Lookups*: of an address (A, AAAA), asked of a resolver (recursion desired) by a machine that is none itself, that
  failed in every form: whatever else was asked for the same name, or for one that a search list made of it, got nothing
  either. Not counted are names that systems ask for on their own (one label, wpad, service names, names made of
  numbers, which look up a reputation), and silence that the recording explains.
* *Connections*: refused, unreachable, or unanswered although the SYN was repeated; to a port for the web, or to an
  address whose name was looked up just before. Tried again and again, also to another service that people use, and to
  any port of a server that the client got web pages from.
* Who fails with more targets than :data:`MANY_TARGETS`, or more names than :data:`MANY_NAMES`, is looking for
  something; a target that fails for more than :data:`MANY_CLIENTS` is told of by its finding.

Attempts of one client for the same thing that follow each other are one. Rows that are left out here belong to no
visit, and are listed as such.

Sources: RFC 8305 (racing addresses), RFC 1123 section 6.1.4.3 (search lists), RFC 5782 section 2.1 (reputation lists).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.model import HANDSHAKE_WHYS, HANDSHAKES, Connections
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.dns.table import answer_counts, chosen, column, one_of
from analyzer.schema import DnsRow
from analyzer.units import NS_PER_S
from analyzer.visits.lookups import CHARGE_WITHIN_NS, Lookups, is_address
from analyzer.visits.model import Facts

WEB_PORTS = {80: "http", 8000: "http", 8008: "http", 8080: "http", 8888: "http", 443: "https", 8443: "https"}
"""Ports that people and programs expect a web server on → the scheme spoken there."""
PEOPLE_PORTS = frozenset({21, 22, 23, 110, 143, 587, 993, 995, 3389, 5900})
"""Ports of other services that a person connects to: files, terminals, mail, screens. What systems use on their own
(names, directories, shares) is not among them."""
PATIENT_SYNS = 3
"""Who sends a SYN three times waited for three seconds at least; who looks for open ports does not."""
AGAIN_WITHIN_NS = 30 * NS_PER_S
"""Who tries the same again within half a minute is still at the same thing: clients repeat a SYN after 1, 3, 7, 15 s
(RFC 6298 section 2), resolver libraries go through their servers in up to 20 s."""
MANY_TARGETS = 20
"""A client that fails with more addresses and ports than this is looking for something."""
MANY_CLIENTS = 100
"""A target that fails for more clients than this is flooded, or known to be down."""
MANY_NAMES = 50
"""A client that asks for more names that do not exist is a program that makes them up, or checks a list."""
MAX_ATTEMPTS = 1000
"""Attempts that become visits of their own; the rows of later ones are listed among those in no visit."""
REPEATED_SYNS = 2
"""One unanswered SYN may be the end of the capture; a repeated one is a client that really waited."""
QUIET_NS = 5 * NS_PER_S
"""Silence this long after a query, inside the capture, means that no answer came."""
ONE_WAY_QUERIES = 5
"""With this many questions and not one packet towards the asker, the recorder did not see that direction."""
MAX_LABELS = 16
"""Labels of a name that are compared with names asked for beside it; names people type have fewer."""
_UNASKED = frozenset({"wpad", "isatap", "localhost", "local"})
"""First labels that systems ask for on their own."""
_HOST_NAME = re.compile(r"[\w.-]+")
"""A name that hosts can have (RFC 1123 section 2.1), or one in another script; nobody types one with a star in it."""
_TYPES = frozenset({"A", "AAAA"})
_GOOD = frozenset({"NOERROR", None})


@dataclass(slots=True)
class Attempt:
    """Something that was tried in vain, once or several times.

    Attributes:
        client: address; mac: its hardware address, where it is known.
        name: asked for; None for an address in numbers, or where no lookup of it is in the capture.
        step: dns or tcp, where it failed; why: the response code, or no_answer, refused, unanswered, unreachable.
        begin, end: ns, first and last packet.
        dns: all rows of lookups that belong to it; failed_rows: those that failed.
        streams: connections that nobody agreed to open.
        target: (server host, port) of the first of them; dns_why: why there is no lookup.
        beside: a page that was being loaded waited for it, in vain.
    """

    client: str
    mac: str | None
    name: str | None
    step: str
    why: str
    begin: int
    end: int
    dns: tuple[int, ...] = ()
    failed_rows: tuple[int, ...] = ()
    streams: list[int] = field(default_factory=list)
    target: tuple[int, int] | None = None
    dns_why: str | None = None
    beside: bool = False


def attempts(facts: Facts, taken: Iterable[int], problems: ProblemLog | None = None) -> list[Attempt]:
    """Return what was tried in vain, in order of time.

    Args:
        taken: rows of the dns table that a connection used, or that were tried before.
        problems: told when there are more than :data:`MAX_ATTEMPTS`.
    """
    out = [*_lookups(facts, frozenset(taken)), *_connections(facts)]
    out.sort(key=lambda one: one.begin)
    if len(out) > MAX_ATTEMPTS and problems is not None:
        text = f"{len(out)} attempts came to nothing; the first {MAX_ATTEMPTS} are visits of their own"
        problems.add(Problem("LIMIT-REACHED", "visits", text))
    return out[:MAX_ATTEMPTS]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _somebody_waits(row: DnsRow) -> bool:
    """Say whether a question is one that a person or program waits for."""
    if row.qtype not in _TYPES or row.transport not in ("udp", "tcp") or not row.flags.rd or row.query_time is None:
        return False
    if getattr(row, "caused_by", None) is not None:
        return False  # a resolver asks on behalf of another question
    if row.rcode == "NXDOMAIN" and row.flags.aa and not row.flags.ra:
        return False  # who asks a server that only knows its own zone is a tool
    if not _HOST_NAME.fullmatch(row.qname):
        return False
    labels = row.qname.split(".")
    if len(labels) < 2 or labels[-1] in ("arpa", "local") or labels[0] in _UNASKED or not labels[0]:
        return False
    return not any(label.startswith("_") for label in labels) and not all(label.isdigit() for label in labels[:4])


def _lookups(facts: Facts, taken: frozenset[int]) -> Iterator[Attempt]:
    """Give the lookups that failed in every form."""
    unsure = one_of(facts.dns, "outcome", ("answered",)) & ~one_of(facts.dns, "rcode", _GOOD)
    failed = chosen(facts.dns, unsure | one_of(facts.dns, "outcome", ("no_answer",)))
    suspects = [at for at, row in failed if at not in taken and _somebody_waits(row)]
    if not suspects:
        return
    suspects = _confirmed(facts, suspects)
    names = _by_name(facts, suspects)
    counts: dict[str, int] = defaultdict(int)
    for client, _ in names:
        counts[client] += 1
    done: set[tuple[str, str]] = set()
    for (client, name), rows in names.items():
        if counts[client] > MANY_NAMES or (client, name) in done:
            continue
        done.add((client, name))
        longer = [key for key in _made_of(client, name, names) if key not in done]
        done.update(longer)
        every = sorted([*rows, *(at for key in longer for at in names[key])], key=lambda at: facts.dns[at].query_time)  # type: ignore[arg-type,return-value]
        for some in _together(every, facts):
            yield _attempt(facts, name, some)


def _confirmed(facts: Facts, suspects: list[int]) -> list[int]:
    """Leave out what resolvers ask, what was answered in the end, and silence that may be the recording's."""
    resolvers = set(compress(column(facts.dns, "server"), one_of(facts.dns, "outcome", ("answered",)).tolist()))
    end = facts.capture.end_time or 0
    clock = facts.capture.start_time is not None  # without one, nobody knows whether anybody waited
    asked = [facts.dns[at] for at in suspects]
    good, completed = _resolved(facts, {row.client for row in asked}, {row.qname for row in asked})
    deaf = _deaf(facts, {row.client for row in asked if row.outcome == "no_answer"})
    out = []
    for at, row in zip(suspects, asked, strict=True):
        if row.client in resolvers or (row.client, row.qname) in completed or not good.isdisjoint(_prefixes(row.qname)):
            continue
        if row.outcome == "no_answer":
            waited = row.attempts >= REPEATED_SYNS or end - (row.query_time or end) >= QUIET_NS
            if not waited or not clock or row.client in deaf:
                continue
        out.append(at)
    return out


def _resolved(facts: Facts, clients: set[str], wanted: set[str]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return names that got records, whoever asked (a host asks from several addresses), and (client, name) of those
    of the wanted names that a search list could have made some of these from."""
    dns = facts.dns
    told = one_of(dns, "rcode", ("NOERROR",)) & (answer_counts(dns) > 0)
    names = column(dns, "qname")
    good = set(compress(names, told.tolist()))
    theirs = (told & one_of(dns, "client", clients)).tolist()
    heads = {name.partition(".")[0] for name in wanted}
    asked = set(compress(zip(column(dns, "client"), names, strict=True), theirs))
    longer = ((client, name) for client, name in asked if name.partition(".")[0] in heads)
    return good, {(client, short) for client, name in longer for short in wanted.intersection(_prefixes(name))}


def _prefixes(name: str) -> list[str]:
    """Return a name and the shorter ones that a search list could have made it from: a.b and a of a.b.corp."""
    labels = name.split(".")
    return [name, *(".".join(labels[:count]) for count in range(1, min(len(labels), MAX_LABELS)))]


def _deaf(facts: Facts, clients: set[str]) -> set[str]:
    """Return the clients to which the capture shows not one packet, though they ask a lot."""
    if not clients:
        return set()
    asked: dict[str, int] = defaultdict(int)
    heard = {row.asker_ip for row in facts.arp if row.outcome == "answered"}
    heard |= {row.destination for row in facts.icmp}
    for client, outcome in zip(column(facts.dns, "client"), column(facts.dns, "outcome"), strict=True):
        if outcome == "no_answer":
            asked[client] += 1
        elif outcome == "answered":
            heard.add(client)
    left = {client for client in clients - heard if asked[client] >= ONE_WAY_QUERIES}
    if left:
        c = facts.connections
        reached = np.unique(c.client_host[np.asarray(c.columns["server_packets"]) > 0]).tolist()
        left -= {c.host(host) for host in reached}
    return left


def _by_name(facts: Facts, rows: list[int]) -> dict[tuple[str, str], list[int]]:
    out: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at in sorted(rows, key=lambda at: (len(facts.dns[at].qname), facts.dns[at].query_time or 0)):
        out[facts.dns[at].client, facts.dns[at].qname].append(at)
    return out


def _made_of(client: str, name: str, names: dict[tuple[str, str], list[int]]) -> list[tuple[str, str]]:
    """Return the failed names that a search list made of this one: a.b.corp.example of a.b."""
    if len(names) > MANY_NAMES * MAX_LABELS:
        return []
    return [key for key in names if key[0] == client and key[1].startswith(f"{name}.")]


def _together(rows: list[int], facts: Facts) -> Iterator[list[int]]:
    """Cut rows in order of time where nothing was tried for a while."""
    some: list[int] = []
    for at in rows:
        if some and (facts.dns[at].query_time or 0) - (facts.dns[some[-1]].query_time or 0) > AGAIN_WITHIN_NS:
            yield some
            some = []
        some.append(at)
    if some:
        yield some


def _attempt(facts: Facts, name: str, rows: list[int]) -> Attempt:
    found = [facts.dns[at] for at in rows]
    begin = min(row.query_time or 0 for row in found)
    end = max(row.response_time or _last_try(row, facts) or begin for row in found)
    said = [row.rcode for row in found if row.rcode is not None]
    why = "NXDOMAIN" if "NXDOMAIN" in said else said[0] if said else "no_answer"
    here = tuple(sorted(rows))
    return Attempt(found[0].client, None, name, "dns", why, begin, max(end, begin), here, here)


def _last_try(row: DnsRow, facts: Facts) -> int | None:
    """Return when a question was sent for the last time (ns)."""
    if facts.times is None or not row.query_frames:
        return row.query_time
    return max(row.query_time or 0, *(int(facts.times[frame - 1]) for frame in row.query_frames))


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────


def _connections(facts: Facts) -> Iterator[Attempt]:
    """Give the connections that nobody agreed to open, those of one client to one target together."""
    streams = _unopened(facts)
    if not streams.size:
        return
    c = facts.connections
    lookups = Lookups(facts.dns)
    ports = c.columns["server_port"]
    starts = np.asarray(c.columns["start_time"])
    latest: dict[tuple[int, int, int], Attempt] = {}
    spoken = {*(row.stream for row in facts.http), *(row.stream for row in facts.tls)}
    served = {(int(c.client_host[one]), int(c.server_host[one])) for one in spoken}
    order = streams[np.argsort(starts[streams], kind="stable")]
    for stream in order.tolist():
        client, server, port = int(c.client_host[stream]), int(c.server_host[stream]), int(ports[stream])
        begin, end = int(starts[stream]), int(c.columns["end_time"][stream])
        before = latest.get((client, server, port))
        if before is not None and begin - before.end <= AGAIN_WITHIN_NS:
            before.streams.append(stream)
            before.end = max(before.end, end)
            continue
        address = c.host(server)
        owed = lookups.charge(c.host(client), address, None, begin)
        rows = owed.rows if _just_before(facts, owed.rows, begin) else ()
        if not rows and port not in WEB_PORTS and not _patient(c, stream, port, (client, server) in served):
            continue
        names = [facts.dns[at].qname for at in rows]
        name = names[0] if names else None
        one = Attempt(c.host(client), c.words["client_mac"].get(stream), name, "tcp", _why(facts, stream), begin, end)
        one.dns, one.streams, one.target = rows, [stream], (server, port)
        one.dns_why = None if rows else "cached" if owed.rows else "literal_address"  # there is no name to look up
        latest[client, server, port] = one
        yield one


def _patient(c: Connections, stream: int, port: int, served: bool) -> bool:
    """Say whether somebody waited for a port that is none of the web, at an address that nobody looked up.

    Args:
        served: the client had a web page from the same server.
    """
    tries = int(c.columns["client_packets"][stream])
    return (port in PEOPLE_PORTS and tries >= REPEATED_SYNS) or (served and tries >= PATIENT_SYNS)


def _just_before(facts: Facts, rows: tuple[int, ...], when: int) -> bool:
    return any(0 <= when - (facts.dns[at].response_time or 0) <= CHARGE_WITHIN_NS for at in rows)


def _unopened(facts: Facts) -> NDArray[np.int64]:
    """Return the streams that nobody agreed to open, without scans and floods."""
    c = facts.connections
    columns = c.columns
    refused = np.asarray(columns["handshake"]) == HANDSHAKES.index("refused")
    why = np.asarray(columns["handshake_why"])
    silent = (why == HANDSHAKE_WHYS.index("filtered")) & (np.asarray(columns["client_packets"]) >= REPEATED_SYNS)
    bad = refused | silent | (why == HANDSHAKE_WHYS.index("unreachable"))
    streams = np.flatnonzero(bad & (np.asarray(columns["syn_frame"]) >= 0))
    if not streams.size:
        return streams
    client = c.client_host[streams].astype(np.int64)
    target = c.server_host[streams].astype(np.int64) << 16 | np.asarray(columns["server_port"])[streams].astype(
        np.int64
    )
    pairs = np.unique(np.stack([client, target]), axis=1)
    searching = _frequent(pairs[0], MANY_TARGETS)
    flooded = _frequent(pairs[1], MANY_CLIENTS)
    return streams[~np.isin(client, searching) & ~np.isin(target, flooded)]


def _frequent(keys: NDArray[np.int64], more_than: int) -> NDArray[np.int64]:
    values, counts = np.unique(keys, return_counts=True)
    return values[counts > more_than]


def _why(facts: Facts, stream: int) -> str:
    columns = facts.connections.columns
    if int(columns["handshake"][stream]) == HANDSHAKES.index("refused"):
        return "refused"
    return "unreachable" if int(columns["unreachable_frame"][stream]) >= 0 else "unanswered"


def url_of(facts: Facts, attempt: Attempt) -> str:
    """Return the address that was tried, as far as it is known: a scheme only where the port tells it."""
    if attempt.target is None:
        return attempt.name or ""
    server, port = attempt.target
    name = attempt.name or facts.connections.host(server)
    shown = f"[{name}]" if ":" in name and is_address(name) else name
    scheme = WEB_PORTS.get(port)
    if scheme is None:
        return f"{shown}:{port}"
    return f"{scheme}://{shown}{'' if port in (80, 443) else f':{port}'}/"
