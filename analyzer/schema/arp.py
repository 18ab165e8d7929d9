"""Row of the ``arp`` table (RFC 826, RFC 5227)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArpRow:
    """One ARP exchange: requests of one asker for one target until a reply, or a message that needs none.

    ``latency_ms`` runs from the first request. ``conflict`` is the other MAC seen claiming that IP, or None;
    ``conflict_frame`` and ``conflict_time`` are its first claim. ``last_request_time`` is that of the last repetition.
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
    outcome: str  # answered | unanswered | not_applicable | malformed
    conflict: str | None
    vlan: int | None
    reply_time: int | None = None
    last_request_time: int | None = None
    conflict_frame: int | None = None
    conflict_time: int | None = None
    outcome_why: str | None = None  # of a malformed one: short | odd_lengths
