"""What one DHCP or BOOTP message says: its header and options.

Rules:

* The fixed part has 236 bytes; four more say that options follow (the magic cookie). Without them it is plain BOOTP.
* An option that occurs again continues the one before (RFC 3396 section 5), so the parts are joined before they are
  read. Option 52 says that ``file`` and ``sname`` hold options too; they follow in that order (RFC 3396 section 5).
* A length that runs past its field makes the message malformed; the options before it are kept. So does a hardware
  address longer than its field. An option of a length that its kind cannot have is left out, and is a problem.
* A default route among the classless routes (option 121) comes before option 3 (RFC 3442).
* What a relay adds for itself (option 82, RFC 3046) is skipped.

Names, domains and messages are whatever bytes somebody sent, as text.

Sources: RFC 2131 section 2, RFC 2132, RFC 3396, RFC 3442, RFC 951 (BOOTP).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from analyzer.addresses import ip_text
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.text import decode

FIXED_BYTES = 236
COOKIE = b"\x63\x82\x53\x63"

TYPES = {
    1: "discover",
    2: "offer",
    3: "request",
    4: "decline",
    5: "ack",
    6: "nak",
    7: "release",
    8: "inform",
    9: "force_renew",
    10: "lease_query",
    11: "lease_unassigned",
    12: "lease_unknown",
    13: "lease_active",
}
"""DHCP message type (option 53): RFC 2132 section 9.6, RFC 3203, RFC 4388."""

PAD, END, OVERLOAD = 0, 255, 52
SNAME, FILE = slice(44, 108), slice(108, 236)
MAX_HARDWARE = 16
"""Bytes of the field for the client's hardware address."""

_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s")


@dataclass(slots=True)
class Message:
    """One DHCP message. None, and empty, where it does not say.

    Attributes:
        datagram: what carried it.
        reply: a server's (BOOTREPLY).
        kind: of :data:`TYPES`, ``bootp_request`` or ``bootp_reply``, ``type_N`` for an unknown one, ``unreadable``.
        why: what is wrong with it: short, snaplen, option_length, overload, hardware_length, bad_operation.
        client, yours, server_ip, relay: ciaddr, yiaddr, siaddr, giaddr; None when 0.0.0.0.
    """

    datagram: Datagram
    reply: bool = False
    kind: str = "unreadable"
    why: str | None = None
    transaction_id: int = 0
    broadcast: bool = False
    mac: str | None = None
    client: str | None = None
    yours: str | None = None
    server_ip: str | None = None
    relay: str | None = None
    subnet_mask: str | None = None
    routers: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    name: str | None = None
    domain: str | None = None
    requested: str | None = None
    lease_s: int | None = None
    server: str | None = None
    text: str | None = None
    vendor_class: str | None = None
    odd: list[int] = field(default_factory=list)


def parse(datagram: Datagram, problems: ProblemLog | None = None) -> Message:
    """Read a message; one that cannot be read to its end gives what is there, the reason and a problem."""
    message, raw = Message(datagram), datagram.payload
    if len(raw) < FIXED_BYTES:
        _wrong(message, "short", f"{FIXED_BYTES} bytes needed, {len(raw)} there", problems)
        if len(raw) < _HEADER.size:
            return message
    _header(message, raw, problems)
    if raw[FIXED_BYTES : FIXED_BYTES + 4] != COOKIE:
        message.kind = "bootp_reply" if message.reply else "bootp_request"
        return message
    options = _options(message, raw, problems)
    _read(message, options)
    if message.odd and problems is not None:
        text = f"DHCP option {message.odd[0]} has a length that it cannot have"
        problems.add(Problem("DHCP-OPTION", "udp", text, datagram.frame))
    return message


def _wrong(message: Message, why: str, words: str, problems: ProblemLog | None) -> None:
    message.why = message.why or ("snaplen" if message.datagram.cut else why)
    if problems is not None and not message.datagram.cut:
        text = f"DHCP message cannot be read to its end: {words}"
        problems.add(Problem("DHCP-MALFORMED", "udp", text, message.datagram.frame))


def _header(message: Message, raw: bytes, problems: ProblemLog | None) -> None:
    operation, _, size, _, xid, _, flags, client, yours, server, relay, hardware = _HEADER.unpack_from(raw)
    message.reply, message.transaction_id, message.broadcast = operation == 2, xid, bool(flags & 0x8000)
    message.client, message.yours, message.server_ip, message.relay = map(_set, (client, yours, server, relay))
    if size > MAX_HARDWARE:
        _wrong(message, "hardware_length", f"a hardware address of {size} bytes in a field of {MAX_HARDWARE}", problems)
    if operation not in (1, 2):
        _wrong(message, "bad_operation", f"operation {operation} is neither a request nor a reply", problems)
    message.mac = hardware[: min(size, MAX_HARDWARE)].hex(":") or None


