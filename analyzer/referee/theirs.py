"""tshark's side of the referee: facts drawn from the fields it gave for each frame.

A field that occurs several times in a frame (two HTTP requests, a tunnel's inner header, the packet that an ICMP
error quotes) comes as a list in order of occurrence. What an ICMP error quotes is not traffic and is left out. So is
HTTP inside TLS, which tshark decrypts when the capture holds the keys: nothing is decrypted on our side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import zip_longest

from analyzer.referee.ask import Frame, cipher_names
from analyzer.referee.facts import Facts, endpoint, host_name, put, put_transactions
from analyzer.units import NS_PER_MS, NS_PER_S

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

CLIENT_HELLO, SERVER_HELLO = "1", "2"
VERSIONS = {
    0x0002: "SSLv2",
    0x0300: "SSLv3",
    0x0301: "TLSv1.0",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
"""ProtocolVersion (RFC 8446 section 4.2.1, and the RFCs before it) as the ``version`` column writes it."""


def tshark_facts(frames: Iterable[Frame], tshark: str) -> Facts:
    """Turn tshark's fields into facts; ``tshark`` is asked once more for its names of cipher suites if needed."""
    facts: Facts = {}
    streams: dict[int, _Stream] = {}
    count = 0
    for frame in frames:
        count += 1
        number = int(frame["frame_number"][0])
        if frame.get("arp_opcode"):
            put(facts, "arp.frames", (number,), "seen")
        reply_to = frame.get("icmp_resp_to") or frame.get("icmpv6_resp_to")
        if reply_to:
            put(facts, "icmp.echo", (int(reply_to[0]),), number)
        if frame.get("icmp_type") or frame.get("icmpv6_type"):
            continue
        _dns(facts, frame, number)
        if frame.get("tcp_stream"):
            streams.setdefault(int(frame["tcp_stream"][-1]), _Stream()).add(frame, number)
    put(facts, "capture.packets", (), count)
    for stream, seen in streams.items():
        seen.tcp_facts(facts, stream)
    put_transactions(facts, [(stream, *row) for stream, seen in streams.items() for row in seen.transactions])
    _tls_facts(facts, streams, tshark)
    return facts


def _milliseconds(seconds: str) -> float:
    """Turn ``0.001331000`` into milliseconds, digit by digit, as a difference of nanoseconds would be."""
    whole, _, fraction = seconds.lstrip("-").partition(".")
    value = (int(whole) * NS_PER_S + int(fraction.ljust(9, "0")[:9])) / NS_PER_MS
    return -value if seconds.startswith("-") else value


def _sides(frame: Frame) -> tuple[str, str]:
    """Return source and destination endpoint of a TCP segment (the innermost, when tunnelled)."""
    family = "ip" if frame.get("ip_src") else "ipv6"
    protocols = frame["frame_protocols"][0].split(":")
    if frame.get("ip_src") and frame.get("ipv6_src"):
        family = next(name for name in reversed(protocols) if name in ("ip", "ipv6"))
    source, destination = frame.get(f"{family}_src"), frame.get(f"{family}_dst")
    return (
        endpoint(source[-1] if source else None, frame["tcp_srcport"][-1]),
        endpoint(destination[-1] if destination else None, frame["tcp_dstport"][-1]),
    )


def _dns(facts: Facts, frame: Frame, number: int) -> None:
    """Take the queries, and the pairs of first response and query; mDNS and LLMNR reuse DNS's fields."""
    if "dns" not in frame["frame_protocols"][0].split(":") or not frame.get("dns_flags_response"):
        return
    if frame["dns_flags_response"][0] not in ("1", "True", "true"):
        for name in frame.get("dns_qry_name", ()):
            put(facts, "dns.question", (number, host_name(name)), "seen")
    elif frame.get("dns_response_to") and not frame.get("dns_retransmit_response"):
        put(facts, "dns.query_of_response", (number,), int(frame["dns_response_to"][0]))
        if frame.get("dns_time"):
            put(facts, "dns.latency", (number,), _milliseconds(frame["dns_time"][0]))


@dataclass(slots=True)
class _Request:
    frame: int
    method: str
    target: str | None
    status: int | None = None


