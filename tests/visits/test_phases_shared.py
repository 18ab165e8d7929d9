"""Phases in captures that nobody here made, against the frame times that tshark prints (seconds), put together by hand.

Every expected number is a difference of two ``frame.time_relative``, written out beside it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow, PhaseFrames
from tests.visits.scene import check

pytestmark = pytest.mark.shared


def near(seconds: float) -> object:
    """Return a time in ms, to the microsecond that these captures and tshark count in."""
    return pytest.approx(seconds * 1000, abs=1e-3)


def read(folder: Path, name: str) -> Analysis:
    analysis = analyze(str(folder / name))
    check(analysis)
    return analysis


def of_frame(analysis: Analysis, frame: int) -> HttpRow:
    """Return the row whose request began in a frame."""
    (row,) = [row for row in analysis.http if row.request_frames is not None and row.request_frames[0] == frame]
    return row


def test_first_page_seen_at_the_client(shared_captures: Path) -> None:
    """DNS 5-6, SYN 7, SYN/ACK 8, ACK 9, GET 10, bare ACK 11, 200 in 12; GET 13, 404 in 14, which carries its ACK."""
    analysis = read(shared_captures, "labs/kr-http-ethereal-trace-1.pcap")
    first, second = analysis.http
    assert first.phase_frames == PhaseFrames(
        dns=(5, 6), connect=(7, 9), blocked=(9, 10), send=(10, 10), wait=(10, 12), receive=(12, 12)
    )
    assert first.dns_ms == near(4.663785 - 4.626878)
    assert first.connect_ms == near(4.694458 - 4.675312)
    assert first.blocked_ms == near(4.694850 - 4.694458)
    assert (first.send_ms, first.receive_ms) == (0, 0)
    assert first.wait_ms == near(4.718993 - 4.694850)
    leg = 4.694429 - 4.675312  # quicker than the 22.4 ms after which frame 11 acknowledged the GET
    assert first.wait_network_ms == near(leg)
    assert first.wait_server_ms == near(4.718993 - 4.694850 - leg)
    assert first.wait_server_min_ms == near(4.718993 - 4.717289)
    assert (first.vantage, first.phase_trust.wait_server) == ("client", "measured")
    assert second.blocked_ms == near(4.724332 - 4.718993)
    assert second.wait_ms == near(4.750366 - 4.724332)
    assert second.wait_server_ms == near(4.750366 - 4.724332 - leg)
    assert second.wait_server_min_ms is None
    assert (second.dns_why, second.connect_why) == ("reused", "reused")


def test_seen_half_way(shared_captures: Path) -> None:
    """SYN 1, SYN/ACK 2, ACK 3: 0.687 ms to the server, 0.644 to the client; GET 10, ACK 11, answer 12 to 24."""
    analysis = read(shared_captures, "labs/Networks-Packets-lab-http.pcap")
    row = of_frame(analysis, 10)
    assert row.vantage == "middle"
    assert row.blocked_ms == near(0.006444 - 0.004996)
    assert row.wait_ms == near(0.007992 - 0.006444)
    quickest = 0.002776 - 0.002116  # GET 4 and its ACK 5
    assert row.wait_network_ms == near(quickest)
    assert row.wait_server_ms == near(0.007992 - 0.006444 - quickest)
    assert row.wait_server_min_ms == near(0.007992 - 0.007212)
    assert row.receive_ms == near(0.017540 - 0.007992)
    said = row.phase_trust
    assert (said.blocked, said.wait, said.wait_network, said.wait_server) == ("bounded",) * 3 + ("measured",)


def test_request_sent_twice(shared_captures: Path) -> None:
    """GET in 4, again in 5, acknowledged in 6, answered in 7; SYN 1, SYN/ACK 2."""
    row = of_frame(read(shared_captures, "http1/zeek-http-filename.pcap"), 4)
    assert row.wait_ms == near(0.675635 - 0.081985)
    assert row.wait_loss_ms == near(0.592498 - 0.081985)
    assert row.wait_network_ms == near(0.673082 - 0.592498)  # quicker than the handshake's 80.788
    assert row.wait_server_ms == row.wait_server_min_ms == near(0.675635 - 0.673082)


def test_first_segment_of_the_answer_lost(shared_captures: Path) -> None:
    """GET 357, ACK 396; the second segment of the answer arrives in 397, the first, repeated, in 423."""
    row = of_frame(read(shared_captures, "http1/samples-dns-DNS2.pcap"), 357)
    assert row.wait_ms == near(4.437475 - 4.347223)
    assert row.wait_loss_ms == near(4.437475 - 4.391374)
    assert row.wait_network_ms == near(4.346681 - 4.305517)
    assert row.wait_server_min_ms == near(4.391374 - 4.389400)


def test_slow_though_the_handshake_was_not_seen(shared_captures: Path) -> None:
    """GET 260, ACK 320, the redirect in 594: at least the time since the ACK was the server's."""
    row = of_frame(read(shared_captures, "mixed/gotraffic-captures-http.pcapng"), 260)
    assert row.wait_ms == near(1.845512 - 0.995508)
    assert row.wait_server_min_ms == near(1.845512 - 1.042829)
    assert row.wait_network_ms is None
    assert row.phase_trust.wait_server == "bounded"


