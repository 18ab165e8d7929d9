"""Questions and their answers: datagrams become rows of the ``dns`` table.

Rules:

* A question is known by five-tuple (for TCP the connection), id, name, type and class; names compare without case,
  so a resolver's 0x20 mixing does not matter. Where one side shows no question (an error, a later message of a zone
  transfer, a malformed query), five-tuple and id decide, and the last query is meant.
* The same question again, before an answer and within :data:`RETRY_GAP_NS`, is another attempt of the same row.
  After the answer it is a new row. Within :data:`COPY_NS` it is the same packet recorded again, and no attempt.
* The first response answers; further ones are counted, except those of a zone transfer, whose records are added.
* A question is answered on its own VLAN; by what came on another one only while nothing came there (a recorder that
  sees the two directions under different tags). The same query on two VLANs within :data:`COPY_NS` passed a router and
  is one question; otherwise there are two networks with the same addresses.
* LLMNR (RFC 4795) is asked of a group and answered by a host: the server's address is not part of its key.
* mDNS (RFC 6762) has no ids: the first response within :data:`MDNS_WINDOW_NS` that holds a record of the name and type
  answers every question waiting for it. A response that nobody waits for is an announcement: an unsolicited row.

Sources: RFC 1035 section 4.1 and 7.3, RFC 5452 section 3 (matching), RFC 5936 section 2.2 (zone transfers),
RFC 1034 section 4.3.1 (recursion) and 4.2.1 (referrals).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.base import Datagram
from analyzer.protocols.dns import assemble
from analyzer.protocols.dns.cache import Messages, Reading
from analyzer.protocols.dns.messages import Message
from analyzer.protocols.dns.plain import Plain
from analyzer.protocols.dns.registry import type_name
from analyzer.protocols.dns.rows import Exchange, Question, says_same
from analyzer.protocols.dns.table import DnsRows
from analyzer.units import NS_PER_MS, NS_PER_S

RETRY_GAP_NS = 60 * NS_PER_S
"""A repeat this long after the last attempt is a new question: stub resolvers retry after 1 to 30 seconds, and
ports and ids come round again."""

COPY_NS = NS_PER_MS
"""A repeat this soon is the same packet recorded twice (a mirror port, both sides of a router): no resolver library
waits less than some hundred milliseconds, and an answer from the next machine may take as long."""

MDNS_WINDOW_NS = 5 * NS_PER_S
"""How long an mDNS question waits: responders answer within 120 ms, half a second when more is to come (RFC 6762
section 6, 7.2); five seconds leave room for sleepy hosts and keep later announcements apart."""

TRANSFER_ANSWERS = 50_000
"""Records kept of one zone transfer; the rest is in the capture, and no reader wants it in a table."""

UNREADABLE_ROWS = 10_000
"""Rows kept for messages without a readable question: something else runs over this port then."""

_TRANSFERS = (251, 252)
_GROUP_PORTS = {5353: "mdns", 5355: "llmnr"}

Key = tuple[str, int, str, int, int | None, int, int | None]
"""Client, its port, server, its port, TCP stream, id, VLAN."""


def exchanges(
    datagrams: Iterable[Datagram],
    problems: ProblemLog | None = None,
    capture_end_time: int | None = None,
    plain: Plain | None = None,
) -> DnsRows:
    """Pair DNS messages, in any order, into rows ordered by their first frame.

    Args:
        datagrams: messages over UDP and TCP; those of port 5353 are mDNS, of 5355 LLMNR.
        problems: where malformed messages are reported.
        capture_end_time: ns, last packet of the capture; tells a question at the very end from one left
            unanswered (``outcome_why`` is ``capture_ended`` then).
        plain: lookups that were read already, whose datagrams are not among ``datagrams``.
    """
    pairing = _Pairing(ProblemLog() if problems is None else problems)
    pairing.add(sorted(datagrams, key=itemgetter(0)))
    pairing.rows.sort(key=_first_frame)  # a response of another VLAN may have got its row late
    return assemble.table(pairing.rows, [exchange.row(capture_end_time) for exchange in pairing.rows], plain)


def transport(datagram: Datagram) -> str:
    """Return ``udp``, ``tcp``, ``mdns`` or ``llmnr``; port 53 on either side decides first."""
    if datagram.stream is not None:
        return "tcp"
    ports = (datagram.destination_port, datagram.source_port)
    if 53 in ports:
        return "udp"
    return _GROUP_PORTS.get(ports[0]) or _GROUP_PORTS.get(ports[1]) or "udp"


class _Pairing:
    """Open questions by what answers them. State grows by at most one entry per row."""

    def __init__(self, problems: ProblemLog) -> None:
        self.rows: list[Exchange] = []
        self._problems = problems
        self._messages = Messages()
        self._last: dict[Key, Exchange] = {}
        self._earlier: dict[tuple[Key, Question], Exchange] = {}
        self._anywhere: dict[Key, Exchange] | None = None  # last question whatever its VLAN, where there are any
        self._multicast: dict[tuple[str, str], dict[str, Exchange]] = {}
        self._unreadable = 0

    def add(self, datagrams: Iterable[Datagram]) -> None:
        """Take messages in capture order.

        What nearly all are - a new question over UDP or TCP, and the first answer to it - is settled here, everything
        else by the methods below.
        """
        read, last, rows = self._messages.read, self._last, self.rows
        for datagram in datagrams:
            frame, time, source, port, destination, to_port, payload, cut, stream, vlan = datagram
            if vlan is not None and self._anywhere is None:
                self._anywhere = {(*key[:6], None): exchange for key, exchange in last.items()}
            kind = "udp" if stream is None and (to_port == 53 or port == 53) else transport(datagram)
            if kind == "mdns":
                self._add_multicast(datagram, read(payload, multicast=True, cut=cut))
                continue
            reading = read(payload, cut=cut)
            message = reading[0]
            if not self._taken(datagram, message):
                continue
            ident = payload[0] << 8 | payload[1] if len(payload) > 1 else 0
            question = message.qname, message.qtype, message.qclass
            if message.flags < 0x8000:
                key = source, port, "" if kind == "llmnr" else destination, to_port, stream, ident, vlan
                exchange = last.get(key)
                if self._anywhere is not None and (exchange is None or exchange.response is not None):
                    exchange = self._passed_on(key, datagram, question) or exchange
                if exchange is None:
                    exchange = last[key] = Exchange(
                        kind, source, port, destination, to_port, ident, stream, message, question, [frame], time, time
                    )
                    exchange.cut = cut
                    rows.append(exchange)
                    if self._anywhere is not None:
                        self._anywhere[*key[:6], None] = exchange
                else:
                    self._ask_again(datagram, key, exchange, message, question)
                continue
            key = destination, to_port, "" if kind == "llmnr" else source, port, stream, ident, vlan
            exchange = last.get(key)
            if exchange is None and self._anywhere is not None:
                self._answer_across(datagram, kind, key, reading, question)
            elif exchange is not None and exchange.response is None and exchange.question == question:
                _respond(exchange, datagram, reading)
            else:
                self._answer(datagram, kind, key, reading, question)

    def _passed_on(self, key: Key, datagram: Datagram, question: Question) -> Exchange | None:
        """Return the question on another VLAN that this query shows a second time."""
        found = self._anywhere.get((*key[:6], None)) if self._anywhere is not None else None
        if found is None or found.question != question or not _waiting(found, datagram.time):
            return None
        if not _copied(found, datagram.time):
            return None
        self._last[key] = found
        return found

    def _answer_across(self, datagram: Datagram, kind: str, key: Key, reading: Reading, question: Question) -> None:
        """Take a response on a VLAN where nothing was asked: it counts until one comes where the question was."""
        found = self._anywhere.get((*key[:6], None)) if self._anywhere is not None else None
        if found is None or (question[1] is not None and found.question != question):
            self._unasked(datagram, kind, key[5], reading)
        elif found.response is None:
            _respond(found, datagram, reading)
            found.elsewhere = datagram, reading
        elif says_same(found, *reading[:2]):
            found.again(datagram.frame, *reading[:2])
        else:
            self._unasked(datagram, kind, key[5], reading)

    def _at_home(self, exchange: Exchange, datagram: Datagram, kind: str, ident: int, reading: Reading) -> None:
        """Take the response on the question's own VLAN after one of another VLAN."""
        assert exchange.elsewhere is not None
        before, exchange.elsewhere = exchange.elsewhere, None
        same = says_same(exchange, *reading[:2])
        _respond(exchange, datagram, reading)
        if same:
            exchange.again(before[0].frame, *before[1][:2])
        else:
            self._unasked(before[0], kind, ident, before[1])

    def _taken(self, datagram: Datagram, message: Message) -> bool:
        """Report what is wrong with a message; say whether it gets a row."""
        if message.error is None and not message.odd and not message.dropped:
            return True
        self._report(datagram, message)
        return message.qtype is not None or message.error is None or self._room(datagram)

    def _room(self, datagram: Datagram) -> bool:
        self._unreadable += 1
        if self._unreadable == UNREADABLE_ROWS + 1:
            text = f"more than {UNREADABLE_ROWS} messages without a readable question; no rows for the rest"
            self._problems.add(Problem("LIMIT-REACHED", "dns", text, datagram.frame))
        return self._unreadable <= UNREADABLE_ROWS

    def _report(self, datagram: Datagram, message: Message) -> None:
        add, frame = self._problems.add, datagram.frame
        if message.error is not None and not datagram.cut:
            add(Problem("DNS-MALFORMED", "dns", f"DNS message: {message.error}", frame, message.error_offset))
        for offset, text in message.odd:
            add(Problem("DNS-RDATA", "dns", text, frame, offset))
        if message.dropped:
            text = f"{message.dropped} answers are not kept: compressed names blow them up beyond reason"
            add(Problem("LIMIT-REACHED", "dns", text, frame))

    def _ask_again(self, datagram: Datagram, key: Key, last: Exchange, message: Message, question: Question) -> None:
        """Take a query under a key that was used before: another attempt, or another question."""
        exchange: Exchange | None = last
        if last.question != question:
            self._earlier[key, last.question] = last
            exchange = self._earlier.get((key, question))
        if exchange is None or not _waiting(exchange, datagram.time):
            exchange = self._open(datagram, last.transport, last.id, message, question)
        self._last[key] = exchange
        if self._anywhere is not None:
            self._anywhere[*key[:6], None] = exchange
        _attempt(exchange, datagram)

    def _open(self, datagram: Datagram, kind: str, ident: int, message: Message, question: Question) -> Exchange:
        exchange = Exchange(
            kind,
            datagram.source,
            datagram.source_port,
            datagram.destination,
            datagram.destination_port,
            ident,
            datagram.stream,
            message,
            question,
        )
        self.rows.append(exchange)
        return exchange

    def _answer(self, datagram: Datagram, kind: str, key: Key, reading: Reading, question: Question) -> None:
        """Take a response that is not the first one to the last question under its key."""
        message = reading[0]
        exchange = self._last.get(key)
        if exchange is not None and exchange.question != question and None not in (message.qtype, exchange.question[1]):
            exchange = self._earlier.get((key, question))
        if exchange is None:
            self._unasked(datagram, kind, key[5], reading)
        elif exchange.response is None:
            _respond(exchange, datagram, reading)
        elif exchange.elsewhere is not None:
            self._at_home(exchange, datagram, kind, key[5], reading)
        elif datagram.stream is not None and exchange.query is not None and exchange.query.qtype in _TRANSFERS:
            if exchange.more is None:
                exchange.more = []
            room = TRANSFER_ANSWERS - len(exchange.more)
            exchange.more += reading[1][:room]
            if len(reading[1]) > room:
                text = f"a zone transfer has more than {TRANSFER_ANSWERS} records; no more are kept"
                self._problems.add(Problem("LIMIT-REACHED", "dns", text, datagram.frame))
        else:
            exchange.again(datagram.frame, *reading[:2])

    def _unasked(self, datagram: Datagram, kind: str, ident: int, reading: Reading) -> None:
        exchange = Exchange(
            kind,
            datagram.destination,
            datagram.destination_port,
            datagram.source,
            datagram.source_port,
            ident,
            datagram.stream,
        )
        _respond(exchange, datagram, reading)
        self.rows.append(exchange)

    def _add_multicast(self, datagram: Datagram, reading: Reading) -> None:
        message, payload = reading[0], datagram.payload
        if not self._taken(datagram, message):
            return
        ident = payload[0] << 8 | payload[1] if len(payload) > 1 else 0
        if message.flags < 0x8000:
            waiting = self._multicast.setdefault((message.qname, type_name(message.qtype or 0)), {})
            exchange = waiting.get(datagram.source)
            if exchange is None or not _waiting(exchange, datagram.time):
                question = (message.qname, message.qtype, message.qclass)
                exchange = waiting[datagram.source] = self._open(datagram, "mdns", ident, message, question)
            _attempt(exchange, datagram)
            return
        answered = False
        for name, rtype in {(answer.name, answer.type) for answer in message.answers}:
            for wanted in (rtype, "ANY"):
                answered |= self._answer_group(datagram, reading, name, wanted)
        if not answered:
            self._unasked(datagram, "mdns", ident, reading)

    def _answer_group(self, datagram: Datagram, reading: Reading, name: str, rtype: str) -> bool:
        """Answer everyone who waits for this name and type; they are few, and leave the table here."""
        waiting = self._multicast.pop((name, rtype), None)
        answered = False
        for exchange in (waiting or {}).values():
            if exchange.response is None and datagram.time - exchange.last_query_time <= MDNS_WINDOW_NS:
                _respond(exchange, datagram, reading)
                exchange.server = datagram.source
                answered = True
        return answered


