"""Options of an analysis and the limits that keep hostile input bounded.

Every limit says why it has its value; hitting one is a visible :class:`analyzer.problems.Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Named bounds.

    Attributes:
        decompressed_bytes: most bytes a compressed capture may unfold to (a gzip bomb is 1000:1; real captures
            are 3-10:1, and 64 GiB is beyond what one machine analyzes).
        decompression_ratio: highest ratio of unfolded to compressed bytes, checked once 64 MiB are out (floods of equal
            packets reach 35:1, gzip at most 1032:1).
        packet_bytes: longest record that is believed (libpcap's MAXIMUM_SNAPLEN for DBUS is 128 MiB, 256 KiB for
            the rest); a longer one means the length lies.
        header_bytes: longest HTTP head looked for (servers allow 8-64 kB).
        message_bytes: longest DNS-over-TCP or TLS handshake message kept in memory.
        headers: most header fields kept of one HTTP message.
        transactions_per_stream: most HTTP transactions kept of one connection.
        datagrams_waiting: most incomplete IP datagrams (fragment sets) kept waiting at a time.
        datagram_bytes: longest reassembled IP datagram (RFC 791: 65,535).
        tunnel_depth: encapsulations unwrapped before giving up (real ones nest 2-4 deep).
    """

    decompressed_bytes: int = 64 << 30
    decompression_ratio: int = 250
    packet_bytes: int = 128 << 20
    header_bytes: int = 256 << 10
    message_bytes: int = 256 << 10
    headers: int = 1000
    transactions_per_stream: int = 200_000
    datagrams_waiting: int = 4096
    datagram_bytes: int = 65_535
    tunnel_depth: int = 8


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for.

    Attributes:
        reveal: show cookies, credentials and tokens instead of masking them.
        limits: the bounds in force.
    """

    reveal: bool = False
    limits: Limits = field(default_factory=Limits)
