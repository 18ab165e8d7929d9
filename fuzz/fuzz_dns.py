"""Fuzz DNS: any bytes as messages, as datagrams and as a TCP stream give rows and problems, never an exception.

pip install atheris && python fuzz/fuzz_dns.py -max_total_time=60
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports():
    from analyzer.flows.stream import memory_stream
    from analyzer.problems import ProblemLog
    from analyzer.protocols.base import Conversation, Datagram
    from analyzer.protocols.dns.cache import Messages
    from analyzer.protocols.dns.framing import tcp_dns_messages
    from analyzer.protocols.dns.messages import parse
    from analyzer.protocols.dns.session import exchanges
    from analyzer.schema import plain

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.53", 53)


def one_input(data: bytes) -> None:
    """Use the first byte to choose how the rest is cut."""
    cut, body = (data[0], data[1:]) if data else (0, b"")
    message = parse(body)
    assert (message.error is None) == (message.error_offset is None)
    remembered = Messages()
    for again in (body, body[:2] + b"\x81" + body[3:], body):
        fresh = parse(again)
        assert remembered.read(again)[1:] == (fresh.answers, fresh.negative_ttl)
    at = cut % (len(body) + 1)
    pieces = [(0, body[:at], 1, 1), (at + (cut & 3), body[at:], 2, 2)]
    stream = memory_stream(pieces, from_start=bool(cut & 4))
    talk = Conversation(0, stream, memory_stream([]), CLIENT, SERVER)
    ports = (53, 5353, 5355)
    datagrams = [
        Datagram(3, 3, *CLIENT, SERVER[0], ports[cut % 3], body[:at]),
        Datagram(4, 4, SERVER[0], ports[cut % 3], *CLIENT, body[at:], cut=bool(cut & 8)),
        *tcp_dns_messages(talk),
    ]
    for kept in (datagrams, [one._replace(destination_port=53, source_port=53) for one in datagrams]):
        for row in exchanges(kept, ProblemLog(), 10):
            plain(row)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
