"""Who is the reason that a request or a visit failed or was slow: client, network, server, resolver, or the capture.

What failed is blamed by how it failed. What was slow is blamed by where the time went, along the *critical path*: the
main chain and, of the parts of a page, the one that came last with what caused it. Every millisecond of the path is
somebody's: names the resolver's; opening, round trips, and losses the network's; working out an answer the server's;
a closed window, and pauses before the next request, the client's. Carrying a large body is nobody's fault.

Nobody is accused on a limit: the server's share counts where it was measured, else what is proven of it; a pause counts
as the client's only where the recorder was near it. Where most of the time is not known to be anybody's, it is said
that it cannot be told from here (``unknown``).

Source: MEASURES "Phases of a request", for what each number means and how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from analyzer.protocols.dns.table import column
from analyzer.schema import HttpRow, TlsRow
from analyzer.units import NS_PER_MS
from analyzer.visits import trust
from analyzer.visits.grouping import host_of
from analyzer.visits.handshakes import lost_ms
from analyzer.visits.model import Facts
from analyzer.visits.verdicts import asked, failure, unknown, waited_ms

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

SLOW_MS = 1000.0
"""A second is where a wait breaks a person's flow of thought (R. Miller, 1968; J. Nielsen, 1993)."""
LEAD_SHARE = 0.5
"""Who took half of the time is to blame for it; with less, several are."""
LEFT_EARLY_MS = 1000.0
"""Who gives up sooner than this did not lose patience: the page was left, or the program ended."""
MAX_PATH = 64
"""Requests of a critical path, from the last one back; pages nest less deeply."""
PARTIES = ("resolver", "network", "server", "client", "transfer", "unknown")


class Blame(NamedTuple):
    """Who, and the sentence that says so.

    Attributes:
        who: client, network, server, resolver, capture, or unknown; None where nothing failed and nothing was slow.
        key, args: of :mod:`analyzer.sentences`.
        step, why: where a visit came to nothing, and the reason in a word; None where it did not.
    """

    who: str | None
    key: str
    args: Mapping[str, object]
    step: str | None = None
    why: str | None = None


def of_visit(v: Linked, facts: Facts, duration_ms: float) -> Blame:
    """Return who is to blame for a visit, and in a quick one where the time went.

    Args:
        duration_ms: of the visit, from its first packet to the last byte that was waited for.
    """
    draft = v.draft
    if draft.attempt is not None:
        return _of_attempt(v, facts)
    rows = [facts.http[at] for at in draft.chain]
    tls = [facts.tls[at] for at in draft.tls]
    if (
        tls
        and all(row.outcome == "failed" for row in tls)
        and all(row.wrong_scheme or row.method == "CONNECT" for row in rows)
    ):
        return _of_tls(tls[0], host_of(draft.url) or draft.url)
    if rows and not tls and rows[-1].background is None:
        failed = _of_failed(rows[-1], facts)
        if failed is not None:
            return failed
    return _of_time(v, facts, duration_ms)


# ── what failed ──────────────────────────────────────────────────────────────────────────────────────────────────


def _of_attempt(v: Linked, facts: Facts) -> Blame:
    attempt = v.draft.attempt
    assert attempt is not None
    if attempt.step == "tcp":
        stream = attempt.streams[0]
        row = v.tcp(stream)
        args: dict[str, object] = {"server": row.server, "server_port": row.server_port, "client": row.client}
        args |= {"attempts": sum(max(len(v.tcp(s).syn_frames), 1) for s in attempt.streams)}
        args |= {"tried_ms": (attempt.end - attempt.begin) / NS_PER_MS, "name": v.draft.name}
        who = {"refused": "server", "unreachable": "network"}.get(attempt.why, "unknown")
        return Blame(who, f"blame.tcp.{attempt.why}", args, "tcp", attempt.why)
    rows = [facts.dns[at] for at in attempt.failed_rows]
    row_of = next((row for row in rows if row.rcode == attempt.why), rows[0])
    args = {
        "name": row_of.qname,
        "client": row_of.client,
        "server": row_of.server,
        "rcode": row_of.rcode,
        "attempts": sum(max(row.attempts, 1) for row in rows),
    }
    if attempt.why == "no_answer":
        alive = _answers(facts, {row.server for row in rows})
        return Blame(
            "unknown" if alive else "resolver",
            f"blame.dns.no_answer{'.alive' if alive else ''}",
            args,
            "dns",
            "no_answer",
        )
    if attempt.why == "NXDOMAIN":
        return Blame("client", "blame.dns.nxdomain", args, "dns", attempt.why)
    return Blame("resolver", "blame.dns.failed", args, "dns", attempt.why)


