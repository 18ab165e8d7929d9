"""The document as a whole: locked, deterministic, whole, and saying what the analysis says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from analyzer.options import Options
from analyzer.report.data import page
from analyzer.report.render import plotly_source, render
from tests.report import fixture
from tests.report.pages import Page


@cache
def html(name: str) -> str:
    return render(getattr(fixture, name)())


@cache
def parsed(name: str) -> Page:
    return Page(html(name))


EVERY = pytest.mark.parametrize("name", ["rich", "hostile", "empty"])


def card(name: str, key: str) -> str:
    found = next(card for card in page(getattr(fixture, name)()).cards if card.key == key)
    return " ".join(line.sentence for line in found.lines)


@EVERY
def test_same_analysis_same_bytes(name: str) -> None:
    assert render(getattr(fixture, name)()).encode() == html(name).encode()


@EVERY
def test_elements_are_balanced_and_ids_unique(name: str) -> None:
    assert parsed(name).unbalanced == []
    assert [ident for ident, count in Counter(parsed(name).ids).items() if count > 1] == []


@pytest.mark.parametrize("name", ["rich", "empty"])
def test_every_link_has_a_target_inside_the_page(name: str) -> None:
    ids = set(parsed(name).ids)
    assert parsed(name).hrefs
    assert [href for href in parsed(name).hrefs if not href.startswith("#") or href[1:] not in ids] == []


@EVERY
def test_links_and_ids_are_words_and_integers(name: str) -> None:
    for href in parsed(name).hrefs:
        assert re.fullmatch(r"#[a-z]+(-[a-z]+)*(-\d+)?", href), href
    for ident in parsed(name).ids:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*(-\d+)?", ident), ident


@EVERY
def test_no_handler_no_style_from_data_no_foreign_address(name: str) -> None:
    for tag, attributes in parsed(name).tags:
        assert tag not in {"img", "iframe", "object", "embed", "link", "base", "audio", "video"}
        assert not [key for key in attributes if key.startswith("on") or key in ("style", "src", "srcdoc", "action")]


@EVERY
def test_policy_comes_first_and_names_exactly_the_scripts_that_run(name: str) -> None:
    tags = [tag for tag, _ in parsed(name).tags]
    metas = [attributes for tag, attributes in parsed(name).tags if tag == "meta"]
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert tags.index("meta") < tags.index("style") < tags.index("script")
    assert policy is not None
    own = [text for kind, text in parsed(name).scripts if kind == ""]
    inert = [text for kind, text in parsed(name).scripts if kind == "text/plain"]
    assert len(own) == 1
    assert {kind for kind, _ in parsed(name).scripts} <= {"", "text/plain", "application/json"}
    expected = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in own + inert}
    assert set(re.findall(r"'sha256-[^']+'", policy)) == expected
    for directive in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "style-src 'unsafe-inline'"):
        assert directive in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def test_plotly_is_the_package_s_own_and_waits_as_inert_text() -> None:
    assert plotly_source() in html("rich")
    assert "plotly.js v" in plotly_source()[:200]
    assert "plotly.js v" not in html("empty")  # nothing to draw, so five megabytes less


@EVERY
def test_nothing_unknown_is_written_as_a_programmer_would(name: str) -> None:
    text = parsed(name).text
    for word in ("None", "nan", "NaN", "null", "undefined", "Undefined", "<bound", "dtype"):
        assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is None, word


def test_an_attack_is_visible_text_and_nothing_else() -> None:
    calm, attacked = parsed("rich"), parsed("hostile")
    assert {tag for tag, _ in attacked.tags} <= {tag for tag, _ in calm.tags}
    assert len([s for s in attacked.scripts if s[0] != "application/json"]) == 2
    for visible in ("{{7*7}}", "<svg onload=alert(2)>", "</script><script>alert(1)</script>", "⟨U+202E⟩", "⟨U+0000⟩"):
        assert visible in attacked.text
    raw = html("hostile").replace(plotly_source(), "")  # which has a U+001A of its own
    assert not re.search("[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", raw)
    assert "A" * 301 not in raw  # the 64 kB value is capped
    raw.encode()  # no lone surrogate


def test_the_figures_data_is_json_without_markup() -> None:
    for name in ("rich", "hostile"):
        figures = [text for kind, text in parsed(name).scripts if kind == "application/json"]
        assert len(figures) == 3
        for text in figures:
            assert not set("<>&\u2028\u2029") & set(text)
            assert {"data", "layout"} == json.loads(text).keys()


def test_header_says_what_file_it_is() -> None:
    text = parsed("rich").text
    for words in ("afternoon.pcapng", "9f3c9f3c9f3c…", "2023-11-14 22:13:20.000 UTC", "+8.00 s", "100 packets"):
        assert words in text


def test_first_screen_answers_in_sentences_with_numbers() -> None:
    assert card("rich", "what") == (
        "2 visits, 5 HTTP requests, 8 TCP connections and 4 DNS lookups in 8.00 s, "
        "with shop.example, api.example and 1 more host."
    )
    # The redirect: 3,024 ms of DNS in 3,118.1 ms is 97 %.
    assert card("rich", "slow") == (
        "GET / on shop.example took 3.12 s; 97 % of it (3.02 s) went into looking up the name."
    )
    assert card("rich", "failed") == (
        "Failed: 1 × 503 Service Unavailable, 1 × 404 Not Found, 1 request without an answer, "
        "1 connection never answered and 6 more kinds of failure."
    )
    assert card("rich", "why").startswith("The server reset the connection between 10.0.0.5 and 192.0.2.80 port 80.")


def test_first_screen_of_nothing() -> None:
    assert card("empty", "what") == "The capture holds no packets."
    assert card("empty", "failed") == "Nothing that this capture shows."
    assert "Nothing could be timed" not in card("empty", "what")
    assert "Nothing stood out" in card("empty", "why")


def test_capture_quality_names_each_doubt() -> None:
    strip = {fact.label: (fact.value, fact.tone) for fact in page(fixture.rich()).quality}
    assert strip["Packets"] == ("2 of 100 cut short", "warn")
    assert strip["Directions"] == ("1 of 8 connections one-sided", "warn")  # stream 7; an unanswered SYN is no doubt
    assert strip["Drops"] == ("3 packets", "bad")
    assert strip["Clock"][1] == "warn"  # frame 55 is at 2.000 s, after frame 44 at 4.520 s
    assert strip["Understood"] == ("98 of 100 frames", "warn")
    assert strip["Recorded"] == ("near the client", "good")


def test_partial_capture_gets_a_banner() -> None:
    analysis = fixture.rich()
    assert "Partial capture" not in parsed("rich").text
    analysis.capture = replace(analysis.capture, partial=True, partial_why="the file ends inside frame 101")
    assert (
        "This report covers only a part of the capture: the file ends inside frame 101." in Page(render(analysis)).text
    )
    cut = replace(analysis.capture.ledger, truncated_file=True, bytes_unread=1500)
    analysis.capture = replace(analysis.capture, partial=False, partial_why=None, ledger=cut)
    assert "1.5 kB could not be read." in Page(render(analysis)).text


def test_absent_steps_say_why() -> None:
    text = parsed("rich").text
    assert "No ARP: the hardware address of the next hop was already known." in text
    assert "requests unknown (encrypted, and no key was given) over 1 connection" in text
    assert "The connection was still open when the capture ended." in text


def test_tables_hold_every_row_and_reasons_for_unknown_values() -> None:
    text = parsed("rich").text
    assert {f"dns-{n}" for n in range(1, 5)} | {f"http-{n}" for n in range(1, 6)} <= set(parsed("rich").ids)
    assert {f"stream-{n}" for n in range(8)} | {"arp-1", "arp-3", "icmp-2", "tls-2", "visit-1"} <= set(
        parsed("rich").ids
    )
    assert "– encrypted, and no key was given" in text  # the certificate under TLS 1.3
    assert "also claimed by 02:00:00:00:00:01" in text
    assert "3 secret values are masked" in text


def test_status_codes_are_explained() -> None:
    text = parsed("rich").text
    assert "The server has nothing at this address." in text
    assert "The server has seen the request's head and wants the body now." in text  # the interim 100


def test_findings_come_worst_and_dearest_first() -> None:
    shown = page(fixture.rich()).findings
    assert [fact.code for fact in shown.rows] == [
        "TCP-RESET",
        "DNS-RETRY",
        "TCP-SYN-LOST",
        "HTTP-CLIENT-ERROR",
        "NOT-IN-THE-CATALOGUE",
    ]
    assert shown.rows[0].link == "stream-2"
    assert shown.rows[1].link == "dns-1"
    assert shown.rows[-1].link == "visit-2"
    assert shown.rows[-1].title == "NOT-IN-THE-CATALOGUE (number: 7)"
    assert "frame.number in {3..5}" in parsed("rich").text


def secret_analysis() -> object:
    analysis = fixture.rich()
    target = "/login?token=hunter2secret&page=3"
    row = replace(analysis.findings[0], args={**analysis.findings[0].args, "target": target})
    analysis.findings = (row,)
    step = replace(analysis.visits[0].steps[4], sentence_args={"host": "h", "status": 302, "location": target})
    analysis.visits = (replace(analysis.visits[0], url=f"http://shop.example{target}", steps=(step,)),)
    return analysis


def test_secrets_in_sentences_are_masked_unless_asked_for() -> None:
    analysis = secret_analysis()
    hidden = render(analysis)  # type: ignore[arg-type]
    assert "hunter2secret" not in hidden
    assert "page=3" in hidden
    analysis.options = Options(reveal=True)  # type: ignore[attr-defined]
    assert "hunter2secret" in render(analysis)  # type: ignore[arg-type]


def test_what_is_cut_says_so() -> None:
    analysis = fixture.rich()
    analysis.dns = tuple(fixture.dns(n + 1, float(n), f"host{n}.example") for n in range(2_100))
    analysis.visits = tuple(replace(analysis.visits[1], visit=n + 1) for n in range(320))
    analysis.connections = fixture.Prepared([fixture.tcp(n) for n in range(1_200)])
    analysis.segments = fixture.segments([[] for _ in range(1_200)])
    analysis.findings = tuple(replace(analysis.findings[0], row=n) for n in range(600))
    cut = Page(render(analysis))
    assert [href for href in cut.hrefs if href[1:] not in set(cut.ids)] == []
    text = cut.text
    assert "showing 2000 of 2100; the exports have all of them" in text
    assert "showing 301 of 320" not in text  # the group of other requests is no visit
    assert "showing 300 of 320" in text
    assert "showing 1812 of 3312 bars" in text  # 600 of the 2,100 lookups, and all of the rest
    assert "showing 500 of 600" in text  # findings
    assert "showing 500 of 1200" in text  # connections


def test_no_dangerous_call_in_the_script() -> None:
    source = next(text for kind, text in parsed("rich").scripts if kind == "")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        'setTimeout("',
    ):
        assert word not in source
    assert not re.search(r"\bon[a-z]+\s*=", source)


def test_shell_is_small() -> None:
    assert len(html("empty").encode()) < 150_000
