"""Rows of the ``dhcp`` table (RFC 2131, 2132; DHCPv6: RFC 8415)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DhcpOffer:
    """What one server offered."""

    frame: int
    server: str | None
    address: str | None
    subnet_mask: str | None = None
    routers: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    lease_s: int | None = None


@dataclass(frozen=True, slots=True)
class DhcpRow:
    """One attempt of a client to get, keep or give up an address: all messages of one transaction id.

    ``latency_ms`` runs from the client's first message to the answer that decided (ACK or NAK; DHCPv6: Reply).
    ``messages`` names the messages in ``frames``, one for one. ``attempts`` counts how often the client sent its first
    message (copies that a relay passed on are not counted). What the lease says is the deciding answer's word; before
    one, the first offer's.
    """

    discover_frame: int | None
    offer_frame: int | None
    request_frame: int | None
    answer_frame: int | None
    start_time: int
    answer_time: int | None
    kind: str  # lease | reboot | renewal | inform | release | decline | bootp | other
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
    messages: tuple[str, ...] = ()  # discover | offer | request | ack | nak | decline | release | inform | ...
    version: int = 4  # of DHCP: 4 or 6
    last_time: int | None = None  # of the last message
    broadcast: bool = False  # the client asked to be answered with a broadcast
    server_message: str | None = None  # why it was refused, in the server's words
    client_class: str | None = None  # what the client says it is (vendor class)
