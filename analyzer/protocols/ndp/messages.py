"""What one neighbour discovery message says: its fields and options.

Rules:

* A message counts only with hop limit 255 and code 0: anything else came from beyond the link, and hosts must ignore it
  (RFC 4861 sections 6.1 and 7.1). It is read all the same and marked with the reason.
* Each option has its length in units of eight bytes; a length of zero, or beyond the message, makes it malformed, and
  what was read before stays. Where the recorder cut the message, the reason is that.
* Hardware addresses come from the options; the sender's link-layer address stands in for its own where it gives none
  (RFC 4861 section 4.3: a probe must not, an answer to one host need not).

Sources: RFC 4861 section 4, RFC 8106 (resolvers and search domains), RFC 4862 (probes from the unspecified address).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from analyzer.addresses import ip_text
from analyzer.problems import Problem, ProblemLog
from analyzer.schema import NdpPrefix
from analyzer.text import decode

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT, REDIRECT = range(133, 138)
"""Types of ICMPv6 messages (RFC 4861 section 4)."""

TYPES = range(ROUTER_SOLICITATION, REDIRECT + 1)

MAX_BYTES = 1500
"""Bytes read of a message: one packet of a link (fragments of such messages are to be ignored, RFC 6980)."""

HOP_LIMIT = 255
"""What a neighbour sends with; any router on the way would have lowered it (RFC 4861 section 7.1.1)."""

MAX_LABEL = 63
"""Longest label of a name (RFC 1035 section 2.3.4); there are no pointers in search domains (RFC 8106)."""

UNSPECIFIED = "::"

_FIXED = {ROUTER_SOLICITATION: 8, ROUTER_ADVERTISEMENT: 16, SOLICITATION: 24, ADVERTISEMENT: 24, REDIRECT: 40}
"""Bytes before the options."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One ICMPv6 message as it was captured.

    Attributes:
        source_mac: of the link layer, None where it has none or the packet is inside a tunnel.
        size: bytes on the wire; payload: from the ICMPv6 header on, at most :data:`MAX_BYTES`.
    """

    frame: int
    time: int
    source: str
    destination: str
    ttl: int
    size: int
    payload: bytes
    source_mac: str | None = None
    vlan: int | None = None


@dataclass(slots=True)
class Message:
    """What a signal says. None, and empty, where the message does not say it.

    Attributes:
        kind: the type; 0 when not even that is there.
        why: why it does not count, None for a sound one; ``malformed``: it cannot be read to its end.
        source_mac, target_mac: link-layer address options.
        override, router, solicited: flags of an advertisement.
    """

    signal: Signal
    kind: int = 0
    why: str | None = None
    malformed: bool = False
    target: str | None = None
    destination: str | None = None
    source_mac: str | None = None
    target_mac: str | None = None
    override: bool = False
    router: bool | None = None
    solicited: bool = False
    lifetime_s: int | None = None
    hop_limit: int | None = None
    managed: bool | None = None
    other_config: bool | None = None
    mtu: int | None = None
    prefixes: list[NdpPrefix] = field(default_factory=list)
    resolvers: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)

    @property
    def sender_mac(self) -> str | None:
        """The hardware address of who sent it: its option, else the link layer's."""
        return self.source_mac or self.signal.source_mac


def parse(signal: Signal, problems: ProblemLog | None = None) -> Message:
    """Read a message; one that cannot be read gives what is there, the reason and a problem."""
    message = Message(signal)
    raw = signal.payload
    if raw:
        message.kind = raw[0]
    fixed = _FIXED.get(message.kind, 4)
    if len(raw) < fixed:
        _malformed(message, "short", f"{fixed} bytes needed, {len(raw)} there", problems)
        return message
    _FIELDS.get(message.kind, _nothing)(message, raw)
    _options(message, raw, fixed, problems)
    if message.why is None:
        message.why = "hop_limit" if signal.ttl != HOP_LIMIT else "bad_code" if raw[1] else None
    return message


