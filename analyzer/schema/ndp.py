"""Row of the ``ndp`` table: IPv6 neighbour and router discovery (RFC 4861, 4862)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NdpRow:
    """One exchange of IPv6 neighbour discovery: what the ``arp`` table is for IPv4, plus routers.

    ``latency_ms`` runs from the first request. ``conflict`` is the other MAC seen claiming that address, or None.
    """

    request_frame: int | None
    reply_frame: int | None
    request_time: int | None
    kind: str  # solicitation | probe | unsolicited | router_solicitation | router_advertisement | redirect
    asker_mac: str | None
    asker_ip: str | None
    target_ip: str | None
    answer_mac: str | None
    router: bool | None
    prefixes: tuple[str, ...]
    resolvers: tuple[str, ...]
    lifetime_s: int | None
    attempts: int
    request_frames: tuple[int, ...]
    latency_ms: float | None
    outcome: str  # answered | unanswered | not_applicable
    conflict: str | None
    vlan: int | None
    reply_time: int | None = None
