"""Resolvers' walks on the page, referrals and cut answers in the table, and steps that came to nothing."""

from __future__ import annotations

import re

import pytest

from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.report.data import page
from analyzer.report.render import render
from tests.conftest import SAMPLES
from tests.report.pages import Page


@pytest.fixture(scope="module")
def iterative() -> Analysis:
    return analyze(str(SAMPLES / "dns-iterative.pcapng"), Options())


def results(analysis: Analysis) -> list[str]:
    """Return the column "Answers" of the table of lookups."""
    table = page(analysis).protocols.dns.lookups
    at = [column.label for column in table.columns].index("Answers")
    return [" ".join(filter(None, (row.cells[at].text, row.cells[at].why))) for row in table.rows]


def test_a_walk_is_a_list_with_the_root_first(iterative: Analysis) -> None:
    """What the four name servers of the sample logged (samples/expected/dns-iterative.json)."""
    (walk,) = [one for one in page(iterative).protocols.walks if "www.garden.test" in one.question]
    assert [line.depth for line in walk.lines] == [0, 1, 2]
    for line, server in zip(walk.lines, ("203.0.113.1", "203.0.113.12", "203.0.113.55"), strict=True):
        assert server in line.text
    shown = Page(render(iterative))
    assert {"dns-walks", walk.link} <= set(shown.ids)
    assert "walk-2" in {attributes.get("class") for tag, attributes in shown.tags if tag == "li"}


def test_the_walk_of_a_step_names_the_zone(iterative: Analysis) -> None:
    (step,) = [step for step in page(iterative).visits[0].steps if step.name == "Look up the name"]
    (line,) = step.walk
    assert line.text.startswith("203.0.113.53, in charge of shop.example: asked for nothing.shop.example (A)")
    assert not any("To find out" in remark for remark in step.remarks)


def test_a_referral_is_no_missing_record(iterative: Analysis) -> None:
    """tshark: frames of the root and of example have no answers, and NS records of authority."""
    said = results(iterative)
    assert said[2] == "referred to the servers of example"
    assert said[3] == "referred to the servers of shop.example"


def test_a_cut_answer_leads_to_the_whole_one() -> None:
    said = results(analyze(str(SAMPLES / "dns-trouble.pcapng"), Options()))
    assert said[3] == "cut off (TC); asked again over TCP in row 5"
    assert "no record of this type" not in said[3]


def test_what_failed_says_so_in_a_word() -> None:
    """NXDOMAIN and SERVFAIL (samples/expected/dns-trouble.json)."""
    analysis = analyze(str(SAMPLES / "dns-trouble.pcapng"), Options())
    for visit in page(analysis).visits[:2]:
        assert [step.name for step in visit.steps if step.failed] == ["Look up the name"]
    good = analyze(str(SAMPLES / "plain-visit.pcapng"), Options())
    assert not any(step.failed for visit in page(good).visits for step in visit.steps)


def test_a_remark_is_said_once_in_a_visit() -> None:
    """The client and the server name themselves with every redirect."""
    visits = page(analyze(str(SAMPLES / "web-app.pcapng"), Options())).visits
    assert any(step.remarks for visit in visits for step in visit.steps)
    for visit in visits:
        said = [remark for step in visit.steps for remark in step.remarks]
        assert len(said) == len(set(said))


@pytest.mark.parametrize("sample", ["ping", "arp", "dns-iterative"])
def test_card_and_timeline_count_the_same_failures(sample: str) -> None:
    """The page says a number of failures twice; nothing of these captures fails more than once."""
    drawn = page(analyze(str(SAMPLES / f"{sample}.pcapng"), Options()))
    (card,) = [one for one in drawn.cards if one.key == "failed"]
    counted = sum(int(number) for number in re.findall(r"(\d+) (?!×)", card.lines[0].sentence))
    marked = sum(bool(item.failure) for lane in drawn.timeline.lanes for item in lane.items)
    assert counted == marked


def test_neighbour_discovery_is_no_ping() -> None:
    """tshark: 14 echo requests, 4 errors, and a solicitation and an advertisement of neighbour discovery."""
    drawn = page(analyze(str(SAMPLES / "ping.pcapng"), Options()))
    assert "18 ICMP exchanges" in drawn.cards[0].lines[0].sentence


def test_the_card_tells_of_a_circle_of_redirects() -> None:
    """Visit 6 of the sample is sent round until curl gives up; every answer by itself is good (its server's log)."""
    failed = next(
        card
        for card in page(analyze(str(SAMPLES / "redirects-and-cache.pcapng"), Options())).cards
        if card.key == "failed"
    )
    (line,) = failed.lines
    assert (str(line.sentence), line.link, failed.tone) == ("Failed: 1 visit that went in a circle.", "visit-6", "bad")