def _answers(facts: Facts, servers: set[str]) -> bool:
    """Say whether a resolver that was silent answered other questions."""
    said = zip(column(facts.dns, "server"), column(facts.dns, "outcome"), strict=True)
    return any(server in servers and outcome == "answered" for server, outcome in said)


_OF_THE_CERTIFICATE = frozenset(
    {"bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired", "certificate_unknown"}
    | {"unknown_ca"}
)
"""Alerts that say that one side did not accept the other's certificate (RFC 8446 section 6.2)."""


def _of_tls(row: TlsRow, host: str) -> Blame:
    alert = next((a for a in row.alerts if a.level == "fatal"), None)
    args: dict[str, object] = {"sni": row.sni or host, "alert": None if alert is None else alert.description}
    if row.handshake_why in ("plain_http", "not_tls"):
        return Blame("client", "blame.tls.wrong_port", args, "tls", row.handshake_why)
    if alert is None:
        return Blame("unknown", "blame.tls.unknown", args, "tls", row.handshake_why or "failed")
    if alert.description in _OF_THE_CERTIFICATE and alert.from_ == "client":
        return Blame("server", "blame.tls.certificate", args, "tls", alert.description)
    args["by"] = alert.from_
    return Blame("unknown", "blame.tls.alert", args, "tls", alert.description)


def of_request(row: HttpRow, facts: Facts) -> Blame | None:
    """Return who is to blame for a request that failed or was slow; None when it did neither."""
    if row.background is not None or not asked(row):
        return None
    failed = _of_failed(row, facts)
    if failed is not None:
        return failed
    waited = waited_ms(row)
    if waited is None or waited < SLOW_MS or unknown(row) is not None:
        return None
    shares = _Shares(_near(row))
    shares.add(row)
    if row.connect_ms is not None and row.stream < len(facts.connections):
        shares.lost += min(facts.connections.ms("syn_loss_ms", row.stream) or 0.0, row.connect_ms)
    return _slow(shares, waited, row.host)


def _of_failed(row: HttpRow, facts: Facts) -> Blame | None:
    kind = failure(row)
    if kind is None:
        return None
    args: dict[str, object] = {"host": row.host, "status": row.status, "wait_ms": row.wait_ms, "reason": row.reason}
    if kind in ("server_error", "client_error"):
        who = "server" if kind == "server_error" else "client"
        return Blame(who, f"blame.http.{kind}", args, "response", str(row.status))
    if kind == "no_answer":
        by_server = row.outcome_why == "server_closed"
        ended = "reset" if row.outcome == "aborted" else "closed"
        who, key = ("server", ended) if by_server else ("unknown", "silence")
        if by_server and in_vain(row, facts):
            who, key = "unknown", "closed.late"
        if not by_server and _repeated(row, facts):
            key = "lost"
        return Blame(who, f"blame.http.{key}", args, "response", "no_answer")
    if kind == "gave_up":
        patient = (row.wait_ms or 0.0) >= LEFT_EARLY_MS
        who, key = ("unknown", "gave_up") if patient else ("client", "left")
        if patient and not _repeated(row, facts) and row.request_missing_bytes == 0 and _acknowledged(row, facts):
            who, key = "server", "gave_up.server"
        return Blame(who, f"blame.http.{key}", args, "response", "gave_up")
    if kind == "left":
        return Blame("client", "blame.http.left.midway", args, "response", "left")
    if kind == "cut_off":
        who = "server" if row.outcome_why == "server_closed" else "unknown"
        return Blame(who, f"blame.http.cut_off.{who}", args, "response", "cut_off")
    return Blame("unknown", "blame.http.malformed", args, "response", "malformed")


def in_vain(row: HttpRow, facts: Facts) -> bool:
    """Say whether a request came behind another one, or after the server had closed: its client sends it again.

    Source: RFC 9112 section 9.3.1.
    """
    fin = facts.connections.number("server_fin_frame", row.stream)
    late = fin is not None and row.request_frames is not None and fin < row.request_frames[0]
    return row.pipelined or late


def _repeated(row: HttpRow, facts: Facts) -> bool:
    """Say whether the client had to send data of this connection again."""
    return int(facts.connections.columns["client_retransmissions"][row.stream]) > 0


