"""Captures that others made, with facts that others published about them; skipped where they are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline import analyze

pytestmark = pytest.mark.shared


@pytest.mark.parametrize(
    ("capture", "fingerprints"),
    [
        # what the JA4 project's own programs say about its captures
        ("ja4-browsers-x509.pcapng", {"t13d1516h2_8daaf6152771_e5627efa2ab1"}),
        ("ja4-pcap-tls12.pcap", {"t13d1715h2_5b57614c22b0_3d5424432f57"}),
    ],
)
def test_ja4_of_the_ja4_project(shared_captures: Path, capture: str, fingerprints: set[str]) -> None:
    rows = analyze(str(shared_captures / "tls" / capture)).tls
    assert {row.ja4 for row in rows} == fingerprints


def test_hello_retry_with_a_reordered_segment(shared_captures: Path) -> None:
    """Frame 11 fills the hole that frame 9 left; both ServerHellos are read."""
    (row,) = analyze(str(shared_captures / "tls" / "zeek-tls-hrr.pcap")).tls
    assert (row.handshake_history, row.hello_retry, row.round_trips) == ("CjiICsdD", True, 2)
    assert (row.client_hello_frame, row.server_hello_frame, row.finished_frame) == (4, 11, 13)


@pytest.mark.parametrize(("capture", "version"), [("zeek-ssl.v3.pcap", "TLSv1.0"), ("zeek-ssl-v2.pcap", "SSLv2")])
def test_hellos_in_the_form_of_ssl_2(shared_captures: Path, capture: str, version: str) -> None:
    row = analyze(str(shared_captures / "tls" / capture)).tls[0]
    assert (row.stream, row.version, row.ja3, row.ja4) == (0, version, None, None)
    assert len(row.ciphers_offered) in (7, 20)  # tshark lists seven kinds of SSL 2.0 in one, twenty in the other
    assert len(row.certificates) > 0
