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

from dataclasses import dataclass

from analyzer.protocols.base import Datagram
from analyzer.protocols.dns.messages import Message, question_words
from analyzer.protocols.dns.names import to_unicode
from analyzer.protocols.dns.registry import RCODES, rcode_name
from analyzer.schema import DnsAnswer, DnsFlags, DnsRow, maker
from analyzer.units import NS_PER_S, ms_between

PATIENCE_NS = 5 * NS_PER_S
"""Capture that must follow a single query before its silence means something (MEASURES: unanswered)."""

COMPARED = 16
"""Further responses to one question that are compared with the first; a forger sends a few, a loop thousands."""

_ADDRESS_TYPES = ("A", "AAAA")
_RAW = "\\# "  # data that could not be read (RFC 3597)
AA, _TC, _RD, _RA, _AD, _CD = 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010

_row = maker(DnsRow)

Question = tuple[str, int | None, int | None]
"""Name, type and class asked for."""


Late = tuple[Datagram, tuple[Message, tuple[DnsAnswer, ...], int | None]]
"""A response and what was read of it."""


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
    query_frames: list[int] | tuple[int, ...] = ()
    query_time: int | None = None
    last_query_time: int = 0  # of the last attempt
    copies: int = 0  # of query_frames, those that show a packet again which was recorded before
    response: Message | None = None
    response_frame: int | None = None
    response_time: int | None = None
    answers: tuple[DnsAnswer, ...] = ()
    negative_ttl: int | None = None
    elsewhere: Late | None = None  # the response, while it is one of another VLAN
    duplicates: list[int] | tuple[int, ...] = ()  # frames of further responses
    conflicting: list[int] | tuple[int, ...] = ()  # those of them that say something else
    cut: bool = False
    more: list[DnsAnswer] | None = None  # records of later messages of a zone transfer

    def row(self, capture_end_time: int | None) -> DnsRow:
        """Return the row, but for what only shows beside others: ``source`` where it is a copy, walks, retries."""
        query, response = self.query, self.response
        asked = query or response or Message()
        said = response or asked
        answers = (*self.answers, *self.more) if self.more else self.answers
        answered = response is not None
        qname = asked.qname
        shown, qtype, qclass = asked.words or question_words(asked)
        if query is None and not qname and answers:  # an mDNS announcement has no question
            qname, qtype, qclass = answers[0].name, answers[0].type, "IN"
            shown = to_unicode(qname)
        outcome, why = self._outcome(capture_end_time)
        edns = said if query is None or query.edns_udp_size is None else query
        asked_at, answered_at, frames = self.query_time, self.response_time, tuple(self.query_frames)
        return _row(
            frames[0] if frames else None,
            self.response_frame,
            asked_at,
            self.transport,
            self.client,
            self.client_port,
            self.server,
            self.server_port,
            self.id,
            qname,
            shown,
            qtype,
            qclass,
            None
            if response is None or response.rcode is None
            else RCODES.get(response.rcode) or rcode_name(response.rcode),
            ALL_FLAGS[said.flags >> 4 & 0x7F],
            len(frames) - self.copies,
            frames,
            answers,
            tuple([a.data for a in answers if a.type in _ADDRESS_TYPES and a.data[:3] != _RAW]) if answers else (),
            said.chain,
            said.authority_count if answered else 0,
            said.additional_count if answered else 0,
            edns.edns_udp_size,
            ms_between(asked_at, answered_at),
            outcome,
            len(self.duplicates),
            "authoritative" if response is not None and response.flags & AA else "unknown",
            self._step(asked, response),
            answered_at,
            self.stream,
            why,
            tuple(self.duplicates),
            edns.dnssec_ok,
            self.negative_ttl,
            None,
            None,
            None,
            tuple(self.conflicting),
            None,
            (),
            None,
            None,
            None,
            OPCODES.get(asked.opcode, "other"),
        )

    def again(self, frame: int, message: Message, answers: tuple[DnsAnswer, ...]) -> None:
        """Take a further response."""
        if type(self.duplicates) is not list:
            self.duplicates, self.conflicting = [], []
        self.duplicates.append(frame)
        if self.response is not None and type(self.conflicting) is list and len(self.duplicates) <= COMPARED:
            first = _said(self.response, self.answers)
            cut = (self.response.flags | message.flags) & _TC
            if not cut and _said(message, answers) != first:
                self.conflicting.append(frame)

    def _outcome(self, capture_end_time: int | None) -> tuple[str, str | None]:
        """Return the outcome and, where a reader would ask, its reason."""
        decisive = self.response or self.query
        if decisive is not None and decisive.error is not None and not self.cut:
            return "malformed", decisive.error
        why = "snaplen" if self.cut else None
        if self.response is None:
            short = capture_end_time is not None and capture_end_time - self.last_query_time < PATIENCE_NS
            return "no_answer", "capture_ended" if short and len(self.query_frames) - self.copies == 1 else why
        return ("answered", why) if self.query is not None else ("unsolicited", "query_not_captured")

    def _step(self, asked: Message, response: Message | None) -> str | None:
        if self.transport not in ("udp", "tcp") or asked.opcode != 0:
            return None
        if asked.flags & _RD:
            return "recursive"
        if response is None:
            return None
        if response.flags & AA:
            return "root" if response.qname == "." else "authoritative"
        if response.answers or response.referral in (None, "."):
            return None
        return "tld" if "." in str(response.referral) else "root"


def says_same(exchange: Exchange, message: Message, answers: tuple[DnsAnswer, ...]) -> bool:
    """Return whether a further response says what the first one did."""
    first = exchange.response
    return first is not None and _said(first, exchange.answers) == _said(message, answers)


def _said(message: Message, answers: tuple[DnsAnswer, ...]) -> tuple[int | None, frozenset[tuple[str, str]]]:
    """Return what a response says, whatever the order of its records and the age of the copy they come from."""
    return message.rcode, frozenset([(answer.type, answer.data) for answer in answers])


OPCODES = {0: "query", 1: "inverse_query", 2: "status", 4: "notify", 5: "update", 6: "stateful"}
"""Opcode → word (RFC 1035 section 4.1.1, RFC 1996, RFC 2136, RFC 8490)."""

ALL_FLAGS = tuple(DnsFlags(*(bool(bits << 4 & bit) for bit in (AA, _TC, _RD, _RA, _AD, _CD))) for bits in range(0x80))
"""One shared value for each setting of the flag bits; the index is header bits 4 to 10."""
