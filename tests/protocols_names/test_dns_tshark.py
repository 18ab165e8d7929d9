"""Our ``dns`` rows against tshark's answers about all shared captures with DNS in them (see tests/agree_dns.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agree_dns import GROUPS, Sum, agreement

KNOWN = (
    "pair: dns/nDPI-dns-invalid-chars.pcap@1",  # the answer is to another name: tshark pairs by id
    "data: dns/nDPI-malformed_dns.pcap",  # a name of more than 255 octets: hex here, words there
    "question: dns/sv-dns-dns-forward-pointer.pcap@1",  # a pointer forwards, which tshark follows
    "question: dns/tcpdump-dns-badlabel.pcap@1",  # tshark puts words in the place of a name that cannot be read
    "question: dns/tcpdump-dns_fwdptr.pcap@1",
    "question: dns/zeek-dns-invalid-names.pcap@2",
)
"""Beginnings of all differences; docs/differences.md explains them."""


@pytest.fixture(scope="module")
def total(shared_captures: Path) -> Sum:
    return agreement(list(GROUPS), shared_captures)


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["question", "pair", "latency", "rcode", "answer count", "data"])
def test_tshark_agrees(total: Sum, kind: str) -> None:
    assert total.of[kind] >= 900
    assert total.share(kind) >= 0.995


@pytest.mark.shared
def test_every_difference_is_known(total: Sum) -> None:
    assert [told for told in total.differences if not told.startswith(KNOWN)] == []
    assert total.aside == {"encrypted": 14, "quoted": 4, "repeated": 21}
