"""The timeline's facts: nothing out of sight, however much there is, and words in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.language import speaking
from analyzer.pipeline import analyze
from analyzer.report.cells import Clock
from analyzer.report.data import page
from analyzer.report.figures import style
from analyzer.report.figures.timeline import MAX_LISTED, drawn, figure
from analyzer.report.render import render
from analyzer.report.timeline import MAX_BARS, MAX_DENSITY_BINS, Lane, TimelineFact, timeline
from analyzer.schema import DnsRow
from tests.conftest import SAMPLES
from tests.report import fixture

CLOCK = Clock(fixture.START)


def crowded(good: int, bad: int) -> TimelineFact:
    """A rich afternoon with many lookups, one a millisecond, the failed ones last."""
    analysis = fixture.rich()
    rows: list[DnsRow] = [fixture.dns(n, float(n), f"h{n}.example", latency_ms=0.5) for n in range(good)]
    rows += [fixture.dns(n, float(n), f"h{n}.example", rcode="SERVFAIL") for n in range(good, good + bad)]
    analysis.dns = tuple(rows)
    return timeline(analysis, CLOCK)


def lane(fact: TimelineFact, name: str) -> Lane:
    return next(lane for lane in fact.lanes if lane.name == name)


def test_a_good_status_of_an_answer_that_broke_off_is_not_all_that_the_mark_says() -> None:
    """Sample handshake-and-close: the client resets in the middle of a 200; the next request gets no answer at all."""
    analysis = analyze(str(SAMPLES / "handshake-and-close.pcapng"))
    http = lane(timeline(analysis, Clock(analysis.capture.start_time)), "HTTP")
    assert [item.failure for item in http.items if item.failure] == ["200, client broke it off", "aborted"]


def test_without_a_script_nothing_is_said_of_marks_and_bars() -> None:
    html = render(fixture.rich())
    caption = html[html.index('id="fig-timeline"') :].partition("</figcaption>")[0]
    shown, script, hint = caption.partition('<span class="js">')
    assert "Everything on one time axis: ARP 3, DNS 4" in shown
    assert "✕" not in shown
    assert "A bar leads" not in shown
    assert script
    assert "A failure is marked ✕. A bar leads to its row." in hint


def test_what_cannot_be_drawn_is_counted() -> None:
    fact = crowded(5000, 100)
    dns = lane(fact, "DNS")
    assert (len(dns.items), dns.total, dns.failures) == (MAX_BARS["DNS"], 5100, 100)
    assert dns.density is not None
    assert sum(dns.density.counts) == 5100
    assert sum(dns.density.failures) == 100
    assert len(dns.density.counts) == MAX_DENSITY_BINS
    # 5,100 lookups, one a millisecond, on an axis of 8 s: they fill its first 5.1 s evenly, and nothing after.
    used = [k for k, count in enumerate(dns.density.counts) if count]
    assert used == list(range(used[-1] + 1))
    assert used[-1] == int(5.099 / dns.density.width)
    assert all(count in (19, 20, 21) for count in dns.density.counts[: used[-1]])  # 8 s / 400 bins = 20 ms


def test_failures_stay_in_sight_before_the_longest() -> None:
    dns = lane(crowded(5000, 100), "DNS")
    assert sum(bool(item.failure) for item in dns.items) == 100
    assert all(item.failure for item in dns.items if item.start >= 5.0)


def test_more_failures_than_bars_are_all_counted() -> None:
    fact = crowded(0, 2000)
    dns = lane(fact, "DNS")
    assert len(dns.items) == MAX_BARS["DNS"]
    assert dns.density is not None
    assert sum(dns.density.failures) == 2000
    assert fact.failures == 2000 + sum(part.failures for part in fact.lanes if part.name != "DNS")


def test_a_lane_with_room_has_no_row_that_counts() -> None:
    fact = timeline(fixture.rich(), CLOCK)
    assert [part.density for part in fact.lanes] == [None] * 6
    assert fact.shown == fact.total == 24


def test_the_page_says_which_lanes_are_counted() -> None:
    made = drawn(crowded(5000, 100))
    assert made is not None
    assert "DNS 5100" in made.summary
    assert made.note.startswith("Not every bar of DNS is drawn: the shaded row below counts all of them")
    shaded = [trace for trace in made.spec["data"] if trace["type"] == "heatmap"]
    assert [trace["name"] for trace in shaded] == ["DNS"]
    assert len(shaded[0]["x"]) == len(shaded[0]["z"][0]) + 1 == MAX_DENSITY_BINS + 1
    assert shaded[0]["customdata"][0][1] == "t=0.020000-0.040000"
    assert shaded[0]["text"][0][0] == "DNS: 20 began between 0 and 0.02 s, 0 failures"


def test_plotly_accepts_a_crowded_timeline() -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    graph_objects.Figure(figure(crowded(5000, 100)))


def test_the_table_has_failures_first_and_says_what_is_left_out() -> None:
    made = drawn(crowded(5000, 100))
    assert made is not None
    (table,) = made.tables
    assert (len(table.rows), table.total) == (MAX_LISTED, 5120)
    assert sum(row.cells[4].text.startswith("✕") for row in table.rows) == 100 + 10  # all but the two lookups of the 12
    starts = [float(row.cells[2].text.removesuffix(" s")) for row in table.rows]
    assert starts == sorted(starts)
    assert all(row.cells[1].link for row in table.rows)


def test_a_clock_that_was_set_back_widens_the_axis() -> None:
    analysis = fixture.rich()
    analysis.dns = (*analysis.dns, replace(fixture.dns(1, -1500.0, "early.example"), response_time=None))
    fact = timeline(analysis, CLOCK)
    assert fact.begin == -1.5
    assert fact.first == "-1.5"
    low, high = figure(fact)["layout"]["xaxis"]["range"]
    assert low < -1.5
    assert high > fact.end


def test_the_edges_of_the_axis_are_rounded_outwards() -> None:
    fact = replace(timeline(fixture.rich(), CLOCK), begin=0.0, end=2.0001)
    assert (fact.first, fact.last) == ("0", "2.001")
    assert replace(fact, end=2000.0).last == "2000"


def test_a_capture_without_times_has_no_timeline() -> None:
    fact = timeline(fixture.empty(), Clock(None))
    assert fact.lanes == ()
    assert drawn(fact) is None
    assert "timeline" not in page(fixture.empty()).figures


def test_a_capture_with_throughput_only_says_so() -> None:
    analysis = fixture.empty()
    analysis.throughput = fixture.rich().throughput
    made = drawn(timeline(analysis, CLOCK))
    assert made is not None
    assert made.summary == "Throughput over time; nothing here has a beginning and an end of its own."
    assert made.tables == ()


def test_words_are_said_in_the_language_of_the_page_and_data_is_not() -> None:
    with speaking("zh"):
        fact = timeline(fixture.rich(), CLOCK)
    words = " ".join(item.words + item.failure for part in fact.lanes for item in part.items)
    for token in ("NXDOMAIN", "certificate_expired", "503", "shop.example"):
        assert token in words


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", ["BLUE", "SKY", "GREEN", "YELLOW", "ORANGE", "VERMILLION", "PURPLE", "GREY"])
def test_patterns_stand_out_from_their_colour(colour: str) -> None:
    """WCAG 2.2, 1.4.11: 3 to 1 for what is needed to understand a graphic."""
    light, dark = luminance(getattr(style, colour)), luminance(style.DARK)
    assert (light + 0.05) / (dark + 0.05) >= 3
