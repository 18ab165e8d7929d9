"""Addresses as text: RFC 5952's rules and examples."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.addresses import host_text, ip_text

# RFC 5952: (section, address as 32 hex digits, recommended text)
RFC_5952 = [
    ("4.1 leading zeros", "20010db8000000000000000000000001", "2001:db8::1"),
    ("4.2.1 shorten as much as possible", "20010db8000000000000000000020001", "2001:db8::2:1"),
    ("4.2.2 no :: for one field", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"),
    ("4.2.3 the longest run", "20010000000000010000000000000001", "2001:0:0:1::1"),
    ("4.2.3 the first of equal runs", "20010db8000000000001000000000001", "2001:db8::1:0:0:1"),
    ("4.3 lower case", "20010db80000000000000000ABCDEF00", "2001:db8::abcd:ef00"),
    ("5 IPv4-mapped", "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"),
    ("unspecified", "0" * 32, "::"),
    ("loopback", "0" * 31 + "1", "::1"),
    ("all ones", "f" * 32, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
]


@pytest.mark.parametrize(("rule", "raw", "text"), RFC_5952, ids=[r[0] for r in RFC_5952])
def test_rfc_5952(rule: str, raw: str, text: str) -> None:
    assert ip_text(bytes.fromhex(raw)) == text


def test_ipv4() -> None:
    assert ip_text(bytes([192, 0, 2, 1])) == "192.0.2.1"
    assert ip_text(bytes(4)) == "0.0.0.0"


@given(st.binary(min_size=16, max_size=16))
def test_the_text_reads_back(raw: bytes) -> None:
    assert ipaddress.IPv6Address(ip_text(raw)).packed == raw


def test_host_rows() -> None:
    assert host_text(bytes([4, 10, 0, 0, 7]) + bytes(12)) == "10.0.0.7"
    assert host_text(bytes([6]) + bytes.fromhex("20010db8000000000000000000000001")) == "2001:db8::1"
