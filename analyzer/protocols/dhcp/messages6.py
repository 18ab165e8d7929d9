"""What one DHCPv6 message says.

Rules:

* A relay wraps a message in its own (option 9); the innermost one counts, and the address of the relay's link is kept.
* A client is known by its DUID; where that was made of a hardware address, the address is known too.
* A length that runs past its bounds makes the message malformed; the options before it are kept.
* A status other than success is a refusal, wherever it stands (in the message, or about an address or prefix).

Sources: RFC 8415 sections 7 (constants), 8 and 9 (formats), 11 (DUIDs), 21 (options); RFC 3646 (resolvers, domains),
RFC 4704 (names).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.addresses import ip_text
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.text import decode

TYPES = {
    1: "solicit",
    2: "advertise",
    3: "request",
    4: "confirm",
    5: "renew",
    6: "rebind",
    7: "reply",
    8: "release",
    9: "decline",
    10: "reconfigure",
    11: "information_request",
}
FROM_SERVERS = ("advertise", "reply", "reconfigure")
RELAYED = (12, 13)

MAX_RELAYS = 8
"""Relays that a message may pass (RFC 8415 section 7.6, HOP_COUNT_LIMIT)."""
RELAY_HEADER, HEADER = 34, 4
MAX_LABEL = 63
"""Longest label of a name (RFC 1035 section 2.3.4)."""

CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, RELAYED_MESSAGE, STATUS = 1, 2, 3, 5, 9, 13
RESOLVERS, DOMAINS, IA_PD, IA_PREFIX, FULL_NAME = 23, 24, 25, 26, 39

_STATUSES = {
    1: "unspecified failure",
    2: "no addresses available",
    3: "no binding",
    4: "not on link",
    5: "use multicast",
    6: "no prefix available",
}


@dataclass(slots=True)
class Message6:
    """One DHCPv6 message. None, and empty, where it does not say.

    Attributes:
        kind: of :data:`TYPES`, ``type_N`` for an unknown one, ``unreadable``.
        why: what is wrong with it: short, snaplen, option_length, relays.
        duid: the client's, in hex.
        refusal: the server's words, or what its status code means.
    """

    datagram: Datagram
    kind: str = "unreadable"
    why: str | None = None
    transaction_id: int = 0
    duid: str = ""
    mac: str | None = None
    server_duid: str = ""
    relay: str | None = None
    addresses: list[str] = field(default_factory=list)
    lease_s: int | None = None
    resolvers: list[str] = field(default_factory=list)
    domain: str | None = None
    name: str | None = None
    refusal: str | None = None

    @property
    def reply(self) -> bool:
        """Whether a server sent it."""
        return self.kind in FROM_SERVERS


def parse(datagram: Datagram, problems: ProblemLog | None = None) -> Message6:
    """Read a message; one that cannot be read to its end gives what is there, the reason and a problem."""
    message = Message6(datagram)
    raw = _unwrapped(message, datagram.payload)
    if message.why is None and len(raw) < HEADER:
        message.why = "short"
    if message.why is None:
        message.kind = TYPES.get(raw[0], f"type_{raw[0]}")
        message.transaction_id = int.from_bytes(raw[1:4], "big")
        _read(message, raw[HEADER:])
    if message.why is not None and datagram.cut:
        message.why = "snaplen"
    elif message.why is not None and problems is not None:
        text = f"DHCPv6 message cannot be read to its end ({message.why})"
        problems.add(Problem("DHCP-MALFORMED", "udp", text, datagram.frame))
    return message


def _unwrapped(message: Message6, raw: bytes) -> bytes:
    """Return the message inside those of relays."""
    for _ in range(MAX_RELAYS + 1):
        if not raw or raw[0] not in RELAYED:
            return raw
        if len(raw) < RELAY_HEADER:
            message.why = "short"
            return b""
        if any(raw[2:18]):
            message.relay = ip_text(raw[2:18])
        inner = [data for code, data in _options(message, raw[RELAY_HEADER:]) if code == RELAYED_MESSAGE]
        raw = inner[0] if inner else b""
    message.why = "relays"
    return b""


def _options(message: Message6, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (code, data) of each option; each takes four bytes at least, so this ends."""
    at = 0
    while at + 4 <= len(data):
        code, size = struct.unpack_from("!HH", data, at)
        if at + 4 + size > len(data):
            message.why = message.why or "option_length"
            return
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + size
    if at < len(data):
        message.why = message.why or "option_length"


def _read(message: Message6, data: bytes) -> None:
    for code, body in _options(message, data):
        if code == CLIENT_ID:
            message.duid, message.mac = body.hex(), _duid_mac(body)
        elif code == SERVER_ID:
            message.server_duid = body.hex()
        elif code in (IA_NA, IA_PD):
            _given(message, body[12:])
        elif code == STATUS:
            _status(message, body)
        elif code == RESOLVERS:
            message.resolvers += [ip_text(body[at : at + 16]) for at in range(0, len(body) - 15, 16)]
        elif code == DOMAINS:
            message.domain = message.domain or next(_names(body), None)
        elif code == FULL_NAME:
            message.name = next(_names(body[1:]), None)


def _duid_mac(duid: bytes) -> str | None:
    """RFC 8415 sections 11.2 and 11.4: kinds 1 (with a time) and 3 hold an Ethernet address (hardware type 1)."""
    if len(duid) < 4 or duid[2:4] != b"\x00\x01":
        return None
    address = {b"\x00\x01": duid[8:], b"\x00\x03": duid[4:]}.get(duid[:2], b"")
    return address.hex(":") if len(address) == 6 else None


def _given(message: Message6, data: bytes) -> None:
    """Read the addresses and prefixes of an identity association (RFC 8415 sections 21.6 and 21.22)."""
    for code, body in _options(message, data):
        if code == IA_ADDRESS and len(body) >= 24:
            _, valid = struct.unpack_from("!II", body, 16)
            message.addresses.append(ip_text(body[:16]))
        elif code == IA_PREFIX and len(body) >= 25:
            _, valid = struct.unpack_from("!II", body)
            message.addresses.append(f"{ip_text(body[9:25])}/{body[8]}")
        elif code == STATUS:
            _status(message, body)
            continue
        else:
            continue
        message.lease_s = valid if message.lease_s is None else min(message.lease_s, valid)


def _status(message: Message6, body: bytes) -> None:
    if len(body) >= 2 and (code := body[0] << 8 | body[1]):
        message.refusal = decode(body[2:]) or _STATUSES.get(code, f"status {code}")


def _names(data: bytes) -> Iterator[str]:
    """Yield names written as labels (RFC 1035 section 3.1, without pointers); the last may lack its end."""
    at = 0
    labels: list[str] = []
    while at < len(data) and data[at] <= MAX_LABEL:
        size = data[at]
        if size:
            labels.append(decode(data[at + 1 : at + 1 + size]))
        elif labels:
            yield ".".join(labels)
            labels = []
        at += 1 + size
    if labels:
        yield ".".join(labels)
