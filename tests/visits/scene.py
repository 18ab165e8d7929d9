"""Scripts of a whole capture: several connections (playbooks), names looked up, hardware addresses asked for.

``Scene.frame`` numbers are those of the finished file: packets are put in order of time, those of one moment in the
order they were added. ``analysis`` writes the file and analyzes it, and holds every http row to what must be true.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from analyzer.analysis import Analysis
from analyzer.findings.model import finding
from analyzer.findings.run import RULES
from analyzer.findings.thresholds import MAX_FRAMES
from analyzer.pipeline import analyze
from analyzer.provenance import frames_filter
from analyzer.schema import FindingRow, HttpRow
from analyzer.visits.model import Facts
from tests import build
from tests.playbook import MS, START_NS, Playbook
from tests.protocols_names import wire

PARTS = ("dns_ms", "connect_ms", "tls_ms", "blocked_ms", "send_ms", "wait_ms", "receive_ms")


def get(path: str, host: str = "shop.example", **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n".encode()


def answer(status: int = 200, size: int = 10, *, kind: str = "text/html", **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{lines}Content-Length: {size}\r\n\r\n"
    return head.encode() + b"b" * size


def hello(name: str, *alpn: str) -> bytes:
    """A TLS 1.2 ClientHello with one cipher, a server name, and protocols if there are any.

    RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301 section 3.1.
    """
    host = name.encode()
    entry = b"\0" + len(host).to_bytes(2, "big") + host
    sni = (len(entry)).to_bytes(2, "big") + entry
    extension = b"\0\0" + len(sni).to_bytes(2, "big") + sni
    if alpn:
        words = b"".join(len(word).to_bytes(1, "big") + word.encode() for word in alpn)
        extension += b"\0\x10" + (len(words) + 2).to_bytes(2, "big") + len(words).to_bytes(2, "big") + words
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    body += len(extension).to_bytes(2, "big") + extension
    shake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(shake).to_bytes(2, "big") + shake


class Scene:
    """Packets of one capture."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self._books: list[Playbook] = []

    def add(self, ms: float, packet: bytes) -> None:
        """Record a packet at a moment of the script."""
        self.packets.append((START_NS + round(ms * MS), packet))

    def connection(self, **facts: object) -> Playbook:
        """Begin a connection; its packets are taken when the scene is written."""
        book = Playbook(**facts)  # type: ignore[arg-type]
        self._books.append(book)
        return book

    def exchange(
        self,
        ms: float,
        request: bytes,
        response: bytes,
        *,
        took: float = 60,
        acked: float | None = None,
        **facts: object,
    ) -> Playbook:
        """One connection with one request, opened at ``ms`` (40 ms), answered ``took`` ms after it was sent.

        Args:
            acked: ms after the request, when the server acknowledges it; None when only the answer does.
        """
        p = self.connection(**facts)
        p.at(ms).handshake()
        p.at(ms + 40).client.send(request)
        if acked is not None:
            p.at(ms + 40 + acked).server.ack()
        p.at(ms + 40 + took).server.send(response)
        p.at(ms + 40 + took).client.ack()
        return p

    def exchange_after_a_lost_syn(self, ms: float, request: bytes, **facts: object) -> Playbook:
        """One connection whose first SYN is lost and sent again after 1 s; it opens in 40 ms then, as ``exchange``."""
        p = self.connection(**facts)
        p.at(ms).client.syn(delivered=False, flags="S")
        p.at(ms + 1000).client.syn()
        p.at(ms + 1040).server.syn()
        p.at(ms + 1040).client.ack()
        p.at(ms + 1041).client.send(request)
        p.at(ms + 1101).server.send(answer())
        return p

    def udp(
        self,
        ms: float,
        payload: bytes,
        *,
        client: str,
        server: str,
        port: int,
        server_port: int = 53,
        back: bool = False,
        ident: int = 1,
    ) -> None:
        """Record a datagram of a client, or back to it."""
        src, dst = (server, client) if back else (client, server)
        ports = {"sport": server_port, "dport": port} if back else {"sport": port, "dport": server_port}
        datagram = build.udp(payload, **ports)
        family = build.ip6 if ":" in src else build.ip4
        proto = {"next_header": 17} if ":" in src else {"proto": 17, "ident": ident}
        kind = {"ethertype": 0x86DD} if ":" in src else {}
        self.add(ms, build.eth(family(datagram, src=src, dst=dst, **proto), **kind))  # type: ignore[operator]

    def lookup(
        self,
        ms: float,
        name: str,
        address: str | None = "10.0.0.2",
        *,
        asked: tuple[float, ...] = (0,),
        after: float | None = 20,
        qtype: int = wire.A,
        rcode: int = 0,
        ttl: int = 300,
        client: str = "10.0.0.1",
        server: str = "10.0.0.53",
        port: int = 50000,
        flags: int = wire.QUERY,
    ) -> None:
        """A name asked for at ``ms`` (and again after each of ``asked``), answered ``after`` ms, None for never."""
        ends = {"client": client, "server": server, "port": port}
        ident = (port + round(ms)) & 0xFFFF
        for again in asked:
            self.udp(ms + again, wire.message([wire.question(name, qtype)], ident=ident, flags=flags), **ends)
        if after is None:
            return
        records = []
        if address is not None:
            data = bytes(map(int, address.split(".")))
            records = [wire.record(wire.pointer(12), wire.A, data, ttl=ttl)]
        reply = wire.message(
            [wire.question(name, qtype)], records, ident=ident, flags=(wire.RESPONSE & ~0x100) | flags | rcode
        )
        self.udp(ms + after, reply, back=True, **ends)

    def arp(self, ms: float, op: int, mac: str, ip: str, target_mac: str, target: str) -> None:
        """Record an ARP message (1 asks everybody, 2 answers)."""
        to = "ff:ff:ff:ff:ff:ff" if op == 1 else target_mac
        self.add(ms, build.eth(build.arp(op, mac, ip, target_mac, target), src=mac, dst=to, ethertype=0x0806))

    def icmp_error(self, ms: float, source: str, kind: int, code: int, quoted: bytes, *, to: str) -> None:
        """Record an ICMP error about a recorded frame."""
        message = build.icmp4(kind, code, 0, quoted[14 : 14 + 28])
        self.add(ms, build.eth(build.ip4(message, src=source, dst=to, proto=1)))

    def ordered(self) -> list[tuple[int, bytes]]:
        """Return all packets in order of time."""
        taken = list(self.packets)
        for book in self._books:
            taken += book.packets
        return sorted(taken, key=lambda packet: packet[0])

    def analysis(self, folder: Path, *, cut: int = 0) -> Analysis:
        """Write the capture (its last ``cut`` bytes missing) and analyze it."""
        path = folder / "scene.pcap"
        whole = build.pcap_file(self.ordered(), nanoseconds=True)
        path.write_bytes(whole[: len(whole) - cut])
        analysis = analyze(str(path))
        assert analysis.problem_counts.get("PARSER-FAILED") is None
        check(analysis)
        check_frames(analysis, [when for when, _ in self.ordered()])
        return analysis


