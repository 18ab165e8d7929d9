"""Row of the ``arp`` table (RFC 826, RFC 5227)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArpRow:
    """One ARP exchange: requests of one asker for one target until a reply, or a message that needs none.

    ``latency_ms`` runs from the first request. ``conflict`` is the other MAC seen claiming that IP, or None.
    """

    request_frame: int | None
    reply_frame: int | None
    request_time: int | None
    kind: str  # request | gratuitous | probe | announcement | unsolicited_reply
    asker_mac: str | None
    asker_ip: str | None
    target_ip: str | None
    answer_mac: str | None
    attempts: int
    request_frames: tuple[int, ...]
    latency_ms: float | None
    outcome: str  # answered | unanswered | not_applicable
    conflict: str | None
    vlan: int | None
    reply_time: int | None = None
