"""Findings about encrypted sessions: old versions, weak ciphers, handshakes that were slow, cut off or done in vain.

What is forbidden today was once the best there was, so a session is judged by the day on which it was recorded
(``thresholds.FORBIDDEN_SINCE``). The same about the same server is one finding with a count.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.about_tcp import paced
from analyzer.findings.about_tls import Sessions, about, began, hellos, name_of, sessions, severity
from analyzer.findings.model import Hit, Rule, grouped, worst
from analyzer.findings.thresholds import FORBIDDEN_SINCE, FULL_HANDSHAKES, QUIET_MS, SLOW_TLS_MS
from analyzer.schema import TlsRow
from analyzer.units import ms_between
from analyzer.visits.handshakes import lost_ms
from analyzer.visits.model import Facts

OLD_VERSIONS = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1")
_WEAK_PARTS = {"RC4": "RC4", "3DES": "3DES", "DES": "DES", "DES40": "DES", "RC2": "RC2", "NULL": "NULL"}
_WEAK_PARTS |= {"EXPORT": "EXPORT", "EXPORT1024": "EXPORT", "anon": "anon"}
"""Part of a suite's name → what is weak about it, in the words of ``FORBIDDEN_SINCE``."""
_NO_SERVICE = ("NULL", "anon")


def old_version(facts: Facts) -> Iterator[Hit]:
    """A version of TLS or SSL that is not to be used any more was agreed on; once for each server and version."""
    found = ((at, row) for at, row in sessions(facts) if row.version in OLD_VERSIONS)
    for (_, version), group in grouped(((name_of(facts, r), r.version or ""), (at, r)) for at, r in found).items():
        weight = worst(severity(version, began(facts, row)) for _, row in group)
        args: dict[str, object] = {"version": version.replace("v", " "), "since": _year(version)}
        at_the_time = "then" if weight == "note" else None
        yield about(facts, group, args, hellos(group), severity=weight, variant=at_the_time)


def _year(weakness: str) -> str:
    return FORBIDDEN_SINCE[weakness][:4]


def _weak(cipher: str | None) -> tuple[str, ...]:
    """Return what is weak about a cipher suite, by its name."""
    return tuple(dict.fromkeys(_WEAK_PARTS[part] for part in (cipher or "").split("_") if part in _WEAK_PARTS))


def _nothing(row: TlsRow) -> str | None:
    """Return which of the two services a suite leaves out altogether: NULL, no encryption; anon, no proof of who."""
    parts = _weak(row.cipher)
    return next((part for part in _NO_SERVICE if part in parts), None)


def weak_cipher(facts: Facts) -> Iterator[Hit]:
    """Cipher suites that can be broken, or that encrypt or prove nothing; once for a server and kind of weakness."""
    found = ((at, row) for at, row in sessions(facts) if _weak(row.cipher))
    for (_, nothing), group in grouped(((name_of(facts, r), _nothing(r)), (at, r)) for at, r in found).items():
        parts = list(dict.fromkeys(part for _, row in group for part in _weak(row.cipher)))
        weight = worst(severity(part, began(facts, row)) for _, row in group for part in _weak(row.cipher))
        variant = nothing.lower() if nothing is not None else "then" if weight == "note" else None
        ciphers = list(dict.fromkeys(row.cipher for _, row in group))
        args: dict[str, object] = {"cipher": ciphers, "weak": parts}
        yield about(facts, group, args, hellos(group), severity=weight, variant=variant)


def hello_retry(facts: Facts) -> Iterator[Hit]:
    """The server asked for another ClientHello, which cost a round trip (RFC 8446 section 4.1.4); once for a server."""
    found = ((at, row) for at, row in enumerate(facts.tls) if row.hello_retry)
    for group in grouped((name_of(facts, row), (at, row)) for at, row in found).values():
        trips = [facts.connections.ms("initial_rtt_ms", row.stream) for _, row in group]
        known = [ms for ms in trips if ms is not None]
        cost = sum(known) if known and not paced(facts) else None
        frames = [frame for _, row in group for frame in (row.client_hello_frame, row.server_hello_frame)]
        yield about(facts, group, {"group": group[0][1].group, "retry_ms": cost}, frames, cost_ms=cost)


def _in_vain(group: Sessions) -> Sessions:
    """Return the full handshakes that began when an earlier one of the same client and server was over."""
    ends = [row.finished_time for _, row in group if row.finished_time is not None]
    if not ends:
        return []
    first = min(ends)
    return [(at, row) for at, row in group if row.client_hello_time is not None and row.client_hello_time > first]


def no_resumption(facts: Facts) -> Iterator[Hit]:
    """A client shakes hands in full with the same server again and again, and never resumes; once for the two."""
    done = ((at, row) for at, row in sessions(facts) if row.outcome == "established" and row.resumption is not None)
    hosts = facts.connections.client_host
    for group in grouped(((int(hosts[row.stream]), name_of(facts, row)), (at, row)) for at, row in done).values():
        again = _in_vain(group) if all(row.resumption == "none" for _, row in group) else []
        if len(again) < FULL_HANDSHAKES:
            continue
        # TLS 1.3 resumes for less computing; before, resuming saves a round trip, too.
        older = [row for _, row in again if row.version != "TLSv1.3"]
        trips = [facts.connections.ms("initial_rtt_ms", row.stream) for row in older]
        known = [ms for ms in trips if ms is not None]
        cost = sum(known) if known and not paced(facts) else None
        args: dict[str, object] = {"full": len(group), "again": len(again), "saved_ms": cost}
        yield about(facts, again, args, hellos(again), cost_ms=cost, variant=None if older else "without_cost")


