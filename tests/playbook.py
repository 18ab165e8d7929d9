"""Scripts of one TCP connection, so that a test reads like a ladder diagram.

Times are those of the capture point, in milliseconds since the capture began: ``at(ms)`` sets the clock, and what
follows is recorded at that moment. Sequence and acknowledgement numbers look after themselves::

    p = Playbook(rtt_ms=40)                      # seen at the client
    p.handshake()                                # SYN at 0, SYN/ACK at 40, ACK at 40
    p.at(50).client.send(b"GET / HTTP/1.1\\r\\n\\r\\n")
    p.at(90).server.ack()
    p.at(350).server.send(b"HTTP/1.1 200 OK\\r\\n…")
    p.at(350).client.ack()
    p.at(400).close()
    path.write_bytes(p.pcap())

What can go wrong with a segment is said of it:

* ``captured=False``: it was sent, and arrived, but the recorder did not see it;
* ``delivered=False``: the recorder saw it, but it did not arrive, so nobody acknowledges it (until a ``resend``);
* ``prepare`` cuts data into segments without sending them; ``emit`` sends them in any order, also twice.

``p.recording = False`` (for what happens before the capture starts) numbers no frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests import build

START_NS = 1_700_000_000_000_000_000
MS = 1_000_000


@dataclass(frozen=True)
class Segment:
    """One TCP segment of one side: ``offset`` counts data bytes of that side from 0 (the SYN and FIN aside)."""

    side: str
    offset: int
    data: bytes
    flags: str = "PA"
    window: int | None = None


@dataclass
class Side:
    """One end of the connection."""

    book: Playbook
    name: str
    address: str
    port: int
    isn: int
    sent: int = 0  # data bytes sent so far
    window: int = 64240
    syn_sent: bool = False
    fin_sent: bool = False
    arrived: list[tuple[int, int]] = field(default_factory=list)  # ranges of this side's data that the peer has
    fin_arrived: bool = False

    @property
    def peer(self) -> Side:
        """The other end."""
        return self.book.server if self.name == "client" else self.book.client

    @property
    def got(self) -> int:
        """How many contiguous bytes of the *peer's* data have arrived here."""
        reached = 0
        for low, high in sorted(self.peer.arrived):
            if low > reached:
                break
            reached = max(reached, high)
        return reached

    def _ack_number(self) -> int:
        if not self.peer.syn_sent:
            return 0
        fin = self.peer.fin_arrived and self.got == self.peer.sent
        return self.peer.isn + 1 + self.got + fin

    def prepare(self, data: bytes, *, flags: str = "PA") -> list[Segment]:
        """Cut data into segments of at most one MSS without sending them."""
        out = []
        for low in range(0, len(data), self.book.mss):
            part = data[low : low + self.book.mss]
            out.append(Segment(self.name, self.sent, part, flags))
            self.sent += len(part)
        return out

    def send(self, data: bytes, *, captured: bool = True, delivered: bool = True, flags: str = "PA") -> list[int]:
        """Send data; return the frames that carry it (none when not captured)."""
        return [
            frame
            for segment in self.prepare(data, flags=flags)
            for frame in self.book.emit(segment, captured=captured, delivered=delivered)
        ]

    def ack(self, *, captured: bool = True) -> list[int]:
        """Acknowledge everything that arrived."""
        return self.book.emit(Segment(self.name, self.sent + self.fin_sent, b"", "A"), captured=captured)

    def syn(
        self, data: bytes = b"", *, captured: bool = True, delivered: bool = True, flags: str | None = None
    ) -> list[int]:
        """Send (or repeat) the SYN, with ACK when the peer's SYN arrived, perhaps with data (fast open)."""
        self.syn_sent = self.syn_sent or delivered
        self.sent = max(self.sent, len(data))
        if data and delivered:
            self.arrived.append((0, len(data)))
        segment = Segment(self.name, -1, data, flags or ("SA" if self.peer.syn_sent else "S"))
        return self.book.emit(segment, captured=captured, delivered=False)  # its data begin behind the SYN

    def arrive(self) -> Side:
        """Let a SYN or FIN that was sent with ``delivered=False`` arrive now: it was late, not lost."""
        self.syn_sent = True
        self.fin_arrived = self.fin_sent
        return self

    def fin(self, *, captured: bool = True, delivered: bool = True) -> list[int]:
        """Send (or repeat) the FIN with an ACK."""
        self.fin_sent = True
        frames = self.book.emit(Segment(self.name, self.sent, b"", "FA"), captured=captured)
        self.fin_arrived = self.fin_arrived or delivered
        return frames

    def rst(self, *, captured: bool = True) -> list[int]:
        """Reset the connection."""
        return self.book.emit(Segment(self.name, self.sent + self.fin_sent, b"", "RA"), captured=captured)