def check(analysis: Analysis) -> None:
    """Hold an analysis to what must always be true of phases, visits and findings."""
    for row in analysis.http:
        check_trust(row)
        values = {name: getattr(row, name) for name in PARTS}
        known = [value for value in values.values() if value is not None]
        assert all(value >= 0 for value in known), (row.stream, row.index, values)
        if row.request_time is not None:
            assert row.total_ms is not None
            assert math.isclose(sum(known), row.total_ms, abs_tol=0.001), (row.stream, row.index)
        if row.index > 0:
            assert (row.dns_ms, row.connect_ms, row.tls_ms) == (None, None, None)
            assert (row.dns_why, row.connect_why, row.tls_why) == ("reused", "reused", "reused")
        if row.wait_ms is not None:
            split = [row.wait_network_ms, row.wait_loss_ms, row.wait_server_ms]
            assert all(part is None or 0 <= part <= row.wait_ms + 0.001 for part in split)
            if row.wait_server_ms is not None:
                assert math.isclose(sum(part or 0 for part in split), row.wait_ms, abs_tol=0.001)
                assert 0 <= (row.wait_server_min_ms or 0) <= row.wait_server_ms + 1e-9
            else:
                assert row.wait_server_min_ms is None
        if row.receive_ms is not None and row.receive_loss_ms is not None and row.receive_window_ms is not None:
            assert 0 <= row.receive_loss_ms + row.receive_window_ms <= row.receive_ms + 0.001
        assert row.initiator is None or 0 <= row.initiator < len(analysis.http)
    told = [at for visit in analysis.visits for at in visit.http_rows]
    assert len(told) == len(set(told)), "a row belongs to one visit"
    assert set(told) == {at for at, row in enumerate(analysis.http) if row.request_time is not None}
    charged = [at for visit in analysis.visits for at in visit.arp_rows]
    assert len(charged) == len(set(charged)), "an ARP exchange is charged to one visit"
    for one in analysis.findings:
        check_evidence(one, analysis.capture.packets)


