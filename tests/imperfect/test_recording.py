"""What recorders do to a capture: packets not yet finished, glued, doubled, cut, one-sided, seen from elsewhere.

Times and frames are worked out from each script by hand; unless said otherwise it is recorded at the client, 40 ms from
the server, the handshake running from 0 to 40 ms in frames 1 to 3.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imperfect.script import Packets, answer, facts, get, run, times
from tests.playbook import MS, Playbook

IP_LENGTH, IP_CHECKSUM, TCP_CHECKSUM = slice(16, 18), slice(24, 26), slice(50, 52)
"""Fields of an Ethernet frame with an IPv4 header without options."""


def with_bytes(packet: bytes, place: slice, value: bytes) -> bytes:
    return packet[: place.start] + value + packet[place.stop :]


def from_client(packet: bytes) -> bool:
    return packet[26:30] == bytes([10, 0, 0, 1])


def two_exchanges(**facts_of_book: object) -> Playbook:
    """/a answered with 200 after 60 ms, /b with 404 after 50 ms."""
    p = Playbook(rtt_ms=40, **facts_of_book)  # type: ignore[arg-type]
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    p.at(110).server.send(answer(200, 2000))
    p.at(110).client.ack()
    p.at(150).client.send(get("/b"))
    p.at(200).server.send(answer(404, 7))
    p.at(200).client.ack()
    p.at(250).close()
    return p


BOTH = [("/a", 200, "complete"), ("/b", 404, "complete")]


@pytest.mark.parametrize("left", [b"\0\0", b"\xde\xad"], ids=["zero", "only the pseudo-header summed up"])
def test_checksums_left_to_the_network_card(tmp_path: Path, left: bytes) -> None:
    """A client's own packets are recorded before its card fills in the checksums."""
    packets: Packets = [
        (time, with_bytes(with_bytes(packet, IP_CHECKSUM, b"\0\0"), TCP_CHECKSUM, left))
        if from_client(packet)
        else (time, packet)
        for time, packet in two_exchanges().packets
    ]
    analysis = run(packets, tmp_path)
    assert facts(analysis) == BOTH
    assert [row.request_frames for row in analysis.http] == [(4, 4), (9, 9)]
    assert [row.response_frames for row in analysis.http] == [(6, 7), (10, 10)]
    assert [times(row) for row in analysis.http] == [(50, 50, 110, 110), (150, 150, 200, 200)]
    assert not [finding for finding in analysis.findings if finding.severity in ("error", "warning")][1:]  # the 404


@pytest.mark.parametrize("length", [None, b"\0\0"], ids=["length told", "length 0: left to the card"])
def test_super_segments(tmp_path: Path, length: bytes | None) -> None:
    """The card cuts (or has glued) segments: frames of 60,000 bytes, whose IPv4 header may not know its length."""
    p = Playbook(rtt_ms=40, mss=60_000)
    p.handshake()
    p.at(50).client.send(get("/big"))
    p.at(100).server.send(answer(200, 150_000))  # frames 5 to 7
    p.at(101).client.ack()
    p.at(120).client.send(get("/next"))
    p.at(170).server.send(answer(403, 9))
    p.at(200).close()
    packets: Packets = [
        (time, with_bytes(packet, IP_LENGTH, length) if length is not None and len(packet) > 20_000 else packet)
        for time, packet in p.packets
    ]
    analysis = run(packets, tmp_path)
    assert facts(analysis) == [("/big", 200, "complete"), ("/next", 403, "complete")]
    big, following = analysis.http
    assert (big.response_body_bytes, big.response_decoded_bytes, big.response_missing_bytes) == (150_000, 150_000, 0)
    assert (big.response_frames, following.request_frames, following.response_frames) == ((5, 7), (9, 9), (10, 10))
    assert times(big) == (50, 50, 100, 100)


def test_every_packet_twice(tmp_path: Path) -> None:
    """A mirror port copies what comes in and what goes out: each packet is there again 20 µs later."""
    p = two_exchanges()
    packets: Packets = [copy for time, packet in p.packets for copy in ((time, packet), (time + 20_000, packet))]
    analysis = run(packets, tmp_path)
    assert facts(analysis) == BOTH
    # Frame n of the script is now frames 2n - 1 and 2n; its bytes are credited to the first.
    assert [row.request_frames for row in analysis.http] == [(7, 7), (17, 17)]
    assert [row.response_frames for row in analysis.http] == [(11, 13), (19, 19)]
    assert [times(row) for row in analysis.http] == [(50, 50, 110, 110), (150, 150, 200, 200)]
    assert [row.wait_ms for row in analysis.http] == [60, 50]
    assert [row.wait_loss_ms for row in analysis.http] == [0, 0], "a copy is no retransmission"
    assert [row.response_body_bytes for row in analysis.http] == [2000, 7]
    connection = analysis.connections.row(0)
    assert connection.client_duplicates_in_capture > 0
    assert connection.server_duplicates_in_capture > 0


