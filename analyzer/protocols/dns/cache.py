"""Messages that were read before: a resolver is asked the same names all day long.

Rules: a message without answers is known by its bytes. Of an answer, times to live count down and addresses rotate,
so it is known by its *shape*: all its bytes but those. A shape remembers where they are; what is the same is read once.
The id, which is no part of what a message says, is left out of both. Only small and flawless messages are remembered,
and a bounded number of them.
"""

from __future__ import annotations

import struct
from copy import copy
from functools import lru_cache

from analyzer.protocols.dns.messages import HEADER_BYTES, Message, options, parse
from analyzer.protocols.dns.names import QuestionNames
from analyzer.protocols.dns.rdata import ipv4_text, ipv6_text
from analyzer.schema import DnsAnswer, maker

CACHED_BYTES = 512
CACHED_MESSAGES = 32_768
"""Messages remembered. Small ones only: at most some forty megabytes."""
SHAPES_ALIKE = 8
"""Shapes that one question has in answers of one length: few chains of names, some settings of flags."""
OPT_BYTES = 64
"""Room for an OPT record at the end: 11 bytes, and a cookie of at most 44 (RFC 7873 section 4)."""
SHAPED_ANSWERS = 32
"""Answers in a shape; more are rare, and reading them costs the same."""

Reading = tuple[Message, tuple[DnsAnswer, ...], int | None]
"""A message, perhaps shared with others of its shape; its answers; and how long its "no" may be kept."""

_answer = maker(DnsAnswer)
_compiled = lru_cache(4096)(struct.Struct)
_OPT = b"\0\0\x29"
_ADDRESSES = {"A": "4s", "AAAA": "16s"}
_WIDTHS = {"I": 4, "4s": 4, "16s": 16}


@lru_cache(4096)
def _address(raw: bytes) -> str:
    return ipv4_text(raw) if len(raw) == 4 else ipv6_text(raw)