@dataclass(slots=True)
class _Stream:
    """What tshark showed of one TCP stream, collected frame by frame."""

    ends: str = ""
    client: str | None = None
    syn: int | None = None
    synack: int | None = None
    synack_by: str = ""
    ack: int | None = None
    rtt: str | None = None
    requests: list[_Request] = field(default_factory=list)
    lone: list[int] = field(default_factory=list)
    sni: str | None = None
    cipher: int | None = None
    version: int | None = None

    def add(self, frame: Frame, number: int) -> None:
        """Take the next frame of the stream."""
        source, destination = _sides(frame)
        flags = int(frame["tcp_flags"][-1], 0) if frame.get("tcp_flags") else 0
        self.ends = self.ends or " ".join(sorted((source, destination)))
        self.rtt = self.rtt or next(iter(frame.get("tcp_analysis_initial_rtt", ())), None)
        self._handshake(flags, source, number, frame)
        if "tls" not in frame["frame_protocols"][0].split(":"):
            self._http(frame, number)
        elif frame.get("tls_handshake_type"):
            self._hello(frame)

    def _handshake(self, flags: int, source: str, number: int, frame: Frame) -> None:
        if flags & SYN and not flags & ACK:
            self.client = self.client or source
            self.syn = self.syn or number
        elif flags & SYN:
            if self.synack is None:
                self.synack, self.synack_by = number, source
        elif self.ack is None and self.synack is not None and source != self.synack_by:
            acked = int(frame["tcp_ack"][-1]) if frame.get("tcp_ack") else 0
            if flags & ACK and not flags & RST and acked >= 1:
                self.ack = number

    def _http(self, frame: Frame, number: int) -> None:
        for method, target in zip_longest(frame.get("http_request_method", ()), frame.get("http_request_uri", ())):
            if method is not None:
                self.requests.append(_Request(number, method, target))
        asked_in = [int(value) for value in frame.get("http_request_in", ())]
        for place, code in enumerate(frame.get("http_response_code", ())):
            self._response(int(code), asked_in[min(place, len(asked_in) - 1)] if asked_in else None)

    def _response(self, status: int, asked_in: int | None) -> None:
        """Give a response to the request tshark names, else to the oldest that waits (RFC 9112 section 9.3.2)."""
        if 100 <= status < 200 and status != 101:
            return
        waiting = [request for request in self.requests if request.status is None]
        named = [request for request in waiting if request.frame == asked_in]
        if asked_in is None and waiting:
            named = waiting
        if named:
            named[0].status = status
        else:
            self.lone.append(status)

    def _hello(self, frame: Frame) -> None:
        kinds = frame["tls_handshake_type"]
        if CLIENT_HELLO in kinds and self.sni is None:
            self.sni = next(iter(frame.get("tls_handshake_extensions_server_name", ())), None)
        if SERVER_HELLO in kinds and self.version is None:
            suites = frame.get("tls_handshake_ciphersuite", ())
            chosen = frame.get("tls_handshake_extensions_supported_version") or frame.get("tls_handshake_version", ())
            self.cipher = int(suites[0], 0) if suites else None
            self.version = int(chosen[0], 0) if chosen else None

    @property
    def transactions(self) -> list[tuple[object, ...]]:
        """(method, target, status) of every request, and of responses without one."""
        return [(r.method, r.target, r.status) for r in self.requests] + [(None, None, status) for status in self.lone]

    def tcp_facts(self, facts: Facts, stream: int) -> None:
        """Record what the handshake and the addresses say."""
        put(facts, "tcp.endpoints", (stream,), self.ends)
        if self.client is not None:
            put(facts, "tcp.client", (stream,), self.client)
        if self.syn is not None and self.synack is not None:
            put(facts, "tcp.handshake_frames", (stream,), (self.syn, self.synack, self.ack))
        if self.rtt is not None:
            put(facts, "tcp.initial_rtt", (stream,), _milliseconds(self.rtt))


def _tls_facts(facts: Facts, streams: dict[int, _Stream], tshark: str) -> None:
    names = cipher_names(tshark) if any(seen.cipher is not None for seen in streams.values()) else {}
    for stream, seen in streams.items():
        if seen.sni:
            put(facts, "tls.sni", (stream,), seen.sni)
        if seen.cipher is not None:
            put(facts, "tls.cipher", (stream,), names.get(seen.cipher, f"0x{seen.cipher:04x}"))
        if seen.version is not None:
            put(facts, "tls.version", (stream,), VERSIONS.get(seen.version, f"0x{seen.version:04x}"))