def _acknowledged(row: HttpRow, facts: Facts) -> bool:
    """Say whether the server's TCP said that it has the whole request."""
    s = facts.segments
    part = s.of(row.stream)
    if row.request_end_offset is None:
        return False
    return bool(((s.ack[part] > row.request_end_offset) & ~s.from_client[part]).any())


# ── what was slow ────────────────────────────────────────────────────────────────────────────────────────────────


class _Shares:
    """Whose the milliseconds of a critical path were.

    Attributes:
        near: the recorder saw what the client saw.
        host: the server that most of the server's time is of; lost: ms spent on losses.
    """

    __slots__ = (
        "_most",
        "bytes",
        "client",
        "host",
        "lost",
        "near",
        "network",
        "resolver",
        "server",
        "transfer",
        "unknown",
    )

    def __init__(self, near: bool) -> None:
        self.near = near
        self.resolver = self.network = self.server = self.client = self.transfer = self.unknown = 0.0
        self.lost = self._most = 0.0
        self.bytes = 0
        self.host: str | None = None

    def add(self, row: HttpRow, until: int | None = None) -> None:
        """Add the phases of one request.

        Args:
            until: ns, when the next request of the path began: what this one still did then ran beside it.
        """
        parts = _parts(row)
        over = 0.0 if until is None else max(_ended(row) - until, 0) / NS_PER_MS
        for party, ms, lost in reversed(parts):
            less = min(over, ms)
            over -= less
            setattr(self, party, getattr(self, party) + ms - less)
            if lost:
                self.lost += ms - less
            if party == "server" and (ms - less > self._most or self.host is None):
                self._most, self.host = ms - less, row.host
        self.bytes += (row.request_body_bytes or 0) + (row.response_body_bytes or 0)

    def total(self) -> float:
        """Return all that is somebody's."""
        return self.resolver + self.network + self.server + self.client + self.transfer + self.unknown

    def leader(self) -> tuple[str, float]:
        """Return who had most of the time, and how much."""
        had = (self.resolver, self.network, self.server, self.client, self.transfer, self.unknown)
        most, party = max(zip(had, PARTIES, strict=True))
        return party, most


def _parts(row: HttpRow) -> list[tuple[str, float, bool]]:
    """Return (whose, ms, spent on losses) of a request's phases, in order of time as far as they have one."""
    wait = row.wait_ms or 0.0
    network, lost = row.wait_network_ms or 0.0, row.wait_loss_ms or 0.0
    server = row.wait_server_ms
    if server is not None and row.phase_trust.wait_server != trust.MEASURED:
        server = row.wait_server_min_ms or 0.0
    server = server or 0.0
    held, shut = row.receive_loss_ms or 0.0, row.receive_window_ms or 0.0
    return [
        ("resolver", row.dns_ms or 0.0, False),
        ("network", (row.connect_ms or 0.0) + (row.tls_ms or 0.0), False),
        ("transfer", row.send_ms or 0.0, False),
        ("network", lost, True),
        ("network", network, False),
        ("unknown", max(wait - network - lost - server, 0.0), False),
        ("server", server, False),
        ("network", held, True),
        ("client", shut, False),
        ("transfer", max((row.receive_ms or 0.0) - held - shut, 0.0), False),
    ]


def _begun(row: HttpRow) -> int:
    """Return when a request began (ns), its lookup and the opening of its connection included."""
    before = (row.dns_ms or 0.0) + (row.connect_ms or 0.0) + (row.tls_ms or 0.0) + (row.blocked_ms or 0.0)
    return (row.request_time or _ended(row)) - round(before * NS_PER_MS)


def _near(row: HttpRow) -> bool:
    return row.phase_trust.wait == trust.MEASURED


def _of_time(v: Linked, facts: Facts, duration_ms: float) -> Blame:
    """Return who is to blame for a slow visit, or where the time of a quick one went."""
    rows = _path(v, facts)
    if not rows:
        return _of_opening(v, facts)
    shares = _Shares(_near(rows[0]))
    waiting, beside = None, True
    until: int | None = None
    for row in reversed(rows):
        shares.add(row, until)
        until = _begun(row) if until is None else min(_begun(row), until)
        beside = beside and row.background is not None
        if row.response_time is None and unknown(row) is not None:
            waiting = row
    if beside:
        return Blame(None, "blame.fine.background", {"duration_ms": duration_ms})
    shares.network += _found_ms(v, facts)
    if v.main is not None and v.main in v.draft.fresh:
        shares.lost += facts.connections.ms("syn_loss_ms", v.main) or 0.0
    if v.draft.tls:
        _add_opening(shares, v, facts, {row.stream for row in rows})
        duration_ms = min(shares.total(), duration_ms)  # what came then is unreadable, and no wait
    left = max(duration_ms - shares.total(), 0.0)
    if shares.near:
        shares.client += left
    else:
        shares.unknown += left
    if waiting is not None and duration_ms >= SLOW_MS:
        return Blame("capture", "blame.capture", {"host": waiting.host, "duration_ms": duration_ms})
    return _slow(shares, duration_ms, shares.host)


