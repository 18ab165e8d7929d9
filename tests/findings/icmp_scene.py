"""Scenes with pings, errors and traceroutes: what ICMP tests of findings and of traceroutes are made from."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from tests import build
from tests.visits.scene import Scene

HOST, FAR = "10.0.0.1", "198.51.100.9"
ROUTERS = ("10.0.0.254", "192.0.2.1", "192.0.2.5", "192.0.2.9")
DATA = b"x" * 56


class Net(Scene):
    """A scene that speaks ICMP."""

    def ping(
        self,
        ms: float,
        sequence: int,
        took: float | None,
        *,
        to: str = FAR,
        source: str = HOST,
        ident: int = 7,
        ttl: int = 64,
        back: bytes = DATA,
    ) -> bytes:
        """An echo request and its reply ``took`` ms later (None: none); returns the frame of the request."""
        mark = struct.pack(">HH", ident, sequence)
        frame = build.eth(build.ip4(build.icmp4(8, 0, mark, DATA), src=source, dst=to, proto=1, ttl=ttl))
        self.add(ms, frame)
        if took is not None:
            self.add(ms + took, build.eth(build.ip4(build.icmp4(0, 0, mark, back), src=to, dst=source, proto=1)))
        return frame

    def error(
        self, ms: float, source: str, kind: int, code: int, quoted: bytes, *, to: str = HOST, word: int | bytes = 0
    ) -> None:
        """An ICMP error about a frame; ``word`` is its second one."""
        message = build.icmp4(kind, code, word, quoted[14 : 14 + 28])
        self.add(ms, build.eth(build.ip4(message, src=source, dst=to, proto=1)))

    def probe(self, ms: float, ttl: int, *, port: int, ident: int, payload: bytes = b"probe") -> bytes:
        """A UDP datagram with few hops to live; returns its frame."""
        datagram = build.udp(payload, sport=50000, dport=port)
        frame = build.eth(build.ip4(datagram, src=HOST, dst=FAR, proto=17, ttl=ttl, ident=ident))
        self.add(ms, frame)
        return frame

    def syn(self, ms: float, ttl: int, *, port: int) -> bytes:
        """A SYN to port 80 with few hops to live; returns its frame."""
        segment = build.tcp(sport=port, dport=80, seq=port, flags="S")
        frame = build.eth(build.ip4(segment, src=HOST, dst=FAR, ttl=ttl, ident=port))
        self.add(ms, frame)
        return frame

    def later(self, ms: float) -> None:
        """Something else, so that the capture goes on."""
        self.udp(ms, b"x", client="10.0.0.9", server="10.0.0.8", port=1, server_port=9)

    def pings(self, times: Iterable[float | None], *, every: float = 1000, **facts: object) -> None:
        """A run of ping whose replies took so long (None: lost), and then a pause."""
        last = 0.0
        for sequence, took in enumerate(times):
            last = sequence * every
            self.ping(last, sequence, took, **facts)  # type: ignore[arg-type]
        self.later(last + 5000)


def udp_trace(silent: tuple[int, ...] = (), *, reached: bool = True, each: int = 3) -> Net:
    """A traceroute over UDP as van Jacobson's sends it: three probes per hop, each to the next port.

    The n-th router answers n ms after the probe; the destination is one hop behind the last router.
    """
    net = Net()
    number = 0
    for ttl in range(1, len(ROUTERS) + 2):
        for _ in range(each):
            frame = net.probe(number * 10, ttl, port=33434 + number, ident=100 + number)
            at = number * 10 + ttl
            if ttl <= len(ROUTERS) and ttl not in silent:
                net.error(at, ROUTERS[ttl - 1], 11, 0, frame)
            elif ttl > len(ROUTERS) and reached:
                net.error(at, FAR, 3, 3, frame)
            number += 1
    net.later(5000)
    return net
