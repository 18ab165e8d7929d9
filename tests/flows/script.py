"""Scripts of segments for the tests of `analyzer.flows`: a line of text is a segment.

A script reads like a ladder, one segment a line: who sends it, its flags, relative sequence and acknowledgement number,
payload length, window, and when it was seen in milliseconds (plus options of a SYN)::

    C S    0   0   0  5000  @0
    S SA   0   1   0  5000  @40  ws=7
    C A    1   1   0   500  @40
    C PA   1   1 100   500  @50

Relative numbers count from the side's ISN, so the SYN is at 0 and the first data byte at 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from analyzer.decode.table import PacketTable
from analyzer.flows.build import Flows, follow
from analyzer.flows.model import Label
from analyzer.schema import TcpRow
from tests import build
from tests.decode.index_of import table_of
from tests.playbook import Playbook

MS = 1_000_000
START = 1_700_000_000_000_000_000
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
CLIENT_PORT, SERVER_PORT = 40000, 80
CLIENT_ISN, SERVER_ISN = 1_000_000, 5_000_000


@dataclass(frozen=True)
class Line:
    """One segment of a script, numbers relative to the ISNs."""

    client: bool
    flags: str
    seq: int
    ack: int
    length: int
    window: int
    time: int  # ns
    scale: int | None = None

    def shifted(self, seconds: float) -> Line:
        """Return the same segment seen at another time."""
        return replace(self, time=self.time + round(seconds * 1000 * MS))


def script(text: str) -> list[Line]:
    """Read a script."""
    out = []
    for line in text.strip().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        side, flags, seq, ack, length, window, at, *options = words
        assert side in "CS"
        assert at[0] == "@"
        scale = next((int(o[3:]) for o in options if o.startswith("ws=")), None)
        time = START + round(float(at[1:]) * MS)
        out.append(Line(side == "C", flags, int(seq), int(ack), int(length), int(window), time, scale))
    return out


def frame_of(
    line: Line,
    *,
    ident: int = 1,
    isn: tuple[int, int] = (CLIENT_ISN, SERVER_ISN),
    client: str = CLIENT,
    client_port: int = CLIENT_PORT,
    payload: bytes | None = None,
) -> bytes:
    """Return the Ethernet frame of a segment; its payload is the low byte of each position unless given."""
    mine, other = isn if line.client else isn[::-1]
    first = line.seq - 1 + ("S" in line.flags)
    data = bytes((first + k) & 0xFF for k in range(line.length)) if payload is None else payload
    ends = (client, SERVER) if line.client else (SERVER, client)
    ports = (client_port, SERVER_PORT) if line.client else (SERVER_PORT, client_port)
    segment = build.tcp(
        data,
        sport=ports[0],
        dport=ports[1],
        seq=mine + line.seq,
        ack=other + line.ack if "A" in line.flags else 0,
        flags=line.flags,
        window=line.window,
        options=b"" if line.scale is None else build.window_scale(line.scale),
    )
    return build.eth(build.ip4(segment, src=ends[0], dst=ends[1], ident=ident))


def packets_of(
    lines: Iterable[Line], *, isn: tuple[int, int] = (CLIENT_ISN, SERVER_ISN), client_port: int = CLIENT_PORT
) -> list[tuple[int, bytes]]:
    """Return (time, frame) of each segment, with IP identifications counted up."""
    return [
        (line.time, frame_of(line, ident=k % 65535 + 1, isn=isn, client_port=client_port))
        for k, line in enumerate(lines)
    ]


def table_of_packets(packets: Sequence[tuple[int, bytes]], *, wire: Sequence[int] | None = None) -> PacketTable:
    """Decode (time, frame) packets."""
    return table_of([p[1] for p in packets], times=[p[0] for p in packets], wire=wire)


def followed(packets: Sequence[tuple[int, bytes]], *, wire: Sequence[int] | None = None) -> Flows:
    """Decode and follow (time, frame) packets."""
    return follow(table_of_packets(packets, wire=wire))


def played(book: Playbook) -> Flows:
    """Follow a playbook's packets."""
    return followed(book.packets)


def only(flows: Flows) -> TcpRow:
    """Return the row of the only connection."""
    assert len(flows.connections) == 1
    return flows.connections.row(0)


def row(text: str) -> TcpRow:
    """Return the row of a script's only connection."""
    return only(followed(packets_of(script(text))))


def labels_of(flows: Flows) -> dict[int, set[str]]:
    """Return the names of the labels of each frame."""
    s = flows.segments
    return {
        frame: {label.name or "" for label in Label if bits & label}
        for frame, bits in zip(s.frame.tolist(), s.label.tolist(), strict=True)
    }
