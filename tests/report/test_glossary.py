"""The glossary: what it explains, where its anchors lead, and that it speaks the page's language."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer import report
from analyzer.flows.closing import conn_state
from analyzer.flows.model import CONN_STATES, Label
from analyzer.language import speaking
from analyzer.report import glossary
from analyzer.report.about import about_facts
from analyzer.report.cells import Clock
from analyzer.report.data import page
from analyzer.report.findings import findings
from analyzer.report.render import render
from analyzer.report.trust import quality, recorded_why
from analyzer.sentences import terms
from tests.report import fixture
from tests.report.pages import Page
from tests.report.pseudo import bare, outside, piece, pseudo

PLACE = "median of 3 handshakes: 12.000 ms to the server, 0.100 ms to the client"


def words(group_title: str) -> dict[str, str]:
    """Return word → sentence of a group of the rich fixture's glossary."""
    group = next(group for group in glossary.glossary(fixture.rich()) if group.title == group_title)
    return {entry.word: entry.text for entry in group.entries}


def test_a_code_that_occurs_comes_first_and_all_others_are_folded_away() -> None:
    """The fixture has a redirect, two successes, a 404 and a 503, and an interim 100."""
    here = words("HTTP status codes in this capture")
    assert set(here) >= {"100 Continue", "200 OK", "404 Not Found", "503 Service Unavailable"}
    assert here["404 Not Found"] == "The server has nothing at this address."
    others = words("All other registered HTTP status codes")
    assert not set(here) & set(others)
    # IANA's registry: 5, 10, 9, 29 and 11 of the classes, with the two that are unused and the temporary 104.
    assert len({*here, *others}) == 64
    assert "451 Unavailable For Legal Reasons" in others


def test_names_in_dns_and_states_of_tcp_are_explained() -> None:
    assert words("DNS response codes in this capture")["NXDOMAIN"] == "The name does not exist."
    assert words("DNS record types in this capture")["AAAA"] == "an IPv6 address"
    assert "TIME_WAIT" in words("States of a TCP connection")
    # RFC 9293 section 3.3.2 names eleven states.
    assert len(words("States of a TCP connection")) == 11


def test_every_label_and_every_word_of_zeek_has_a_sentence() -> None:
    assert set(terms.LABELS) == {str(label.name).lower() for label in Label}
    assert set(terms.CONN_STATES) == set(CONN_STATES)
    assert conn_state(()) in terms.CONN_STATES


def test_a_sentence_is_one_sentence() -> None:
    for _, text in (*terms.TERMS.values(), *terms.LABELS.values()):
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("h")
    assert 40 <= len(terms.TERMS) <= 70


@pytest.mark.parametrize(
    ("kind", "key", "anchor"),
    [
        ("status", 503, "glossary-status-503"),
        ("status", 5030, ""),
        ("status", "503", ""),
        ("status", True, ""),
        ("close", 1006, "glossary-close-1006"),
        ("state", "CLOSED", "glossary-state-1"),
        ("state", "DREAMING", ""),
        ("rcode", "NOERROR", "glossary-rcode-1"),
        ("rcode", '"><svg onload=alert(1)>', ""),
        ("nothing", "SYN", ""),
    ],
)
def test_an_anchor_is_a_kind_and_a_number(kind: str, key: object, anchor: str) -> None:
    assert glossary.link(kind, key) == anchor


def test_a_finding_leads_to_the_codes_it_names() -> None:
    html = render(fixture.rich())
    rows = findings(fixture.rich(), Clock(fixture.START)).rows
    linked = {word: anchor for row in rows for word, anchor in row.terms}
    assert linked == {"404": "glossary-status-404"}
    assert "glossary-status-404" in Page(html).ids
    assert 'href="#glossary-status-404"' in html


def test_codes_that_a_capture_invents_are_explained_and_counted() -> None:
    analysis = fixture.rich()
    analysis.http = tuple(replace(analysis.http[0], status=600 + n) for n in range(300))
    analysis.dns = tuple(fixture.dns(n, 0.0, "a.example", qtype=f"TYPE{n}") for n in range(300))
    groups = {group.title: group for group in glossary.glossary(analysis)}
    assert len(groups["HTTP status codes in this capture"].entries) == glossary.MAX_CODES
    assert len(groups["DNS record types in this capture"].entries) == glossary.MAX_CODES
    assert groups["DNS record types in this capture"].entries[0].word == "A"  # of the answers: registered, so first
    assert all(entry.text for entry in groups["HTTP status codes in this capture"].entries)


# ── two languages ────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_of_the_frame_of_the_page_bypasses_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """All words stand in the brackets of a made-up language, but for names of codes and what the capture holds."""
    analysis = fixture.rich()
    analysis.capture = replace(analysis.capture, vantage_why=PLACE, comments=())
    with pseudo(monkeypatch):
        html = render(analysis, "zh")
    html = re.sub(r'<span class="filter">.*?</span>', "", html)
    names = {word for group in words_of_statuses() for word in group.split()}
    for start, end in (
        ('<header class="top">', "</header>"),
        ('<div class="cards">', '<div class="quality"'),
        ('<section id="findings"', '<section id="tables"'),
        ('<section id="about"', 'id="problems-table"'),
        ("<dialog", "</dialog>"),
    ):
        assert bare(piece(html, start, end)) - names - {"pcapng"} == set(), start
    assert bare('<p title="left out">⟦said⟧ and not, http://a.example/</p>') == {"left", "out", "and", "not"}


def words_of_statuses() -> list[str]:
    """Return the registered names, which are words of the protocol."""
    return [
        re.sub(r"[()]", "", name)
        for name in (*words("All other registered HTTP status codes"), *words("HTTP status codes in this capture"))
    ]


def test_what_is_said_of_the_capture_s_quality_passes_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = fixture.rich()
    analysis.capture = replace(analysis.capture, vantage_why=PLACE)
    for one in (analysis, fixture.empty()):
        with pseudo(monkeypatch), speaking("zh"):
            strip = [fact for fact in quality(one) if "Gateway" not in fact.label]
            told = [text for fact in strip for text in (fact.label, fact.value, fact.title, fact.word)]
            told += [text for pair in about_facts(one).limits for text in pair]
        assert [text for text in told if re.search("[a-z]{3}", outside(text))] == []


def test_how_it_is_known_where_the_recorder_stood_is_said_in_words() -> None:
    assert recorded_why(PLACE) == PLACE
    assert recorded_why(f"both ends are close ({PLACE})") == f"both ends are close ({PLACE})"
    assert recorded_why("no TCP handshake") == "no TCP handshake"
    assert recorded_why("") == ""


def test_no_text_of_these_modules_is_glued_from_words() -> None:
    """An f-string with two English words in a row is a sentence that no catalogue has."""
    folder = Path(report.__file__).parent
    for name in ("about", "card", "failed", "findings", "glossary", "overview", "secrets", "slow", "trust"):
        tree = ast.parse((folder / f"{name}.py").read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                fixed = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                assert not re.search(r"[a-z]{2,} [a-z]{2,}", fixed), f"{name}.py:{node.lineno}: {fixed}"


def test_the_glossary_s_anchors_are_on_the_page() -> None:
    facts = page(fixture.rich())
    anchors = glossary.anchors(facts.about.glossary)
    assert anchors <= set(Page(render(fixture.rich())).ids)
    assert facts.reach("glossary-status-503") == "glossary-status-503"
    assert facts.reach("glossary-close-4999") == "glossary"