def test_continue_that_the_client_did_not_wait_for(shared_captures: Path) -> None:
    """Head 187, body 188, then 100 in 191, the ACK of the body in 193, 200 in 194."""
    row = of_frame(read(shared_captures, "http1/ppa-evilprogram.pcap"), 187)
    assert [(interim.status, interim.frame) for interim in row.informational] == [(100, 191)]
    assert row.phase_frames.send == (187, 188)
    assert row.send_ms == near(1497.891464 - 1497.890626)
    assert row.wait_ms == near(1498.166631 - 1497.891464)
    assert row.wait_server_min_ms == near(1498.166631 - 1498.108784)


def test_request_in_the_syn(shared_captures: Path) -> None:
    """SYN with the first 70 bytes in 1, ACK 3, last byte in 5, answer 7: nothing is paid for connecting."""
    row = of_frame(read(shared_captures, "http1/sv-tcp-fastopen-08-tcp_fastopen_segmentation-s1.pcap"), 1)
    assert (row.vantage, row.connect_ms, row.blocked_ms) == ("server", 0, 0)
    assert row.send_ms == near(0.001415)
    assert row.wait_ms == near(0.001499 - 0.001415)
    assert row.wait_server_min_ms == near(0.001499 - 0.001417)


def test_acknowledged_by_a_middlebox(shared_captures: Path) -> None:
    """SYN 1, SYN/ACK 2, GET 4, an ACK in 5 after 0.16 ms, though the way takes 400 ms; the answer in 6."""
    row = of_frame(read(shared_captures, "http1/nDPI-exe_download_as_png.pcap"), 4)
    assert row.wait_ms == near(1.013547 - 0.400714)
    assert row.wait_network_ms == near(0.400153)
    assert row.wait_server_min_ms is None
    assert row.phase_trust.wait_server == "bounded"


def test_icons_of_a_style_sheet_in_the_cache(shared_captures: Path) -> None:
    """GET /browse?q=sip in 420; the icons in 469-471 name the first page's style sheet, which is not fetched again."""
    analysis = read(shared_captures, "labs/Wireshark-tr-http-pcaprnet.pcapng")
    first, second = analysis.visits
    begins = [[analysis.http[at].request_frames for at in visit.http_rows] for visit in (first, second)]
    assert {420, 457, 458, 469, 470, 471, 481} == {frames[0] for frames in begins[1] if frames is not None}
    assert first.duration_ms is not None
    assert first.duration_ms < 3000


def test_tls_in_a_proxys_tunnel(shared_captures: Path) -> None:
    """CONNECT ts01-b.cloudsink.net:443 in 4; what follows is encrypted, in one visit to that host."""
    analysis = read(shared_captures, "http1/arkime-https-connect.pcap")
    assert [(visit.url, visit.http_rows, visit.tls_rows) for visit in analysis.visits] == [
        ("https://ts01-b.cloudsink.net/", (0,), (0,))
    ]
