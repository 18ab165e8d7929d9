"""Scripts of segments with the options and IP fields that the second opinion reads, one segment a line::

    C S   0   0   0  @0    ts=100/0
    S SA  0   1   0  @40   ts=900/100
    C A   1   1   0  @40   ts=140/900
    S PA  1   1 100  @50   ts=910/140 id=7 ttl=60
    C A   1 101   0  @90   sack=301-401,501-601

Sender, flags, relative sequence and acknowledgement number, payload length, milliseconds; then timestamps (value and
echo), SACK blocks (relative to the other side, as acknowledgements are), IPv4 identification (0, which tells nothing,
unless given) and TTL. ``6`` at the beginning of the options sends the segment over IPv6.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from analyzer.decode.table import PacketTable
from analyzer.flows.build import Flows
from analyzer.schema import TcpRow
from tests import build
from tests.flows.script import MS, START, followed, only, table_of_packets

CLIENT, SERVER = ("10.0.0.1", "2001:db8::1"), ("10.0.0.2", "2001:db8::2")
ISN = (1_000_000, 5_000_000)


@dataclass(frozen=True)
class Said:
    """One segment; numbers relative to the ISNs."""

    client: bool
    flags: str
    seq: int
    ack: int
    length: int
    time: int  # ns
    stamps: tuple[int, int] | None = None
    blocks: tuple[tuple[int, int], ...] = field(default=())
    ident: int = 0
    ttl: int = 64
    ipv6: bool = False
    raw: bytes | None = None  # option bytes instead of those

    def packet(self, isn: tuple[int, int] = ISN, port: int = 40000) -> tuple[int, bytes]:
        """Return (time, Ethernet frame)."""
        mine, other = isn if self.client else isn[::-1]
        options = b"" if self.stamps is None else b"\1\1" + build.timestamps(*self.stamps)
        if self.blocks:
            options += b"\1\1" + build.sack(*((other + a, other + b) for a, b in self.blocks))
        ports, ends = (port, 80), (CLIENT[self.ipv6], SERVER[self.ipv6])
        if not self.client:
            ports, ends = ports[::-1], ends[::-1]
        segment = build.tcp(
            b"x" * self.length,
            sport=ports[0],
            dport=ports[1],
            seq=mine + self.seq,
            ack=other + self.ack if "A" in self.flags else 0,
            flags=self.flags,
            options=options if self.raw is None else self.raw,
        )
        if self.ipv6:
            return self.time, build.eth(build.ip6(segment, src=ends[0], dst=ends[1]), ethertype=build.ETHERTYPE_IP6)
        return self.time, build.eth(build.ip4(segment, src=ends[0], dst=ends[1], ident=self.ident, ttl=self.ttl))

    def shifted(self, ms: float) -> Said:
        """Return the same segment at another time."""
        return replace(self, time=self.time + round(ms * MS))


def talk(text: str) -> list[Said]:
    """Read a script; ``#`` begins a comment."""
    out = []
    for line in text.strip().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        side, flags, seq, ack, length, at, *options = words
        assert side in "CS", line
        assert at[0] == "@", line
        given = dict(option.split("=") for option in options if "=" in option)
        value, _, echo = given.pop("ts", "").partition("/")
        blocks = [block.split("-") for block in given.pop("sack", "").split(",") if block]
        said = Said(
            side == "C",
            flags,
            int(seq),
            int(ack),
            int(length),
            START + round(float(at[1:]) * MS),
            (int(value), int(echo)) if echo else None,
            tuple((int(a), int(b)) for a, b in blocks),
            int(given.pop("id", 0)),
            int(given.pop("ttl", 64)),
            "6" in options,
        )
        assert not given, line
        out.append(said)
    return out


def table_of_talk(said: list[Said], isn: tuple[int, int] = ISN) -> PacketTable:
    """Decode a script."""
    return table_of_packets([s.packet(isn) for s in said])


def flows_of(said: list[Said], isn: tuple[int, int] = ISN) -> Flows:
    """Follow a script."""
    return followed([s.packet(isn) for s in said])


def row_of(text: str) -> TcpRow:
    """Return the row of a script's only connection."""
    return only(flows_of(talk(text)))
