"""Builders of DHCP messages, written from RFC 2131 section 2 and independent of the code under test."""

from __future__ import annotations

import ipaddress
import struct

from analyzer.protocols.base import Datagram
from tests import build

HOST = "02:00:00:00:00:01"
CLIENT, SERVER = "10.0.0.7", "10.0.0.2"


def option(code: int, data: bytes) -> bytes:
    """One option (RFC 2132 section 2)."""
    return bytes([code, len(data)]) + data


def addresses(*texts: str) -> bytes:
    return b"".join(ipaddress.IPv4Address(text).packed for text in texts)


def message(
    operation: int,
    kind: int | None,
    *,
    xid: int = 0x1234,
    mac: str = HOST,
    client: str = "0.0.0.0",
    yours: str = "0.0.0.0",
    relay: str = "0.0.0.0",
    options: bytes = b"",
    name: str | None = None,
    sname: bytes = b"",
    file: bytes = b"",
    flags: int = 0,
    hardware_length: int = 6,
) -> bytes:
    """One message; ``kind`` is the message type, None for BOOTP (no cookie is left out, though)."""
    head = struct.pack("!BBBBIHH", operation, 1, hardware_length, 0, xid, 0, flags)
    head += addresses(client, yours, "0.0.0.0", relay)
    head += build.mac(mac).ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0")
    body = b"" if kind is None else option(53, bytes([kind]))
    body += option(12, name.encode()) if name else b""
    return head + b"\x63\x82\x53\x63" + body + options + b"\xff"


def terms(routers: tuple[str, ...], server: str, resolvers: tuple[str, ...] = ("10.0.0.53", "9.9.9.9")) -> bytes:
    """What a lease says."""
    return (
        option(54, addresses(server))
        + option(51, struct.pack("!I", 3600))
        + option(1, addresses("255.255.255.0"))
        + option(3, addresses(*routers))
        + option(6, addresses(*resolvers))
        + option(15, b"corp.example")
    )


def discover(*, xid: int = 0x1234, relay: str = "0.0.0.0", mac: str = HOST, flags: int = 0) -> bytes:
    return message(1, 1, xid=xid, relay=relay, name="laptop", mac=mac, flags=flags)


def offer(
    address: str = CLIENT,
    *,
    xid: int = 0x1234,
    server: str = SERVER,
    routers: tuple[str, ...] = ("10.0.0.254",),
    relay: str = "0.0.0.0",
    mac: str = HOST,
) -> bytes:
    return message(2, 2, xid=xid, yours=address, relay=relay, options=terms(routers, server), mac=mac)


def request(address: str = CLIENT, *, xid: int = 0x1234, server: str = SERVER, mac: str = HOST) -> bytes:
    chosen = option(50, addresses(address)) + option(54, addresses(server))
    return message(1, 3, xid=xid, options=chosen, name="laptop", mac=mac)


def ack(address: str = CLIENT, *, xid: int = 0x1234, server: str = SERVER, mac: str = HOST) -> bytes:
    return message(2, 5, xid=xid, yours=address, options=terms(("10.0.0.254",), server), mac=mac)


def nak(*, xid: int = 0x1234, server: str = SERVER, mac: str = HOST) -> bytes:
    return message(2, 6, xid=xid, options=option(54, addresses(server)), mac=mac)


def said(
    frame: int,
    ms: float,
    payload: bytes,
    *,
    back: bool = False,
    server: str = SERVER,
    source: str = "0.0.0.0",
    destination: str = "255.255.255.255",
    cut: bool = False,
    vlan: int | None = None,
) -> Datagram:
    """A datagram of the client, or of the server to everybody."""
    ends = (server, 67, "255.255.255.255", 68) if back else (source, 68, destination, 67)
    return Datagram(frame, round(ms * 1e6), *ends, payload, cut, None, vlan)
