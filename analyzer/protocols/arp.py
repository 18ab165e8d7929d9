"""ARP: who asked for which address, who answered, and who else claims it.

Rules:

* A request of one asker (MAC, IP, VLAN) for one target, repeated without a reply, is one row with ``attempts``;
  silence longer than :data:`RETRY_GAP_NS` starts a new row. ``latency_ms`` runs from the first request.
* sender IP 0.0.0.0 makes a request a *probe*; an answer to it means that the address is taken (RFC 5227 section 2.1).
* sender IP = target IP is an *announcement* when it is a request with a zero target MAC (RFC 5227 section 2.3), else
  *gratuitous*. Neither waits for an answer.
* A reply that no request waits for is *unsolicited* (also the second reply to one request).
* ``conflict`` is another MAC that claimed the row's target IP as its sender anywhere in the capture, on that VLAN;
  ``conflict_frame`` and ``conflict_time`` are where it did so first.
* A probe sent to one hardware address asks whether that very machine is still there (switches that track devices do):
  its answer is no conflict.
* A message that ends early, or whose address lengths do not fit the kinds of addresses it names, is a malformed row of
  its own with the reason: nothing in it is believed enough to pair it or to contradict anybody.
* Reverse and inverse ARP (operations 3, 4, 8, 9) pair in the same way: the asked-for thing is what they carry.
  An unknown operation is still a row.

Every ARP frame is in exactly one row. Sources: RFC 826, 903 (RARP), 2390 (InARP), 5227, 5494 (operation numbers).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.problems import Problem, ProblemLog
from analyzer.schema import ArpRow
from analyzer.units import NS_PER_S, ms_between

RETRY_GAP_NS = 60 * NS_PER_S
"""A request this long after the last one is a new question: hosts ask once per second (RFC 1122 section 2.3.2.1) and
give up within seconds."""

MAX_MESSAGE = 8 + 4 * 255
"""Longest ARP message: the header and four addresses with one-octet lengths."""

ZERO_IP = "0.0.0.0"

ETHERNET, IP4 = 1, 0x0800
"""Hardware type and protocol type whose addresses have 6 and 4 bytes (RFC 826, "Definitions")."""

_HEADER = struct.Struct("!HHBBH")
_ADDRESSES = struct.Struct("!6s4s6s4s")
_REQUESTS = {1: 2, 3: 4, 8: 9}
_REPLIES = {reply: request for request, reply in _REQUESTS.items()}


@dataclass(frozen=True, slots=True)
class ArpMessage:
    """One ARP frame. Addresses are text, None where the message is too short to hold them or their length is 0.

    Hardware addresses are lower-case with colons; protocol addresses are dotted when they have four bytes, else
    hex with colons.
    """

    frame: int
    time: int
    operation: int
    sender_mac: str | None
    sender_ip: str | None
    target_mac: str | None
    target_ip: str | None
    vlan: int | None = None
    why: str | None = None  # what is wrong with it: short, odd_lengths


def parse(
    payload: bytes, frame: int, time: int, vlan: int | None = None, problems: ProblemLog | None = None
) -> ArpMessage:
    """Read an ARP message; a short one gives what is there and a Problem.

    Source: RFC 826, "Packet format".
    """
    if len(payload) >= 28 and payload[4:6] == b"\x06\x04":
        sender_mac, sender_ip, target_mac, target_ip = _ADDRESSES.unpack_from(payload, 8)
        return ArpMessage(
            frame,
            time,
            payload[6] << 8 | payload[7],
            sender_mac.hex(":"),
            _protocol(sender_ip),
            target_mac.hex(":"),
            _protocol(target_ip),
            vlan,
        )
    if len(payload) < _HEADER.size:
        _short(problems, frame, _HEADER.size, len(payload))
        return ArpMessage(frame, time, 0, None, None, None, None, vlan, "short")
    hardware_type, protocol_type, hardware, protocol, operation = _HEADER.unpack_from(payload)
    parts: list[bytes | None] = []
    at = _HEADER.size
    for size in (hardware, protocol, hardware, protocol):
        part = payload[at : at + size]
        parts.append(part if size and len(part) == size else None)
        at += size
    why = None
    if (hardware_type == ETHERNET and hardware != 6) or (protocol_type == IP4 and protocol != 4):
        why = "odd_lengths"
        _odd(problems, frame, hardware, protocol)
    if at > len(payload):
        why = "short"
        _short(problems, frame, at, len(payload))
    sender_mac, sender_ip, target_mac, target_ip = parts
    return ArpMessage(
        frame,
        time,
        operation,
        _hardware(sender_mac),
        _protocol(sender_ip),
        _hardware(target_mac),
        _protocol(target_ip),
        vlan,
        why,
    )


def _hardware(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex(":")


def _protocol(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    return "{}.{}.{}.{}".format(*raw) if len(raw) == 4 else raw.hex(":")


def _short(problems: ProblemLog | None, frame: int, needed: int, available: int) -> None:
    if problems is not None:
        text = f"ARP message ends early: {needed} bytes needed, {available} there"
        problems.add(Problem("ARP-SHORT", "arp", text, frame, available))


def _odd(problems: ProblemLog | None, frame: int, hardware: int, protocol: int) -> None:
    if problems is not None:
        text = (
            f"ARP message states addresses of {hardware} and {protocol} bytes, which its kinds of addresses do not have"
        )
        problems.add(Problem("ARP-LENGTHS", "arp", text, frame, 4))


@dataclass(slots=True)
class _Asked:
    """A row while it is being filled."""

    message: ArpMessage
    kind: str
    frames: list[int] = field(default_factory=list)
    last_time: int = 0
    reply: ArpMessage | None = None


Key = tuple[int | None, int, str | None, str | None, str | None]


Claims = dict[tuple[int | None, str | None], list[ArpMessage]]
"""(VLAN, IP) → the first message of each MAC that used the IP as sender."""


def exchanges(messages: Iterable[ArpMessage]) -> list[ArpRow]:
    """Turn ARP messages into rows ordered by first frame.

    Args:
        messages: in capture order.
    """
    rows: list[_Asked] = []
    open_rows: dict[Key, _Asked] = {}
    claims: Claims = {}
    for message in messages:
        kind = classify(message)
        if message.why is not None:
            rows.append(_alone(message, kind))
            continue
        _claim(claims, message)
        if kind in ("gratuitous", "announcement"):
            rows.append(_alone(message, kind))
        elif kind == "unsolicited_reply":
            asked = _answered_by(open_rows, message)
            if asked is not None:
                asked.reply = message
            else:
                rows.append(_alone(message, kind))
        else:
            _ask(rows, open_rows, message, kind)
    return [_row(asked, claims) for asked in rows]


def classify(message: ArpMessage) -> str:
    """Return the kind of a message on its own; a reply is ``unsolicited_reply`` until a request is found for it.

    Source: RFC 5227 section 1.1 (probe, announcement), RFC 5944 section 4.6 (gratuitous).
    """
    if message.operation in (1, 2) and message.sender_ip is not None and message.sender_ip == message.target_ip:
        unset = message.target_mac is None or not message.target_mac.strip("0:")
        return "announcement" if message.operation == 1 and unset else "gratuitous"
    if message.operation in _REPLIES:
        return "unsolicited_reply"
    return "probe" if message.operation == 1 and message.sender_ip == ZERO_IP else "request"


def _alone(message: ArpMessage, kind: str) -> _Asked:
    if message.operation in _REPLIES:
        return _Asked(message, kind, reply=message)
    return _Asked(message, kind, [message.frame], message.time)


def _ask(rows: list[_Asked], open_rows: dict[Key, _Asked], message: ArpMessage, kind: str) -> None:
    key = _request_key(message)
    asked = open_rows.get(key)
    if asked is None or asked.reply is not None or message.time - asked.last_time > RETRY_GAP_NS:
        asked = open_rows[key] = _Asked(message, kind)
        rows.append(asked)
    asked.frames.append(message.frame)
    asked.last_time = message.time


def _request_key(message: ArpMessage) -> Key:
    """Return (VLAN, operation, asker's MAC, asker's IP, what is asked for)."""
    if message.operation == 3:  # RARP: an IP for this MAC
        return message.vlan, 3, None, None, message.target_mac
    if message.operation == 8:  # InARP: the IP behind this MAC or circuit
        return message.vlan, 8, message.sender_mac, message.sender_ip, None
    return message.vlan, message.operation, message.sender_mac, message.sender_ip, message.target_ip


def _answered_by(open_rows: dict[Key, _Asked], reply: ArpMessage) -> _Asked | None:
    """Return the row that waits for this reply."""
    operation = _REPLIES[reply.operation]
    if operation == 3:
        key: Key = (reply.vlan, 3, None, None, reply.target_mac)
    elif operation == 8:
        key = (reply.vlan, 8, reply.target_mac, reply.target_ip, None)
    else:
        key = (reply.vlan, operation, reply.target_mac, reply.target_ip, reply.sender_ip)
    asked = open_rows.get(key)
    return asked if asked is not None and asked.reply is None else None


def _claim(claims: Claims, message: ArpMessage) -> None:
    """Remember who uses an IP as sender; two MACs are enough to name another one than any given."""
    if message.sender_mac is None or message.sender_ip in (None, ZERO_IP) or message.operation not in (1, 2):
        return
    first = claims.setdefault((message.vlan, message.sender_ip), [])
    if len(first) < 2 and all(message.sender_mac != other.sender_mac for other in first):
        first.append(message)


def _row(asked: _Asked, claims: Claims) -> ArpRow:
    message, reply = asked.message, asked.reply
    # of a reply without a request, the addressee is the asker and the sender is what was asked for
    lone = not asked.frames and asked.kind == "unsolicited_reply"
    asker_mac, asker_ip, target_ip = message.sender_mac, message.sender_ip, message.target_ip
    if lone:
        asker_mac, asker_ip, target_ip = message.target_mac, message.target_ip, message.sender_ip
    elif message.operation == 3:
        target_ip = reply.target_ip if reply is not None else None
    elif message.operation == 8:
        target_ip = reply.sender_ip if reply is not None else None
    other = _other(claims.get((message.vlan, target_ip), ()), asked, asker_mac)
    return ArpRow(
        request_frame=asked.frames[0] if asked.frames else None,
        reply_frame=None if reply is None else reply.frame,
        request_time=message.time if asked.frames else None,
        kind=asked.kind,
        asker_mac=asker_mac,
        asker_ip=asker_ip,
        target_ip=target_ip,
        answer_mac=None if reply is None else reply.sender_mac,
        attempts=len(asked.frames),
        request_frames=tuple(asked.frames),
        latency_ms=ms_between(message.time, reply.time) if asked.frames and reply is not None else None,
        outcome=_outcome(asked),
        conflict=None if other is None else other.sender_mac,
        vlan=message.vlan,
        reply_time=None if reply is None else reply.time,
        last_request_time=asked.last_time if asked.frames else None,
        conflict_frame=None if other is None else other.frame,
        conflict_time=None if other is None else other.time,
        outcome_why=message.why,
    )


def _outcome(asked: _Asked) -> str:
    if asked.message.why is not None:
        return "malformed"
    waits = asked.kind in ("request", "probe") and asked.message.operation in _REQUESTS
    return "not_applicable" if not waits else "unanswered" if asked.reply is None else "answered"


def _other(claims: Iterable[ArpMessage], asked: _Asked, asker_mac: str | None) -> ArpMessage | None:
    """Return the first claim of a MAC to the target IP beside the one that this row says holds it, None without one.

    A probe's asker wants the address for itself, so anyone else who claims it is in its way; an announcement's
    sender holds it; for a request it is whoever answered, and without an answer nobody is contradicted.
    """
    if asked.message.why is not None:
        return None
    if asked.kind == "probe":
        holder = None if _still_there(asked.message) else asker_mac
    elif asked.reply is None:
        holder = asker_mac if asked.kind != "request" else None
    else:
        holder = asked.reply.sender_mac
    return next((claim for claim in claims if claim.sender_mac != holder), None) if holder is not None else None


def _still_there(probe: ArpMessage) -> bool:
    """Return whether a probe asks one machine if it is there (RFC 5227 section 2.1.1: who wants the address for
    itself leaves the target hardware address zero)."""
    mac = probe.target_mac
    return mac is not None and mac.strip("0:") != "" and mac.strip("f:") != ""
