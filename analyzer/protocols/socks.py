"""What a SOCKS proxy was asked to connect to.

The proxy passes on whatever follows, so the port of the connection is the proxy's and says nothing of the server's.

Sources: RFC 1928 sections 3 to 5 (SOCKS 5), RFC 1929 section 2 (user name and password); SOCKS 4 and its extension 4A
have no RFC: version, command, port, address, user name; 4A sends the address 0.0.0.x and then a name.
"""

from __future__ import annotations

import ipaddress

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.text import decode

LOOK_BYTES = 1100
"""Greeting (257), user name and password (513) and request (262), each as long as it can be."""

USER_AND_PASSWORD = 2
"""The method that the client follows with its name and password."""

_NO_HOST = frozenset(' "#%/<>?@[\\]^`{|}')
"""Characters that no host in a URL has (RFC 3986 section 3.2.2, URL Standard's forbidden host code points)."""

_IPV4, _NAME, _IPV6 = 1, 3, 4


def target(conversation: Conversation) -> tuple[str, int] | None:
    """Return host (a name as it was sent, or an address) and port; None where that was not seen whole."""
    asked, answered = _head(conversation.client), _head(conversation.server)
    try:
        host, port = _version_5(asked, answered) if asked[0] == 5 else _version_4(asked)
    except (IndexError, ValueError):  # not all of it is there
        return None
    return (host, port) if host.isprintable() and host and _NO_HOST.isdisjoint(host) else None


def _head(stream: ByteStream) -> bytes:
    return stream.read(stream.start, LOOK_BYTES)


def _version_5(asked: bytes, answered: bytes) -> tuple[str, int]:
    at = 2 + asked[1]
    if answered[1] == USER_AND_PASSWORD:
        at += 2 + asked[at + 1]
        at += 1 + asked[at]
    kind = asked[at + 3]
    if asked[at] != 5 or kind not in (_IPV4, _NAME, _IPV6):
        raise ValueError("no request")
    at += 4
    size = {_IPV4: 4, _IPV6: 16}.get(kind, asked[at])
    at += kind == _NAME
    host, port = asked[at : at + size], asked[at + size : at + size + 2]
    if len(port) < 2:
        raise ValueError("cut")
    return decode(host) if kind == _NAME else str(ipaddress.ip_address(host)), int.from_bytes(port, "big")


def _version_4(asked: bytes) -> tuple[str, int]:
    port, address = int.from_bytes(asked[2:4], "big"), asked[4:8]
    name = asked.index(0, 8) + 1  # behind the user's
    if address[:3] == b"\0\0\0" and address[3]:
        return decode(asked[name : asked.index(0, name)]), port
    return str(ipaddress.ip_address(address)), port
