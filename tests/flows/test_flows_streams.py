"""Which segment belongs to which connection: numbering, ports used again, floods, and packets recorded twice."""

from __future__ import annotations

import numpy as np
import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import follow
from analyzer.flows.model import Label
from analyzer.options import Options
from tests import build
from tests.flows.script import MS, START, Line, followed, frame_of, labels_of, only, packets_of, script

OPEN = """
C S    0   0   0  5000  @0
S SA   0   1   0  5000  @40
C A    1   1   0  5000  @40
"""


def test_streams_are_numbered_by_first_frame_ipv4_and_ipv6_together() -> None:
    def v4(port: int) -> bytes:
        return build.eth(build.ip4(build.tcp(sport=port)))

    def v6(port: int) -> bytes:
        return build.eth(build.ip6(build.tcp(sport=port)), ethertype=build.ETHERTYPE_IP6)

    packets = [v4(50000), v6(50000), v4(40000), v6(50000), v4(50000), v6(30000)]
    flows = followed([(START + k, p) for k, p in enumerate(packets)])
    c = flows.connections
    assert [(c.row(s).client, c.row(s).client_port) for s in range(len(c))] == [
        ("10.0.0.1", 50000),
        ("2001:db8::1", 50000),
        ("10.0.0.1", 40000),
        ("2001:db8::1", 30000),
    ]
    assert [flows.stream_of_frame(f) for f in range(1, 7)] == [0, 1, 2, 1, 0, 3]
    assert flows.stream_of_frame(7) is None
    assert flows.stream_of_frame(0) is None


def test_frames_that_are_no_tcp_have_no_stream() -> None:
    udp = build.eth(build.ip4(build.udp(b"x"), proto=17))
    flows = followed([(START, udp), (START + 1, frame_of(Line(True, "S", 0, 0, 0, 1, 0))), (START + 2, udp)])
    assert [flows.stream_of_frame(f) for f in (1, 2, 3)] == [None, 0, None]


def test_a_syn_with_another_number_begins_a_connection() -> None:
    first, second = packets_of(script(OPEN)), packets_of(script(OPEN), isn=(77, 88))
    flows = followed(first + [(t + 1000 * MS, p) for t, p in second])
    assert len(flows.connections) == 2
    assert [flows.connections.row(s).syn_frame for s in (0, 1)] == [1, 4]
    assert {f for f, names in labels_of(flows).items() if "PORT_REUSED" in names} == {4}


def test_a_syn_of_the_other_side_with_another_number_begins_one_too() -> None:
    """The roles may change: the next connection between the same ports is opened by the other end."""
    other = build.eth(build.ip4(build.tcp(sport=80, dport=40000, seq=123, flags="S"), src="10.0.0.2", dst="10.0.0.1"))
    flows = followed([*packets_of(script(OPEN)), (START + 1000 * MS, other)])
    assert [flows.connections.row(s).client for s in range(len(flows.connections))] == ["10.0.0.1", "10.0.0.2"]


def test_a_repeated_syn_does_not() -> None:
    r = only(followed(packets_of(script(OPEN + "C S 0 0 0 5000 @5000\nC S 0 0 0 5000 @9000"))))
    assert r.syn_frames == (1, 4, 5)


def test_a_syn_after_the_middle_of_its_own_connection() -> None:
    """Data came first (captured out of order): the SYN's number is the one expected, so it belongs there."""
    r = only(followed(packets_of(script("C PA 1 1 10 500 @0\nC S 0 0 0 500 @1"))))
    assert (r.syn_frame, r.client_unique_bytes) == (2, 10)


def test_a_syn_ack_with_another_number_does_not() -> None:
    text = OPEN + "S SA 7000 1 0 5000 @60"
    assert len(followed(packets_of(script(text))).connections) == 1


def test_an_endpoint_talking_to_itself() -> None:
    loop = build.eth(
        build.ip4(build.tcp(b"x", sport=5, dport=5, seq=1, ack=1, flags="PA"), src="10.0.0.1", dst="10.0.0.1")
    )
    r = only(followed([(START, loop), (START + MS, loop)]))
    assert (r.client, r.server, r.client_packets, r.client_by) == ("10.0.0.1", "10.0.0.1", 2, "first_packet")


