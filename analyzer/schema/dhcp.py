"""Rows of the ``dhcp`` table (RFC 2131, 2132)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DhcpOffer:
    """What one server offered."""

    frame: int
    server: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class DhcpRow:
    """One attempt of a client to get, keep or give up an address: all messages of one transaction id.

    ``latency_ms`` runs from the client's first message to the answer that decided (ACK or NAK).
    """

    discover_frame: int | None
    offer_frame: int | None
    request_frame: int | None
    answer_frame: int | None
    start_time: int
    answer_time: int | None
    kind: str  # lease | reboot | renewal | inform | release | decline | bootp
    client_mac: str | None
    client_name: str | None
    transaction_id: int
    attempts: int
    frames: tuple[int, ...]
    requested_address: str | None
    address: str | None
    server: str | None
    relay: str | None
    subnet_mask: str | None
    routers: tuple[str, ...]
    resolvers: tuple[str, ...]
    domain: str | None
    lease_s: int | None
    offers: tuple[DhcpOffer, ...]
    latency_ms: float | None
    outcome: str  # bound | refused | offered | no_answer | informed | not_applicable | malformed
    outcome_why: str | None
    vlan: int | None