class Messages:
    """Reads messages and remembers repeated ones."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Reading] = {}
        self._seen_multicast: dict[bytes, Reading] = {}
        self._shapes: dict[tuple[bytes, int], list[_Shape]] = {}
        self._shaped = 0
        self._names = QuestionNames()

    def read(self, payload: bytes, *, multicast: bool = False, cut: bool = False) -> Reading:
        """Return what :func:`parse` makes of the payload, from memory where the same was seen."""
        size = len(payload)
        if cut or size > CACHED_BYTES or size < HEADER_BYTES:
            return _whole(parse(payload, multicast=multicast, cut=cut))
        if not multicast and payload[2] >= 0x80:
            return self._response(payload, size)
        seen = self._seen_multicast if multicast else self._seen
        key = payload[2:]
        reading = seen.get(key)
        if reading is None:
            if len(seen) >= CACHED_MESSAGES:
                seen.clear()
            message = parse(payload, multicast=multicast, questions_seen=self._names)
            reading = _whole(message)
            if all(place >= HEADER_BYTES for place in message.known):  # else a name may be made of the id
                seen[key] = reading
            message.known = {}
        return reading

    def _response(self, payload: bytes, size: int) -> Reading:
        end = size if payload[10:12] != b"\0\1" else _opt_at(payload, size)
        key = payload[2 : payload.find(b"\0", HEADER_BYTES) + 5], end
        alike = self._shapes.get(key)
        if alike is not None:
            number = int.from_bytes(payload[2:end], "big")
            for shape in alike:
                if number & shape.mask == shape.fixed:
                    return shape.read(payload, end)
        message = parse(payload, questions_seen=self._names)
        if (end == size or message.opt_at == end) and _steady(payload, message):
            self._remember(key, _Shape(payload, end, message))
        message.known = {}
        return _whole(message)

    def _remember(self, key: tuple[bytes, int], shape: _Shape) -> None:
        if self._shaped >= CACHED_MESSAGES:
            self._shapes.clear()
            self._shaped = 0
        alike = self._shapes.setdefault(key, [])
        if len(alike) < SHAPES_ALIKE:
            alike.append(shape)
            self._shaped += 1


def _whole(message: Message) -> Reading:
    return message, message.answers, message.negative_ttl


def _opt_at(payload: bytes, size: int) -> int:
    """Return where an OPT record seems to begin that reaches to the end; the end without one."""
    if payload[-11:-8] == _OPT and payload[-2:] == b"\0\0":
        return size - 11
    at = payload.rfind(_OPT, size - OPT_BYTES if size > OPT_BYTES else HEADER_BYTES)
    if at < HEADER_BYTES or at + 11 > size or at + 11 + (payload[at + 9] << 8 | payload[at + 10]) != size:
        return size
    return at


class _Shape:
    """What is the same in answers that differ by times to live, addresses and EDNS, and how to read those.

    ``mask`` has ones for the bits that are the same (of the message without its id, as one number), ``fixed`` is what
    they are. A message begins with a one, its QR bit, so messages of different lengths never look the same.
    """

    __slots__ = ("_answers", "_message", "_negative", "_settings", "_variable", "fixed", "mask")

    def __init__(self, payload: bytes, size: int, message: Message) -> None:
        variable: list[tuple[int, str]] = []  # offset, struct code
        plan = []
        for answer, start in zip(message.answers, message.places, strict=True):
            code = None if answer.data.startswith("\\#") else _ADDRESSES.get(answer.type)
            plan.append((answer.name, answer.type, len(variable), answer.data if code is None else None))
            variable.append((start - 6, "I"))
            if code is not None:
                variable.append((start, code))
        self._negative = self._soa(payload, message, variable)
        self.mask = _mask(size, [*variable, *((place, "I") for place in message.ttl_places)])
        self.fixed = int.from_bytes(payload[2:size], "big") & self.mask
        self._variable = _layout(variable)
        self._answers = plan
        self._settings = {payload[size + 3 : size + 9]: message}
        self._message = message

    def _soa(self, payload: bytes, message: Message, variable: list[tuple[int, str]]) -> tuple[int, int] | None:
        """Note where the first SOA record has its TTL; return its place among the variables and its minimum."""
        if message.negative_ttl is None:
            return None
        for place in message.ttl_places:
            if payload[place - 4 : place - 2] == b"\0\x06":
                end = place + 6 + int.from_bytes(payload[place + 4 : place + 6], "big")
                variable.append((place, "I"))
                return len(variable) - 1, int.from_bytes(payload[end - 4 : end], "big")
        return None

    def read(self, payload: bytes, end: int) -> Reading:
        """Read a message of this shape, with an OPT record at ``end`` unless the message is over there."""
        values = self._variable.unpack_from(payload)
        answers = tuple(
            [
                _answer(name, rtype, values[at], _address(values[at + 1]) if text is None else text)
                for name, rtype, at, text in self._answers
            ]
        )
        raw = payload[end + 3 : end + 9]
        message = self._settings.get(raw) or self._with_options(raw)
        if self._negative is None:
            return message, answers, None
        at, minimum = self._negative
        return message, answers, min(values[at], minimum)

    def _with_options(self, raw: bytes) -> Message:
        """Return the message with the settings of another OPT record (its class and TTL), or with none."""
        message = copy(self._message)
        message.additional_count += bool(raw) - (message.opt_at > 0)
        message.edns_udp_size, message.dnssec_ok, message.rcode = None, False, message.flags & 15
        message.opt_at = 1 if raw else 0
        if raw:
            options(message, int.from_bytes(raw[:2], "big"), int.from_bytes(raw[2:], "big"))
        if len(self._settings) < SHAPES_ALIKE:
            self._settings[raw] = message
        return message


def _mask(size: int, variable: list[tuple[int, str]]) -> int:
    mask = bytearray(b"\xff" * size)
    for place, code in variable:
        width = _WIDTHS[code]
        mask[place : place + width] = bytes(width)
    return int.from_bytes(mask[2:], "big")


def _layout(variable: list[tuple[int, str]]) -> struct.Struct:
    parts, at = [">"], 0
    for place, code in variable:
        parts.append(f"{place - at}x{code}")
        at = place + _WIDTHS[code]
    return _compiled("".join(parts))


def _steady(payload: bytes, message: Message) -> bool:
    """Say whether a message can have a shape: flawless, and no name borrows letters from a TTL or an address."""
    if message.error is not None or message.odd or message.dropped or len(message.answers) > SHAPED_ANSWERS:
        return False
    if any(answer.type == "OPT" for answer in message.answers):
        return False  # its TTL is none
    variable = bytearray(len(payload) + 1)
    for place in message.ttl_places:
        variable[place : place + 4] = b"1111"
    for answer, start in zip(message.answers, message.places, strict=True):
        width = _WIDTHS.get(_ADDRESSES.get(answer.type, ""), 0)
        variable[start - 6 : start - 2] = b"1111"
        variable[start : start + width] = b"1" * width
    for place in message.known:
        if place < HEADER_BYTES:
            return False  # it may be made of the id
        length = payload[place]
        if any(variable[place : place + (2 if length >= 0xC0 else length + 2)]):
            return False
    return True
