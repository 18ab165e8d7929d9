"""Bytes sent twice with different contents: counted byte by byte, shown frame by frame, and nothing else called so."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.table import PacketTable
from analyzer.flows import conflict
from analyzer.flows.build import Flows, follow
from analyzer.flows.conflict import Conflicts
from analyzer.options import Options
from analyzer.schema import TcpConflict
from tests import build
from tests.flows.script import MS, START, followed, only, table_of_packets
from tests.flows.test_flows_reassembly import client_ack, flows_of, handshake, segment
from tests.playbook import Playbook, Segment


def conflicts_of(frames: list[bytes], *, wire: list[int] | None = None) -> tuple[TcpConflict, ...]:
    """Return the conflicts of the server's data, which begins in frame 3."""
    row = only(flows_of([*handshake(), *frames], wire=wire))
    assert row.client_conflicting_bytes == 0
    assert row.server_conflicting_bytes == sum(c.bytes for c in row.conflicts)
    return row.conflicts


def test_the_same_bytes_again_are_no_conflict() -> None:
    frames = [segment(0, b"ABCDEFGHIJ"), segment(0, b"ABCDEFGHIJ"), segment(5, b"FGHIJKL"), segment(3, b"DEF")]
    assert conflicts_of(frames) == ()


def test_other_bytes_at_the_same_place() -> None:
    frames = [segment(0, b"ABCDEFGHIJ"), segment(0, b"ABxxEFGxIJ")]
    assert conflicts_of(frames) == (TcpConflict(4, 3, "server", 2, 3),)


def test_only_the_shared_part_is_compared() -> None:
    """From byte 5 on it is new: there is nothing to differ from."""
    frames = [segment(0, b"AAAAA"), segment(3, b"BBBBB"), segment(5, b"BBB")]
    assert conflicts_of(frames) == (TcpConflict(4, 3, "server", 3, 2),)


def test_each_later_copy_counts_and_is_held_against_the_first() -> None:
    frames = [segment(0, b"AAAA"), segment(0, b"BBBB"), segment(0, b"BBBA"), segment(0, b"AAAA")]
    assert conflicts_of(frames) == (TcpConflict(4, 3, "server", 0, 4), TcpConflict(5, 3, "server", 0, 3))


def test_a_copy_over_several_segments_names_the_first_that_differs() -> None:
    frames = [segment(0, b"AAAA"), segment(4, b"BBBB"), segment(8, b"CCCC"), segment(0, b"AAAABxBBCCxx")]
    assert conflicts_of(frames) == (TcpConflict(6, 4, "server", 5, 3),)


def test_captured_before_what_lies_in_front_of_it() -> None:
    """The middle came first and is credited; the whole, sent later, differs in it."""
    frames = [segment(4, b"MMMM"), segment(0, b"aaaabbbbcccc"), segment(8, b"ccxx")]
    assert conflicts_of(frames) == (TcpConflict(4, 3, "server", 4, 4), TcpConflict(5, 4, "server", 10, 2))


def test_both_sides_are_counted_apart() -> None:
    p = Playbook()
    p.handshake()
    p.at(50)
    (ask,) = p.client.prepare(b"GET / HTTP/1.1\r\n\r\n")
    (answer,) = p.server.prepare(b"HTTP/1.1 200 OK\r\n\r\n")
    for side, data, other in ((ask, b"GET ", b"PUT "), (answer, b"HTTP/1.1 2", b"HTTP/1.1 5")):
        p.emit(side)
        p.emit(Segment(side.side, 0, other + side.data[len(data) :]))
    row = only(followed(p.packets))
    assert (row.client_conflicting_bytes, row.server_conflicting_bytes) == (2, 1)
    assert row.conflicts == (TcpConflict(5, 4, "client", 0, 2), TcpConflict(7, 6, "server", 9, 1))


def test_the_byte_of_a_keep_alive_is_no_data() -> None:
    """RFC 9293 section 3.8.4: it may carry one garbage octet."""
    assert conflicts_of([segment(0, b"ABCDEFGHIJ"), client_ack(10), segment(9, b"\0"), segment(9, b"\0")]) == ()


