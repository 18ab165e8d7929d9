"""Rows of the ``visits`` and ``findings`` tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


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
class Remark:
    """One more sentence about a step: a detail that not every reader wants."""

    sentence_key: str
    sentence_args: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Waste:
    """One kind of thing that a visit spent and need not have, or that it was spared.

    ``time_ms`` and ``size_bytes`` are what it cost (what it saved); null where it cannot be known, or is nothing of
    that kind. ``rows`` are row numbers of ``table``.
    """

    # redirects | connections | dns | polling | compression | fetched_again, and of savings:
    # not_modified | compressed | resumed | reused
    kind: str
    count: int
    time_ms: float | None
    size_bytes: int | None
    table: str
    rows: tuple[int, ...]
    sentence_key: str
    sentence_args: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Unvisited:
    """Rows of one table that belong to no visit: how many, and the numbers of the first ones."""

    table: str
    count: int
    rows: tuple[int, ...]


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
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One thing a person did. ``*_rows`` are 0-based row numbers of the tables; ``tcp_streams`` are streams.

    ``requests`` is None when the traffic is encrypted: unknown, not zero. ``background`` of its requests are polls,
    event streams and WebSockets: ``duration_ms`` does not wait for them, unless there is nothing else. ``failed_step``
    is the step at which a visit came to nothing. ``blame`` says who is the reason that it failed or was slow, and is
    null when it did neither; ``blame_key`` says it in a sentence, or where the time went.
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
    steps: Sequence[Step]  # a tuple, or one that is drawn when it is read
    requests_why: str | None = None
    background: int = 0
    dhcp_rows: tuple[int, ...] = ()  # the lease that the client had its address from
    ndp_rows: tuple[int, ...] = ()
    failed_step: str | None = None  # dns | tcp | tls | request | response
    failed_why: str | None = None  # the reason in a word: an rcode, refused, unanswered, unreachable …
    blame: str | None = None  # client | network | server | resolver | capture | unknown: cannot be told from here
    blame_key: str | None = None
    blame_args: Mapping[str, object] = field(default_factory=dict)
    waste: tuple[Waste, ...] = ()
    savings: tuple[Waste, ...] = ()


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