def _set(raw: bytes) -> str | None:
    return ip_text(raw) if any(raw) else None


def _options(message: Message, raw: bytes, problems: ProblemLog | None) -> dict[int, bytes]:
    """Return each option's bytes, parts joined, from all fields that hold options."""
    parts: dict[int, list[bytes]] = {}
    _walk(message, raw[FIXED_BYTES + 4 :], parts, problems)
    overload = b"".join(parts.get(OVERLOAD, ()))[:1]
    if overload and overload[0] not in (1, 2, 3):
        _wrong(message, "overload", f"option 52 says {overload[0]}, which names no field", problems)
    elif overload:
        for bit, where in ((1, FILE), (2, SNAME)):
            if overload[0] & bit:
                _walk(message, raw[where], parts, problems)
    return {code: b"".join(pieces) for code, pieces in parts.items()}


def _walk(message: Message, data: bytes, parts: dict[int, list[bytes]], problems: ProblemLog | None) -> None:
    """Collect the options of one field; each takes a byte at least, so this ends."""
    at = 0
    while at < len(data):
        code = data[at]
        if code == END:
            return
        if code == PAD:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 255
        if at + 2 + size > len(data):
            _wrong(message, "option_length", f"option {code} runs past the end of its field", problems)
            return
        parts.setdefault(code, []).append(data[at + 2 : at + 2 + size])
        at += 2 + size


def _read(message: Message, options: dict[int, bytes]) -> None:
    kind = options.get(53, b"")
    if len(kind) == 1:
        message.kind = TYPES.get(kind[0], f"type_{kind[0]}")
    else:
        message.kind = "bootp_reply" if message.reply else "bootp_request"
    for code, name, reader in _READERS:
        raw = options.get(code)
        if raw is None:
            continue
        value = reader(raw)
        if value is None:
            message.odd.append(code)
        elif value != "" and not getattr(message, name):
            setattr(message, name, value)


def _address(raw: bytes) -> str | None:
    return ip_text(raw) if len(raw) == 4 else None


def _addresses(raw: bytes) -> tuple[str, ...] | None:
    if not raw or len(raw) % 4:
        return None
    return tuple(ip_text(raw[at : at + 4]) for at in range(0, len(raw), 4))


def _seconds(raw: bytes) -> int | None:
    return int.from_bytes(raw, "big") if len(raw) == 4 else None


def _text(raw: bytes) -> str:
    """RFC 2132 section 2: a text may end in zeros, which are no part of it."""
    return decode(raw.rstrip(b"\0"))


def _full_name(raw: bytes) -> str | None:
    """RFC 4702 section 2: flags, two codes that are unused, then the name as text or (flag E) as labels."""
    if len(raw) < 3:
        return None
    if not raw[0] & 4:
        return _text(raw[3:])
    return ".".join(_labels(raw[3:]))


def _labels(raw: bytes) -> Iterator[str]:
    at = 0
    while at < len(raw) and 0 < raw[at] < 64:
        yield decode(raw[at + 1 : at + 1 + raw[at]])
        at += 1 + raw[at]


def _default_routes(raw: bytes) -> tuple[str, ...] | None:
    """RFC 3442: prefix length, the bytes of the prefix that count, the router."""
    found, at = [], 0
    while at < len(raw):
        used = (raw[at] + 7) // 8
        if raw[at] > 32 or at + 1 + used + 4 > len(raw):
            return None
        if raw[at] == 0:
            found.append(ip_text(raw[at + 1 : at + 5]))
        at += 1 + used + 4
    return tuple(found)


_READERS: tuple[tuple[int, str, Callable[[bytes], object]], ...] = (
    (1, "subnet_mask", _address),
    (121, "routers", _default_routes),
    (3, "routers", _addresses),
    (6, "resolvers", _addresses),
    (12, "name", _text),
    (81, "name", _full_name),
    (15, "domain", _text),
    (50, "requested", _address),
    (51, "lease_s", _seconds),
    (54, "server", _address),
    (56, "text", _text),
    (60, "vendor_class", _text),
)
"""Option, the field it fills unless an earlier one did, and what reads it (None: the length does not fit)."""
