"""One DNS message: its question, its answers as text, and what of it could not be read.

Rules: nothing raises; a message that breaks off or lies gives what was read before, and the reason. Only what the
``dns`` table shows is read: the first question, the answers, the OPT record, and the owner of a referral; other
records are stepped over by their length. Names are in lower case without the trailing dot (see :mod:`names`).

Sources: RFC 1035 section 4.1, RFC 6891 section 6.1 (OPT), RFC 6762 section 10.2 and 18.12 (mDNS's top class bit).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from analyzer.errors import MalformedError
from analyzer.protocols.dns.names import Known, read_name, remember_suffixes, skip_name
from analyzer.protocols.dns.rdata import generic, ipv4_text, present
from analyzer.protocols.dns.registry import TYPES, class_name, type_name
from analyzer.schema import DnsAnswer

HEADER_BYTES = 12

ODD_RECORDS = 16
"""Records with unreadable data per message; once there, the data of later ones is shown as hex without a look.
One is a bug or an attack, sixteen are an attack, and each may cost a long walk over pointers."""

CACHED_BYTES = 512
CACHED_MESSAGES = 4096
"""Messages remembered by their bytes: resolvers ask the same names again and again. Small ones only: at most
some ten megabytes."""

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")

_OPT = 41
_NS = 2
_UNICAST_CLASS = 0x7FFF


@dataclass(slots=True)
class Message:
    """What a message says, without its id (so that equal messages can share one value). Treat as immutable.

    Attributes:
        flags: the second header word (RFC 1035 section 4.1.1).
        rcode: with the upper bits of the OPT record; None for a query.
        qname, qtype, qclass: of the first question; ``""`` and None where it could not be read or is absent.
        questions: how many the header announces.
        answers: as many as could be read, in order.
        authority_count, additional_count: records of these sections, as announced where the message ends whole or
            was cut by the capture, else as many as could be read.
        edns_udp_size: of the OPT record, None without one.
        referral: owner of the first NS record of the authority section, None without one.
        error, error_offset: why reading stopped early; None when all announced records were there.
        odd: (offset, sentence) for each answer whose data breaks its type's rules (the first few).
        dropped: answers that are there but not kept (see :func:`text_budget`).
        end: offset after the last record; 0 where reading stopped early.
    """

    flags: int = 0
    rcode: int | None = None
    qname: str = ""
    qtype: int | None = None
    qclass: int | None = None
    questions: int = 0
    answers: tuple[DnsAnswer, ...] = ()
    authority_count: int = 0
    additional_count: int = 0
    edns_udp_size: int | None = None
    referral: str | None = None
    error: str | None = None
    error_offset: int | None = None
    odd: tuple[tuple[int, str], ...] = ()
    dropped: int = 0
    end: int = 0

    @property
    def response(self) -> bool:
        """The QR bit."""
        return self.flags >= 0x8000

    @property
    def opcode(self) -> int:
        """0 query, 1 inverse query, 2 status, 4 notify, 5 update, 6 stateful operations."""
        return self.flags >> 11 & 15


def text_budget(size: int) -> int:
    """Return how many characters of answers are kept of a message of ``size`` bytes.

    Compression lets 16 bytes stand for 2,000 characters; real messages stay under ten characters a byte, so this
    never touches them and keeps a hostile capture from growing a hundredfold in memory and report.
    """
    return 32_768 + 16 * size


class Messages:
    """Parses messages and remembers repeated ones."""

    def __init__(self) -> None:
        self._seen: dict[bytes, Message] = {}
        self._seen_multicast: dict[bytes, Message] = {}

    def parse(self, payload: bytes, *, multicast: bool = False, cut: bool = False) -> Message:
        """Return :func:`parse` of the payload, from memory where the same bytes (but for the id) were seen."""
        if cut or len(payload) > CACHED_BYTES:
            return parse(payload, multicast=multicast, cut=cut)
        seen = self._seen_multicast if multicast else self._seen
        key = payload[2:]
        message = seen.get(key)
        if message is None:
            if len(seen) >= CACHED_MESSAGES:
                seen.clear()
            message = seen[key] = parse(payload, multicast=multicast)
        return message


def parse(payload: bytes, *, multicast: bool = False, cut: bool = False) -> Message:
    """Read a message; never raises.

    Args:
        payload: from the id on (without TCP's length prefix).
        multicast: mDNS, where the top bit of a class is a flag.
        cut: the capture kept only the beginning; announced counts are believed then.
    """
    message = Message()
    if len(payload) < HEADER_BYTES:
        message.error, message.error_offset = "header ends early", len(payload)
        if len(payload) >= 4:
            message.flags = payload[2] << 8 | payload[3]
        return message
    _, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(payload)
    message.flags = flags
    message.questions = questions
    if flags >= 0x8000:
        message.rcode = flags & 15
    mask = _UNICAST_CLASS if multicast else 0xFFFF
    known: Known = {}
    at = HEADER_BYTES
    try:
        if questions:
            message.qname, at = read_name(payload, at, known)
            if answers:
                remember_suffixes(message.qname, HEADER_BYTES, at, known)
            message.qtype, qclass = _QUESTION.unpack_from(payload, at)
            message.qclass = qclass & mask
            at += 4
            for _ in range(questions - 1):
                at = skip_name(payload, at) + 4
        if answers:
            at = _answers(message, payload, at, answers, known, mask)
        if authorities:
            at = _authorities(message, payload, at, authorities, known)
        if additionals:
            at = _additionals(message, payload, at, additionals)
        message.end = at
    except MalformedError as error:
        message.error, message.error_offset = error.reason, error.offset
    except (IndexError, struct.error):
        message.error, message.error_offset = "message ends early", len(payload)
    if cut:
        message.authority_count, message.additional_count = authorities, additionals
    return message


def is_whole(payload: bytes) -> bool:
    """Return whether these bytes are one ordinary message (Internet class) from the first to the last."""
    message = parse(payload)
    return message.end == len(payload) and not message.odd and message.qclass == 1


def _answers(message: Message, data: bytes, at: int, count: int, known: Known, mask: int) -> int:
    kept: list[DnsAnswer] = []
    odd: list[tuple[int, str]] = []
    size = len(data)
    budget = text_budget(size)
    unpack, words = _RECORD.unpack_from, TYPES
    try:
        for _ in range(count):
            name, at = read_name(data, at, known)
            rtype, rclass, ttl, length = unpack(data, at)
            start = at + 10
            at = start + length
            if at > size:
                raise MalformedError("dns", start, "record data runs past the message", length, size - start)
            if budget < 0:
                message.dropped += 1
                continue
            if rtype == 1 and length == 4:
                text = ipv4_text(data[start:at])
            elif len(odd) >= ODD_RECORDS:
                text = generic(data[start:at])
            else:
                text, trouble = present(rtype, data, start, at, known)
                if trouble is not None:
                    odd.append((start, f"{type_name(rtype)} record of {name}: {trouble}"))
            budget -= len(name) + len(text)
            kept.append(DnsAnswer(name, words.get(rtype) or type_name(rtype), ttl, text))
            if rtype == _OPT:
                _options(message, rclass, ttl)
    finally:
        message.answers = tuple(kept)
        message.odd = tuple(odd)
    return at


def _authorities(message: Message, data: bytes, at: int, count: int, known: Known) -> int:
    owner, after = read_name(data, at, known)
    if data[after] == 0 and data[after + 1] == _NS:
        message.referral = owner
    for _ in range(count):
        at = skip_name(data, at)
        at += 10 + (data[at + 8] << 8 | data[at + 9])
        if at > len(data):
            raise MalformedError("dns", len(data), "record data runs past the message")
        message.authority_count += 1
    return at


def _additionals(message: Message, data: bytes, at: int, count: int) -> int:
    for _ in range(count):
        at = skip_name(data, at) if data[at] else at + 1
        rtype, rclass, ttl, length = _RECORD.unpack_from(data, at)
        if rtype == _OPT and message.edns_udp_size is None:
            _options(message, rclass, ttl)
        at += 10 + length
        if at > len(data):
            raise MalformedError(
                "dns", at - length, "record data runs past the message", length, len(data) - at + length
            )
        message.additional_count += 1
    return at


def _options(message: Message, rclass: int, ttl: int) -> None:
    """Take UDP size and upper response code bits from an OPT record (RFC 6891 sections 6.1.2, 6.1.3)."""
    message.edns_udp_size = rclass
    if message.rcode is not None:
        message.rcode |= ttl >> 24 << 4


def question_words(message: Message) -> tuple[str, str]:
    """Return the question's type and class as words, empty where there is no question."""
    if message.qtype is None or message.qclass is None:
        return "", ""
    return type_name(message.qtype), class_name(message.qclass)
