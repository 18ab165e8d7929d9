"""Ladders: what stands alone, what is collapsed, what is left out."""

from __future__ import annotations

from itertools import pairwise

from analyzer.flows.model import Label
from analyzer.report.ladder import ladder
from tests.report.fixture import MS, START, rich, segments, tcp

OPEN = [(1, 0.0, ">", "S", 0, 0, 0, 0), (2, 40.0, "<", "SA", 0, 1, 0, 0), (3, 40.1, ">", "A", 1, 1, 0, 0)]


def drawn(lines: list[tuple[int, float, str, str, int, int, int, int]], limit: int = 400, **row: object):  # type: ignore[no-untyped-def]
    given = {"server_packets": 1, "synack_frame": 2, **row}
    return ladder(tcp(0, start_time=START, **given), segments([lines]), {4: "GET /"}, limit)


def test_handshake_line_by_line() -> None:
    result = drawn(OPEN)
    assert [(r.time, r.delta, r.from_client, r.flags, r.detail) for r in result.lines] == [
        ("0.000000", "", True, "SYN", "seq 0 len 0 win 64240"),
        ("0.040000", "+40 ms", False, "SYN,ACK", "seq 0 ack 1 len 0 win 64240"),
        ("0.040100", "+0.10 ms", True, "ACK", "seq 1 ack 1 len 0 win 64240"),
    ]
    client = [(b.state, b.inferred) for b in result.bands if b.client]
    assert client == [("CLOSED", True), ("SYN_SENT", False), ("ESTABLISHED", False)]
    assert [b.state for b in result.bands if not b.client] == ["LISTEN", "SYN_RCVD", "ESTABLISHED"]


def test_runs_of_data_are_collapsed_and_counted() -> None:
    data = [(10 + n, 50.0 + n, "<", "A", 1 + 1000 * n, 1, 1000, 0) for n in range(16)]
    result = drawn([*OPEN, (4, 41.0, ">", "PA", 1, 1, 90, 0), *data])
    run = result.lines[-1]
    assert (run.kind, run.note, run.frame) == ("run", "16 segments, 16 kB from the server, in 15 ms", "10–25")
    assert result.lines[3].note == "GET /"
    assert (result.shown, result.total) == (20, 20)


def test_three_ordinary_segments_are_not_worth_collapsing() -> None:
    result = drawn([*OPEN, *((10 + n, 50.0 + n, "<", "A", 1 + 100 * n, 1, 100, 0) for n in range(3))])
    assert [line.kind for line in result.lines] == ["segment"] * 6


def test_trouble_stands_alone_in_words() -> None:
    data = [(10 + n, 50.0 + n, "<", "A", 1 + 1000 * n, 1, 1000, 0) for n in range(10)]
    again = (30, 400.0, "<", "A", 5001, 1, 1000, int(Label.RETRANSMISSION))
    line = drawn([*OPEN, *data, again]).lines[-1]
    assert (line.kind, line.note, line.tone) == ("segment", "retransmission", "bad")


def test_silence_gets_a_line() -> None:
    result = drawn([*OPEN, (9, 3240.1, ">", "FA", 1, 1, 0, 0)])
    assert [(line.kind, line.note) for line in result.lines[3:]] == [("idle", "silence for 3.20 s"), ("segment", "")]


def test_a_long_ladder_is_cut_and_says_so() -> None:
    resets = [(10 + n, 50.0 + n, ">", "R", 1, 0, 0, 0) for n in range(30)]
    result = drawn([*OPEN, *resets], limit=10)
    assert (len(result.lines), result.shown, result.total, result.last) == (10, 10, 33, None)


def test_bands_cover_each_side_without_gap_or_overlap() -> None:
    analysis = rich()
    for stream in range(len(analysis.connections)):
        result = ladder(analysis.connections.row(stream), analysis.segments, {})
        for client in (True, False):
            edges = [(b.top, b.top + b.height) for b in result.bands if b.client == client]
            assert edges[-1][1] == result.height
            assert all(before[1] == after[0] for before, after in pairwise(edges))


def test_no_segments() -> None:
    result = drawn([])
    assert (result.lines, result.bands, result.last) == ((), (), None)


def test_times_count_from_the_connection_s_start() -> None:
    late = [(frame, at + 1000.0, *rest) for frame, at, *rest in OPEN]
    result = ladder(tcp(0, start_time=START + 1000 * MS, server_packets=1), segments([late]), {}, 400)  # type: ignore[list-item]
    assert result.lines[0].time == "0.000000"