def test_a_keep_alive_that_comes_late_is_no_data() -> None:
    """It stands where the next byte was expected; overtaken by more data it no longer does, but was acknowledged."""
    late = [segment(0, b"ABCDEFGHIJ"), client_ack(10), segment(10, b"KLMN"), client_ack(14), segment(9, b"\0")]
    assert conflicts_of(late) == ()
    not_acknowledged = [segment(0, b"ABCDEFGHIJ"), segment(10, b"KLMN"), segment(9, b"\0")]
    assert conflicts_of(not_acknowledged) == (TcpConflict(5, 3, "server", 9, 1),)


def test_the_byte_of_a_zero_window_probe_is_data() -> None:
    p = Playbook()
    p.handshake()
    p.at(50).client.send(b"AAAA")
    p.at(60).emit(Segment("server", 0, b"", "A", window=0))
    p.at(300).emit(Segment("client", 4, b"B"))
    p.at(400).emit(Segment("server", 0, b"", "A", window=5000))
    p.at(410).emit(Segment("client", 4, b"CCCC"))
    assert only(followed(p.packets)).conflicts == (TcpConflict(8, 6, "client", 4, 1),)


def test_what_looks_like_one_packet_recorded_twice_is_compared_too() -> None:
    """Within a millisecond and with the same IP identification: a copy, if its bytes are the same."""
    packets = [(START + k * MS, frame) for k, frame in enumerate([*handshake(), segment(0, b"A" * 10, ident=7)])]
    for again, conflicts in ((b"A" * 10, ()), (b"A" * 9 + b"B", (TcpConflict(4, 3, "server", 9, 1),))):
        row = only(followed([*packets, (START + 2 * MS + 1000, segment(0, again, ident=7))]))
        assert row.server_duplicates_in_capture == 1
        assert row.conflicts == conflicts


def test_what_the_recorder_cut_off_is_not_compared() -> None:
    """60 bytes of each copy were kept: of 100 that differ, 60 can be seen to."""
    frames = [*handshake(), segment(0, b"A" * 100), segment(0, b"B" * 100)]
    flows = flows_of([frame[: 54 + 60] for frame in frames], wire=[len(frame) for frame in frames])
    assert only(flows).conflicts == (TcpConflict(4, 3, "server", 0, 60),)


def test_data_on_a_syn_and_other_data_behind_it() -> None:
    syn = build.tcp(b"abc", seq=1000, flags="S")
    data = build.tcp(b"abX", seq=1001, ack=1, flags="PA")
    flows = followed([(START + k, build.eth(build.ip4(part, ident=k + 1))) for k, part in enumerate((syn, data))])
    assert only(flows).conflicts == (TcpConflict(2, 1, "client", 2, 1),)


def test_without_a_syn_and_before_the_first_byte_seen() -> None:
    """Positions count from the first byte seen; what is sent from before it lies below zero."""
    row = only(flows_of([segment(500, b"A" * 10), segment(490, b"B" * 10), segment(495, b"C" * 10)]))
    assert row.conflicts == (TcpConflict(3, 2, "server", -5, 10),)


@given(
    st.lists(
        st.tuples(st.integers(0, 250), st.integers(1, 90), st.sampled_from([b"aaab", b"aaaa", b"ab"])),
        min_size=2,
        max_size=12,
    )
)
def test_against_a_byte_by_byte_walk(parts: list[tuple[int, int, bytes]]) -> None:
    """In capture order, byte by byte: the first at a place is kept, each later one that differs is noted."""
    first: dict[int, tuple[int, int]] = {}
    expected: list[TcpConflict] = []
    frames = []
    for k, (at, size, pattern) in enumerate(parts):
        data = (pattern * size)[:size] if size != 1 else b"a"
        frames.append(segment(at, data, ident=k + 1))
        differs = [(o, first[o][1]) for o, byte in enumerate(data, at) if o in first and first[o][0] != byte]
        for o, byte in enumerate(data, at):
            first.setdefault(o, (byte, k + 3))
        if differs:
            expected.append(TcpConflict(k + 3, differs[0][1], "server", differs[0][0], len(differs)))
    row = only(flows_of([*handshake(), *frames]))
    assert row.conflicts == tuple(expected)
    assert row.server_conflicting_bytes == sum(c.bytes for c in expected)


