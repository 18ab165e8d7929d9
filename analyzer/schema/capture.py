"""The ``capture`` object: the file, its interfaces, and the ledger of its frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from analyzer.schema.visits import Unvisited


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """One capture interface."""

    name: str | None
    link_type: str
    snaplen: int | None
    time_resolution: str  # "1e-06 s"
    drops: int | None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment stored in the capture; ``frame`` is None for one about the file."""

    frame: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Accounts for every frame once.

    ``decoded`` is the subtotal ``arp + tcp + udp + icmp + other_ip + non_ip``; the whole is
    ``decoded + fragments + sum(unsupported) + sum(malformed) == packets``. ``cut_by_snaplen`` is a count beside
    the sum: frames captured shorter than they were.
    """

    decoded: int
    arp: int
    tcp: int
    udp: int
    icmp: int
    other_ip: int
    non_ip: int
    fragments: int
    unsupported: Mapping[str, int]
    malformed: Mapping[str, int]
    cut_by_snaplen: int
    truncated_file: bool
    bytes_unread: int

    @property
    def total(self) -> int:
        """Frames accounted for; equals the capture's packet count."""
        return self.decoded + self.fragments + sum(self.unsupported.values()) + sum(self.malformed.values())


@dataclass(frozen=True, slots=True)
class Gateway:
    """A station that packets for other networks were handed to; one row for IPv4 and one for IPv6 of the same MAC.

    ``why`` says how it is known that its packets leave the local network, ``ip_why`` what told the address, or why
    nothing did; that message is the row of the ``arp``, ``ndp`` or ``dhcp`` table. ``packets`` counts what was handed
    to it for other networks, ``frames`` are the first of them and the last.
    """

    mac: str
    ip: str | None
    ip_why: str  # arp | ndp | dhcp | not_captured | ambiguous
    arp_row: int | None
    ndp_row: int | None
    dhcp_row: int | None
    why: str  # netmask | public_address | several_networks | passed_on
    hosts: tuple[str, ...]  # whose packets they were; at most 16 of them
    host_count: int
    packets: int
    frames: tuple[int, ...]
    first_time: int
    last_time: int
    version: int  # of IP: 4 or 6
    took_over: str | None = None  # MAC of the gateway that the same packets were handed to before


@dataclass(frozen=True, slots=True)
class CaptureRow:
    """Facts about the file as a whole."""

    file: str
    sha256: str
    format: str  # pcap | pcapng
    compression: str | None
    byte_order: str
    size_bytes: int
    packets: int
    start_time: int | None
    end_time: int | None
    duration_ms: float | None
    interfaces: tuple[InterfaceRow, ...]
    comments: tuple[Comment, ...]
    vantage: str  # client | server | middle | unknown
    vantage_why: str
    ledger: Ledger
    partial: bool = False
    partial_why: str | None = None
    problem_counts: Mapping[str, int] = field(default_factory=dict)
    traffic: Mapping[str, int] = field(default_factory=dict)  # protocol → frames; adds up to ``packets``
    # the recorder wrote a packet each time so much had passed: times are its own, not the network's; else None
    clock_step_ms: float | None = None
    gateways: tuple[Gateway, ...] = ()  # the busiest first
    unvisited: tuple[Unvisited, ...] = ()  # of each table, the rows that belong to no visit
