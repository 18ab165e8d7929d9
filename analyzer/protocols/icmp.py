"""ICMP and ICMPv6: echoes with their replies, errors with what they quote, and everything else by name.

Rules:

* A reply belongs to the latest request with its addresses, id and sequence number that has no reply yet, and must
  return the request's data (RFC 792): the checksums must fit, as in Wireshark, or the request's data begin with the
  reply's (some hosts shorten long replies). So the messages of a tunnel over ICMP are no pairs. A fitting reply from
  another address (a request to a group, a source route) is accepted too.
* Every request is a row, and a reply without a request (``request_frame`` is null).
* An error is a row of its own: ``request_frame`` is its frame, ``quoted_frame`` and ``quoted_stream`` the packet it is
  about. An echo request that got an error instead of a reply has outcome ``error``, unless the
  error is mere advice (redirect, source quench).
* ``hop`` of a "time exceeded" is the TTL its packet was sent with, seen near the sender: the number of the router.
  It stays null when the packet itself was seen elsewhere or has an ordinary starting TTL (a routing loop).
* ``mtu`` is what a "too big" error asks for, ``gateway`` the router that a redirect names.
* ``bytes`` counts the whole ICMP message, as ``ping`` does ("64 bytes from").

Sources: RFC 792, RFC 4443, RFC 4884 (extended errors), IANA "ICMP Parameters" and "ICMPv6 Parameters".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields

from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.icmp_quotes import (
    CIRCLE_NS,
    ECHO,
    HEADER_BYTES,
    ICMP4,
    ICMP6,
    NOTHING,
    IcmpMessage,
    Quote,
    Quoted,
    Resolver,
    better_router,
    next_mtu,
    read_quote,
)
from analyzer.protocols.icmp_words import meaning
from analyzer.schema import IcmpRow, maker
from analyzer.units import ms_between

__all__ = ["MAX_HOP", "IcmpMessage", "exchanges", "is_error"]

MAX_HOP = 40
"""Highest TTL believed to be a traceroute's probe: traceroute stops at 30 by default, and systems start at 64, 128
or 255, so more is a packet that ran in a circle."""

_ERRORS4 = frozenset({3, 4, 5, 11, 12})
_DELIVERED = frozenset({(ICMP4, 4), (ICMP4, 5)})
"""Source quench and redirect: the packet may have gone on all the same (RFC 792)."""
_TIME_EXCEEDED = {(ICMP4, 11), (ICMP6, 3)}
_row = maker(IcmpRow)
_FIELDS = [field.name for field in fields(IcmpRow)]
_QUOTES_NOTHING = (None,) * (len(_FIELDS) - _FIELDS.index("quoted_stream"))
"""The fields of an echo from ``quoted_stream`` on."""


@dataclass(slots=True)
class _Echo:
    """An echo row while it is being filled."""

    request: IcmpMessage | None
    reply: IcmpMessage | None = None
    failed: bool = False
    highest_ttl: int = 0


def exchanges(
    messages: Iterable[IcmpMessage], resolve: Resolver | None = None, problems: ProblemLog | None = None
) -> list[IcmpRow]:
    """Turn ICMP messages into rows ordered by their first frame.

    Args:
        messages: in capture order.
        resolve: finds the packet that an error quotes (see :func:`analyzer.protocols.collect.resolver`).
        problems: where messages too short to be read are reported.
    """
    rows: list[_Echo | IcmpRow] = []
    echoes = _Echoes()
    for message in messages:
        if len(message.payload) < 4:
            _short(problems, message)
            if not message.payload:
                continue
        request = ECHO.get((message.protocol, message.payload[0]))
        if request is None or len(message.payload) < HEADER_BYTES:
            rows.append(_lone_row(message, echoes, resolve))
        elif request:
            rows.append(echoes.ask(message))
        else:
            echo = echoes.asked(message)
            if echo is not None:
                echo.reply = message
            else:
                rows.append(_Echo(None, message))
    return [_echo_row(row) if isinstance(row, _Echo) else row for row in rows]


class _Echoes:
    """Requests by what a reply (or an error) shows of them. The last request of a key replaces earlier ones."""

    def __init__(self) -> None:
        self._exact: dict[tuple[object, ...], _Echo] = {}
        self._loose: dict[tuple[object, ...], _Echo] = {}

    def ask(self, request: IcmpMessage) -> _Echo:
        """Note a request."""
        mark = request.payload[4:8]
        rest = _rest(request)
        before = self._exact.get((request.source, request.destination, mark, rest))
        echo = _Echo(request, highest_ttl=max(request.ttl, _seen_before(before, request.time)))
        self._exact[request.source, request.destination, mark, rest] = echo
        self._exact[request.source, None, mark, rest] = echo
        self._loose[request.protocol, request.source, request.destination, mark] = echo
        return echo

    def asked(self, reply: IcmpMessage) -> _Echo | None:
        """Return the request that a reply answers."""
        mark = reply.payload[4:8]
        rest = _rest(reply)
        found = self._exact.get((reply.destination, reply.source, mark, rest))
        if found is None:
            found = self.sent(reply.protocol, reply.destination, reply.source, mark)
            if found is not None and not _same_data(found, reply):
                found = None
        if found is None:
            found = self._exact.get((reply.destination, None, mark, rest))
        return found if found is not None and found.reply is None else None

    def sent(self, protocol: int, source: str, destination: str, mark: bytes) -> _Echo | None:
        """Return the last request with this id and sequence number."""
        return self._loose.get((protocol, source, destination, mark))


def _seen_before(before: _Echo | None, time: int) -> int:
    """Return the highest TTL of a request that looks the same and may be this one on an earlier round."""
    if before is None or before.request is None or time - before.request.time > CIRCLE_NS:
        return 0
    return before.highest_ttl


def _rest(message: IcmpMessage) -> int:
    """Return the one's complement sum of everything but the type, from the checksum: equal in request and reply."""
    return ((~(message.payload[2] << 8 | message.payload[3]) & 0xFFFF) - (message.payload[0] << 8)) % 0xFFFF


