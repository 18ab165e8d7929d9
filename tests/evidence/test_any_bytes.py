"""Whatever bytes a packet holds: nothing is raised, nothing grows, and what is no header is not taken for one."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from analyzer.evidence import headers
from analyzer.evidence.heads import masked_head
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow
from tests import build
from tests.conftest import SAMPLES

BYTES = st.binary(max_size=120)
LINES = st.lists(st.sampled_from([b"a: b", b"Cookie: c=d", b" fold", b"", b"\xff: \x00", b"Authorization", b"x:y\r"]))
ROW: HttpRow = analyze(str(SAMPLES / "plain-visit.pcapng")).http[0]


@given(st.integers(0, 300), BYTES, st.booleans())
def test_outer_headers(link_type: int, packet: bytes, transport: bool) -> None:
    assert 0 <= headers.outer(link_type, packet, transport=transport) <= len(packet)


@given(BYTES, st.sampled_from([1, 58]))
def test_icmp(message: bytes, protocol: int) -> None:
    assert min(8, len(message)) <= headers.icmp(message, protocol) <= len(message)


@given(BYTES)
def test_arp(message: bytes) -> None:
    assert headers.arp(message) <= len(message)


@given(BYTES, st.sampled_from([1, 113, 276, 0, 101, 127]))
def test_a_payload_is_no_header(payload: bytes, link_type: int) -> None:
    """Behind an IPv4 header of protocol 200 nothing counts; with a link layer that is not known nothing at all."""
    before = {1: build.eth(b""), 113: b"\0" * 14 + b"\x08\0", 276: b"\x08\0" + b"\0" * 18, 0: b"\2\0\0\0"}
    head = before.get(link_type, b"")
    packet = head + build.ip4(payload, proto=200)
    expected = 0 if link_type == 127 else len(head) + 20
    assert headers.outer(link_type, packet, transport=True) == expected


@given(st.sampled_from([b"GET /a?b=c HTTP/1.1", b"HTTP/1.1 200 OK", b"PRI * HTTP/2.0", b"GET /a", b"", b"\0"]), LINES,
       st.sampled_from([b"\n", b"\r\n"]), BYTES, st.booleans())  # fmt: skip
def test_a_head_keeps_its_length(first: bytes, lines: list[bytes], end: bytes, body: bytes, request: bool) -> None:
    raw = end.join([first, *lines, b"", b""]) + body
    out = masked_head(raw, ROW, request=request)
    found = re.search(rb"\n\r?\n", raw)
    if out is not None:
        assert found is not None
        assert len(out) == found.end()
        assert all(now in (was, ord("x")) for was, now in zip(raw, out, strict=False))
        assert first.startswith(b"HTTP") != request
