"""The blocks of a pcapng file that are no packets: section, interface, names, statistics, secrets.

Each function reads the body of one block (the bytes between its two lengths) and gives values; what is wrong inside
a block costs that block's values only, because the block's own length already led past it.

Source: draft-ietf-opsawg-pcapng, sections 4.1 (SHB), 4.2 (IDB), 4.5 (NRB), 4.6 (ISB), 4.7 (DSB).
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from analyzer.capture import clock, linktypes
from analyzer.capture.model import Interface, Secrets
from analyzer.capture.tlv import COMMENT, options
from analyzer.text import decode

_HARDWARE, _OS, _APPLICATION = 2, 3, 4
_IF_NAME, _IF_DESCRIPTION, _IF_RESOLUTION, _IF_HARDWARE, _IF_OFFSET = 2, 3, 9, 15, 14
_ISB_IFDROP, _ISB_OSDROP = 5, 7
_NAME_END, _NAME_IPV4, _NAME_IPV6 = 0, 1, 2


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """What a section header says of the recorder; ``sound`` is False when its options are broken."""

    comments: tuple[str, ...]
    hardware: str | None
    system: str | None
    application: str | None
    sound: bool


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """One interface description.

    Attributes:
        interface: as the model wants it.
        resolution: the if_tsresol byte.
        offset: if_tsoffset, seconds.
        sound: False when its options are broken.
    """

    interface: Interface
    resolution: int
    offset: int
    comments: tuple[str, ...]
    sound: bool


def _text(raw: bytes) -> str:
    """Decode an option's text; some writers end it with NUL although the draft says not to."""
    return decode(raw.rstrip(b"\0"))


def section(body: bytes, order: str) -> SectionFacts:
    """Read a Section Header Block's body (magic, version and section length included)."""
    found, sound = options(body[16:], order)
    last = {code: _text(value) for code, value in found}
    comments = tuple(_text(value) for code, value in found if code == COMMENT)
    return SectionFacts(comments, last.get(_HARDWARE), last.get(_OS), last.get(_APPLICATION), sound)


def interface(body: bytes, order: str) -> InterfaceFacts:
    """Read an Interface Description Block's body, of at least 8 bytes."""
    link_type, _reserved, snaplen = struct.unpack_from(order + "HHI", body)
    found, sound = options(body[8:], order)
    last = dict(found)
    resolution = last[_IF_RESOLUTION][0] if last.get(_IF_RESOLUTION) else clock.MICROSECONDS
    offset = 0
    if len(last.get(_IF_OFFSET, b"")) == 8:
        (offset,) = struct.unpack(order + "q", last[_IF_OFFSET])
    described = last.get(_IF_DESCRIPTION) or last.get(_IF_HARDWARE)
    value = Interface(
        link_type,
        linktypes.description(link_type),
        snaplen or None,
        clock.ticks_per_second(resolution),
        _text(last[_IF_NAME]) if _IF_NAME in last else None,
        _text(described) if described else None,
    )
    comments = tuple(_text(text) for code, text in found if code == COMMENT)
    return InterfaceFacts(value, resolution, offset, comments, sound)


def drops(body: bytes, order: str) -> tuple[int, int | None]:
    """Read an Interface Statistics Block's body, of at least 12 bytes: interface number, packets lost or None."""
    (number,) = struct.unpack_from(order + "I", body)
    found, _sound = options(body[12:], order)
    counts = [
        struct.unpack(order + "Q", value)[0]
        for code, value in found
        if code in (_ISB_IFDROP, _ISB_OSDROP) and len(value) == 8
    ]
    return number, sum(counts) if counts else None


def names(body: bytes, order: str, limit: int) -> tuple[list[tuple[str, str]], bool]:
    """Read a Name Resolution Block's body.

    Returns:
        (address, name) pairs, at most ``limit``, and whether the records were sound and all of them were taken.
    """
    found: list[tuple[str, str]] = []
    at = 0
    while at + 4 <= len(body):
        kind, length = struct.unpack_from(order + "HH", body, at)
        if kind == _NAME_END:
            return found, True
        value = body[at + 4 : at + 4 + length]
        if len(value) < length:
            return found, False
        size = {_NAME_IPV4: 4, _NAME_IPV6: 16}.get(kind)
        if size is not None and length >= size:
            family = socket.AF_INET if size == 4 else socket.AF_INET6
            address = socket.inet_ntop(family, value[:size])
            for name in value[size:].split(b"\0"):
                if name and len(found) == limit:
                    return found, False
                if name:
                    found.append((address, decode(name)))
        at += 4 + length + (-length & 3)
    return found, True


def secrets(body: bytes, order: str) -> Secrets | None:
    """Read a Decryption Secrets Block's body; None when its length goes beyond the block."""
    if len(body) < 8:
        return None
    kind, length = struct.unpack_from(order + "II", body)
    return Secrets(kind, body[8 : 8 + length]) if length <= len(body) - 8 else None
