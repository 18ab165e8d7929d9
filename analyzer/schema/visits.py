"""Rows of the ``visits`` and ``findings`` tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VisitPhases:
    """Milliseconds of each phase over a visit's main chain; null when it did not happen or cannot be known."""

    arp_ms: float | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    send_ms: float | None
    wait_ms: float | None
    receive_ms: float | None
    close_ms: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a journey. An absent step has no frames and says why in ``absent_why``."""

    step: str  # dhcp | dns | arp | tcp | tls | request | response | redirect | objects | background | close
    frames: tuple[int, ...]
    time: int | None
    duration_ms: float | None
    sentence_key: str
    sentence_args: Mapping[str, object]
    absent_why: str | None


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One thing a person did. ``*_rows`` are 0-based row numbers of the tables; ``tcp_streams`` are streams.

    ``requests`` is None when the traffic is encrypted: unknown, not zero. ``background`` of its requests are polls,
    event streams and WebSockets: ``duration_ms`` does not wait for them, unless there is nothing else.
    """

    visit: int
    url: str
    final_url: str | None
    start_time: int
    duration_ms: float | None
    arp_rows: tuple[int, ...]
    dns_rows: tuple[int, ...]
    tcp_streams: tuple[int, ...]
    tls_rows: tuple[int, ...]
    http_rows: tuple[int, ...]
    redirects: int
    requests: int | None
    failed_requests: int | None
    bytes: int
    phases: VisitPhases
    steps: tuple[Step, ...]
    requests_why: str | None = None
    background: int = 0


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One statement about the traffic, with its evidence."""

    code: str
    severity: str  # error | warning | note | info
    layer: str  # capture | arp | dns | icmp | tcp | tls | http | visit
    blame: str  # client | network | server | resolver | capture | unknown
    title_key: str
    args: Mapping[str, object]
    cost_ms: float | None
    table: str | None
    row: int | None
    stream: int | None
    frames: tuple[int, ...]
    display_filter: str
    reference: str