def test_no_tcp_at_all() -> None:
    flows = followed([(START, build.eth(build.ip4(build.udp(b"x"), proto=17)))])
    assert (len(flows.connections), len(flows.segments), flows.streams_with_data().tolist()) == (0, 0, [])


def test_nothing_at_all() -> None:
    assert len(followed([]).connections) == 0


def test_client_rules() -> None:
    def by(*lines: str) -> tuple[str, str]:
        r = only(followed(packets_of(script("\n".join(lines)))))
        return r.client, r.client_by

    assert by("S A 1 1 0 500 @0", "S SA 0 1 0 500 @1", "C S 0 0 0 500 @2") == ("10.0.0.1", "syn")
    assert by("S A 1 1 0 500 @0", "S SA 0 1 0 500 @1") == ("10.0.0.1", "synack")
    assert by("S A 1 1 0 500 @0") == ("10.0.0.1", "port")
    same = build.eth(build.ip4(build.tcp(sport=6000, dport=6000, flags="A"), src="10.0.0.9", dst="10.0.0.1"))
    r = only(followed([(START, same)]))
    assert (r.client, r.client_by) == ("10.0.0.9", "first_packet")


def test_mac_addresses_belong_to_their_side() -> None:
    back = build.eth(
        build.ip4(build.tcp(sport=80, dport=40000, flags="SA", ack=1), src="10.0.0.2", dst="10.0.0.1"),
        src=build.MAC_B,
        dst=build.MAC_A,
    )
    r = only(followed([(START, back)]))
    assert (r.client_mac, r.server_mac) == (build.MAC_A, build.MAC_B)


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def syn_file(count: int, **vary: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bytes:
    """A pcap file of ``count`` SYNs that differ in ``source`` address, ``port`` or ``seq``."""
    packet = build.eth(build.ip4(build.tcp(seq=1, flags="S")))
    records = np.zeros((count, 16 + len(packet)), np.uint8)
    records[:, 16:] = np.frombuffer(packet, np.uint8)
    records[:, 8] = records[:, 12] = len(packet)
    records[:, 0:4] = (np.arange(count) // 1000).astype("<u4").view(np.uint8).reshape(-1, 4)
    for name, at, kind in (("source", 26, ">u4"), ("port", 34, ">u2"), ("seq", 38, ">u4")):
        if name in vary:
            column = vary[name].astype(kind).view(np.uint8).reshape(count, -1)
            records[:, 16 + at : 16 + at + column.shape[1]] = column
    return build.pcap_header() + records.tobytes()


@pytest.fixture
def follow_file(tmp_path):  # type: ignore[no-untyped-def]
    def run(data: bytes):  # type: ignore[no-untyped-def]
        path = tmp_path / "capture.pcap"
        path.write_bytes(data)
        options = Options()
        return follow(decode(open_capture(str(path), options), options))

    return run


def test_a_flood_of_syns_stays_columns(follow_file) -> None:  # type: ignore[no-untyped-def]
    count = 200_000
    number = np.arange(count)
    flows = follow_file(syn_file(count, source=0x0B000000 + number // 50_000, port=1000 + number % 50_000))
    c = flows.connections
    assert len(c) == count
    held = sum(column.nbytes for column in c.columns.values()) + sum(len(w) * 100 for w in c.words.values())
    assert held < 900 * count
    last = c.row(count - 1)
    assert (last.client, last.client_port, last.conn_state, last.syn_frame) == ("11.0.0.3", 50_999, "S0", count)
    assert next(c.rows()).client == "11.0.0.0"


def test_a_hundred_thousand_syns_of_one_pair(follow_file) -> None:  # type: ignore[no-untyped-def]
    """All the same: one connection. All different: as many connections; neither may take quadratic time."""
    count = 100_000
    same = follow_file(syn_file(count))
    assert len(same.connections) == 1
    assert same.connections.row(0).client_retransmissions == count - 1
    assert len(same.connections.row(0).syn_frames) == count
    different = follow_file(syn_file(count, seq=np.arange(count) * 10 + 5))
    assert len(different.connections) == count
    assert int((different.segments.label & Label.PORT_REUSED != 0).sum()) == count - 1


# ── recorded twice ───────────────────────────────────────────────────────────────────────────────────────────────

DATA = """
C PA   1   1 100  5000  @50
C PA 101   1 100  5000  @50.001
S A    1 201   0  5000  @90
S PA   1 201 300  5000  @90.1
C A  201 301   0  5000  @90.2
"""


def duplicates(packets: list[tuple[int, bytes]]) -> dict[int, int]:
    """Return frame → how often, of segments said to be recorded twice, and check the columns."""
    flows = followed(packets)
    twice = sorted(f for f, names in labels_of(flows).items() if "CAPTURED_TWICE" in names)
    r = only(flows)
    assert r.client_duplicates_in_capture + r.server_duplicates_in_capture == len(twice)
    return dict.fromkeys(twice, 1)


def test_every_packet_recorded_twice() -> None:
    """A mirror port that shows each packet going in and coming out."""
    packets = [p for t, frame in packets_of(script(OPEN + DATA)) for p in ((t, frame), (t + 20_000, frame))]
    assert list(duplicates(packets)) == list(range(2, 17, 2))


def test_copies_in_one_block_behind_their_originals() -> None:
    """A recorder that reads two interfaces in turn gives several packets of one, then their copies from the other."""
    plain = packets_of(script(OPEN + DATA))
    burst, ticks = plain[3:5], 30_000
    packets = plain[:5] + [(t + ticks, frame) for t, frame in burst] + plain[5:]
    assert list(duplicates(packets)) == [6, 7]
    answers = plain[5:8]
    packets = plain + [(t + 500_000, frame) for t, frame in answers]
    assert list(duplicates(packets)) == [9, 10, 11]


def test_sent_twice_is_not_recorded_twice() -> None:
    lines = script(OPEN + DATA + "C PA 101 1 100 5000 @300")
    assert duplicates(packets_of(lines)) == {}  # counted up: another IP identification
    late = packets_of(script(OPEN + DATA))
    assert duplicates([*late, (late[-1][0] + 2 * MS, late[-1][1])]) == {}  # the same packet, but 2 ms later
    assert duplicates([*late, (late[-1][0] - 1, late[-1][1])]) == {}  # and before the original is no copy


def test_without_an_identification_only_what_takes_up_numbers_is_known_to_be_a_copy() -> None:
    """No sender repeats a SYN or data within a microsecond; the same ACK may well be sent twice."""
    lines = script(OPEN + DATA)
    packets = [(line.time, frame_of(line, ident=0)) for line in lines]
    doubled = [p for t, frame in packets for p in ((t, frame), (t + 1000, frame))]
    carrying = [2 * k for k, line in enumerate(lines, 1) if line.length or "S" in line.flags]
    assert list(duplicates(doubled)) == carrying == [2, 4, 8, 10, 14]


@pytest.mark.parametrize(("ticks", "copies"), [(9, 1), (3, 1), (2, 0), (0, 0), (None, 1)])
def test_a_coarse_clock_proves_no_copy(ticks: int | None, copies: int, follow_file) -> None:  # type: ignore[no-untyped-def]
    """Hundredths of a second do not say that a repeat came at once; without the option, times are in microseconds."""
    lines = script(OPEN + "C PA 1 1 100 5000 @100\nC PA 1 1 100 5000 @100")
    packets = [(line.time, frame_of(line, ident=0)) for line in lines]
    flows = follow_file(build.pcapng_file(packets, ticks=ticks))
    assert only(flows).client_duplicates_in_capture == copies


def test_wireshark_s_label_stays() -> None:
    lines = script(OPEN + "C PA 1 1 100 5000 @50")
    packets = packets_of(lines)
    got = labels_of(followed([*packets, (packets[-1][0] + 1000, packets[-1][1])]))
    assert got[5] == {"RETRANSMISSION", "CAPTURED_TWICE"}
