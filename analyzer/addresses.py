"""Addresses as text, the same on every Python: dotted IPv4, RFC 5952 IPv6 (IPv4-mapped ones in mixed notation)."""

from __future__ import annotations

import ipaddress

_MAPPED = bytes(10) + b"\xff\xff"


def ip_text(raw: bytes) -> str:
    """Write 4 or 16 address bytes as text.

    Source: RFC 5952 section 5 (``::ffff:192.0.2.1`` for IPv4-mapped addresses).
    """
    if len(raw) == 4:
        return "{}.{}.{}.{}".format(*raw)
    if raw[:12] == _MAPPED:
        return f"::ffff:{ipaddress.IPv4Address(raw[12:])}"
    return str(ipaddress.IPv6Address(raw))


def host_text(row: bytes) -> str:
    """Write a row of a host table (version byte, then 16 bytes, IPv4 in the first four) as text."""
    return ip_text(row[1:5] if row[0] == 4 else row[1:17])


def is_loopback(address: str) -> bool:
    """Say whether packets to an address never leave their machine (RFC 1122 section 3.2.1.3, RFC 4291)."""
    return address == "::1" or address.startswith("127.")


def endpoint(address: str, port: int) -> str:
    """Write an address and a port: ``192.0.2.1:80`` or ``[2001:db8::1]:80`` (RFC 5952 section 6)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
