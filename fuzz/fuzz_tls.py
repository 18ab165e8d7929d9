"""Fuzz target: any bytes as the two sides of a connection, with holes, give a bounded TLS row or none, never an error.

The first byte decides where the sides part and whether the connection's beginning was captured; the next four where
holes are. Run: ``python fuzz/fuzz_tls.py [corpus folder]`` with atheris installed.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["analyzer"]):
    from analyzer.flows.stream import ByteStream, memory_stream
    from analyzer.protocols.base import Conversation
    from analyzer.protocols.tls.session import session, session_at, session_inside

OUTCOMES = ("established", "failed", "incomplete", "midstream")


def side(data: bytes, hole: tuple[int, int], first_frame: int, from_start: bool) -> ByteStream:
    """Return a side in segments of 100 bytes without the bytes of the hole."""
    low, high = hole[0], hole[0] + hole[1]
    pieces = []
    for number, at in enumerate(range(0, len(data), 100)):
        for start, end in ((at, min(at + 100, low)), (max(at, high), at + 100)):
            if start < min(end, len(data)):
                pieces.append((start, data[start:end], first_frame + 2 * number, first_frame + 2 * number))
    return memory_stream(pieces, end=len(data), from_start=from_start)


def one(data: bytes) -> None:
    """Read one conversation in every way there is."""
    if len(data) < 5:
        return
    share, *holes = data[:5]
    body = data[5:]
    cut = len(body) * (share >> 1) // 127
    client = side(body[:cut], (holes[0], holes[1] & 15), 1, bool(share & 1))
    server = side(body[cut:], (holes[2], holes[3] & 15), 2, bool(share & 1))
    talk = Conversation(0, client, server, ("10.0.0.1", 1024), ("10.0.0.2", 443))
    for row in (session(talk), session_at(talk, 0, 0), session_inside(talk)):
        if row is not None:
            assert row.outcome in OUTCOMES
            assert len(row.handshake_history) < 1000
            assert row.handshake_ms is None or row.handshake_ms >= 0
            assert row.handshake_ms is not None or row.handshake_why is not None


def main() -> None:
    """Start atheris with the command line's arguments."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
