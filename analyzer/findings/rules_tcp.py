"""Findings about connections: unanswered, refused, late, reset. Each rule asks the columns first.

Failed attempts are grouped by client, server and port. Where one client fails on many targets it is looking for
something (a scan, a note), and a server tried by many on many ports is looked at by strangers (a note too); where
many clients fail on one port of a server, that is one finding.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.addresses import is_loopback
from analyzer.decode.table import Flag
from analyzer.findings.about_tcp import Streams, count, ends, hit, holes, said
from analyzer.findings.model import SEVERITIES, Hit, Rule, grouped
from analyzer.findings.neighbours import scanners
from analyzer.findings.thresholds import (
    FALLBACK_MS,
    HALF_OPEN,
    HOME_CONNECTIONS,
    KNOCKED_TARGETS,
    MAX_FINDINGS_PER_CODE,
    MAX_FRAMES,
    MAX_RESETS_WEIGHED,
    PROBED_PORTS,
    SCAN_TARGETS,
    SYN_AGAIN_MS,
    SYN_LOSS_MS,
    UNANSWERED_SYNS,
)
from analyzer.flows.model import CLOSES, HANDSHAKES
from analyzer.protocols.dns.table import column
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS
from analyzer.visits import verdicts
from analyzer.visits.blame import of_request
from analyzer.visits.model import Facts

# ── attempts that failed ─────────────────────────────────────────────────────────────────────────────────────────


def _attempts(facts: Facts, streams: Streams) -> Iterator[tuple[str | None, Streams]]:
    """Group failed attempts.

    Yields:
        (kind, streams): None, one target of one client; "scan", one client that tries many targets; "probed", one
        server tried by many on many ports; "clients", one target that fails for many.
    """
    if not streams.size:
        return
    c = facts.connections
    client, server, port = (np.asarray(x[streams], np.int64) for x in (c.client_host, c.server_host, _ports(facts)))
    target = server << 16 | port
    scans = np.isin(client, _scanners(facts))
    pairs = np.unique(np.stack([client, server, port])[:, ~scans], axis=1)  # each client's targets, once each
    doors = np.unique(pairs[1:], axis=1)
    probed = np.isin(server, _frequent(pairs[1])) & np.isin(server, _frequent(doors[0], PROBED_PORTS)) & ~scans
    probed |= _strangers(facts, client, server) & ~scans
    shared = ~scans & ~probed & np.isin(target, _frequent(pairs[1] << 16 | pairs[2]))
    kind = np.select([scans, probed, shared], [1, 2, 3])
    _, first, place = np.unique(
        np.stack([kind, np.where(probed | shared, -1, client), np.select([scans, probed], [-1, server], target)]),
        axis=1,
        return_index=True,
        return_inverse=True,
    )
    place = place.reshape(-1)
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(first.size + 1))
    for at in np.argsort(first)[:MAX_FINDINGS_PER_CODE].tolist():
        members = np.sort(order[bounds[at] : bounds[at + 1]])
        yield (None, "scan", "probed", "clients")[int(kind[members[0]])], streams[members]


def _ports(facts: Facts) -> NDArray[np.int64]:
    return count(facts, "server_port")


def _scanners(facts: Facts) -> NDArray[np.int64]:
    """Return the clients (host numbers) that look for something.

    They got silence or a refusal from more targets than is accident, or went through the addresses of their network.
    """
    c = facts.connections
    looking = scanners(facts)
    clients = np.unique(np.asarray(c.client_host, np.int64)).tolist() if looking else ()
    swept = np.array([host for host in clients if c.host(host) in looking], np.int64)
    bad = (said(facts, "handshake", HANDSHAKES, "no_synack") & (count(facts, "server_packets") == 0)) | said(
        facts, "handshake", HANDSHAKES, "refused"
    )
    tried = np.stack(
        [c.client_host[bad].astype(np.int64), c.server_host[bad].astype(np.int64) << 16 | _ports(facts)[bad]]
    )
    return np.union1d(np.union1d(_frequent(np.unique(tried, axis=1)[0]), swept), _knockers(facts))


def _knockers(facts: Facts) -> Streams:
    """Return the clients that look who is there, as nmap does: a connection that opens is reset at once.

    They try several targets and never send a byte to any of them.
    """
    c = facts.connections
    clients = np.asarray(c.client_host, np.int64)
    silent = (count(facts, "client_unique_bytes") == 0) & (count(facts, "server_unique_bytes") == 0)
    reset = (count(facts, "rst_frame") >= 0) & (count(facts, "rst_by_client") == 1)
    knocked = silent & reset & said(facts, "handshake", HANDSHAKES, "complete")
    some = np.setdiff1d(clients[knocked], clients[~silent])
    theirs = np.isin(clients, some)
    targets = np.unique(
        np.stack([clients[theirs], np.asarray(c.server_host, np.int64)[theirs] << 16 | _ports(facts)[theirs]]), axis=1
    )
    return _frequent(targets[0], KNOCKED_TARGETS - 1)


def _strangers(facts: Facts, client: Streams, server: Streams) -> NDArray[np.bool_]:
    """Return which attempts come from the internet, out of nothing, to a machine that serves nobody here.

    That machine opens many connections and takes none; whoever tries it does nothing else in this capture.
    """
    c = facts.connections
    clients, servers = np.asarray(c.client_host, np.int64), np.asarray(c.server_host, np.int64)
    opened = said(facts, "handshake", HANDSHAKES, "complete")
    homes = np.setdiff1d(_frequent(clients, HOME_CONNECTIONS - 1), servers[opened])
    busy = np.union1d(clients[opened], servers)
    return np.isin(server, homes) & ~np.isin(client, busy) & _public(c.hosts[client])


_PRIVATE = (
    (10, 0, 0xFF, 0),
    (172, 16, 0xFF, 0xF0),
    (192, 168, 0xFF, 0xFF),
    (169, 254, 0xFF, 0xFF),
    (127, 0, 0xFF, 0),
    (100, 64, 0xFF, 0xC0),
)
"""First two bytes of the IPv4 networks that are nobody's on the internet, and their masks (RFC 1918, 3927, 6598)."""


