"""The lab's long cable: two TAP devices and a thread that carries frames between them, late, and not all of them.

``up`` is from the client's side to the servers, ``down`` the way back. Each direction has a rate (frames queue behind
each other) and a delay. A :class:`Rule` picks single packets by what is in them and drops them or holds them back, so
a capture's losses are scripted exactly; :attr:`Forwarder.log` says what was done to which packet.

A TAP without IFF_VNET_HDR hands out finished frames (segmented, checksummed). Linux Documentation/networking/tuntap.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import net

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Packet:
    """What a rule may look at: one IPv4 or IPv6 packet on its way through the forwarder."""

    way: str  # up | down
    protocol: int  # 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6; 0 for everything else
    source: str
    destination: str
    source_port: int = 0
    destination_port: int = 0
    flags: int = 0
    seq: int = 0
    payload: bytes = b""

    def __str__(self) -> str:
        flags = "".join(
            letter for bit, letter in ((2, "S"), (16, "A"), (8, "P"), (1, "F"), (4, "R")) if self.flags & bit
        )
        return (
            f"{self.way} {self.source}:{self.source_port} > {self.destination}:{self.destination_port} "
            f"{flags or self.protocol} {len(self.payload)} B"
        )


def look(frame: bytes, way: str) -> Packet:
    """Read the few fields that rules need. Frames of the lab are never fragmented and have no VLAN tag."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0800:
        start, protocol = 14 + (frame[14] & 15) * 4, frame[23]
        source, destination = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
        end = 14 + int.from_bytes(frame[16:18], "big")
    elif kind == 0x86DD:
        start, protocol = 54, frame[20]
        source, destination = (socket.inet_ntop(socket.AF_INET6, frame[at : at + 16]) for at in (22, 38))
        end = 54 + int.from_bytes(frame[18:20], "big")
    else:
        return Packet(way, 0, "", "")
    if protocol == 6:
        sport, dport, seq, _, offset, flags = struct.unpack_from("!HHIIBB", frame, start)
        return Packet(way, 6, source, destination, sport, dport, flags, seq, frame[start + (offset >> 4) * 4 : end])
    if protocol == 17:
        sport, dport = struct.unpack_from("!HH", frame, start)
        return Packet(way, 17, source, destination, sport, dport, payload=frame[start + 8 : end])
    return Packet(way, protocol, source, destination, payload=frame[start:end])


@dataclass(slots=True)
class Rule:
    """One scripted mishap.

    Attributes:
        name: for the log, a sentence.
        match: which packets.
        skip: how many matching packets pass untouched first.
        times: how many are hit after that; None for all.
        hold_ms: 0 drops the packet, more holds it back that much longer than its fellows.
    """

    name: str
    match: Callable[[Packet], bool]
    skip: int = 0
    times: int | None = 1
    hold_ms: float = 0
    seen: int = 0

    def hits(self, packet: Packet) -> bool:
        """Count a packet and say whether this is one to strike."""
        if not self.match(packet):
            return False
        self.seen += 1
        return self.seen > self.skip and (self.times is None or self.seen <= self.skip + self.times)


@dataclass(slots=True)
class Forwarder:
    """Carries frames between the router's and the server's namespace until :meth:`stop`."""

    delay_ms: float = 12
    rate_mbit: float = 20
    rules: list[Rule] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    _taps: list[int] = field(default_factory=list)
    _thread: threading.Thread | None = None
    _ending: bool = False

    def start(self) -> None:
        """Make both TAP devices, give them their addresses, and begin to carry."""
        for namespace in (net.ROUTER, net.SERVER):
            with net.inside(namespace):
                self._taps.append(_open_tap("wan0", net.MACS[namespace]))
        net.finish_uplink("wan0", "wan0")
        self._thread = threading.Thread(target=self._carry, name="forwarder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop carrying and let the TAP devices go."""
        self._ending = True
        if self._thread:
            self._thread.join()
        for tap in self._taps:
            os.close(tap)
        self._taps.clear()

    def _carry(self) -> None:
        # A packet must not wait for a busy machine: this thread (0 is the caller) goes before ordinary ones.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        up, down = self._taps
        waiting: list[tuple[float, int, int, bytes]] = []  # (when, order, tap to write to, frame)
        free_at = {up: 0.0, down: 0.0}
        poll = select.poll()
        poll.register(up, select.POLLIN)
        poll.register(down, select.POLLIN)
        order = 0
        while not self._ending:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, tap, frame = heapq.heappop(waiting)
                os.write(tap, frame)
            # poll waits whole milliseconds; the last one is spun so that delays are right to some 50 µs
            wait = (waiting[0][0] - now) * 1000 - 1 if waiting else 50
            for descriptor, _ in poll.poll(max(0, int(min(wait, 50)))):
                frame = os.read(descriptor, 65536)
                came = time.monotonic()
                packet = look(frame, "up" if descriptor == up else "down")
                hold = self._judge(packet)
                if hold is None:
                    continue
                free_at[descriptor] = max(came, free_at[descriptor]) + len(frame) * 8 / (self.rate_mbit * 1e6)
                order += 1
                leaves = free_at[descriptor] + (self.delay_ms + hold) / 1000
                heapq.heappush(waiting, (leaves, order, down if descriptor == up else up, frame))

    def _judge(self, packet: Packet) -> float | None:
        """Return how long to hold a packet back (ms), or None to drop it; log what is struck."""
        for rule in self.rules:
            if rule.hits(packet):
                deed = f"held back {rule.hold_ms:g} ms" if rule.hold_ms else "dropped"
                self.log.append(f"{rule.name}: {deed}: {packet}")
                return rule.hold_ms or None
        return 0


def _open_tap(name: str, mac: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    SIOCSIFHWADDR, ARPHRD_ETHER = 0x8924, 1  # noqa: N806 - the kernel's names
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        address = struct.pack("16sH6s8x", name.encode(), ARPHRD_ETHER, bytes.fromhex(mac.replace(":", "")))
        fcntl.ioctl(control, SIOCSIFHWADDR, address)
    return tap