def _same_data(echo: _Echo, reply: IcmpMessage) -> bool:
    if echo.request is None or reply.size > echo.request.size:
        return False
    first, second = echo.request.payload[HEADER_BYTES:], reply.payload[HEADER_BYTES:]
    return first.startswith(second) or second.startswith(first)


def _short(problems: ProblemLog | None, message: IcmpMessage) -> None:
    if problems is not None:
        text = f"ICMP message has {len(message.payload)} bytes; the type, code and checksum alone have 4"
        problems.add(Problem("ICMP-SHORT", "icmp", text, message.frame, len(message.payload)))


def _echo_row(echo: _Echo) -> IcmpRow:
    request, reply = echo.request, echo.reply
    first = request or reply
    assert first is not None
    source, destination = first.source, first.destination
    if request is None:
        source, destination = destination, source
    ident, sequence = struct.unpack_from("!HH", first.payload, 4)
    return _row(
        "echo",
        None if request is None else request.frame,
        None if reply is None else reply.frame,
        first.time,
        source,
        destination,
        ident,
        sequence,
        None if request is None else request.ttl,
        None if reply is None else reply.ttl,
        first.size,
        ms_between(request.time, reply.time) if request and reply else None,
        "answered" if reply is not None else "error" if echo.failed else "unanswered",
        first.payload[0],
        first.payload[1],
        meaning(first.protocol, first.payload[0], first.payload[1]),
        *_QUOTES_NOTHING,
    )


def _lone_row(message: IcmpMessage, echoes: _Echoes, resolve: Resolver | None) -> IcmpRow:
    """Return the row of a message that is no echo, and tell the echo that an error quotes."""
    kind = message.payload[0]
    code = message.payload[1] if len(message.payload) > 1 else 0
    error = is_error(message.protocol, kind)
    quote = read_quote(message) if error else None
    about = _about(quote, (message.protocol, kind), echoes, resolve) if quote is not None else NOTHING
    redirect = better_router(message)
    ports = quote.ports if quote is not None else (None, None)
    probe = (message.protocol, kind) in _TIME_EXCEEDED and code == 0
    ordinary = (about.highest_ttl or about.ttl or 0) > MAX_HOP
    hop = about.ttl if probe and not ordinary and about.ttl else None
    return _row(
        "error" if error else "other",
        message.frame,
        None,  # reply_frame
        message.time,
        message.source,
        message.destination,
        None,  # id
        None,  # sequence
        message.ttl,
        None,  # reply_ttl
        message.size,
        None,  # latency_ms
        "error" if error else "not_applicable",
        kind,
        code,
        meaning(message.protocol, kind, code),
        about.stream,
        about.frame,
        hop,
        quote.destination if quote is not None else redirect[1] if redirect else None,
        None if quote is None else quote.source,
        None if quote is None else quote.protocol_name,
        *ports,
        about.highest_ttl,
        None if about.time is None else ms_between(about.time, message.time),
        None,  # quoted_table, quoted_row: written when all rows are there (analyzer.visits.unreachable)
        None,
        next_mtu(message),
        redirect[0] if redirect else None,
    )


def is_error(protocol: int, kind: int) -> bool:
    """Return whether a type quotes another packet: RFC 792's error types, ICMPv6 types below 128."""
    return kind in _ERRORS4 if protocol == ICMP4 else kind < 128


def _about(quote: Quote, error: tuple[int, int], echoes: _Echoes, resolve: Resolver | None) -> Quoted:
    if quote.protocol in (ICMP4, ICMP6) and quote.source_port is not None and quote.destination_port is not None:
        packed = struct.pack("!HH", quote.source_port, quote.destination_port)
        echo = echoes.sent(quote.protocol, quote.source, quote.destination, packed)
        if echo is None or echo.request is None:
            return NOTHING
        echo.failed |= error not in _DELIVERED
        return Quoted(None, echo.request.frame, echo.request.ttl, echo.request.time, echo.highest_ttl)
    return resolve(quote) if resolve is not None else NOTHING
