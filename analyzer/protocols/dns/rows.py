"""An exchange while it is being filled, and the row of the ``dns`` table that it becomes.

Where both exist, the response speaks for flags, counts and answers, the query for the question and the EDNS size
(what the asker can take). ``step`` reads who was asked: a recursive question (RD), or a resolver's own walk, where a
referral to a top-level domain came from a root server and one further down from a top-level domain's server.
``source`` is ``authoritative`` by the AA bit, and ``cache`` only where it shows: the same server gave a higher TTL
for the same question before.

Sources: RFC 1034 sections 3.6.2 (CNAME) and 4.2.1 (referrals), RFC 2181 section 5.4.1 (authority), RFC 6891
section 6.1 (EDNS).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.protocols.dns.messages import Message, question_words
from analyzer.protocols.dns.names import to_unicode
from analyzer.protocols.dns.registry import rcode_name
from analyzer.schema import DnsAnswer, DnsFlags, DnsRow
from analyzer.units import NS_PER_S, ms_between

PATIENCE_NS = 5 * NS_PER_S
"""Capture that must follow a single query before its silence means something (MEASURES: unanswered)."""

_ADDRESS_TYPES = ("A", "AAAA")
_RAW = "\\# "  # data that could not be read (RFC 3597)
_AA, _TC, _RD, _RA, _AD, _CD = 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010

SeenTtl = dict[tuple[str, str, int | None], int]
"""Highest TTL that a server gave for a question so far: (server, name, type) -> seconds."""


Question = tuple[str, int | None, int | None]
"""Name, type and class asked for."""


@dataclass(slots=True)
class Exchange:
    """One question with its attempts and its first response; either may be missing."""

    transport: str
    client: str
    client_port: int
    server: str
    server_port: int
    id: int
    stream: int | None
    query: Message | None = None
    question: Question = ("", None, None)
    query_frames: list[int] = field(default_factory=list)
    query_time: int | None = None
    last_query_time: int = 0
    response: Message | None = None
    response_frame: int | None = None
    response_time: int | None = None
    duplicates: list[int] = field(default_factory=list)  # frames of further responses
    cut: bool = False
    more: list[DnsAnswer] | None = None  # records of later messages of a zone transfer

    def row(self, capture_end_time: int | None, seen_ttl: SeenTtl) -> DnsRow:
        """Return the finished row; rows must be drawn in order, because ``seen_ttl`` learns from each."""
        query, response = self.query, self.response
        asked = query or response or Message()
        said = response or asked
        qname = asked.qname
        qtype, qclass = question_words(asked)
        if self.query is None and not qname and said.answers:  # an mDNS announcement has no question
            qname, qtype, qclass = said.answers[0].name, said.answers[0].type, "IN"
        answers = (*said.answers, *self.more) if self.more else said.answers
        outcome, why = self._outcome(capture_end_time)
        return DnsRow(
            query_frame=self.query_frames[0] if self.query_frames else None,
            response_frame=self.response_frame,
            query_time=self.query_time,
            transport=self.transport,
            client=self.client,
            client_port=self.client_port,
            server=self.server,
            server_port=self.server_port,
            id=self.id,
            qname=qname,
            qname_unicode=to_unicode(qname),
            qtype=qtype,
            qclass=qclass,
            rcode=None if response is None or response.rcode is None else rcode_name(response.rcode),
            flags=_flags(said.flags),
            attempts=len(self.query_frames),
            query_frames=tuple(self.query_frames),
            answers=answers if response is not None else (),
            addresses=_addresses(answers) if answers else (),
            cname_chain=_chain(qname, answers) if answers else (),
            authority_count=said.authority_count if response is not None else 0,
            additional_count=said.additional_count if response is not None else 0,
            edns_udp_size=said.edns_udp_size if query is None or query.edns_udp_size is None else query.edns_udp_size,
            latency_ms=ms_between(self.query_time, self.response_time),
            outcome=outcome,
            duplicate_responses=len(self.duplicates),
            source=self._source(seen_ttl) if response is not None else "unknown",
            step=self._step(asked, response),
            response_time=self.response_time,
            stream=self.stream,
            outcome_why=why,
            duplicate_frames=tuple(self.duplicates),
        )

    def _outcome(self, capture_end_time: int | None) -> tuple[str, str | None]:
        """Return the outcome and, where a reader would ask, its reason."""
        decisive = self.response or self.query
        if decisive is not None and decisive.error is not None and not self.cut:
            return "malformed", decisive.error
        why = "snaplen" if self.cut else None
        if self.response is None:
            short = capture_end_time is not None and capture_end_time - self.last_query_time < PATIENCE_NS
            return "no_answer", "capture_ended" if short and len(self.query_frames) == 1 else why
        return ("answered", why) if self.query is not None else ("unsolicited", "query_not_captured")

    def _source(self, seen_ttl: SeenTtl) -> str:
        response = self.response
        if response is None or response.flags & _AA:
            return "authoritative" if response is not None else "unknown"
        if not response.answers:
            return "unknown"
        ttl = min([answer.ttl for answer in response.answers])
        key = (self.server, response.qname, response.qtype)
        before = seen_ttl.get(key)
        if before is None or ttl > before:
            seen_ttl[key] = ttl
        return "cache" if before is not None and ttl < before else "unknown"

    def _step(self, asked: Message, response: Message | None) -> str | None:
        if self.transport not in ("udp", "tcp") or asked.opcode != 0:
            return None
        if asked.flags & _RD:
            return "recursive"
        if response is None:
            return None
        if response.flags & _AA:
            return "root" if response.qname == "." else "authoritative"
        if response.answers or response.referral in (None, "."):
            return None
        return "tld" if "." in str(response.referral) else "root"


def _flags(flags: int) -> DnsFlags:
    return _ALL_FLAGS[flags >> 4 & 0x7F]


def _addresses(answers: Iterable[DnsAnswer]) -> tuple[str, ...]:
    return tuple([a.data for a in answers if a.type in _ADDRESS_TYPES and not a.data.startswith(_RAW)])


def _chain(qname: str, answers: tuple[DnsAnswer, ...]) -> tuple[str, ...]:
    """Return the names that the question's name leads to through CNAME records, each once."""
    if "CNAME" not in [a.type for a in answers]:
        return ()
    targets = {a.name: a.data for a in answers if a.type == "CNAME" and not a.data.startswith(_RAW)}
    chain: list[str] = []
    name = targets.pop(qname, None)
    while name is not None:
        chain.append(name)
        name = targets.pop(name, None)
    return tuple(chain)


_ALL_FLAGS = tuple(DnsFlags(*(bool(bits << 4 & bit) for bit in (_AA, _TC, _RD, _RA, _AD, _CD))) for bits in range(0x80))
"""One shared value for each setting of the flag bits; the index is header bits 4 to 10."""