def fragments(packet: bytes, ident: int) -> list[bytes]:
    """Cut an Ethernet/IPv4 packet into two fragments (RFC 791)."""
    payload = packet[34:]
    at = 32
    return [
        build.eth(build.ip4(payload[:at], src="10.0.0.2", dst="10.0.0.1", ident=ident, flags=1)),
        build.eth(build.ip4(payload[at:], src="10.0.0.2", dst="10.0.0.1", ident=ident, frag=at // 8)),
    ]


@pytest.mark.parametrize("size", [20, 200])
def test_segments_put_together_from_fragments(size: int) -> None:
    """Their bytes are not in the file in one piece; both as the first copy and as the later one."""
    one, other = b"A" * size, b"A" * (size - 1) + b"B"
    frames = [
        *fragments(segment(0, one), 5),
        segment(0, other),
        segment(size, one),
        *fragments(segment(size, other), 6),
    ]
    packets = [(START + k * MS, frame) for k, frame in enumerate([*handshake(), *frames])]
    table = table_of_packets(packets)
    assert len(table.rebuilt) == 2
    row = only(follow(table))
    assert row.conflicts == (
        TcpConflict(5, 4, "server", size - 1, 1),
        TcpConflict(8, 6, "server", 2 * size - 1, 1),
    )


def test_numbers_that_jump_far() -> None:
    """Steps just below 2^31, past any length a stream can have: still each byte is held against its own place."""
    step = (1 << 31) - 1
    frames = [segment(k * step, b"A" * 8, ident=k + 1) for k in range(300)]
    frames += [segment(299 * step + 2, bytes([65 + k]) * 4, ident=400 + k) for k in range(3)]
    row = only(flows_of([*handshake(), *frames]))
    assert [(c.frame, c.first_frame, c.position - 299 * step, c.bytes) for c in row.conflicts] == [
        (304, 302, 2, 4),
        (305, 302, 2, 4),
    ]
    assert row.server_unique_bytes == 300 * 8


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def found_by_find(frames: list[bytes], monkeypatch: pytest.MonkeyPatch) -> Conflicts:
    """Return what :func:`conflict.find` gave while the frames were followed."""
    real, kept = conflict.find, []

    def find(*args: object) -> Conflicts:
        kept.append(real(*args))  # type: ignore[arg-type]
        return kept[0]

    monkeypatch.setattr(conflict, "find", find)
    flows_of([*handshake(), *frames])
    return kept[0]


def test_more_repeated_bytes_than_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict, "MAX_COMPARED_BYTES", 25)
    frames = [segment(0, b"A" * 10), *(segment(0, b"B" * 10, ident=k + 2) for k in range(4))]
    found = found_by_find(frames, monkeypatch)
    assert found.columns["server_conflicting_bytes"].tolist() == [20]
    (problem,) = found.problems
    assert (problem.code, problem.layer, problem.frame) == ("LIMIT-REACHED", "tcp", 6)
    assert "20 bytes" in problem.message


def test_more_pairs_than_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict, "MAX_PAIRS", 8)
    crumbs = [segment(k, b"A", ident=k + 1) for k in range(5)]
    found = found_by_find([*crumbs, *(segment(0, b"BBBBB", ident=90 + k) for k in range(2))], monkeypatch)
    assert found.columns["server_conflicting_bytes"].tolist() == [5]
    assert [problem.frame for problem in found.problems] == [9]


def test_rows_are_bounded_and_counts_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflict, "MAX_ROWS_PER_STREAM", 3)
    frames = [segment(0, b"A" * 10), *(segment(0, b"B" * 10, ident=k + 2) for k in range(6))]
    found = found_by_find(frames, monkeypatch)
    assert found.columns["server_conflicting_bytes"].tolist() == [60]
    assert [c.frame for c in found.rows[0]] == [4, 5, 6]
    (problem,) = found.problems
    assert (problem.code, problem.message[:29]) == ("LIMIT-REACHED", "3 more segments conflict with")


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [segment(3 * k, bytes([65 + k % 7]) * 10, ident=k + 1) for k in range(50)]
    whole = conflicts_of(frames)
    monkeypatch.setattr(conflict, "_BATCH_BYTES", 1)
    assert conflicts_of(frames) == whole
    assert len(whole) == 49


