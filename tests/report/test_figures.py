"""Charts: valid in plotly's own schema, bounded, and deaf to what captured text tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from analyzer.analysis import Throughput
from analyzer.pipeline import analyze
from analyzer.report.cells import DASH, Clock
from analyzer.report.data import page
from analyzer.report.latencies import latencies
from analyzer.report.timeline import MAX_BARS, MAX_ROWS, timeline
from tests.conftest import SAMPLES
from tests.report import fixture


@pytest.mark.parametrize("name", ["rich", "hostile"])
def test_plotly_accepts_every_figure(name: str) -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    figures = page(getattr(fixture, name)()).figures
    assert figures.keys() == {"timeline", "status", "heat", "latency"}
    for figure in figures.values():
        graph_objects.Figure(figure.spec)  # raises on a property that does not exist or a value that does not fit


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def test_no_markup_reaches_a_figure() -> None:
    for figure in page(fixture.hostile()).figures.values():
        for text in strings(figure.spec):
            assert "<" not in text.replace("<extra></extra>", ""), text


def test_no_trace_needs_webgl_and_no_axis_has_two_sides() -> None:
    for figure in page(fixture.rich()).figures.values():
        assert {trace["type"] for trace in figure.spec["data"]} <= {"bar", "scatter", "heatmap"}
        assert not any("overlaying" in axis for axis in figure.spec["layout"].values() if isinstance(axis, dict))


def test_timeline_lanes_and_failures() -> None:
    fact = timeline(fixture.rich(), Clock(fixture.START))
    assert {lane.name: lane.total for lane in fact.lanes} == {
        "ARP": 3,
        "DNS": 4,
        "TCP": 8,
        "TLS": 2,
        "HTTP": 5,
        "other": 2,
    }
    failures = {item.anchor: item.failure for lane in fact.lanes for item in lane.items if item.failure}
    assert failures == {
        "arp-2": "no answer",
        "arp-3": "conflict",
        "dns-3": "NXDOMAIN",
        "dns-4": "no answer",
        "stream-2": "reset",
        "stream-4": "certificate_expired",
        "stream-5": "no answer",
        "stream-6": "refused",
        "http-3": "404",
        "http-4": "503",
        "http-5": "aborted",
        "icmp-2": "host unreachable",
    }


def test_bars_of_a_row_do_not_overlap_while_there_is_room() -> None:
    for lane in timeline(fixture.rich(), Clock(fixture.START)).lanes:
        ends: dict[int, float] = {}
        for item in lane.items:
            assert item.start >= ends.get(item.row, 0.0)
            ends[item.row] = item.end
        assert lane.rows <= MAX_ROWS[lane.name]


def test_too_many_bars_keep_the_failures() -> None:
    analysis = fixture.rich()
    good = [fixture.dns(n, float(n), f"h{n}.example") for n in range(3000)]
    bad = [fixture.dns(n, float(n), f"b{n}.example", rcode="SERVFAIL") for n in range(100)]
    analysis.dns = tuple(good + bad)
    lane = next(lane for lane in timeline(analysis, Clock(fixture.START)).lanes if lane.name == "DNS")
    assert (len(lane.items), lane.total) == (MAX_BARS["DNS"], 3100)
    assert sum(bool(item.failure) for item in lane.items) == 100


def test_throughput_is_in_megabits_and_folds_without_loss() -> None:
    analysis = fixture.rich()
    analysis.throughput = Throughput(fixture.START, 1_000_000, np.full(2500, 1250, np.int64), np.ones(2500, np.int64))
    strip = timeline(analysis, Clock(fixture.START)).strip
    assert len(strip.seconds) == 834  # 2,500 bins of 1 ms become as many of 3 ms
    assert strip.seconds[1] - strip.seconds[0] == 0.003
    assert strip.mbit[0] == 10.0  # 1,250 bytes a millisecond
    assert sum(strip.mbit) * 3e-3 / 8 * 1e6 == pytest.approx(2500 * 1250)


def test_percentiles_are_values_that_were_measured() -> None:
    analysis = fixture.rich()
    analysis.dns = tuple(fixture.dns(n, float(n), "a.example", latency_ms=float(n)) for n in range(1, 201))
    fact = next(fact for fact in latencies(analysis) if fact.key == "dns")
    assert (fact.count, fact.p50, fact.p95, fact.p99) == (200, 100.0, 190.0, 198.0)  # nearest rank
    assert fact.fractions[-1] == 1.0


@pytest.mark.parametrize("capture", ["rich", "handshake-and-close.pcapng"])
def test_numbers_in_the_tables_of_charts_can_be_sorted(capture: str) -> None:
    """The page's script sorts a column of numbers by their values, or by texts that are plain numbers themselves."""
    analysis = fixture.rich() if capture == "rich" else analyze(str(SAMPLES / capture))
    facts = page(analysis)
    graphs = [figure for fact in facts.connections.rows for figure in fact.graphs]
    ran = [fact.performance for fact in facts.connections.rows if fact.performance is not None]
    tables = [table for figure in [*facts.figures.values(), *graphs] for table in figure.tables]
    tables.append(facts.protocols.traffic)
    tables += [table for made in ran for table in (made.trips, made.episodes) if table is not None]
    numbers = [
        (table.caption, cell.text, cell.value)
        for table in tables
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if column.numeric and cell.text != DASH
    ]
    assert any(value is not None for _, _, value in numbers)
    plain = re.compile(r"-?[\d\u202f]+(\.\d+)?")
    assert [one for one in numbers if one[2] is None and not plain.fullmatch(one[1])] == []
