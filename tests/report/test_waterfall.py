"""Waterfalls: every phase in its place, nothing outside the axis."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.pipeline import analyze
from analyzer.report.axis import Axis
from analyzer.report.cells import Clock
from analyzer.report.render import render
from analyzer.report.requests import durations, pieces, total_ms
from analyzer.report.visits import visits
from analyzer.report.waterfall import Around, waterfall
from tests.conftest import SAMPLES
from tests.report.fixture import MS, START, http, rich, tcp


def test_phases_before_the_request_end_where_it_is_sent() -> None:
    row = http(
        0,
        0,
        100.0,
        dns_ms=30.0,
        connect_ms=20.0,
        tls_ms=25.0,
        blocked_ms=5.0,
        send_ms=1.0,
        wait_ms=9.0,
        receive_ms=10.0,
        total_ms=100.0,
    )
    assert [(phase, (low - START) / MS, (high - START) / MS) for phase, low, high in pieces(row)] == [
        ("dns", 20.0, 50.0),
        ("connect", 50.0, 70.0),
        ("tls", 70.0, 95.0),
        ("blocked", 95.0, 100.0),
        ("send", 100.0, 101.0),
        ("wait", 101.0, 110.0),
        ("receive", 110.0, 120.0),
    ]


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (300_000, ["0 ms", "0.05 ms", "0.1 ms", "0.15 ms", "0.2 ms", "0.25 ms", "0.3 ms"]),  # the last one at its end
        (300_001, ["0 ms", "0.1 ms", "0.2 ms", "0.3 ms"]),
        (1_000, ["0 ms"]),
    ],
)
def test_ticks_are_round_numbers(span: int, labels: list[str]) -> None:
    assert [tick.label for tick in Axis(0, span).ticks()] == labels


def test_bars_are_placed_in_percent_of_the_whole() -> None:
    first = http(0, 0, 0.0, send_ms=0.0, wait_ms=50.0, receive_ms=0.0, total_ms=50.0)
    second = http(0, 1, 50.0, send_ms=0.0, wait_ms=100.0, receive_ms=50.0, total_ms=150.0)
    bars = waterfall([(0, first), (1, second)]).bars
    assert [(p.phase, p.left, p.width) for p in bars[1].parts] == [
        ("send", 25.0, 0.25),
        ("wait", 25.0, 50.0),
        ("receive", 75.0, 25.0),
    ]
    assert bars[1].start == "+50 ms"
    assert [tick.label for tick in waterfall([(0, first), (1, second)]).bands[0].ticks] == [
        "0 ms",
        "50 ms",
        "100 ms",
        "150 ms",
        "200 ms",
    ]


def test_times_alone_are_enough_for_send_wait_receive() -> None:
    row = http(
        0,
        0,
        0.0,
        send_ms=None,
        wait_ms=None,
        receive_ms=None,
        total_ms=None,
        request_end_time=START + 2 * MS,
        response_time=START + 10 * MS,
        response_end_time=START + 15 * MS,
    )
    known = durations(row)
    assert (known["send"], known["wait"], known["receive"], known["dns"]) == (2.0, 8.0, 5.0, None)
    assert total_ms(row) == 15.0


def test_nothing_known_is_unknown_and_not_zero() -> None:
    row = http(0, 0, 0.0, send_ms=None, wait_ms=None, receive_ms=None, total_ms=None, wait_why="no_response")
    bar = waterfall([(0, row)]).bars[0]
    assert (total_ms(row), bar.total) == (None, "–")
    assert bar.detail is not None
    assert next(s for s in bar.detail.shares if s.phase == "wait").why == "no response was captured"


def test_an_encrypted_connection_has_a_bar_of_its_own() -> None:
    analysis = rich()
    bar = waterfall([], Around([(analysis.connections.row(3), analysis.tls[0])])).bars[0]
    assert [part.phase for part in bar.parts] == ["connect", "tls", "open"]
    assert bar.host == "api.example"


def test_room_is_a_limit_that_shows() -> None:
    rows = [(n, http(0, n, float(n))) for n in range(20)]
    result = waterfall(rows, room=5)
    assert (len(result.bars), result.total) == (5, 20)
    assert waterfall(rows, room=0).bars == ()
    assert waterfall([]).total == 0


def test_what_goes_on_much_longer_than_the_visit_has_an_axis_of_its_own() -> None:
    """The page took 50 ms; afterwards it polled every second, for three seconds."""
    page = http(0, 0, 0.0, send_ms=0.0, wait_ms=50.0, receive_ms=0.0, total_ms=50.0)
    polls = [
        (n, http(0, n, 1000.0 * n, send_ms=0.0, wait_ms=10.0, receive_ms=0.0, total_ms=10.0, background="poll"))
        for n in (1, 2, 3)
    ]
    over = START + 50 * MS
    connection = [(tcp(0, start_time=START, duration_ms=3_010.0), None)]
    first, later = waterfall([(0, page), *polls], Around(connections=connection, over=over, start=START)).bands
    assert (first.title, later.title) == (
        "Until the visit was over",
        "In the background, and afterwards: from +1.00 s on",
    )
    assert [bar.start for bar in later.bars] == ["+1.00 s", "+2.00 s", "+3.00 s"]  # since the visit began
    assert [(part.phase, part.left, part.width) for part in first.bars[0].parts][1] == ("wait", 0.0, 100.0)
    assert [tick.label for tick in later.ticks] == ["0 ms", "500 ms", "1 s", "1.5 s", "2 s"]
    assert [len(band.lanes[0].asked) for band in (first, later)] == [1, 3]
    soon = [(1, http(0, 1, 60.0, background="poll", total_ms=53.9))]
    assert len(waterfall([(0, page), *soon], Around(over=over, start=START)).bands) == 1


MILLISECONDS = st.none() | st.floats(0, 1e6)


@given(st.lists(st.tuples(st.floats(0, 1e6), MILLISECONDS, MILLISECONDS, MILLISECONDS, MILLISECONDS), max_size=8))
def test_every_part_lies_on_the_axis(
    rows: list[tuple[float, float | None, float | None, float | None, float | None]],
) -> None:
    requests = [
        (n, http(0, n, at, dns_ms=dns, blocked_ms=blocked, wait_ms=wait, receive_ms=receive, total_ms=None))
        for n, (at, dns, blocked, wait, receive) in enumerate(rows)
    ]
    drawn = waterfall(requests)
    assert len(drawn.bars) == len(rows)
    for bar in drawn.bars:
        assert bar.parts
        for part in bar.parts:
            assert part.left >= 0
            assert part.width > 0
            assert part.left + part.width <= 100.01
    for band in drawn.bands:
        assert all(0 <= tick.left <= 100 for tick in band.ticks)
        assert len(band.ticks) <= 8


def test_a_row_has_the_number_that_the_critical_path_names_it_by() -> None:
    """Sample two-visits; each row of a request says its number once, before its method."""
    html = render(analyze(str(SAMPLES / "two-visits.pcapng")))
    paths = re.findall(r'<p class="wf-path">(.*?)</p>', html, re.DOTALL)
    named = [link for path in paths for link in re.findall(r'<a href="#http-(\d+)">#(\d+)</a>', path)]
    assert len(named) > 2
    rows = dict(re.findall(r'id="http-(\d+)"[^>]*>\s*<summary>\s*<span class="req-name"><span [^>]*>#(\d+)<', html))
    assert all(rows[anchor] == text == anchor for anchor, text in named)


def test_two_questions_by_arp_say_whose_address_each_asks_for() -> None:
    """Sample two-visits: the first request waited for the hardware addresses of the resolver and of the gateway."""
    analysis = analyze(str(SAMPLES / "two-visits.pcapng"))
    wanted = [f"ARP {row.target_ip}" for row in analysis.arp[:2]]
    assert len(set(wanted)) == 2
    drawn = visits(analysis, Clock(analysis.capture.start_time))[0].waterfall.bars[0]
    assert drawn.detail is not None
    assert sorted(line.label for line in drawn.detail.shares if line.phase == "arp") == sorted(wanted)
    titles = [part.words for part in drawn.parts if part.phase == "arp"]
    assert sorted(title.rsplit(" ", 2)[0] for title in titles) == sorted(wanted)
