"""Row of the ``icmp`` table (RFC 792, RFC 4443), and what is put together from its rows: pings and traceroutes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IcmpRow:
    """One echo request with its reply, or one other ICMP message.

    For errors, ``request_frame`` is the error's own frame. ``quoted_source``, ``quoted_destination``,
    ``quoted_protocol`` and the two ports say what the quoted packet was, also when it was not captured itself. Where
    it was, ``quoted_stream``/``quoted_frame`` say which it is, ``quoted_table`` and ``quoted_row`` the row it belongs
    to (``tcp`` and its stream, ``dns``, ``icmp`` for an echo), and ``quoted_ms`` how long after it the error came.

    Along a source route ``destination`` is the far end, and so is ``quoted_destination`` (RFC 791 section 3.1).
    """

    kind: str  # echo | error | other
    request_frame: int | None
    reply_frame: int | None
    time: int
    source: str
    destination: str
    id: int | None
    sequence: int | None
    ttl: int | None
    reply_ttl: int | None
    bytes: int
    latency_ms: float | None
    outcome: str  # answered | unanswered | error
    type: int
    code: int
    meaning: str
    quoted_stream: int | None
    quoted_frame: int | None
    hop: int | None
    quoted_destination: str | None = None  # as written by the sender, before any translation on the way back
    quoted_source: str | None = None
    quoted_protocol: str | None = None  # tcp | udp | icmp | ipv6-icmp | another one's number
    quoted_source_port: int | None = None
    quoted_port: int | None = None  # the destination's
    quoted_ttl: int | None = None  # the highest that the quoted packet was seen with
    quoted_ms: float | None = None
    quoted_table: str | None = None  # tcp | dns | icmp
    quoted_row: int | None = None
    mtu: int | None = None  # of the next hop, where the error says "too big"; None also where it names none
    gateway: str | None = None  # the router that a redirect points to


@dataclass(frozen=True, slots=True)
class PingSeries:
    """Echo requests of one sender to one destination with one id, counted as ``ping`` counts them at its end.

    A request that an error answered is lost and counted in ``errors`` too; one sent so late that the capture may have
    missed its reply is ``pending`` and not lost. Packets that were recorded twice count once.

    Attributes:
        rows: of the ``icmp`` table, the requests only, in the order of their frames.
        lost_rows: those of them that nothing answered, neither a reply nor an error, though the capture went on.
        received: requests with a reply; duplicates: further replies to the same request.
        foreign: replies with the series' id that return other data than was sent, so they answer no request.
        lost_share: of ``sent`` without the pending ones, 0 to 1; None when all are pending.
        mdev_ms: standard deviation of the round trips, as ``ping`` computes it: root of mean square minus square mean.
        gap_ms: median time from one request to the next.
    """

    source: str
    destination: str
    id: int
    rows: tuple[int, ...]
    lost_rows: tuple[int, ...]
    time: int
    sent: int
    received: int
    pending: int
    errors: int
    duplicates: int
    foreign: int
    lost_share: float | None
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None
    mdev_ms: float | None
    gap_ms: float | None


@dataclass(frozen=True, slots=True)
class TracerouteHop:
    """One step of a traceroute.

    Attributes:
        number: the TTL its probes were sent with.
        routers: who answered, in the order they first did; empty when the hop is silent.
        latencies_ms: probe to answer, one per answer; fewer where the clock ran back between them.
        probes: how many were sent.
        frames: of the answers.
    """

    number: int
    routers: tuple[str, ...]
    latencies_ms: tuple[float, ...]
    probes: int
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TracerouteRow:
    """Packets sent with growing TTLs to learn the way to a destination (RFC 1393 section 1), and who answered them.

    Attributes:
        protocol: of the probes: udp | tcp | icmp | ipv6-icmp.
        hops: one per TTL from 1 to the last one sent, or to the destination's own.
        reached: the destination itself answered.
        rows: of the ``icmp`` table that belong to it: errors, and echo requests sent as probes.
    """

    source: str
    destination: str
    protocol: str
    time: int
    hops: tuple[TracerouteHop, ...]
    reached: bool
    rows: tuple[int, ...]
    frames: tuple[int, ...]  # of the probes