def _malformed(message: Message, why: str, words: str, problems: ProblemLog | None) -> None:
    cut = len(message.signal.payload) < message.signal.size
    message.why, message.malformed = "snaplen" if cut else why, not cut
    if problems is not None and not cut:
        text = f"Neighbour discovery message cannot be read to its end: {words}"
        problems.add(Problem("NDP-MALFORMED", "icmp", text, message.signal.frame, len(message.signal.payload)))


def _nothing(message: Message, raw: bytes) -> None:
    """A type without fields before the options."""


def _advertised_router(message: Message, raw: bytes) -> None:
    message.hop_limit = raw[4] or None  # 0: the router does not say
    message.managed, message.other_config = bool(raw[5] & 0x80), bool(raw[5] & 0x40)
    message.lifetime_s = raw[6] << 8 | raw[7]
    message.router = True


def _solicited(message: Message, raw: bytes) -> None:
    message.target = ip_text(raw[8:24])


def _advertised(message: Message, raw: bytes) -> None:
    message.target = ip_text(raw[8:24])
    message.router, message.solicited, message.override = (bool(raw[4] & bit) for bit in (0x80, 0x40, 0x20))


def _redirected(message: Message, raw: bytes) -> None:
    message.target, message.destination = ip_text(raw[8:24]), ip_text(raw[24:40])


_FIELDS: dict[int, Callable[[Message, bytes], None]] = {
    ROUTER_ADVERTISEMENT: _advertised_router,
    SOLICITATION: _solicited,
    ADVERTISEMENT: _advertised,
    REDIRECT: _redirected,
}


def _options(message: Message, raw: bytes, at: int, problems: ProblemLog | None) -> None:
    """Walk the options (RFC 4861 section 4.6); each is at least eight bytes, so the walk ends."""
    while at < len(raw):
        size = raw[at + 1] * 8 if at + 1 < len(raw) else 0
        if size == 0 or at + size > len(raw):
            _malformed(message, "bad_option", f"an option at byte {at} of {len(raw)} states {size} bytes", problems)
            return
        body = raw[at + 2 : at + size]
        reader = _OPTIONS.get(raw[at])
        if reader is not None and not reader(message, body):
            _malformed(message, "bad_option", f"option {raw[at]} at byte {at} has {size} bytes", problems)
            return
        at += size


def _source_mac(message: Message, body: bytes) -> bool:
    message.source_mac = body[:6].hex(":")
    return True


def _target_mac(message: Message, body: bytes) -> bool:
    message.target_mac = body[:6].hex(":")
    return True


def _prefix(message: Message, body: bytes) -> bool:
    if len(body) != 30 or body[0] > 128:
        return False
    valid, preferred = struct.unpack_from("!II", body, 2)
    text = f"{ip_text(body[14:30])}/{body[0]}"
    message.prefixes.append(NdpPrefix(text, bool(body[1] & 0x80), bool(body[1] & 0x40), valid, preferred))
    return True


def _mtu(message: Message, body: bytes) -> bool:
    message.mtu = int.from_bytes(body[2:6], "big")
    return True


def _resolvers(message: Message, body: bytes) -> bool:
    """RFC 8106 section 5.1: two reserved bytes, the lifetime, then addresses."""
    if (len(body) - 6) % 16:
        return False
    message.resolvers += [ip_text(body[at : at + 16]) for at in range(6, len(body), 16)]
    return True


def _domains(message: Message, body: bytes) -> bool:
    """RFC 8106 section 5.2: names as labels, padded with zeros."""
    at, labels = 6, []
    while at < len(body):
        size = body[at]
        if size > MAX_LABEL or at + 1 + size > len(body):
            return False
        if size:
            labels.append(decode(body[at + 1 : at + 1 + size]))
        elif labels:
            message.domains.append(".".join(labels))
            labels = []
        at += 1 + size
    return True


_OPTIONS: dict[int, Callable[[Message, bytes], bool]] = {
    1: _source_mac,
    2: _target_mac,
    3: _prefix,
    5: _mtu,
    25: _resolvers,
    31: _domains,
}
"""Option → what reads it; False for a length that does not fit."""
