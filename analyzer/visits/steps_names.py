"""Steps of a journey that come before a connection: the client's own address, names, and hardware addresses.

An ARP exchange (for IPv6: neighbour discovery) serves one of two purposes: the packet that waited for it went to the
resolver, or towards the server. Each is a step of its own. A lease is told once, in the first visit that used it.

Sources: RFC 2131 (DHCP), RFC 1034 section 3.6.2 (aliases), RFC 826 (ARP), RFC 4861 section 7.2 (neighbour discovery).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from analyzer.addresses import is_loopback
from analyzer.protocols.dns.lifetimes import lifetime_s
from analyzer.schema import ArpRow, DnsRow, NdpRow, Remark, Step
from analyzer.units import NS_PER_MS
from analyzer.visits.grouping import host_of
from analyzer.visits.lookups import is_address
from analyzer.visits.model import Facts

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

FOREVER_S = 0xFFFFFFFF
"""A lease, or a lifetime, without an end (RFC 2131 section 3.3, RFC 8415 section 7.7, RFC 4861 section 4.6.2)."""
MAX_ASKED_ON = 8
"""Questions of a resolver to other servers that are told of one lookup; a long way down the tree takes six."""


def absent(step: str, why: str, args: dict[str, Any]) -> Step:
    """Return a step that is not there, and says why."""
    return Step(step, (), None, None, f"step.{step}.absent.{why}", args, why) if args else _plainly_absent(step, why)


@cache
def _plainly_absent(step: str, why: str) -> Step:
    """Return a step that says no more than that it is absent: the same one for all visits."""
    return Step(step, (), None, None, f"step.{step}.absent.{why}", {}, why)


def host(v: Linked) -> str:
    """Return the name or address a visit began with."""
    return v.draft.name or host_of(v.draft.url) or v.draft.url


# ── the client's own address ─────────────────────────────────────────────────────────────────────────────────────


def lease(v: Linked, facts: Facts) -> list[Step]:
    """Return how the client got its address, in its first visit since; nothing where nobody would ask."""
    if v.lease is None:
        why = v.lease_why
        return [] if why is None else [absent("dhcp", why, {})]
    row = facts.dhcp[v.lease]
    args = {
        "client": row.client_name or row.client_mac,
        "address": row.address,
        "server": row.server,
        "duration_ms": row.latency_ms,
        "routers": list(row.routers),
        "resolvers": list(row.resolvers),
        "lease_s": row.lease_s,
    }
    remarks = []
    if row.routers or row.resolvers:
        told = {"routers": args["routers"], "resolvers": args["resolvers"]}
        missing = [name for name, some in (("resolvers", row.routers), ("routers", row.resolvers)) if not some]
        remarks.append(Remark(".".join(["step.dhcp.told", *missing]), told))
    if row.lease_s == FOREVER_S:
        remarks.append(Remark("step.dhcp.term.forever", {}))
    elif row.lease_s is not None:
        remarks.append(Remark("step.dhcp.term", {"lease_ms": row.lease_s * 1000.0}))
    return [Step("dhcp", row.frames, row.start_time, row.latency_ms, "step.dhcp", args, None, tuple(remarks))]


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def lookups(v: Linked, facts: Facts, stream: int) -> list[Step]:
    """Return one step for each name looked up for a connection; its reason when there was none."""
    found = v.lookup.get(stream)
    if stream not in v.draft.fresh:
        return [absent("dns", "reused", {"name": host(v)})]
    if found is None or found.ms is None:
        why = (found.why if found else None) or "not_captured"
        if why == "not_captured" and is_address(host(v)):
            why = "literal_address"  # no name is known, neither from a lookup nor from the connection
        return [absent("dns", why, {"name": host(v)})]
    return asked(found.rows, facts, v, found.ms, found.also)


def asked(
    rows: Sequence[int], facts: Facts, v: Linked, waited_ms: float | None, also: Sequence[int] = ()
) -> list[Step]:
    """Return one step for each name that some rows of the dns table ask for.

    Args:
        waited_ms: how long the client waited for all of them; None where only the answer itself tells it.
        also: rows for the same names that belong to the steps; what was asked and answered before is only remarked on.
    """
    begin = min((t for at in rows if (t := facts.dns[at].query_time) is not None), default=None)
    ahead = [at for at in also if begin is not None and (facts.dns[at].response_time or begin) < begin]
    by_name: dict[str, list[int]] = {}
    for at in (*rows, *(at for at in also if at not in ahead)):
        by_name.setdefault(facts.dns[at].qname, []).append(at)
    out = [_asked(name, some, facts, v, waited_ms) for name, some in by_name.items()]
    return [_after(step, [facts.dns[at] for at in ahead], begin or 0) for step in out] if ahead else out


def _after(step: Step, before: Sequence[DnsRow], begin: int) -> Step:
    """Add to a step that its name had been asked for once before, as browsers do while it is being typed."""
    mine = [row for row in before if row.qname == step.sentence_args["name"]]
    if not mine:
        return step
    first = min(mine, key=lambda row: row.query_time or 0)
    took = max((row.latency_ms for row in mine if row.latency_ms is not None), default=None)
    args = {"before_ms": (begin - (first.query_time or begin)) / NS_PER_MS, "latency_ms": took}
    frames = {f for row in mine for f in (*row.query_frames, row.response_frame) if f is not None}
    remarks = (*step.remarks, Remark("step.dns.ahead", args))
    return replace(step, frames=tuple(sorted(frames.union(step.frames))), remarks=remarks)


def _asked(name: str, rows: list[int], facts: Facts, v: Linked, waited_ms: float | None) -> Step:
    questions = [facts.dns[at] for at in rows]
    answered = [q for q in questions if q.addresses] or [q for q in questions if q.rcode is not None] or questions
    row = answered[0]
    tried = sum(not q.addresses and q.qtype == row.qtype for q in questions)  # of another server, or anew
    attempts = max(q.attempts for q in questions) + (tried if len(answered) < len(questions) else 0)
    frames = tuple(f for q in questions for f in (*q.query_frames, q.response_frame) if f is not None)
    if len(questions) == 1:
        begin = row.query_time
    else:
        begin = min((q.query_time for q in questions if q.query_time is not None), default=None)
    args: dict[str, object] = {
        "client": row.client,
        "server": row.server,
        "name": name,
        "addresses": list(dict.fromkeys(a for q in answered for a in q.addresses)),
        "latency_ms": row.latency_ms if waited_ms is None else waited_ms,
        "attempts": attempts,
        "rcode": row.rcode,
    }
    if row.rcode is None:
        key = "step.dns.unanswered"
        args["attempts"] = sum(q.attempts for q in questions)
        args["servers"] = servers = list(dict.fromkeys(q.server for q in questions))
        key += ".several" if len(servers) > 1 else ""
    elif not args["addresses"]:
        key = f"step.dns.failed.{row.rcode.lower()}" if row.rcode in _TOLD_APART else "step.dns.failed"
    else:
        key = "step.dns.retry" if attempts > 1 else "step.dns"
    took = args["latency_ms"]
    return Step("dns", frames, begin, took, key, args, None, _remarks(questions, row, rows, v))  # type: ignore[arg-type]


_TOLD_APART = ("NXDOMAIN", "SERVFAIL", "REFUSED")
"""Response codes that mean something of their own to the reader."""


def _remarks(questions: list[DnsRow], row: DnsRow, rows: list[int], v: Linked) -> tuple[Remark, ...]:
    out = []
    if row.cname_chain:
        out.append(Remark("step.dns.alias", {"name": row.qname, "chain": list(row.cname_chain)}))
    if len(questions) > 1:
        took = {q.qtype: q.latency_ms for q in questions if q.latency_ms is not None}
        if "A" in took and "AAAA" in took:
            out.append(Remark("step.dns.race", {"a_ms": took["A"], "aaaa_ms": took["AAAA"]}))
        servers = list(dict.fromkeys(q.server for q in questions))
        if len(servers) > 1 and row.rcode is None:
            tries = ((one, sum(q.attempts for q in questions if q.server == one)) for one in servers)
            out += [Remark("step.dns.tried", {"server": one, "attempts": count}) for one, count in tries]
        elif len(servers) > 1:
            out.append(Remark("step.dns.servers", {"servers": servers}))
    if row.answers:
        keep = {"keep_ms": lifetime_s(row.answers) * 1000.0}
        key = "step.dns.authoritative" if row.source == "authoritative" else "step.dns.keep"
        out.append(Remark(key, keep))
    for at in rows if v.known.asked_on else ():
        out += [_asked_on(one) for one in v.known.asked_on.get(at, ())[:MAX_ASKED_ON]]
    return tuple(out)


def _asked_on(row: DnsRow) -> Remark:
    """Tell one question that a resolver asked on its client's behalf (iterative resolution)."""
    known = ("root", "tld", *(("authoritative",) if row.zone is not None else ()))
    step = row.step if row.step in known else "other"
    args = {
        "resolver": row.client,
        "server": row.server,
        "name": row.qname,
        "zone": row.zone,
        "latency_ms": row.latency_ms,
    }
    return Remark(f"step.dns.asked.{step}", args)