def _public(hosts: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which rows of a host table are addresses of the internet; of IPv6 those of 2000::/3 (RFC 4291)."""
    four, first, second = hosts[:, 0] == 4, hosts[:, 1], hosts[:, 2]
    local = np.zeros(len(hosts), np.bool_)
    for high, low, mask, deeper in _PRIVATE:
        local |= (first & mask == high) & (second & deeper == low)
    return np.where(four, ~local, first & 0xE0 == 0x20)


def _frequent(keys: NDArray[np.int64], more_than: int = SCAN_TARGETS) -> NDArray[np.int64]:
    """Return the values that occur more than so often."""
    values, counts = np.unique(keys, return_counts=True)
    return values[counts > more_than]


def _frames_of(rows: list[TcpRow]) -> tuple[int | None, ...]:
    """Return the SYNs of each attempt, and what refused it."""
    return tuple(frame for row in rows for frame in (*row.syn_frames, row.rst_frame))


def _resets(facts: Facts, rows: list[TcpRow]) -> Iterator[int]:
    """Give the resets of some connections: where a SYN is repeated after one, each refuses one of them."""
    s = facts.segments
    for part in (s.of(row.stream) for row in rows if len(row.syn_frames) > 1):
        yield from s.frame[part][(s.flags[part] & Flag.RST) != 0].tolist()


def _target(facts: Facts, kind: str | None, group: Streams) -> tuple[list[TcpRow], dict[str, object]]:
    """Return as many rows of a group as a finding can cite, and its arguments."""
    c = facts.connections
    rows = [c.row(int(stream)) for stream in group[:MAX_FRAMES]]
    attempts = sum(len(row.syn_frames) for row in rows)
    if group.size > len(rows):
        attempts = int(np.asarray(c.columns["client_packets"])[group].sum())
    args = {**ends(rows[0]), "attempts": attempts, "connections": int(group.size)}
    servers, clients = (list(dict.fromkeys(x[group].tolist())) for x in (c.server_host, c.client_host))
    if kind is not None:
        args |= {"servers": len(servers), "clients": len(clients), "ports": int(np.unique(_ports(facts)[group]).size)}
        args |= {"targets": int(group.size)}
        args["server"] = rows[0].server if len(servers) == 1 else [c.host(h) for h in servers[:MAX_FRAMES]]
        args["client"] = rows[0].client if len(clients) == 1 else [c.host(h) for h in clients[:MAX_FRAMES]]
    return rows, args


def _mostly_missing(facts: Facts) -> bool:
    """Say whether more bytes are known to be missing from the capture than are in it."""
    recorded = missing = lost = 0
    for side in ("client", "server"):
        recorded += int(count(facts, f"{side}_unique_bytes").sum())
        missing += int(count(facts, f"{side}_missing_bytes").sum())
    if missing > recorded:  # perhaps only cut short by a snap length
        lost = sum(int(holes(facts, side).sum()) for side in ("client", "server"))
    return lost > recorded


class _Fallbacks:
    """Finds the connection that worked after one address of a name did not."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._opened: dict[int, list[tuple[int, str]]] | None = None
        self._names: dict[str, set[str]] = {}

    def _read(self) -> dict[int, list[tuple[int, str]]]:
        c = self._facts.connections
        done = np.flatnonzero(said(self._facts, "handshake", HANDSHAKES, "complete"))
        opened: dict[int, list[tuple[int, str]]] = {}
        for stream in done.tolist():
            place = int(c.columns["start_time"][stream]), c.host(int(c.server_host[stream]))
            opened.setdefault(int(c.columns["server_port"][stream]), []).append(place)
        for places in opened.values():
            places.sort()
        dns = self._facts.dns
        for addresses, name in set(zip(column(dns, "addresses"), column(dns, "qname"), strict=True)):
            for address in addresses:
                self._names.setdefault(address, set()).add(name)
        return opened

    def after(self, row: TcpRow) -> bool:
        """Say whether another address of the same name (or of this machine) then took the connection."""
        if self._opened is None:
            self._opened = self._read()
        mine = self._names.get(row.server, set())
        end = row.start_time + round((FALLBACK_MS + row.duration_ms) * NS_PER_MS)
        places = self._opened.get(row.server_port, [])
        for _, server in places[bisect_left(places, (row.start_time, "")) : bisect_right(places, (end, "~"))]:
            if server == row.server:
                continue
            if mine & self._names.get(server, set()) or (is_loopback(server) and is_loopback(row.server)):
                return True
        return False


def unanswered(facts: Facts) -> Iterator[Hit]:
    """Repeated SYNs that got neither SYN-ACK nor RST nor an ICMP error (MEASURES, thresholds).

    Who tries many targets need not repeat itself: a scanner sends each of them one SYN. A note in a capture that
    lacks most of what was sent: the answers may be missing from it, too.
    """
    silent = said(facts, "handshake", HANDSHAKES, "no_synack") & (count(facts, "server_packets") == 0)
    if not silent.any():
        return
    scans = np.isin(np.asarray(facts.connections.client_host), _scanners(facts))
    silent &= scans | (count(facts, "client_packets") >= UNANSWERED_SYNS)
    reported = {row.quoted_stream for row in facts.icmp if row.kind == "error" and row.quoted_stream is not None}
    packets = count(facts, "client_packets")
    c = facts.connections.columns
    lasted = (np.asarray(c["end_time"], np.int64) - np.asarray(c["start_time"], np.int64)) / NS_PER_MS
    sparse = _mostly_missing(facts)
    streams = []
    for stream in np.flatnonzero(silent).tolist():
        syns = facts.connections.syn_frames.get(stream, ((), ()))[0]
        again = len(syns) >= UNANSWERED_SYNS and lasted[stream] >= SYN_AGAIN_MS
        if stream not in reported and (again or (scans[stream] and packets[stream] == 1)):
            streams.append(stream)
    fallbacks = _Fallbacks(facts)
    for kind, group in _attempts(facts, np.array(streams, np.int64)):
        rows, args = _target(facts, kind, group)
        cost = max(row.duration_ms for row in rows)
        severity = (
            "note"
            if sparse or kind in ("scan", "probed")
            else "warning"
            if kind is None and fallbacks.after(rows[0])
            else None
        )
        yield Hit(args, _frames_of(rows), "tcp", rows[0].stream, rows[0].stream, cost, severity, variant=kind)


def refused(facts: Facts) -> Iterator[Hit]:
    """A SYN answered by a RST. Where another address of the same name then answered, nobody noticed: a note."""
    streams = np.flatnonzero(said(facts, "handshake", HANDSHAKES, "refused"))
    fallbacks = _Fallbacks(facts)
    for kind, group in _attempts(facts, streams):
        rows, args = _target(facts, kind, group)
        mild = kind in ("scan", "probed") or (kind is None and fallbacks.after(rows[0]))
        yield Hit(
            args,
            tuple(sorted({*_frames_of(rows), *_resets(facts, rows)} - {None})),  # type: ignore[type-var]
            "tcp",
            rows[0].stream,
            rows[0].stream,
            severity="note" if mild else None,
            variant=kind,
        )


def syn_lost(facts: Facts) -> Iterator[Hit]:
    """A connection that was only opened by a repeated SYN, and what the repetition cost."""
    cost = np.nan_to_num(np.asarray(facts.connections.columns["syn_loss_ms"], np.float64))
    late = np.flatnonzero(cost >= SYN_LOSS_MS)
    for stream in late[np.argsort(-cost[late], kind="stable")][:MAX_FINDINGS_PER_CODE].tolist():
        row = facts.connections.row(stream)
        args: dict[str, object] = {"attempts": len(row.syn_frames), "loss_ms": row.syn_loss_ms}
        yield hit(row, (*row.syn_frames, row.synack_frame), args, cost_ms=row.syn_loss_ms)


def half_open(facts: Facts) -> Iterator[Hit]:
    """A server port at which far more connections are begun than finished: answered, and never heard of again."""
    servers, ports = np.asarray(facts.connections.server_host, np.int64), count(facts, "server_port")
    answered = said(facts, "handshake", HANDSHAKES, "no_final_ack") & (count(facts, "client_packets") == 1)
    # A server that waits repeats its SYN/ACK; where it does not, the last ACK may only be missing from the capture.
    answered &= (count(facts, "server_packets") > 1) & (count(facts, "server_unique_bytes") == 0)
    opened = said(facts, "handshake", HANDSHAKES, "complete")
    doors, place = np.unique(servers << 16 | ports, return_inverse=True)
    left, done = (np.bincount(place.reshape(-1)[x], minlength=doors.size) for x in (answered, opened))
    for door in np.flatnonzero((left >= HALF_OPEN) & (left > done))[:MAX_FINDINGS_PER_CODE].tolist():
        streams = np.flatnonzero(answered & (place.reshape(-1) == door))
        rows = [facts.connections.row(int(stream)) for stream in streams[: MAX_FRAMES // 2]]
        clients = int(np.unique(facts.connections.client_host[streams]).size)
        frames = [frame for row in rows for frame in (row.syn_frame, row.synack_frame)]
        yield hit(rows[0], frames, {"attempts": int(streams.size), "clients": clients})


# ── resets ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _thrown_away(facts: Facts, stream: int) -> bool:
    """Say whether payload bytes were on their way, not acknowledged by anyone, when the first RST came."""
    s, part = facts.segments, facts.segments.of(stream)
    before = s.frame[part] <= facts.connections.columns["rst_frame"][stream]
    data = before & (s.length[part] > 0)
    for client in (True, False):
        mine = s.from_client[part] == client
        top = (s.seq[part] + s.length[part])[data & mine].max(initial=1)
        if top > s.ack[part][before & ~mine].max(initial=1):
            return True
    return False


def _reset_severity(facts: Facts, stream: int, cut: bool, look: bool) -> str:
    """Weigh a reset.

    Args:
        cut: an HTTP exchange was not over; look: whether to look at what was on its way.
    """
    c = facts.connections
    by_client = bool(c.columns["rst_by_client"][stream])
    if cut:
        return "warning" if by_client else "error"
    rst = int(c.columns["rst_frame"][stream])
    closing = any(0 <= (c.number(f"{side}_fin_frame", stream) or -1) < rst for side in ("client", "server"))
    if closing or by_client:
        return "note"
    asked, told = (c.number(f"{side}_unique_bytes", stream) or 0 for side in ("client", "server"))
    in_vain = asked > 0 and told == 0
    return "warning" if in_vain or (look and _thrown_away(facts, stream)) else "note"


def _closed_before(facts: Facts, stream: int) -> bool:
    """Say whether the side that reset a connection had sent its FIN before."""
    c = facts.connections
    side = "client" if c.columns["rst_by_client"][stream] == 1 else "server"
    return 0 <= (c.number(f"{side}_fin_frame", stream) or -1) < int(c.columns["rst_frame"][stream])


def reset(facts: Facts) -> Iterator[Hit]:
    """An established connection that ended by a reset.

    An error when it cut an HTTP exchange short, and the server did it; a warning when the client did, or when bytes
    on their way were thrown away, or when a server that was asked something never said a word. Otherwise, and when a
    side had closed already, a reset is how many programs hang up: a note, one for each server. Nothing where the client
    had closed before an answer was over: the reset is only its system's reply to what still came, and the findings
    about HTTP tell of it.
    """
    c = facts.connections
    both = (count(facts, "server_packets") > 0) & (count(facts, "client_packets") > 0)
    opened = ~said(facts, "handshake", HANDSHAKES, "refused") & both
    broken = [row for row in facts.http if row.outcome in verdicts.BROKEN_OFF]
    cut = {row.stream: row for row in reversed(broken)}
    left = {row.stream for row in broken if row.outcome_why == "client_closed"}
    pending = {row.stream for row in broken if row.outcome_why != "client_closed" or verdicts.failure(row) is not None}
    streams = [
        stream
        for stream in np.flatnonzero(said(facts, "close", CLOSES, "reset") & opened).tolist()
        if stream not in left or not _closed_before(facts, stream)
    ]
    weighed = [
        (_reset_severity(facts, stream, stream in pending, at < MAX_RESETS_WEIGHED), stream)
        for at, stream in enumerate(streams)
    ]
    weighed.sort(key=lambda pair: SEVERITIES.index(pair[0]))
    bad = [(severity, stream) for severity, stream in weighed if severity != "note"]
    for severity, stream in bad[:MAX_FINDINGS_PER_CODE]:
        row = c.row(stream)
        verdict = of_request(cut[stream], facts) if stream in cut else None
        blame = row.rst_by if verdict is None else verdict.who
        args: dict[str, object] = {"by": row.rst_by, "count": 1}
        yield hit(row, (row.rst_frame,), args, severity=severity, blame=blame or "unknown")
    mild = grouped(
        ((int(c.server_host[s]), int(c.columns["server_port"][s]), int(c.columns["rst_by_client"][s])), s)
        for severity, s in weighed
        if severity == "note"
    )
    for group in mild.values():
        row = c.row(group[0])
        frames = tuple(int(c.columns["rst_frame"][s]) for s in group)
        args = {"by": row.rst_by, "count": len(group)}
        yield hit(row, frames, args, severity="note", blame=row.rst_by or "unknown", variant="polite")


RULES: tuple[Rule, ...] = (
    Rule(
        "TCP-SYN-UNANSWERED",
        "error",
        "tcp",
        "unknown",
        "RFC 9293 section 3.5",
        unanswered,
        (
            "UNANSWERED_SYNS",
            "SYN_AGAIN_MS",
            "FALLBACK_MS",
            "SCAN_TARGETS",
            "KNOCKED_TARGETS",
            "PROBED_PORTS",
            "HOME_CONNECTIONS",
        ),
    ),
    Rule(
        "TCP-REFUSED",
        "error",
        "tcp",
        "server",
        "RFC 9293 section 3.5.1",
        refused,
        ("FALLBACK_MS", "SCAN_TARGETS", "KNOCKED_TARGETS", "PROBED_PORTS", "HOME_CONNECTIONS"),
    ),
    Rule("TCP-SYN-LOST", "warning", "tcp", "network", "RFC 6298 section 2", syn_lost, ("SYN_LOSS_MS",)),
    Rule("TCP-SYN-FLOOD", "warning", "tcp", "client", "RFC 4987 section 2", half_open, ("HALF_OPEN",)),
    Rule("TCP-RESET", "warning", "tcp", "unknown", "RFC 9293 section 3.5.2", reset),
)