def incomplete(facts: Facts) -> Iterator[Hit]:
    """Handshakes that were begun and broken off without an alert; once for a server, and for how they ended."""
    c, end = facts.connections, facts.capture.end_time
    found = []
    for at, row in enumerate(facts.tls):
        if row.outcome != "incomplete" or row.client_hello_frame is None or row.version == "SSLv2":
            continue  # of SSL 2 only the hellos are read
        quiet = ms_between(int(c.columns["end_time"][row.stream]), end) or 0.0
        why = row.handshake_why if row.handshake_why in ("reset", "closed") else None
        if why is None and row.handshake_why == "capture_ended" and quiet >= QUIET_MS and not paced(facts):
            why = "silent"
        if why is not None and 0 not in (
            c.number("client_packets", row.stream),
            c.number("server_packets", row.stream),
        ):
            found.append(((name_of(facts, row), why), (at, row)))
    for (_, why), group in grouped(found).items():
        first = c.row(group[0][1].stream)
        by = first.rst_by if why == "reset" else first.closed_by if why == "closed" else None
        ends = [
            c.number("rst_frame", row.stream) if why == "reset" else c.number("last_frame", row.stream)
            for _, row in group
        ]
        frames = [*(row.client_hello_frame for _, row in group), *ends]
        args: dict[str, object] = {"by": "client and the server" if by == "both" else by or "network"}
        blame = by if by in ("client", "server") else None
        yield about(facts, group, args, frames, variant="silent" if why == "silent" else None, blame=blame)


def _slow_parts(facts: Facts, row: TlsRow) -> tuple[float, float, str]:
    """Return (ms beyond the round trips, ms of them before the server answered, whose they are) of a handshake."""
    c = facts.connections
    rtt = c.ms("initial_rtt_ms", row.stream) or 0.0
    own = (row.handshake_ms or 0.0) - rtt * (row.round_trips or 1)
    answer = ms_between(row.client_hello_time, row.server_hello_time) or 0.0
    server = max(answer - (c.ms("server_leg_ms", row.stream) or rtt), 0.0)
    if lost_ms(facts, row) >= own / 2:
        return own, server, "network"
    return own, server, "server" if server >= own / 2 else "client"


def slow(facts: Facts) -> Iterator[Hit]:
    """Handshakes that took much longer than their round trips; once for a server and whose time it was.

    A warning where the server took the time, or lost packets did; a note where the client did: it may have asked its
    user, or opened the connection before it was needed.
    """
    if paced(facts):
        return
    found = []
    for at, row in enumerate(facts.tls):
        if (row.handshake_ms or 0.0) < SLOW_TLS_MS or row.outcome != "established":
            continue
        own, server, whose = _slow_parts(facts, row)
        if own >= SLOW_TLS_MS:
            found.append(((name_of(facts, row), whose), (own, server, at, row)))
    found.sort(key=lambda item: -item[1][0])
    for (_, whose), group in grouped(found).items():
        own, server, _, row = group[0]
        args: dict[str, object] = {"handshake_ms": row.handshake_ms, "own_ms": own, "server_ms": server, "by": whose}
        frames = [f for *_, r in group for f in (r.client_hello_frame, r.server_hello_frame, r.finished_frame)]
        weight = "note" if whose == "client" else "warning"
        shape = ("" if whose == "server" else whose, "many" if len(group) > 1 else "")
        variant = "_".join(filter(None, shape)) or None
        rows = [(at, r) for *_, at, r in group]
        yield about(facts, rows, args, frames, cost_ms=own, severity=weight, blame=whose, variant=variant)


RULES: tuple[Rule, ...] = (
    Rule(
        "TLS-OLD-VERSION",
        "warning",
        "tls",
        "server",
        "RFC 8996, RFC 7568, RFC 6176",
        old_version,
        ("FORBIDDEN_SINCE", "RECORDED_SINCE"),
    ),
    Rule(
        "TLS-WEAK-CIPHER",
        "warning",
        "tls",
        "server",
        "RFC 9325 section 4.1",
        weak_cipher,
        ("FORBIDDEN_SINCE", "RECORDED_SINCE"),
    ),
    Rule("TLS-SLOW", "warning", "tls", "server", "RFC 8446 section 2", slow, ("SLOW_TLS_MS",), timed=True),
    Rule("TLS-INCOMPLETE", "note", "tls", "unknown", "RFC 8446 section 6.1", incomplete, ("QUIET_MS",)),
    Rule("TLS-HELLO-RETRY", "note", "tls", "client", "RFC 8446 section 4.1.4", hello_retry),
    Rule("TLS-NO-RESUMPTION", "note", "tls", "unknown", "RFC 8446 section 2.2", no_resumption, ("FULL_HANDSHAKES",)),
)
