"""Ladders: what stands alone, what is collapsed, what is left out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import follow
from analyzer.flows.model import Label
from analyzer.flows.tcp_state import UNKNOWN
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.report.ladder import climb
from analyzer.report.ladder_svg import NOTE_LIMIT, ladder
from analyzer.report.notes import notes
from analyzer.report.states import Side
from analyzer.schema import TcpOpinion
from tests.conftest import SAMPLES
from tests.report.fixture import ATTACKS, MS, START, hostile, rich, segments, tcp

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


def test_duplicate_acks_in_a_run_are_counted() -> None:
    again = [(10 + n, 50.0 + n, ">", "A", 1, 1, 0, int(Label.DUPLICATE_ACK)) for n in range(5)]
    assert drawn([*OPEN, *again]).lines[-1].note == "5 segments, no data, 5 duplicate ACKs, in 4.00 ms"


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
    assert (len(result.lines), result.shown, result.total) == (10, 10, 33)


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
    assert (result.lines, result.bands) == ((), ())


def test_times_count_from_the_connection_s_start() -> None:
    late = [(frame, at + 1000.0, *rest) for frame, at, *rest in OPEN]
    result = ladder(tcp(0, start_time=START + 1000 * MS, server_packets=1), segments([late]), {}, 400)  # type: ignore[list-item]
    assert result.lines[0].time == "0.000000"


def test_facts_of_a_segment_a_run_and_a_silence() -> None:
    data = [(10 + n, 50.0 + n, "<", "A", 1 + 1000 * n, 1, 1000, 0) for n in range(16)]
    acks = [(30, 700.0, ">", "FA", 1, 16_001, 0, 0)]
    facts = climb(tcp(0, start_time=START, server_packets=17), segments([[*OPEN, *data, *acks]]), {})
    assert [rung.kind for rung in facts.rungs] == ["segment", "segment", "segment", "run", "idle", "segment"]
    opened, synack, _, run, idle, fin = facts.rungs
    assert (opened.since, opened.took, opened.seq, opened.ack) == (0, None, 0, None)
    assert (synack.since, synack.took, synack.ack, synack.from_client) == (40 * MS, 40 * MS, 1, False)
    assert (run.frame, run.last_frame, run.segments, run.took) == (10, 25, 16, 15 * MS)
    assert (run.client_bytes, run.server_bytes) == (0, 16_000)
    assert (idle.since, idle.took) == (65 * MS, 635 * MS)
    assert (fin.client, fin.server) == (Side("FIN_WAIT_1", False), Side("ESTABLISHED", False))
    assert facts.before == (Side("CLOSED", True), Side("LISTEN", True))
    assert facts.last == (fin.client, fin.server)
    assert (facts.shown, facts.total) == (20, 20)


def test_a_second_opinion_stands_beside_wireshark_s_word() -> None:
    again = (30, 400.0, "<", "A", 1, 1, 1000, int(Label.OUT_OF_ORDER))
    opinion = TcpOpinion(30, "server", "out_of_order", "needed", "sack", (29,))
    (line,) = drawn([*OPEN, again], opinions=(opinion,)).lines[3:]
    assert line.note == "out of order; evidence: needed"


def test_a_limit_counts_rungs_of_every_kind() -> None:
    lines = [*OPEN, *((10 + n, 1000.0 * (n + 1), ">", "R", 1, 0, 0, 0) for n in range(6))]
    for limit in range(1, 16):
        facts = climb(tcp(0, start_time=START, server_packets=1), segments([lines]), {}, limit)
        assert len(facts.rungs) <= limit
        assert facts.shown == sum(rung.segments for rung in facts.rungs)
        assert (facts.last is None) == (facts.shown < 9)


def test_the_states_are_the_same_however_much_is_drawn() -> None:
    analysis = rich()
    for stream in range(len(analysis.connections)):
        row = analysis.connections.row(stream)
        whole = climb(row, analysis.segments, {})
        for limit in range(1, len(whole.rungs)):
            assert climb(row, analysis.segments, {}, limit).rungs == whole.rungs[:limit]


def test_hostile_notes_are_cut_and_made_visible() -> None:
    for attack in ATTACKS:
        result = ladder(tcp(0, start_time=START, server_packets=1), segments([OPEN]), {1: attack})
        note = result.lines[0].note
        assert len(note) < NOTE_LIMIT * 9 + 20  # each of 52 characters may become ⟨U+XXXXX⟩
        assert not set(note) & set("\x00\x1b\u202e\u2028\udcff")


def test_what_frames_carry_of_hostile_messages_stays_bounded() -> None:
    analysis = hostile()
    for known in notes(analysis, {0, 1, 2, 3, 4}).values():
        for words in known.values():
            assert len(words) <= 200 + max(map(len, ATTACKS)) * 2 + 20


def test_notes_of_a_rich_afternoon() -> None:
    found = notes(rich(), {0, 3})
    assert found[0][10].startswith("GET /")
    assert any(words.startswith("ClientHello") for words in found[3].values())
    assert 2 not in found


def test_the_ladders_of_the_samples_end_where_their_rows_do() -> None:
    seen = 0
    for sample in sorted(SAMPLES.glob("*.pcapng")):
        analysis = analyze(str(sample))
        for row in analysis.connections.rows():
            facts = climb(row, analysis.segments, {})
            assert facts.last is not None
            for side, told in zip(facts.last, (row.client_state, row.server_state), strict=True):
                assert side.state == told, (sample.name, row.stream)
                seen += 1
    assert seen > 40


FORGED = (
    "sv-bug-3286-02-linux-evasion-with_evasion_linux.pcap",  # reset and FIN between SYN and SYN/ACK, by a third party
    "sv-bug-3286-03-windows-evasion-with_evasion_windows.pcap",
    "tcpflow-test5-lines-randomized.pcapng",  # the lines of a capture in random order
)
"""Captures in which no order of events makes sense: ladder and row may differ."""


def test_ladders_and_rows_of_shared_captures_end_alike(shared_captures: Path) -> None:
    seen = {True: 0, False: 0}
    for path in sorted(p for group in ("tcp", "http1") for p in (shared_captures / group).glob("*.pcap*")):
        if path.suffix == ".json" or path.stat().st_size > 200_000 or path.name in FORGED:
            continue
        flows = follow(decode(open_capture(str(path), Options()), Options()))
        for stream in range(min(len(flows.connections), 50)):
            row = flows.connections.row(stream)
            last = climb(row, flows.segments, {}, 100_000).last
            assert last is not None
            ends = tuple(side.state for side in last)
            assert ends == (row.client_state, row.server_state), (path.name, stream)
            seen[UNKNOWN in ends] += 1
    assert min(seen.values()) > 20


def test_each_state_that_occurs_is_explained_once_in_order() -> None:
    result = drawn([*OPEN, (9, 50.0, ">", "FA", 1, 1, 0, 0), (10, 60.0, "<", "FA", 1, 2, 0, 0)])
    names = [state.name for state in result.states]
    assert names == ["CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "LAST_ACK"]
    assert result.states[4].meaning == "The connection is open: data may flow both ways."
    assert result.inferred  # what both were before the first segment
    assert [band.label for band in result.bands][:2] == ["CLOSED (inferred)", "SYN_SENT"]


def test_an_unknown_side_is_explained_too() -> None:
    result = drawn([(1, 0.0, ">", "S", 0, 0, 0, 0)], server_packets=0, synack_frame=None)
    assert ("unknown", "The capture does not show which state this side was in.") in [
        (state.name, state.meaning) for state in result.states
    ]
    assert "unknown (inferred)" in [band.label for band in result.bands if not band.client]
