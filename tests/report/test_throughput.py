"""Throughput of a connection: sums made by hand, and what is not counted as sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows.model import Label
from analyzer.flows.reassembly import fresh
from analyzer.language import speaking
from analyzer.report import graph_throughput
from analyzer.report.figures.throughput import (
    MAX_BINS,
    MIN_WIDTH,
    Pause,
    figure,
    pauses,
    rate_words,
    rates,
    width_of,
)
from analyzer.report.figures.view import View, view
from tests.report import fixture
from tests.report.fixture import MS, START
from tests.report.test_figures import strings

Lines = list[tuple[int, float, str, str, int, int, int, int]]

# 150 ms: a request; an answer with its first half sent twice; silence; the rest.
TALK: Lines = [
    (1, 0.0, ">", "S", 0, 0, 0, 0),
    (2, 10.0, "<", "SA", 0, 1, 0, 0),
    (3, 10.1, ">", "PA", 1, 1, 300, 0),
    (4, 20.5, "<", "A", 1, 301, 1000, 0),
    (5, 21.0, "<", "A", 1001, 301, 1000, 0),
    (6, 23.9, "<", "A", 1, 301, 1000, int(Label.SPURIOUS_RETRANSMISSION)),
    (7, 24.0, ">", "A", 301, 2001, 0, 0),
    (8, 150.0, "<", "A", 2001, 301, 500, 0),
]


def seen(lines: Lines) -> View:
    return view(fixture.segments([lines]), 0)


def used(amount: Any) -> dict[int, int]:
    """Return the stretches with something in them."""
    return {int(k): int(amount[k]) for k in np.flatnonzero(amount)}


@pytest.mark.parametrize(
    ("span_ms", "width_ms"),
    [
        (0, 1),
        (1, 1),
        (100, 1),
        (100.1, 2),
        (150, 2),
        (201, 5),
        (501, 10),
        (1_000, 10),
        (1_001, 20),
        (3_600_000, 50_000),
    ],
)
def test_a_stretch_is_a_round_number_and_there_are_few(span_ms: float, width_ms: int) -> None:
    assert width_of(round(span_ms * MS)) == width_ms * MS


@given(st.integers(0, 1 << 63))
def test_there_are_never_more_bars_than_fit(span: int) -> None:
    width = width_of(span)
    assert width >= MIN_WIDTH
    assert span // width + 1 <= MAX_BINS + 1
    assert width == MIN_WIDTH or span / width > MAX_BINS / 2.5  # and not far fewer


def test_new_and_repeated_bytes_of_each_side() -> None:
    found = rates(seen(TALK), 2 * MS)
    assert used(found["client"].new) == {5: 300}
    assert used(found["client"].repeated) == {}
    assert used(found["server"].new) == {10: 2000, 75: 500}
    assert used(found["server"].repeated) == {11: 1000}
    assert used(found["server"].frame) == {10: 4, 11: 6, 75: 8}  # the first in each stretch


def test_bytes_that_fill_a_hole_are_new() -> None:
    """Lost before the recorder, a repetition is the first copy that counts, whatever its label."""
    lines: Lines = [
        (1, 0.0, "<", "A", 1, 1, 100, 0),
        (2, 1.0, "<", "A", 201, 1, 100, int(Label.LOST_SEGMENT)),
        (3, 9.0, "<", "A", 101, 1, 150, int(Label.RETRANSMISSION)),  # 100 in the hole, 50 once more
    ]
    found = rates(seen(lines), 1 * MS)["server"]
    assert used(found.new) == {0: 100, 1: 100, 9: 100}
    assert used(found.repeated) == {9: 50}


def test_keep_alives_and_what_was_recorded_twice_are_not_sent() -> None:
    lines: Lines = [
        (1, 0.0, ">", "A", 1, 1, 100, 0),
        (2, 0.5, ">", "A", 1, 1, 100, int(Label.CAPTURED_TWICE)),
        (3, 5.0, ">", "A", 100, 1, 1, int(Label.KEEP_ALIVE)),
    ]
    found = rates(seen(lines), 1 * MS)["client"]
    assert (used(found.new), used(found.repeated)) == ({0: 100}, {})


def test_data_on_a_syn_begins_behind_it() -> None:
    lines: Lines = [(1, 0.0, ">", "S", 0, 0, 100, 0), (2, 5.0, ">", "A", 1, 1, 100, 0)]
    found = rates(seen(lines), 1 * MS)["client"]
    assert (used(found.new), used(found.repeated)) == ({0: 100}, {5: 100})


def test_a_clock_that_was_set_back_loses_nothing() -> None:
    lines: Lines = [
        (1, 5.0, ">", "A", 1, 1, 100, 0),
        (2, -900.0, ">", "A", 101, 1, 70, 0),
        (3, 9.0, ">", "A", 171, 1, 1, 0),
    ]
    found = rates(seen(lines), 1 * MS)["client"]
    assert int(found.new.sum()) == 171
    assert used(found.new)[0] == 170


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=14))
def test_fresh_bytes_are_those_nobody_carried_before(pieces: list[tuple[int, int]]) -> None:
    seen_bytes: set[int] = set()
    expected = []
    for start, length in pieces:
        mine = set(range(start, start + length))
        expected.append(len(mine - seen_bytes))
        seen_bytes |= mine
    start = np.array([start for start, _ in pieces], np.int64)
    assert fresh(start, start + np.array([length for _, length in pieces], np.int64)).tolist() == expected


def test_pauses_lie_between_data_of_any_side() -> None:
    assert pauses(seen(TALK), 100 * MS) == (Pause(6, START + round(23.9 * MS), START + 150 * MS),)
    assert pauses(seen(TALK), 127 * MS) == ()


@pytest.mark.parametrize(
    ("amount", "ms", "words"), [(1000, 1000, "1 kB/s"), (1000, 2, "500 kB/s"), (0, 5, "0 B/s"), (100, 0, "100 GB/s")]
)
def test_rates_in_words(amount: int, ms: int, words: str) -> None:
    assert rate_words(amount, ms * MS) == words


def test_bars_are_rates_and_repeats_stand_on_top() -> None:
    lines: Lines = [*TALK[:5], (6, 21.5, "<", "A", 1, 301, 1000, 0), *TALK[6:]]
    found = seen(lines)
    client, server, repeated = figure(found, rates(found, 2 * MS), 2 * MS)["data"]
    assert (client["x"], client["y"], client["customdata"]) == ([0.01], [150.0], [3])  # 300 B in 2 ms: 150 kB/s
    assert (server["x"], server["y"], server["yaxis"]) == ([0.02, 0.15], [1.0, 0.25], "y2")  # MB/s
    assert (repeated["x"], repeated["y"], repeated["base"]) == ([0.02], [0.5], [1.0])
    assert repeated["name"] == "data sent before"
    assert server["hovertemplate"].startswith("%{y:.4~g} MB/s of new data in the 2.00 ms from %{x} s on")


def test_the_sentence_says_mean_peak_repeats_and_silence() -> None:
    made = graph_throughput.graph(seen(TALK))
    assert made is not None
    assert made.summary == (
        "The client sent 300 B of new data: 2 kB/s on average over 150 ms, at most 150 kB/s (in the 2.00 ms from 0.01 "
        "s on). The server sent 2.5 kB of new data: 16.7 kB/s on average over 150 ms, at most 1 MB/s (in the 2.00 ms "
        "from 0.02 s on). It sent 1 kB that it had sent before. No pause between data lasted as long as 500 ms."
    )
    late: Lines = [*TALK, (9, 2150.0, "<", "A", 2501, 301, 500, 0)]
    made = graph_throughput.graph(seen(late))
    assert made is not None
    assert made.summary.endswith(
        "Nobody sent data in 1 pause of 500 ms or more, together 2.00 s; the longest, 2.00 s, began at 0.150 s (after "
        "frame 8)."
    )


def test_the_table_has_the_busiest_stretches_in_order_of_time() -> None:
    made = graph_throughput.graph(seen(TALK))
    assert made is not None
    (table,) = made.tables
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["0.01", "300 B", "150 kB/s", "0 B", "0 B", "0 B/s", "0 B"],
        ["0.02", "0 B", "0 B/s", "0 B", "2 kB", "1 MB/s", "0 B"],
        ["0.022", "0 B", "0 B/s", "0 B", "0 B", "0 B/s", "1 kB"],
        ["0.15", "0 B", "0 B/s", "0 B", "500 B", "250 kB/s", "0 B"],
    ]
    steady: Lines = [(n + 1, 1.0 * n, "<", "A", 1 + 10 * n, 1, 10 + (n == 40), 0) for n in range(60)]
    made = graph_throughput.graph(seen(steady))
    assert made is not None
    (table,) = made.tables
    assert (len(table.rows), table.total) == (graph_throughput.MAX_STRETCHES, 60)
    assert "0.04" in [row.cells[0].text for row in table.rows]


def test_nothing_is_drawn_without_data_or_time() -> None:
    assert graph_throughput.graph(seen([])) is None
    assert graph_throughput.graph(seen(TALK[:2])) is None
    assert graph_throughput.graph(seen([(1, 0.0, ">", "A", 1, 1, 100, 0)])) is None


def test_plotly_accepts_it_and_it_holds_no_markup() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    made = graph_throughput.graph(seen(TALK))
    assert made is not None
    graph_objects.Figure(made.spec)
    assert {trace["type"] for trace in made.spec["data"]} == {"bar"}
    for text in strings(made.spec):
        assert "<" not in text.replace("<extra></extra>", "")


def test_a_language_without_the_words_still_gives_the_graph() -> None:
    with speaking("zh"):
        made = graph_throughput.graph(seen(TALK))
    assert made is not None
    assert "%{x}" in made.spec["data"][0]["hovertemplate"]
    assert replace(made, spec={}).ident == "fig-throughput-0"
