"""Visits on the page: what the filter knows of them, what opens, and what is left out and says so."""

from __future__ import annotations

from dataclasses import replace

from analyzer.language import speaking
from analyzer.pipeline import analyze
from analyzer.report.cells import Clock
from analyzer.report.render import render
from analyzer.report.requests import phases
from analyzer.report.unvisited import unvisited
from analyzer.report.visits import MAX_OPENING, MAX_OPENING_OF_MORE, drawn_requests, visits
from analyzer.report.waterfall import MAX_DETAILED, waterfall
from analyzer.schema import Unvisited
from tests.conftest import SAMPLES
from tests.report.fixture import START, http, rich
from tests.report.pages import Page


def test_the_filter_knows_when_a_visit_was_and_its_frames() -> None:
    """The first visit of the fixture begins 1 ms after the capture and lasts 4.6 s; its lookup is frames 3 to 5."""
    drawn = visits(rich(), Clock(START))
    mark = drawn[0].mark
    assert (mark.host, mark.stream, mark.start, mark.end) == ("shop.example", "0 1 2", "0.001000", "4.601000")
    assert mark.frames.split()[0] == "3-8"  # the handshake is frames 6 to 8
    first = next(bar for bar in drawn[0].waterfall.bars if bar.anchor == "http-1")
    # sent at 3085 ms after DNS (3024), TCP (40) and 0.2 blocked; 0.4 + 41 + 12.5 ms later it is over
    assert (first.mark.start, first.mark.end) == ("0.020800", "3.138900")
    assert first.mark.frames == "10 12 14"


def test_of_very_many_visits_those_that_failed_open_and_the_first_ones() -> None:
    analysis = rich()
    quiet, failed = analysis.visits[1], analysis.visits[0]
    assert failed.failed_requests
    assert not quiet.failed_requests
    analysis.visits = (
        *(replace(quiet, visit=n + 1, http_rows=()) for n in range(MAX_OPENING + 20)),
        replace(failed, visit=MAX_OPENING + 21),
    )
    drawn = visits(analysis, Clock(START))
    opening = [fact.anchor for fact in drawn if fact.opens]
    assert opening == [f"visit-{n + 1}" for n in range(MAX_OPENING_OF_MORE - 1)] + [f"visit-{MAX_OPENING + 21}"]
    shut = drawn[MAX_OPENING_OF_MORE]
    assert (shut.steps, shut.waterfall.bars, shut.duration) == ((), (), drawn[0].duration)
    page = Page(render(analysis))
    assert f"{MAX_OPENING_OF_MORE} of {MAX_OPENING + 21} visits open to their steps and waterfall" in page.text
    assert page.unbalanced == []
    assert [href for href in page.hrefs if href[1:] not in set(page.ids)] == []
    analysis.visits = analysis.visits[:MAX_OPENING]
    assert all(fact.opens for fact in visits(analysis, Clock(START)))


def test_phases_that_are_not_the_whole_visit_say_what_they_are_of() -> None:
    """Sample two-visits: the first visit takes 1.04 s; ARP 0.08, names 25, connecting 24 and waiting 425 ms are 475."""
    analysis = analyze(str(SAMPLES / "two-visits.pcapng"))
    first, _, third = visits(analysis, Clock(analysis.capture.start_time))
    assert first.phases_of == "First document alone, 475 ms:"
    assert third.phases_of == "Opening alone, 76 ms:"
    assert Page(render(analysis)).text.count("First document alone,") == 2


def test_phases_that_add_up_to_the_visit_are_the_visit() -> None:
    analysis = analyze(str(SAMPLES / "loss.pcapng"))
    assert [fact.phases_of for fact in visits(analysis, Clock(analysis.capture.start_time))] == [""] * 5


def test_rows_beyond_the_limit_do_not_open_unless_they_failed() -> None:
    rows = [(n, http(0, n, 100.0 * n, status=503 if n == 9 else 200)) for n in range(10)]
    drawn = waterfall(rows, detailed=3)
    assert [bar.detail is not None for bar in drawn.bars] == [True] * 3 + [False] * 6 + [True]
    assert drawn.detailed == 4
    assert drawn.bars[5].meaning == "200 OK: The request worked and the answer is in the body."


def test_the_page_says_how_many_rows_open() -> None:
    analysis = rich()
    count = MAX_DETAILED + 30
    analysis.http = tuple(http(0, n, 10.0 * n) for n in range(count))
    analysis.visits = (replace(analysis.visits[0], http_rows=tuple(range(count))),)
    page = Page(render(analysis))
    assert f"The rows of {MAX_DETAILED} of {count} requests open" in page.text
    assert len(drawn_requests(visits(analysis, Clock(START)))) == count
    assert {f"http-{n + 1}" for n in range(count)} <= set(page.ids)
    assert page.unbalanced == []


def test_every_status_is_explained_where_it_stands() -> None:
    page = Page(render(rich()))
    titles = [attributes.get("title") or "" for _, attributes in page.tags]
    for code, words in ((404, "404 Not Found: "), (503, "503 Service Unavailable: ")):
        assert any(title.startswith(words) and title.endswith(".") for title in titles), code
        assert words in page.text  # in the opened row


def test_a_failed_step_says_so_in_words() -> None:
    analysis = rich()
    lookup = replace(
        analysis.visits[0].steps[0],
        sentence_key="step.dns.failed.nxdomain",
        sentence_args={"server": "10.0.0.1", "name": "shop.example", "latency_ms": 20.0},
    )
    analysis.visits = (replace(analysis.visits[0], steps=(lookup, *analysis.visits[0].steps[1:])),)
    page = render(analysis)
    assert page.count('<li class="failed">') == 1
    assert '<span class="j-name">Look up the name <b class="bad">failed</b></span>' in page


def test_what_is_in_no_visit_is_counted_and_linked() -> None:
    """Of the fixture's lookups the last two: asked at 2500 ms (answered 18 ms later) and at 2600 (never answered)."""
    analysis = rich()
    rows = (Unvisited("dns", 2, (2, 3)), Unvisited("tcp", 30, tuple(range(30))[:8]))
    analysis.capture = replace(analysis.capture, unvisited=rows)
    dns, tcp = unvisited(analysis, Clock(START))
    assert (dns.words, dns.links, dns.more) == ("2 DNS lookups", (("dns-3", "3"), ("dns-4", "4")), "")
    assert (dns.mark.start, dns.mark.end, dns.mark.frames) == ("2.500000", "2.600000", "58-59 66-68")
    assert (tcp.words, tcp.links[0], tcp.more) == ("30 TCP connections", ("stream-0", "0"), "and 22 more")
    assert (tcp.mark.start, tcp.mark.end) == ("0.000000", "8.000000")
    page = Page(render(analysis))
    assert "2 DNS lookups" in page.text
    assert [href for href in page.hrefs if href[1:] not in set(page.ids)] == []


def test_words_of_phases_are_messages() -> None:
    """English is what they are written in; where a catalogue lacks them they stay so, and their codes always do."""
    assert [phase for phase, _, _ in phases()][:3] == ["arp", "dns", "connect"]
    assert ("wait", "Wait", "waiting for the first byte of the answer") in phases()
    with speaking("zh"):
        assert [phase for phase, _, _ in phases()][-1] == "close"
