"""One DNS message: its question, its answers as text, and what of it could not be read.

Rules: nothing raises; a message that breaks off or lies gives what was read before, and the reason. Only what the
``dns`` table shows is read: the first question, the answers, the OPT record, which zone speaks (the owner of the SOA or
NS records of the authority section) and, of a referral, the servers it names with their addresses; other records are
stepped over by their length. Names are in lower case without the trailing dot (see :mod:`names`).

Sources: RFC 1035 section 4.1, RFC 6891 section 6.1 (OPT), RFC 3225 (DO), RFC 2308 section 5 (how long a "no" is kept),
RFC 1034 section 4.3.2 (referrals), RFC 6762 section 10.2 and 18.12 (mDNS's top class bit).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from analyzer.errors import MalformedError
from analyzer.protocols.dns.names import Known, QuestionNames, read_name, remember_suffixes, skip_name, to_unicode
from analyzer.protocols.dns.rdata import generic, ipv4_text, present
from analyzer.protocols.dns.registry import TYPES, class_name, type_name
from analyzer.schema import DnsAnswer, maker

HEADER_BYTES = 12

ODD_RECORDS = 16
"""Records with unreadable data per message; once there, the data of later ones is shown as hex without a look.
One is a bug or an attack, sixteen are an attack, and each may cost a long walk over pointers."""

REFERRAL_RECORDS = 32
"""Name servers, and addresses of them, kept of one referral; the root has 13 with two addresses each."""

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")

_NS, _SOA, _OPT = 2, 6, 41
_ADDRESS_SIZES = {1: 4, 28: 16}
_RESPONSE_AA = 0x8400
_UNICAST_CLASS = 0x7FFF
_RAW = "\\# "  # data that could not be read (RFC 3597)
_answer = maker(DnsAnswer)


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
        edns_udp_size, dnssec_ok: of the OPT record; None and False without one.
        referral: owner of the first NS record of the authority section, None without one.
        zone: owner of the SOA record of the authority section, None without one.
        negative_ttl: seconds that a "no" may be kept, by that record; None without one.
        name_servers, glue: of a referral, the servers of its zone and (name, address) of those it tells.
        chain: the names that the question's name leads to through CNAME records, each once.
        error, error_offset: why reading stopped early; None when all announced records were there.
        odd: (offset, sentence) for each answer whose data breaks its type's rules (the first few).
        dropped: answers that are there but not kept (see :func:`text_budget`).
        end: offset after the last record; 0 where reading stopped early.
        opt_at: offset of the first OPT record of the additional section, 0 without one.
        places: offset of each answer's data.
        ttl_places: offset of the TTL of each record of the other sections.
        words: of :func:`question_words`, once somebody asked.
        known: offset of every name (and end of one) that was read; only kept where ``questions_seen`` is given.
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
    dnssec_ok: bool = False
    zone: str | None = None
    negative_ttl: int | None = None
    name_servers: tuple[str, ...] = ()
    glue: tuple[tuple[str, str], ...] = ()
    chain: tuple[str, ...] = ()
    opt_at: int = 0
    places: tuple[int, ...] = ()
    ttl_places: tuple[int, ...] = ()
    words: tuple[str, str, str] | None = field(default=None, repr=False, compare=False)
    known: Known = field(default_factory=dict, repr=False, compare=False)

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


def parse(
    payload: bytes, *, multicast: bool = False, cut: bool = False, questions_seen: QuestionNames | None = None
) -> Message:
    """Read a message; never raises.

    Args:
        payload: from the id on (without TCP's length prefix).
        multicast: mDNS, where the top bit of a class is a flag.
        cut: the capture kept only the beginning; announced counts are believed then.
        questions_seen: names of questions in other messages, which save reading them again.
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
            if questions_seen is not None and (seen := questions_seen.get(payload)) is not None:
                message.qname, at, known = seen
            else:
                message.qname, at = read_name(payload, at, known)
                if answers or questions_seen is not None:
                    remember_suffixes(message.qname, HEADER_BYTES, at, known)
                if questions_seen is not None:
                    questions_seen.remember(payload, message.qname, at, known)
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
            at = _additionals(message, payload, at, additionals, known)
        message.end = at
    except MalformedError as error:
        message.error, message.error_offset = error.reason, error.offset
    except (IndexError, struct.error):
        message.error, message.error_offset = "message ends early", len(payload)
    if questions_seen is not None:
        message.known = known
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
    places: list[int] = []
    size = len(data)
    budget = text_budget(size)
    unpack, words, get = _RECORD.unpack_from, TYPES, known.get
    linked = False
    try:
        for _ in range(count):
            seen = get((data[at] & 0x3F) << 8 | data[at + 1]) if data[at] >= 0xC0 else None
            if seen is not None:
                name = seen[0]
                at += 2
            else:
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
                linked |= rtype == 5
            budget -= len(name) + len(text)
            kept.append(_answer(name, words.get(rtype) or type_name(rtype), ttl, text))
            places.append(start)
            if rtype == _OPT:
                options(message, rclass, ttl)
    finally:
        message.answers = tuple(kept)
        message.odd = tuple(odd)
        message.places = tuple(places)
        if linked:
            message.chain = _chain(message.qname, kept)
    return at


def _chain(qname: str, answers: list[DnsAnswer]) -> tuple[str, ...]:
    """Return the names that the question's name leads to through CNAME records, each once."""
    targets = {a.name: a.data for a in answers if a.type == "CNAME" and not a.data.startswith(_RAW)}
    chain: list[str] = []
    name = targets.pop(qname, None)
    while name is not None:
        chain.append(name)
        name = targets.pop(name, None)
    return tuple(chain)


def _authorities(message: Message, data: bytes, at: int, count: int, known: Known) -> int:
    owner, after = read_name(data, at, known)
    if data[after] == 0 and data[after + 1] == _NS:
        message.referral = owner
    delegates = message.referral is not None and message.flags & _RESPONSE_AA == 0x8000 and not message.answers
    servers: list[str] = []
    places: list[int] = []
    for _ in range(count):
        begin = at
        at = skip_name(data, at)
        rtype, _, ttl, length = _RECORD.unpack_from(data, at)
        places.append(at + 4)
        start = at + 10
        at = start + length
        if at > len(data):
            raise MalformedError("dns", len(data), "record data runs past the message")
        if rtype == _SOA and message.zone is None and length >= 22:
            message.zone = read_name(data, begin, known)[0]
            message.negative_ttl = min(ttl, int.from_bytes(data[at - 4 : at], "big"))
        elif rtype == _NS and delegates and len(servers) < REFERRAL_RECORDS:
            servers.append(read_name(data, start, known)[0])
        message.authority_count += 1
    message.name_servers = tuple(servers)
    message.ttl_places = tuple(places)
    return at


def _additionals(message: Message, data: bytes, at: int, count: int, known: Known) -> int:
    glue: list[tuple[str, str]] = []
    places: list[int] = []
    for _ in range(count):
        begin = at
        at = skip_name(data, at) if data[at] else at + 1
        rtype, rclass, ttl, length = _RECORD.unpack_from(data, at)
        if rtype == _OPT:
            if message.edns_udp_size is None:
                options(message, rclass, ttl)
                message.opt_at = begin
        else:
            places.append(at + 4)
        at += 10 + length
        if at > len(data):
            raise MalformedError(
                "dns", at - length, "record data runs past the message", length, len(data) - at + length
            )
        if message.name_servers and _ADDRESS_SIZES.get(rtype) == length and len(glue) < REFERRAL_RECORDS:
            address, _ = present(rtype, data, at - length, at, known)
            glue.append((read_name(data, begin, known)[0], address))
        message.additional_count += 1
    message.glue = tuple(glue)
    if places:
        message.ttl_places += tuple(places)
    return at


def options(message: Message, rclass: int, ttl: int) -> None:
    """Take UDP size, upper response code bits and the DO flag from an OPT record (RFC 6891 sections 6.1.2, 6.1.3)."""
    message.edns_udp_size = rclass
    message.dnssec_ok = ttl & 0x8000 != 0
    if message.rcode is not None:
        message.rcode |= ttl >> 24 << 4


def question_words(message: Message) -> tuple[str, str, str]:
    """Return the question's name as people write it, its type and class as words; empty where there is none."""
    words = message.words
    if words is None:
        no_type = message.qtype is None or message.qclass is None
        kind, group = ("", "") if no_type else (type_name(message.qtype or 0), class_name(message.qclass or 0))
        words = message.words = to_unicode(message.qname), kind, group
    return words