# ── hardware addresses ───────────────────────────────────────────────────────────────────────────────────────────


def neighbours(v: Linked, facts: Facts, resolver: bool) -> list[Step]:
    """Return the step that found the hardware address for the resolver, or for the way to the server.

    Args:
        resolver: of the first question for a name; else of the first packet towards the server.
    """
    arp, ndp = (v.arp_resolver, v.ndp_resolver) if resolver else (v.arp_server, v.ndp_server)
    rows: list[ArpRow | NdpRow] = [facts.arp[at] for at in arp]
    rows += [facts.ndp[at] for at in ndp]
    if rows:
        return [_neighbour(rows, v, facts, resolver)]
    if resolver:
        return []
    if v.arp_resolver or v.ndp_resolver:
        return [absent("arp", "same" if _same_machine(v, facts) else "cached", {})]
    return [absent("arp", _why_none(v), {})]


def _why_none(v: Linked) -> str:
    if v.main is not None and v.main not in v.draft.fresh:
        return "reused"
    if v.main is not None and is_loopback(v.tcp(v.main).server):
        return "not_applicable"
    if ":" in v.draft.client:
        return "cached" if v.draft.client in v.known.heard else "not_applicable"
    return "cached" if v.draft.client in v.known.heard else "not_captured"


def _same_machine(v: Linked, facts: Facts) -> bool:
    """Say whether the packets to the server went to the machine that was found for the resolver."""
    if v.main is None:
        return False
    mac = facts.connections.words["server_mac"].get(v.main)
    found = [facts.arp[at].answer_mac for at in v.arp_resolver] + [facts.ndp[at].answer_mac for at in v.ndp_resolver]
    return mac is not None and mac in found


def _neighbour(rows: list[ArpRow | NdpRow], v: Linked, facts: Facts, resolver: bool) -> Step:
    row = rows[0]
    frames = tuple(f for r in rows for f in (*r.request_frames, r.reply_frame) if f is not None)
    args = {
        "client": row.asker_ip,
        "target_ip": row.target_ip,
        "mac": row.answer_mac,
        "latency_ms": row.latency_ms,
        "attempts": row.attempts,
    }
    if resolver:
        servers = {facts.dns[at].server for at in v.dns}
        key = "step.arp.resolver" if row.target_ip in servers else "step.arp.towards_resolver"
    else:
        direct = v.main is not None and row.target_ip == v.tcp(v.main).server
        key = "step.arp.server" if direct else "step.arp"
    if isinstance(row, NdpRow):
        key = key.replace("step.arp", "step.ndp")
    return Step("arp", frames, row.request_time, row.latency_ms, key, args, None)