def check_trust(row: HttpRow) -> None:
    """A number is trusted in some way, and its phase lies between two frames; without one there is neither."""
    for part in PARTS:
        phase, there = part.removesuffix("_ms"), getattr(row, part) is not None
        assert (getattr(row.phase_frames, phase) is not None) == there, (row.stream, row.index, phase)
    for field in fields(row.phase_trust):
        word, there = getattr(row.phase_trust, field.name), getattr(row, f"{field.name}_ms") is not None
        assert word in (("measured", "bounded") if there else ("not_measurable",)), (row.stream, row.index, field.name)
    assert row.vantage in ("client", "server", "middle", "unknown")


def check_frames(analysis: Analysis, times: Sequence[int]) -> None:
    """Each phase lasted from its one frame to its other; side by side lookups may leave something out between them.

    Args:
        times: ns, of each frame.
    """
    for row in analysis.http:
        for part in PARTS:
            frames = getattr(row.phase_frames, part.removesuffix("_ms"))
            if frames is None:
                continue
            lasted = (times[frames[1] - 1] - times[frames[0] - 1]) / MS
            if part == "dns_ms":
                assert getattr(row, part) <= lasted + 1e-6
            else:
                assert math.isclose(getattr(row, part), lasted, abs_tol=1e-6), (row.stream, row.index, part, frames)


def check_evidence(finding: FindingRow, packets: int) -> None:
    """A finding cites frames of the capture, and its filter selects exactly these (of many, at least these)."""
    assert finding.frames or finding.layer == "capture", finding.code
    if len(finding.frames) < MAX_FRAMES:
        assert finding.display_filter == frames_filter(finding.frames)
        assert selected(finding.display_filter) == set(finding.frames)
    else:  # it may have more of them, in few runs
        assert selected(finding.display_filter) >= set(finding.frames)
    assert all(1 <= frame <= packets for frame in finding.frames)


def selected(text: str) -> set[int]:
    """Read a filter made of frame numbers back."""
    if not text:
        return set()
    if text.startswith("frame.number == "):
        return {int(text.removeprefix("frame.number == "))}
    assert text.startswith("frame.number in {")
    assert text.endswith("}")
    out: set[int] = set()
    for part in text.removeprefix("frame.number in {").removesuffix("}").split(", "):
        low, _, high = part.partition("..")
        out.update(range(int(low), int(high or low) + 1))
    return out


def found(analysis: Analysis, code: str) -> list[FindingRow]:
    """Return the findings of one code."""
    return [one for one in analysis.findings if one.code == code]


def judged(analysis: Analysis, code: str) -> list[FindingRow]:
    """Return what the rules of a code find, be it told by others too and left out therefore."""
    a = analysis
    facts = Facts(
        a.capture, a.arp, a.dns, a.connections, a.tls, a.http, a.icmp, a.segments, dhcp=a.dhcp, visits=a.visits
    )
    return [finding(rule, hit) for rule in RULES if rule.code == code for hit in rule.check(facts)]


def alarms(analysis: Analysis) -> list[tuple[str, str]]:
    """Return (code, severity) of what is a warning or worse."""
    return [(f.code, f.severity) for f in analysis.findings if f.severity in ("error", "warning")]
