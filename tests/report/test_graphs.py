"""The graphs of a connection, from segments and courses written by hand: what is drawn where, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analyzer.flows.model import Label, Segments
from analyzer.flows.quality import Course, Episode, Flight, RttSamples, Window
from analyzer.report import graphs
from analyzer.report.figures import rtt, sequence, window
from analyzer.report.figures.marks import KINDS
from analyzer.report.figures.view import View, view
from analyzer.report.graph_window import UNSCALED
from analyzer.report.render import render
from tests.report import fixture
from tests.report.fixture import MS, START
from tests.report.test_figures import strings

NONE = np.zeros(0, np.int64)
NOTHING = Course(
    RttSamples(NONE, NONE, NONE, np.zeros(0), np.zeros(0, np.bool_)),
    Flight(NONE, NONE, NONE),
    Window(NONE, NONE, NONE, NONE),
    (),
    (),
)

# A request of 100 bytes; an answer of three segments, the second of which is lost and sent again; FIN and RST.
DOWNLOAD = [
    (1, 0.0, ">", "S", 0, 0, 0, 0),
    (2, 20.0, "<", "SA", 0, 1, 0, 0),
    (3, 20.1, ">", "A", 1, 1, 0, 0),
    (4, 20.2, ">", "PA", 1, 1, 100, 0),
    (5, 45.0, "<", "A", 1, 101, 1000, 0),
    (6, 46.0, "<", "A", 2001, 101, 1000, int(Label.LOST_SEGMENT)),
    (7, 46.1, ">", "A", 101, 1001, 0, 0),
    (8, 46.2, ">", "A", 101, 1001, 0, int(Label.DUPLICATE_ACK)),
    (9, 300.0, "<", "A", 1001, 101, 1000, int(Label.RETRANSMISSION)),
    (10, 300.1, ">", "A", 101, 3001, 0, 0),
    (11, 310.0, "<", "FA", 3001, 101, 0, 0),
    (12, 310.1, ">", "R", -5000, 0, 0, 0),
]


def segments(windows: int | list[int] = 4000) -> Segments:
    made = fixture.segments([DOWNLOAD])
    return replace(made, window=np.broadcast_to(np.array(windows, np.uint32), made.frame.shape).copy())


def seen(windows: int | list[int] = 4000) -> View:
    return view(segments(windows), 0)


def traces(spec: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in spec["data"] if str(trace["name"]).startswith(name)]


def drawn(points: int = 4000, scaled: bool = True, listed: int = 24, **given: Any) -> sequence.Sequence:
    made = sequence.figure(seen(**given), points, scaled=scaled, listed=listed)
    assert made is not None
    return made


# ── sequence ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_segment_with_data_is_a_stroke_from_its_first_byte_to_its_last() -> None:
    (data,) = traces(drawn().spec, "data of the server")
    assert data["x"] == [0.045, 0.045, None, 0.046, 0.046, None, 0.3, 0.3, None]
    assert data["y"] == [1, 1001, None, 2001, 3001, None, 1001, 2001, None]
    lost = "6, a segment before this one was not captured"
    assert data["customdata"] == [5, 5, None, lost, lost, None, "9, retransmission", "9, retransmission", None]
    assert data["yaxis"] == "y2"  # both sides send: the client's panel is the upper one
    (data,) = traces(drawn().spec, "data of the client")
    assert (data["y"], data["yaxis"]) == ([1, 101, None], "y")


def test_the_staircases_are_what_was_acknowledged_and_how_far_the_window_goes() -> None:
    spec = drawn(windows=[4000] * 6 + [4000, 4000, 4000, 1500, 4000, 4000]).spec
    acked = next(trace for trace in traces(spec, "acknowledged") if trace["yaxis"] == "y2")
    assert (acked["x"], acked["y"]) == ([0.0201, 0.0461, 0.3001], [1, 1001, 3001])
    assert acked["line"]["shape"] == "hv"
    edge = next(trace for trace in traces(spec, "edge") if trace["yaxis"] == "y2")
    assert edge["y"] == [4001, 5001, 4501]  # ack + window
    low, high = spec["layout"]["yaxis2"]["range"]
    assert low < 1 < 3001 < high < 5001, "the data decide how high the graph is, not the window"


@pytest.mark.parametrize("ack", [1, 1 << 40])
def test_old_and_impossible_acknowledgements_do_not_move_the_staircase(ack: int) -> None:
    made = segments()
    made.ack[7] = ack
    figure = sequence.figure(view(made, 0), 4000, scaled=True, listed=5)
    assert figure is not None
    acked = next(trace for trace in traces(figure.spec, "acknowledged") if trace["yaxis"] == "y2")
    assert acked["y"] == [1, 1001, 3001]


def test_a_window_far_above_is_left_out_and_said_to_be() -> None:
    made = drawn(windows=60_000)
    assert traces(made.spec, "edge") == []
    assert made.edge_hidden == ("client", "server")


def test_no_edge_is_drawn_of_windows_whose_scale_is_unknown() -> None:
    made = drawn(scaled=False)
    assert traces(made.spec, "edge") == []
    assert made.edge_hidden == ()


def test_marks_lie_where_they_belong() -> None:
    made = drawn()
    places = {
        (trace["legendgroup"], frame): (x, y, trace["yaxis"])
        for trace in made.spec["data"]
        if trace["mode"] == "markers"
        for frame, x, y in zip(trace["customdata"], trace["x"], trace["y"], strict=True)
    }
    assert places == {
        ("syn", 1): (0.0, 0, "y"),
        ("syn", 2): (0.02, 0, "y2"),
        ("fin", 11): (0.31, 3001, "y2"),
        ("rst", 12): (0.3101, 101, "y"),  # its own number says nothing: where the client's data had come to
        ("lost", 6): (0.046, 3001, "y2"),
        ("duplicate", 8): (0.0462, 1001, "y2"),  # the client's, about the server's data
        ("retransmission", 9): (0.3, 2001, "y2"),
    }
    assert made.counts == {"syn": 2, "fin": 1, "rst": 1, "retransmission": 1, "lost": 1, "duplicate": 1}
    assert [(mark.frame, mark.side, mark.kind.key) for mark in made.listed] == [
        (1, "client", "syn"),
        (2, "server", "syn"),
        (6, "server", "lost"),
        (8, "client", "duplicate"),
        (9, "server", "retransmission"),
        (11, "server", "fin"),
        (12, "client", "rst"),
    ]


def test_every_kind_of_mark_has_a_symbol_and_words_of_its_own() -> None:
    assert len({kind.symbol for kind in KINDS}) == len(KINDS)
    assert len({kind.words for kind in KINDS}) == len(KINDS)
    labels = {label for label in Label if label is not Label.PORT_REUSED}  # that is said of the connection
    assert {Label(kind.label) for kind in KINDS if kind.label} == labels


def test_the_kinds_of_retransmission_are_told_apart() -> None:
    flags = np.zeros(3, np.uint16)
    label = np.array(
        [
            Label.RETRANSMISSION,
            Label.RETRANSMISSION | Label.FAST_RETRANSMISSION,
            Label.RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION,
        ],
        np.uint16,
    )
    found = {kind.key: np.flatnonzero(kind.of(flags, label)).tolist() for kind in KINDS}
    assert {key: at for key, at in found.items() if at} == {"retransmission": [0], "fast": [1], "spurious": [2]}


def test_each_mark_is_once_in_the_legend() -> None:
    named = [trace["name"] for trace in drawn().spec["data"] if trace["showlegend"]]
    assert len(named) == len(set(named))
    assert {"SYN (2)", "retransmission", "acknowledged", "data of the client", "data of the server"} <= set(named)


def test_one_direction_has_one_panel() -> None:
    lines = [segment for segment in DOWNLOAD if segment[2] == "<" or segment[6] == 0]
    made = sequence.figure(view(fixture.segments([lines]), 0), 4000, scaled=True, listed=5)
    assert made is not None
    assert "yaxis2" not in made.spec["layout"]
    reset = next(trace for trace in made.spec["data"] if trace.get("legendgroup") == "rst")
    assert reset["y"] == [3001]  # the client has no panel: its reset lies on the server's data


def test_no_data_no_graph() -> None:
    lines = [segment for segment in DOWNLOAD if segment[6] == 0]
    assert sequence.figure(view(fixture.segments([lines]), 0), 4000, scaled=True, listed=5) is None
    assert sequence.figure(view(fixture.segments([[]]), 0), 4000, scaled=True, listed=5) is None


def long_download(count: int, every: int = 10) -> Segments:
    """Make a download of which every tenth segment comes again."""
    lines: list[tuple[int, float, str, str, int, int, int, int]] = []
    for n in range(count):
        label = int(Label.RETRANSMISSION) if n % every == 0 else 0
        lines.append((2 * n + 1, float(n), "<", "A", 1 + 100 * n, 1, 100, label))
        lines.append((2 * n + 2, n + 0.5, ">", "A", 1, 101 + 100 * n, 0, 0))
    return fixture.segments([lines])


def test_many_segments_keep_their_extremes_and_say_so() -> None:
    made = sequence.figure(view(long_download(20_000), 0), 4000, scaled=True, listed=5)
    assert made is not None
    assert made.segments == 20_000
    assert made.strokes == 4000 // 3
    for name in ("data", "acknowledged"):
        (trace,) = traces(made.spec, name)
        heights = [y for y in trace["y"] if y is not None]
        assert len(trace["x"]) <= 4000
        assert max(heights) == 2_000_001
        assert min(heights) == (1 if name == "data" else 101)
        assert [x for x in trace["x"] if x is not None] == sorted(x for x in trace["x"] if x is not None)
    assert made.marks_total == 2000
    assert made.marks_shown == sum(len(t["x"]) for t in made.spec["data"] if t["mode"] == "markers") == 1000


def test_rare_marks_survive_many_common_ones() -> None:
    many = long_download(20_000)
    many.label[10] |= int(Label.ZERO_WINDOW)
    made = sequence.figure(view(many, 0), 4000, scaled=True, listed=5)
    assert made is not None
    assert [t["customdata"] for t in made.spec["data"] if t.get("legendgroup") == "zero"] == [[11]]


@pytest.mark.parametrize("far", [1 << 40, -(1 << 40), (1 << 62)])
def test_impossible_numbers_and_times_give_a_graph(far: int) -> None:
    made = segments()
    made.seq[5] = far // 4
    made.ack[7] = far // 4
    made.time[8] = far
    spec = sequence.figure(view(made, 0), 400, scaled=True, listed=5)
    assert spec is not None
    for trace in spec.spec["data"]:
        low, high = spec.spec["layout"]["yaxis" if trace["yaxis"] == "y" else "yaxis2"]["range"]
        if trace["mode"] == "markers":
            assert all(low <= y <= high for y in trace["y"])


# ── round trips ──────────────────────────────────────────────────────────────────────────────────────────────────


def samples(*given: tuple[int, int, float, float, bool]) -> RttSamples:
    """Make samples from (data frame, ACK frame, ms of the ACK, round trip, held back)."""
    columns = list(zip(*given, strict=True))
    return RttSamples(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array([START + round(ms * MS) for ms in columns[2]], np.int64),
        np.array(columns[3], np.float64),
        np.array(columns[4], np.bool_),
    )


CLIENT = samples((4, 5, 45.0, 24.8, False))
SERVER = samples((5, 7, 46.1, 1.1, False), (9, 10, 300.1, 0.1, False), (11, 13, 350.0, 40.0, True))


def test_round_trips_say_which_way_they_measure() -> None:
    made = rtt.figure(seen(), {"client": CLIENT, "server": SERVER}, {"client": 20.0, "server": 0.1})
    assert made is not None
    spec, shown = made
    assert shown == 4
    assert [trace["name"] for trace in spec["data"] if trace["mode"] == "markers"] == [
        "recorder → server → recorder (1)",
        "recorder → client → recorder (2)",
        "recorder → client → recorder, ACK held back (1)",
    ]
    assert [trace["marker"]["symbol"] for trace in spec["data"] if trace["mode"] == "markers"] == [
        "circle",
        "square",
        "square-open",
    ]
    assert spec["data"][1]["x"] == [0.0461, 0.3001]
    assert spec["data"][1]["y"] == [1.1, 0.1]
    assert spec["data"][1]["customdata"] == [[5, 7], [9, 10]]
    lines = [trace for trace in spec["data"] if trace["mode"] == "lines"]
    assert [(line["y"], line["line"]["dash"]) for line in lines] == [([20.0, 20.0], "dash"), ([0.1, 0.1], "dot")]
    assert spec["layout"]["yaxis"]["type"] == "log"  # 40 ms is 400 times 0.1 ms


def test_round_trips_of_one_size_have_a_linear_axis_from_zero() -> None:
    made = rtt.figure(seen(), {"client": samples((1, 2, 1.0, 20.0, False), (3, 4, 2.0, 30.0, False))}, {})
    assert made is not None
    axis = made[0]["layout"]["yaxis"]
    assert "type" not in axis
    assert axis["range"][0] == 0
    assert axis["range"][1] > 30


def test_a_leg_without_samples_still_shows_the_handshake_s() -> None:
    made = rtt.figure(seen(), {"server": SERVER}, {"client": 200.0, "server": None})
    assert made is not None
    (line,) = [trace for trace in made[0]["data"] if trace["mode"] == "lines"]
    assert (line["name"], line["y"]) == ("handshake: recorder → server → recorder", [200.0, 200.0])
    assert 10 ** made[0]["layout"]["yaxis"]["range"][1] > 200


def test_a_logarithmic_axis_names_its_decades() -> None:
    made = rtt.figure(seen(), {"client": samples((1, 2, 1.0, 0.05, False), (3, 4, 2.0, 2500.0, False))}, {})
    assert made is not None
    axis = made[0]["layout"]["yaxis"]
    assert axis["ticktext"] == ["10 µs", "0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]


def test_many_samples_keep_the_extremes_of_each_kind() -> None:
    count = 50_000
    ms = np.full(count, 20.0)
    ms[777], ms[40_001] = 3.0, 900.0
    delayed = np.zeros(count, np.bool_)
    delayed[5] = True
    frames = np.arange(count)
    many = RttSamples(frames, frames, START + frames * MS, ms, delayed)
    made = rtt.figure(view(long_download(10), 0), {"server": many}, {})
    assert made is not None
    spec, shown = made
    assert shown == sum(len(trace["x"]) for trace in spec["data"]) <= rtt.MAX_SAMPLES
    heights = [y for trace in spec["data"] for y in trace["y"]]
    assert (min(heights), max(heights)) == (3.0, 900.0)
    assert [len(t["x"]) for t in spec["data"] if "held back" in t["name"]] == [1]


# ── window ───────────────────────────────────────────────────────────────────────────────────────────────────────


def flight(*given: tuple[int, float, int]) -> Flight:
    return Flight(
        np.array([g[0] for g in given], np.int64),
        np.array([START + round(g[1] * MS) for g in given], np.int64),
        np.array([g[2] for g in given], np.int64),
    )


def allowed(*given: tuple[int, float, int]) -> Window:
    made = flight(*given)
    return Window(made.frame, made.time, made.bytes, made.bytes)


SENT = Course(
    NOTHING.rtt,
    flight((5, 45.0, 1000), (6, 46.0, 3000), (7, 46.1, 2000), (9, 300.0, 2000), (10, 300.1, 0)),
    allowed((3, 20.1, 4000), (7, 46.1, 0), (8, 46.2, 0), (10, 300.1, 4000)),
    (),
    (Episode((9,), START + 46 * MS, START + 300 * MS, 254.0, "timeout"),),
)


def test_bytes_in_flight_stand_against_the_window() -> None:
    windows = [4000] * 6 + [0, 0] + [4000] * 4
    made = window.figure(seen(windows), {"server": SENT, "client": NOTHING}, 4000, scaled=True)
    assert made is not None
    by_name = {trace["name"]: trace for trace in made.spec["data"]}
    assert set(by_name) == {"in flight from the server", "allowed by the receiver", "window closed", "loss"}
    assert by_name["in flight from the server"]["y"] == [1000, 3000, 2000, 2000, 0]
    assert by_name["in flight from the server"]["line"]["shape"] == "hv"
    assert by_name["allowed by the receiver"]["y"] == [4000, 0, 4000]
    closed, loss = by_name["window closed"], by_name["loss"]
    assert (closed["x"], closed["width"]) == ([0.0461], [0.254])  # frame 7 closes it, frame 10 opens it
    assert closed["customdata"] == ["frame 7: the client's window is closed for 254 ms"]
    assert (loss["x"], loss["width"]) == ([0.046], [0.254])
    assert loss["customdata"] == ["frame 9: data of the server was lost; sending it again cost 254 ms"]
    assert closed["marker"]["pattern"]["shape"] != loss["marker"]["pattern"]["shape"]
    assert (made.shades_shown, made.shades_total) == (2, 2)


def test_a_window_that_stays_closed_lasts_to_the_end() -> None:
    stretches = window.closed_windows(seen([4000] * 7 + [0] * 5), "server")
    assert [(s.frame, s.end_frame) for s in stretches] == [(8, None)]
    assert stretches[0].end == START + round(310.1 * MS)


def test_a_window_closed_after_all_was_sent_stops_nobody() -> None:
    lines = [*DOWNLOAD[:11], (12, 310.1, ">", "A", 101, 3002, 0, 0)]  # the answer to the FIN, without room for more
    made = replace(fixture.segments([lines]), window=np.array([4000] * 11 + [0], np.uint32))
    assert window.closed_windows(view(made, 0), "server") == ()


def test_a_wide_window_does_not_flatten_what_is_in_flight() -> None:
    wide = replace(SENT, window=allowed((3, 20.1, 1_000_000), (7, 46.1, 1_000_000)), episodes=())
    made = window.figure(seen(), {"server": wide}, 4000, scaled=True)
    assert made is not None
    assert made.far == {"server": 1_000_000}
    assert [trace["name"] for trace in made.spec["data"]] == ["in flight from the server"]
    assert made.spec["layout"]["yaxis"]["range"][1] < 4000


def test_shades_are_the_longest_and_few() -> None:
    episodes = tuple(Episode((n,), START + n * MS, START + (n + 1 + n % 7) * MS, 1.0, "fast") for n in range(1, 500))
    made = window.figure(seen(), {"server": replace(SENT, episodes=episodes)}, 4000, scaled=True)
    assert made is not None
    assert made.shades_total == 499
    assert made.shades_shown <= window.MAX_SHADES
    (loss,) = traces(made.spec, "loss")
    assert set(loss["width"]) <= {0.006, 0.007}


# ── all four ─────────────────────────────────────────────────────────────────────────────────────────────────────


def row(**given: Any) -> Any:
    known = {"client_isn": 100, "server_isn": 200, "server_leg_ms": 20.0, "client_leg_ms": 0.1}
    trips = {"server_rtt_samples": 2, "server_rtt_min_ms": 0.1, "server_rtt_p50_ms": 0.1, "server_rtt_p95_ms": 1.1}
    return fixture.tcp(0, **(known | trips | given))


def all_four() -> tuple[Any, ...]:
    return graphs.graphs(row(), segments(), {"client": NOTHING, "server": replace(SENT, rtt=SERVER)}, 4000)


def test_sentences_have_the_numbers() -> None:
    lines = {figure.title: figure.summary for figure in all_four()}
    assert lines == {
        "Time and sequence numbers": "Who sent what, and when: the client 100 B in 1 segment and the server 3 kB in "
        "3 segments, within 310 ms. Marked: SYN (2), FIN (1), RST (1), retransmission (1), a segment before this one "
        "was not captured (1) and duplicate ACK (1).",
        "Round trips": "How long data waited for its acknowledgement. recorder → client → recorder: 2 samples, at "
        "least 0.10 ms, half of them at most 0.10 ms, 95 % at most 1.10 ms. Hollow: 1 acknowledgement that the "
        "receiver seems to have held back.",
        "Window and bytes in flight": "At most 3 kB of the server's data were on their way at once, while the client "
        "allowed between 0 B and 4 kB. 1 loss, shaded.",
        "Throughput": "The client sent 100 B of new data: 322 B/s on average over 310 ms, at most 20 kB/s (in the "
        "5.00 ms from 0.02 s on). The server sent 3 kB of new data: 9.67 kB/s on average over 310 ms, at most 400 kB/s "
        "(in the 5.00 ms from 0.045 s on). No pause between data lasted as long as 500 ms.",
    }


def test_progress_is_readable_without_the_chart() -> None:
    figure = next(figure for figure in all_four() if figure.title.startswith("Time"))
    progress = next(table for table in figure.tables if table.caption == "Progress")
    cells = [[cell.text for cell in line.cells] for line in progress.rows]
    assert cells[0] == ["0.031010", "100 B", "0 B", "0 B", "0 B"]  # a tenth of 310.1 ms: the request is on its way
    assert cells[4] == ["0.155050", "100 B", "2 kB", "100 B", "1 kB"]
    assert cells[-1] == ["0.310100", "100 B", "3 kB", "100 B", "3 kB"]


def test_plotly_accepts_the_graphs() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    made = all_four()
    assert len(made) == 4
    for figure in made:
        graph_objects.Figure(figure.spec)
        assert {trace["type"] for trace in figure.spec["data"]} <= {"scatter", "bar"}
        assert not any("overlaying" in axis for axis in figure.spec["layout"].values() if isinstance(axis, dict))


def test_a_graph_holds_no_markup_but_plotly_s_own() -> None:
    for figure in all_four():
        for text in strings(figure.spec):
            assert "<" not in text.replace("<extra></extra>", ""), text


def test_without_a_course_only_what_was_sent_is_drawn() -> None:
    made = graphs.graphs(row(), segments(), {"client": NOTHING, "server": NOTHING}, 4000)
    assert [figure.ident for figure in made] == ["fig-sequence-0", "fig-throughput-0"]
    assert made[0].data_ident == "fig-sequence-data-0"


def test_windows_of_unknown_scale_are_explained() -> None:
    made = graphs.graphs(row(client_isn=None), segments(), {"client": NOTHING, "server": SENT}, 4000)
    assert [UNSCALED in figure.note for figure in made] == [True, True, False]
    assert "allowed" not in made[1].summary
    assert traces(made[1].spec, "allowed") == []


# ── which connections, how much ──────────────────────────────────────────────────────────────────────────────────


def test_graphs_are_for_what_findings_point_at_and_for_the_most_data() -> None:
    count = 100
    rows = [fixture.tcp(n, server_unique_bytes=1000 * n) for n in range(count)]
    lists: list[list[tuple[int, float, str, str, int, int, int, int]]] = [
        [(10 * n + k, float(k), "<", "A", 1 + 100 * k, 1, 100, 0) for k in range(1 if n == 99 else 4)]
        for n in range(count)
    ]
    chosen = graphs.chosen(fixture.Prepared(rows), fixture.segments(lists), set(range(30)))
    assert len(chosen) == graphs.MAX_GRAPHED
    assert set(chosen) == {*range(10, 30), *range(79, 99)}  # the larger half of those cited; 99 has too few segments
    assert graphs.chosen(fixture.Prepared([]), fixture.segments([]), set()) == ()


def test_the_page_shares_its_points() -> None:
    assert graphs.line_points(1) == graphs.MAX_LINE_POINTS
    assert graphs.line_points(10) == 1500  # a tenth of 150,000, for ten lines each
    assert graphs.line_points(10**6) == graphs.MIN_LINE_POINTS


def test_large_connections_give_a_small_page(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = fixture.rich()
    big = long_download(3000)
    count = 60
    analysis.segments = replace(
        big,
        first=np.arange(count + 1) * len(big),
        frame=np.arange(1, count * len(big) + 1),
        **{
            name: np.tile(getattr(big, name), count)
            for name in ("time", "from_client", "flags", "seq", "ack", "length", "window", "label")
        },
    )
    analysis.connections = fixture.Prepared(
        [fixture.tcp(n, start_time=START, server_unique_bytes=300_000) for n in range(count)]
    )
    analysis.findings = ()
    html = render(analysis)
    monkeypatch.setattr(graphs, "MAX_GRAPHED", 0)
    without = render(analysis)
    assert html.count('id="fig-sequence-data-') == 40
    assert 'id="fig-sequence-data-' not in without
    assert len(html) - len(without) < 2_500_000