class Playbook:
    """One scripted connection.

    Attributes:
        packets: (time in ns, Ethernet frame) in the order of recording.
    """

    def __init__(
        self,
        *,
        client: str = "10.0.0.1",
        server: str = "10.0.0.2",
        client_port: int = 40000,
        server_port: int = 80,
        rtt_ms: float = 40,
        vantage: str = "client",
        mss: int = 1460,
        client_isn: int = 1_000,
        server_isn: int = 9_000_000,
    ) -> None:
        self.client = Side(self, "client", client, client_port, client_isn)
        self.server = Side(self, "server", server, server_port, server_isn)
        self.rtt_ms, self.vantage, self.mss = rtt_ms, vantage, mss
        self.recording = True
        self.packets: list[tuple[int, bytes]] = []
        self._ms = 0.0
        self._ident = 0

    # ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────

    def at(self, ms: float) -> Playbook:
        """Set the clock; returns the playbook, so that ``p.at(50).client.send(…)`` reads as one line."""
        assert ms >= self._ms, f"time runs forward: {ms} after {self._ms}"
        self._ms = ms
        return self

    @staticmethod
    def ns(ms: float) -> int:
        """Return the instant of a moment of the script, as the tables have it."""
        return START_NS + round(ms * MS)

    # ── packets ──────────────────────────────────────────────────────────────────────────────────────────────────

    def emit(self, segment: Segment, *, captured: bool = True, delivered: bool = True) -> list[int]:
        """Put a segment on the wire now; return its frame number in a list, empty when it is not recorded."""
        sender = self.client if segment.side == "client" else self.server
        receiver = sender.peer
        if delivered and segment.data:
            sender.arrived.append((segment.offset, segment.offset + len(segment.data)))
        self._ident += 1
        opening = "S" in segment.flags
        options = build.mss(self.mss) + build.sack_permitted() if opening else b""
        packet = build.eth(
            build.ip4(
                build.tcp(
                    segment.data,
                    sport=sender.port,
                    dport=receiver.port,
                    seq=sender.isn + 1 + segment.offset,
                    ack=sender._ack_number() if "A" in segment.flags else 0,
                    flags=segment.flags,
                    window=sender.window if segment.window is None else segment.window,
                    options=options,
                ),
                src=sender.address,
                dst=receiver.address,
                ident=self._ident,
                flags=2,
            ),
            src=build.MAC_A if segment.side == "client" else build.MAC_B,
            dst=build.MAC_B if segment.side == "client" else build.MAC_A,
        )
        if not (captured and self.recording):
            return []
        self.packets.append((self.ns(self._ms), packet))
        return [len(self.packets)]

    def resend(self, segments: Sequence[Segment], *, captured: bool = True, delivered: bool = True) -> list[int]:
        """Send segments again, now."""
        return [f for s in segments for f in self.emit(s, captured=captured, delivered=delivered)]

    # ── scenes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def handshake(self) -> None:
        """SYN, SYN/ACK, ACK from the clock on, spread over the round trip as the vantage point sees them."""
        start = self._ms
        synack, ack = {
            "client": (self.rtt_ms, self.rtt_ms),
            "server": (0.0, self.rtt_ms),
            "middle": (self.rtt_ms / 2, self.rtt_ms),
        }[self.vantage]
        self.client.syn()
        self.at(start + synack).server.syn()
        self.at(start + ack).client.ack()

    def close(self, *, by: str = "client") -> None:
        """Close in four steps, one round trip long as seen at the client."""
        first, second = (self.client, self.server) if by == "client" else (self.server, self.client)
        start = self._ms
        first.fin()
        self.at(start + self.rtt_ms)
        second.ack()
        second.fin()
        first.ack()

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

    def pcap(self, *, cut: int = 0, snaplen: int = 262144) -> bytes:
        """Return the capture as a pcap file with nanoseconds, its last ``cut`` bytes missing."""
        whole = build.pcap_file(self.packets, nanoseconds=True, snaplen=snaplen)
        return whole[: len(whole) - cut]