def test_every_packet_twice_and_out_of_step(tmp_path: Path) -> None:
    """The copies come half a millisecond later, behind the packets that follow."""
    p = two_exchanges()
    copies = [(time + MS // 2, packet) for time, packet in p.packets]
    analysis = run(sorted(p.packets + copies, key=lambda packet: packet[0]), tmp_path)
    assert facts(analysis) == BOTH
    assert [times(row) for row in analysis.http] == [(50, 50, 110, 110), (150, 150, 200, 200)]
    assert [row.wait_loss_ms for row in analysis.http] == [0, 0]
    assert [row.response_missing_bytes for row in analysis.http] == [0, 0]


def test_96_bytes_of_each_packet(tmp_path: Path) -> None:
    """42 bytes of payload are left: a start line and what fits of the fields.

    The first request's Host is cut, so its name is not known; the first answer's head fits and 2 bytes of its body.
    """
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/a-longer-name"))  # 30 bytes, Host cut
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"
    assert len(head) == 41
    p.at(100).server.send(head + b"b" * 3000)  # 1460, 1460 and 121 bytes
    p.at(101).client.ack()
    p.at(150).client.send(b"GET /b HTTP/1.1\r\nHost: b.example\r\n\r\n")  # 36 bytes: whole
    p.at(200).server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    p.at(250).close()
    analysis = run(p, tmp_path, snaplen=96)
    first, second = analysis.http
    assert (first.method, first.target, first.status) == ("GET", "/a-longer-name", 200)
    assert first.url == "http://10.0.0.2/a-longer-name", "of the cut Host nothing is believed"
    assert first.request_headers == ()
    assert (first.outcome, first.outcome_why) == ("truncated", "lost")
    assert first.response_body_bytes == 3000
    assert first.response_missing_bytes == (1460 - 42) + (1460 - 42) + (121 - 42)
    assert first.response_decoded_bytes is None
    assert (second.url, second.status, second.outcome) == ("http://b.example/b", 204, "complete")
    assert (second.request_frames, second.response_frames) == ((9, 9), (10, 10))
    assert times(second) == (150, 150, 200, 200)


def one_way(side: str) -> Playbook:
    """Two exchanges of which one direction was recorded, from the handshake to the close."""
    p = Playbook(rtt_ms=40)
    up, down = side == "client", side == "server"
    p.client.syn(captured=up)
    p.at(40).server.syn(captured=down)
    p.at(40).client.ack(captured=up)
    for moment, path, status in ((50, "/a", 200), (150, "/b", 404)):
        p.at(moment).client.send(get(path), captured=up)
        p.at(moment + 60).server.send(answer(status, 500), captured=down)
        p.at(moment + 60).client.ack(captured=up)
    return p


def test_only_the_client_was_recorded(tmp_path: Path) -> None:
    analysis = run(one_way("client"), tmp_path)  # SYN, ACK, request, ACK, request, ACK
    assert facts(analysis) == [("/a", None, "not_captured"), ("/b", None, "not_captured")]
    assert [row.outcome_why for row in analysis.http] == ["one_direction", "one_direction"]
    assert [row.request_frames for row in analysis.http] == [(3, 3), (5, 5)]
    assert [times(row) for row in analysis.http] == [(50, 50, None, None), (150, 150, None, None)]
    assert [row.wait_ms for row in analysis.http] == [None, None]
    assert not [f for f in analysis.findings if f.code == "HTTP-NO-RESPONSE"], "nobody knows that"
    # What was acknowledged was sent: two answers of 46 and 54 bytes of head and 500 of body each.
    assert analysis.connections.row(0).server_missing_bytes == len(answer(200, 500)) + len(answer(404, 500))


def test_only_the_server_was_recorded(tmp_path: Path) -> None:
    analysis = run(one_way("server"), tmp_path)  # SYN/ACK, answer, answer
    assert facts(analysis) == [(None, 200, "not_captured"), (None, 404, "not_captured")]
    assert [row.outcome_why for row in analysis.http] == ["one_direction", "one_direction"]
    assert [row.response_frames for row in analysis.http] == [(2, 2), (3, 3)]
    assert [times(row) for row in analysis.http] == [(None, None, 110, 110), (None, None, 210, 210)]
    assert [row.response_body_bytes for row in analysis.http] == [500, 500]
    assert [row.wait_ms for row in analysis.http] == [None, None]
    assert [row.url for row in analysis.http] == [None, None]


def test_recorded_at_the_server(tmp_path: Path) -> None:
    """SYN and SYN/ACK leave no time between them here, the ACK comes 40 ms later: the wait is the server's own."""
    p = Playbook(rtt_ms=40, vantage="server")
    p.handshake()
    p.at(50).client.send(get("/report"))
    p.at(50).server.ack()
    p.at(80).server.send(answer(200, 10))
    p.at(120).client.ack()
    p.at(130).close()
    (row,) = run(p, tmp_path).http
    assert (row.target, row.status, row.vantage) == ("/report", 200, "server")
    assert times(row) == (50, 50, 80, 80)
    assert (row.wait_ms, row.wait_network_ms, row.wait_loss_ms, row.wait_server_ms) == (30, 0, 0, 30)
    assert row.phase_trust.wait_server == "measured"
    assert row.phase_trust.wait != "measured", "the client waited longer than could be seen here"


def test_recorded_in_the_middle(tmp_path: Path) -> None:
    """20 ms to either side: of a wait of 50 ms at least the 20 ms to the server and back were the network's."""
    p = Playbook(rtt_ms=40, vantage="middle")
    p.handshake()
    p.at(50).client.send(get("/report"))
    p.at(100).server.send(answer(200, 10))
    p.at(120).client.ack()
    p.at(130).close()
    (row,) = run(p, tmp_path).http
    assert (row.target, row.status, row.vantage) == ("/report", 200, "middle")
    assert times(row) == (50, 50, 100, 100)
    assert row.wait_ms == 50
    assert row.phase_trust.wait == "bounded"
    assert row.wait_server_ms is None or row.wait_server_ms == 30