def _first_frame(exchange: Exchange) -> int:
    return exchange.query_frames[0] if exchange.query_frames else exchange.response_frame or 0


def _waiting(exchange: Exchange, time: int) -> bool:
    return exchange.response is None and time - exchange.last_query_time <= RETRY_GAP_NS


def _copied(exchange: Exchange, time: int) -> bool:
    """Return whether a query seen again is the same packet; of packets without a time nobody knows."""
    return time != 0 and 0 <= time - exchange.last_query_time < COPY_NS


def _attempt(exchange: Exchange, datagram: Datagram) -> None:
    if exchange.query_time is None:
        exchange.query_time = datagram.time
        exchange.query_frames = [datagram.frame]
    elif type(exchange.query_frames) is list:
        exchange.query_frames.append(datagram.frame)
        if _copied(exchange, datagram.time):
            exchange.copies += 1
            return
    exchange.last_query_time = datagram.time
    if datagram.cut:
        exchange.cut = True


def _respond(exchange: Exchange, datagram: Datagram, reading: Reading) -> None:
    exchange.response, exchange.answers, exchange.negative_ttl = reading
    exchange.response_frame = datagram.frame
    exchange.response_time = datagram.time
    if datagram.cut:
        exchange.cut = True
    if exchange.transport == "llmnr":
        exchange.server = datagram.source
