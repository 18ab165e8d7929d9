"""Reads the packets that findings cite while the capture is still open.

Rules. A packet is read by its place in the file, never decoded again, so this costs as much as is cited, not as much as
was captured. Findings come worst first; when the room is full, the milder ones go without. Rows of a pcapng file that
are no packets (custom blocks) are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np

from analyzer.capture.linktypes import SYSTEM_EVENT
from analyzer.decode.table import Flag, Kind
from analyzer.evidence.mask import masked
from analyzer.evidence.model import Cited, Evidence, Packet
from analyzer.evidence.streams import HttpHeads, Shown, dns_messages, nothing, tls_handshake
from analyzer.flows.build import Flows
from analyzer.flows.stream import ByteStream
from analyzer.options import Options
from analyzer.schema import FindingRow, HttpRow

TOTAL_BYTES = 1 << 20
"""Room for the evidence of all findings: 1.4 MB of the page, a third of what its charts' library takes."""
FINDING_BYTES = 1 << 18
"""Room for one finding: with secrets shown packets are whole, and the first finding would take all of it."""
PACKET_BYTES = 65_535
"""Bytes kept of a packet; no IP packet is longer, and records of offloaded segments are hardly ever."""
BLOCK_BYTES = 192
"""What a packet costs beyond its bytes: the head of its block and its comment."""


def collect(flows: Flows, http: Sequence[HttpRow], findings: Sequence[FindingRow], options: Options) -> Evidence:
    """Return the packets of findings.

    Args:
        flows: connections, and the packets they were made of.
        http: rows as they were parsed, unmasked.
        findings: worst first; of each, as many packets are read as there is room for.
        options: ``reveal`` keeps packets as they were captured.
    """
    data = None if options.reveal else _TcpData(flows, http, findings, options)
    packets: dict[int, Packet] = {}
    kept: dict[Cited, int] = {}
    room = TOTAL_BYTES
    for finding in findings:
        key = finding.code, finding.frames
        if not finding.frames or key in kept:
            continue
        kept[key], used = 0, 0
        for frame in finding.frames:
            packet = packets.get(frame) or _packet(flows, frame, data)
            size = 0 if packet is None else len(packet.data) + BLOCK_BYTES
            if used + size > min(room, FINDING_BYTES):
                break
            used += size
            kept[key] += 1
            if packet is not None:
                packets[frame] = packet
        room -= used
    return Evidence(packets, kept)


def _packet(flows: Flows, frame: int, data: _TcpData | None) -> Packet | None:
    """Read one packet as it may be handed on; None when the row is no packet."""
    table, row = flows.table, frame - 1
    index = table.index
    if not 0 <= row < len(index):
        return None
    number = int(index.interface[row])
    interface = index.interfaces[number]
    if interface.link_type >= SYSTEM_EVENT:
        return None
    captured = int(index.caplen[row])
    raw = index.data.read(int(index.offset[row]), min(captured, PACKET_BYTES))
    return Packet(
        frame,
        int(index.time[row]),
        number,
        interface.link_type,
        interface.ticks_per_second,
        max(int(index.wirelen[row]), captured),
        raw if data is None else masked(table, row, raw, data),
    )


class _TcpData:
    """Says what may be shown of the data of a segment; looks at the connections that are cited, and only at those."""

    def __init__(self, flows: Flows, http: Sequence[HttpRow], findings: Sequence[FindingRow], options: Options) -> None:
        self._flows, self._limits = flows, options.limits
        self._sides: dict[tuple[int, bool], tuple[ByteStream, Shown]] = {}
        table = flows.table
        cited = islice((frame for finding in findings for frame in finding.frames), TOTAL_BYTES // BLOCK_BYTES + 1)
        rows = np.array(sorted({frame for frame in cited if 0 < frame <= len(table)}), np.int64) - 1
        rows = rows[(table.kind[rows] == Kind.TCP) & (table.payload_cap[rows] > 0)]
        streams = {flows.stream_of_frame(row + 1) for row in rows.tolist()}
        self._http: dict[int, list[HttpRow]] = {}
        for transaction in http if streams else ():
            if transaction.stream in streams and not transaction.decrypted:
                self._http.setdefault(transaction.stream, []).append(transaction)

    def __call__(self, row: int, payload: bytes) -> bytes:
        """Return the first bytes of a segment's data, as many as may be shown, secrets overwritten."""
        flows = self._flows
        at = flows.segment_of_frame(row + 1)
        if at is None:
            return b""
        stream, segment = at
        client = bool(flows.segments.from_client[segment])
        # A SYN counts as one; data that come with it begin behind it.
        syn = bool(int(flows.segments.flags[segment]) & Flag.SYN)
        low = int(flows.segments.seq[segment]) - 1 + syn
        key = stream, client
        if key not in self._sides:
            side = flows.stream(stream, client=client)
            self._sides[key] = side, self._shown(stream, client, side)
        data, shown = self._sides[key]
        return shown(low, low + len(payload)) if data.read(low, len(payload)) == payload else b""

    def _shown(self, stream: int, client: bool, data: ByteStream) -> Shown:
        rows = self._http.get(stream)
        if rows:
            starts = ((row.request_offset if client else row.response_offset, row) for row in rows)
            known = [(start, row) for start, row in starts if start is not None]
            return HttpHeads(data, known, self._limits, requests=client)
        makers = {"tls": tls_handshake, "dns": dns_messages}
        maker = makers.get(self._flows.connections.words["application"].get(stream, "unknown"))
        return nothing if maker is None else maker(data)