def test_many_connections_at_once() -> None:
    """Each connection is held against itself: the same numbers in another one mean nothing."""
    packets: list[tuple[int, bytes]] = []
    for port in range(40000, 40050):
        for k, data in enumerate((b"AAAA", b"AAAA" if port % 2 else b"AABA")):
            tcp = build.tcp(data, sport=port, seq=1 + port % 3, flags="PA")
            packets.append((START + len(packets) * MS, build.eth(build.ip4(tcp, ident=k + 1))))
    rows = list(followed(packets).connections.rows())
    assert [row.client_conflicting_bytes for row in rows] == [1 - row.client_port % 2 for row in rows]
    assert all(len(row.conflicts) == row.client_conflicting_bytes for row in rows)


# ── what others say ──────────────────────────────────────────────────────────────────────────────────────────────


def table_of_file(path: Path) -> PacketTable:
    options = Options()
    return decode(open_capture(str(path), options, None), options, None)


def follow_file(path: Path) -> Flows:
    return follow(table_of_file(path))


@pytest.mark.shared
def test_what_zeek_finds(shared_captures: Path) -> None:
    """Zeek's ``rexmit_inconsistency`` on this capture of its test suite, as its published baseline has it.

    Differing bytes counted in the two texts of each event: 28, 12 + 12, 28 + 23, 28. It forgets what was acknowledged;
    frame 39 repeats bytes that had been.
    """
    path = shared_captures / "http1" / "zeek-reassembly.pcap"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    connections = follow_file(path).connections
    ((row, conflicts),) = [(connections.row(stream), rows) for stream, rows in connections.conflicts.items()]
    assert (row.client, row.client_port, row.server) == ("63.193.213.194", 2564, "128.3.97.175")
    assert [c.bytes for c in conflicts if c.frame != 39] == [28, 24, 51, 28]
    assert {c.from_ for c in conflicts} == {"client"}


RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 260\r\n\r\n" + bytes(range(65, 91)) * 10
SERVER_SENDS = {
    "overlapping, differs": [(0, RESPONSE[:100]), (80, b"x" * 20 + RESPONSE[100:200]), (200, RESPONSE[200:])],
    "overlapping, equal": [(0, RESPONSE[:100]), (80, RESPONSE[80:200]), (200, RESPONSE[200:])],
    "late, reaches into what is there, differs": [
        (0, RESPONSE[:100]),
        (150, RESPONSE[150:200]),
        (100, RESPONSE[100:150] + b"y" * 20),
        (200, RESPONSE[200:]),
    ],
    "late, reaches into what is there, equal": [
        (0, RESPONSE[:100]),
        (150, RESPONSE[150:200]),
        (100, RESPONSE[100:170]),
        (200, RESPONSE[200:]),
    ],
    "again before the hole is filled, differs": [
        (0, RESPONSE[:100]),
        (150, RESPONSE[150:200]),
        (150, b"z" * 50),
        (100, RESPONSE[100:150]),
        (200, RESPONSE[200:]),
    ],
}


@pytest.mark.referee
@pytest.mark.parametrize("name", SERVER_SENDS)
def test_tshark_agrees(name: str, tmp_path: Path) -> None:
    """``tcp.segment.overlap.conflict`` is on the frame that completes a message made of segments that disagree."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    p = Playbook()
    p.handshake()
    p.at(100).client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for k, (at, data) in enumerate(SERVER_SENDS[name]):
        p.at(150 + k).emit(Segment("server", at, data))
    path = tmp_path / "overlap.pcap"
    path.write_bytes(p.pcap())
    command = [tshark, "-o", "tcp.reassemble_out_of_order:TRUE", "-r", str(path), "-T", "fields"]
    done = subprocess.run(
        [*command, "-e", "tcp.segment.overlap.conflict"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "LC_ALL": "C"},
    )
    row = only(follow_file(path))
    assert ("1" in done.stdout.split()) == (row.server_conflicting_bytes > 0)
    assert ("differs" in name) == (row.server_conflicting_bytes > 0)
