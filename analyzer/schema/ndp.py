"""Rows of the ``ndp`` table: IPv6 neighbour and router discovery (RFC 4861, 4862)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NdpPrefix:
    """A prefix that a router announces (RFC 4861 section 4.6.2)."""

    prefix: str  # 2001:db8::/64
    on_link: bool
    autonomous: bool  # hosts may make addresses of it
    valid_s: int  # 4294967295 is for ever
    preferred_s: int


@dataclass(frozen=True, slots=True)
class NdpRow:
    """One exchange of IPv6 neighbour discovery: what the ``arp`` table is for IPv4, plus routers.

    ``latency_ms`` runs from the first request. ``conflict`` is the other MAC seen claiming that address, or None;
    ``conflict_frame`` and ``conflict_time`` are its first claim. Of a router's message ``asker_ip`` is the router; of a
    redirect ``target_ip`` is the better next hop and ``destination`` what it leads to; of an unsolicited advertisement
    ``asker_ip`` is whom it was told to and ``answer_mac`` who told it. An advertisement of a router sent to all
    answers everybody who waits, so its frame may be the reply of several rows.
    """

    request_frame: int | None
    reply_frame: int | None
    request_time: int | None
    kind: str  # solicitation | probe | unsolicited | router_solicitation | router_advertisement | redirect | unreadable
    asker_mac: str | None
    asker_ip: str | None
    target_ip: str | None
    answer_mac: str | None
    router: bool | None  # the answer's word on whether it is a router
    prefixes: tuple[NdpPrefix, ...]
    resolvers: tuple[str, ...]
    lifetime_s: int | None  # of the router as a default router; 0 is none
    attempts: int
    request_frames: tuple[int, ...]
    latency_ms: float | None
    outcome: str  # answered | unanswered | not_applicable | invalid (to be ignored) | malformed
    conflict: str | None
    vlan: int | None
    reply_time: int | None = None
    answer_ip: str | None = None
    last_request_time: int | None = None
    conflict_frame: int | None = None
    conflict_time: int | None = None
    outcome_why: str | None = None  # of invalid and malformed ones: hop_limit | bad_code | short | bad_option | ...
    destination: str | None = None
    mtu: int | None = None
    hop_limit: int | None = None  # that hosts are told to use
    managed: bool | None = None  # addresses are to be had by DHCPv6
    other_config: bool | None = None  # other facts are to be had by DHCPv6
    domains: tuple[str, ...] = ()