def _found_ms(v: Linked, facts: Facts) -> float:
    """Return how long hardware addresses were looked for by ARP."""
    return sum(facts.arp[at].latency_ms or 0.0 for at in v.arp_resolver + v.arp_server)


def _path(v: Linked, facts: Facts) -> list[HttpRow]:
    """Return the requests that a visit waited for one after the other."""
    draft = v.draft
    chain = [facts.http[at] for at in draft.chain]
    if len(draft.http) == len(draft.chain) or draft.tls:
        return chain
    waited = [at for at in draft.http if at not in draft.later and facts.http[at].background is None]
    if not waited:
        return chain
    at = max(waited, key=lambda at: _ended(facts.http[at]))
    on_chain = set(draft.chain)
    beside: list[HttpRow] = []
    while at not in on_chain and len(beside) < MAX_PATH:
        beside.append(facts.http[at])
        cause = draft.initiators.get(at)
        if cause is None or cause == at:
            break
        at = cause
    return chain + beside[::-1]


def _ended(row: HttpRow) -> int:
    return row.response_end_time or row.response_time or row.request_end_time or row.request_time or 0


def _of_opening(v: Linked, facts: Facts) -> Blame:
    """Return who is to blame for how long an encrypted visit took to begin: what came then cannot be read."""
    shares = _Shares(near=True)
    shares.network += _found_ms(v, facts)
    _add_opening(shares, v, facts, frozenset())
    return _slow(shares, shares.total(), host_of(v.draft.url), encrypted=True)


def _add_opening(shares: _Shares, v: Linked, facts: Facts, counted: AbstractSet[int]) -> None:
    """Add what passed until encrypted data could flow.

    Args:
        counted: streams whose opening is in the shares already: that of the request for a tunnel is the tunnel's own.
    """
    row = facts.tls[v.draft.tls[0]]
    c = facts.connections
    if row.stream in v.draft.fresh and row.stream not in counted:
        shares.network += c.ms("connect_ms", row.stream) or 0.0
        shares.lost += c.ms("syn_loss_ms", row.stream) or 0.0
        found = v.lookup.get(row.stream)
        shares.resolver += (found.ms or 0.0) if found is not None else 0.0
    took = row.handshake_ms or 0.0
    leg = c.ms("server_leg_ms", row.stream)
    if leg is None:
        shares.unknown += took
    else:
        trips = min(leg * (row.round_trips or 1), took)
        lost = min(lost_ms(facts, row), took - trips)
        shares.network += trips + lost
        shares.lost += lost
        # Behind the round trips lie both sides' arithmetic, too, and a client that asks about a certificate.
        shares.unknown += took - trips - lost
    shares.host = shares.host or row.sni


def _slow(shares: _Shares, duration_ms: float, host: str | None, *, encrypted: bool = False) -> Blame:
    party, most = shares.leader()
    args: dict[str, object] = {"duration_ms": duration_ms, "share_ms": most, "host": host}
    if duration_ms < SLOW_MS:
        if party == "network" and shares.lost >= LEAD_SHARE * most and not encrypted:
            return Blame(None, "blame.fine.loss", args | {"lost_ms": shares.lost})
        part = ".part" if party != "unknown" and most <= duration_ms / 2 else ""
        return Blame(None, "blame.fine.encrypted" if encrypted else f"blame.fine.{party}{part}", args)
    args |= {
        "resolver_ms": shares.resolver,
        "network_ms": shares.network,
        "server_ms": shares.server,
        "client_ms": shares.client,
        "lost_ms": shares.lost,
        "carried_bytes": shares.bytes,
    }
    begun = ".encrypted" if encrypted else ""
    if most < LEAD_SHARE * duration_ms:
        return Blame("unknown", f"blame.slow.several{begun}", args)
    if party == "transfer":
        return Blame(None, "blame.slow.transfer", args)
    if party == "network" and shares.lost >= LEAD_SHARE * most:
        return Blame("network", f"blame.slow.loss{begun}", args)
    return Blame(party, f"blame.slow.{party}{begun}", args)
