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

from analyzer.language import speaking
from analyzer.options import Options
from analyzer.report.connection_failures import cut_off
from analyzer.report.data import page
from analyzer.report.icmp import failed_icmp
from analyzer.report.lookups import dns_failed
from analyzer.report.protocols_tls import common_name
from analyzer.report.render import page_style, plotly_source, render
from analyzer.report.slow import slow_request
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
        graphs = sum(len(fact.graphs) for fact in page(getattr(fixture, name)()).connections.rows)
        assert graphs >= 1
        assert len(figures) == len(page(getattr(fixture, name)()).figures) + graphs
        for text in figures:
            assert not set("<>&\u2028\u2029") & set(text)
            assert {"data", "layout"} == json.loads(text).keys()


def test_header_says_what_file_it_is() -> None:
    text = parsed("rich").text
    for words in ("afternoon.pcapng", "9f3c9f3c9f3c…", "2023-11-14 22:13:20.000 UTC", "+8.00 s", "100 packets"):
        assert words in text


def test_a_long_file_name_keeps_its_end() -> None:
    """Where there is no room, what comes before the last 12 characters is cut; a short name is one piece."""
    analysis = fixture.rich()
    analysis.capture = replace(analysis.capture, file="/x/office-uplink-2026-11-22-0157.pcapng")
    header = render(analysis).partition("<h1")[2].partition("</h1>")[0]
    assert (
        '<span class="file-start">office-uplink-2026-11-22</span><span class="file-end">-0157.pcapng</span>' in header
    )
    assert header.startswith(' title="office-uplink-2026-11-22-0157.pcapng"')
    analysis.capture = replace(analysis.capture, file="a.pcap")
    assert '<bdi><span class="file-start">a.pcap</span></bdi>' in render(analysis)


def test_first_screen_answers_in_sentences_with_numbers() -> None:
    assert card("rich", "what") == (
        "2 visits, 5 HTTP requests, 8 TCP connections and 4 DNS lookups in 8.00 s, "
        "with shop.example, api.example and 1 more host."
    )
    # The redirect: 3,024 ms of DNS in 3,118.1 ms is 97 %.
    assert card("rich", "slow") == (
        "Of the requests that can be read, GET / on shop.example took 3.12 s; "
        "97 % of it (3.02 s) went into looking up the name. "
        "The slowest visit, to http://shop.example/, took 4.60 s in all."
    )
    assert card("rich", "failed") == (
        "Failed: 1 × 503 Service Unavailable, 1 × 404 Not Found, 1 request without an answer, "
        "1 connection never answered and 7 more kinds of failure."
    )
    assert card("rich", "why").startswith("The server reset the connection between 10.0.0.5 and 192.0.2.80 port 80.")


def test_first_screen_says_what_it_cannot_see() -> None:
    """Good answers on the readable requests say nothing about those inside TLS."""
    analysis = fixture.rich()
    analysis.http = tuple(row for row in analysis.http if row.status in (200, 301))[:1]
    analysis.connections, analysis.dns, analysis.arp, analysis.icmp = fixture.empty().connections, (), (), ()
    analysis.tls = (analysis.tls[0],)
    words = next(card for card in page(analysis).cards if card.key == "failed").lines[0].sentence
    assert words == (
        "Nothing visible: the one request that can be read got a good answer. What 1 TLS session carried is encrypted."
    )


def test_first_screen_names_what_is_not_explained() -> None:
    analysis = fixture.empty()
    traffic = {"DHCP": 3, "NTP": 1, "IGMP": 1, "STP": 5}
    analysis.capture = replace(analysis.capture, packets=10, traffic=traffic)
    words = next(card for card in page(analysis).cards if card.key == "what").lines[0].sentence
    assert words.endswith("of protocols that are only counted here: STP (5), DHCP (3), IGMP (1) and 1 more protocol.")


def test_first_screen_names_what_has_no_protocol_s_name_in_the_page_s_language() -> None:
    analysis = fixture.empty()
    traffic = {"not decoded": 3, "IP fragments": 2, "STP": 1}
    analysis.capture = replace(analysis.capture, packets=6, traffic=traffic)
    with speaking("zh"):
        words = next(card for card in page(analysis).cards if card.key == "what").lines[0].sentence
    assert "STP (1)" in words
    assert "not decoded" not in words
    assert "fragments" not in words


def test_traffic_is_counted_by_protocol_most_frequent_first() -> None:
    analysis = fixture.empty()
    analysis.capture = replace(analysis.capture, packets=2001, traffic={"ARP": 1, "TCP": 1500, "<b>": 500})
    table = page(analysis).protocols.traffic
    assert table.caption == "What is in this capture"
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert rows == [["TCP", "1500", "75.0 %"], ["<b>", "500", "25.0 %"], ["ARP", "1", "< 0.1 %"]]
    assert "&lt;b&gt;" in render(analysis)


def test_silence_after_a_question_to_all_is_no_failure() -> None:
    """Nobody but the owner of a name answers mDNS (RFC 6762 section 6)."""
    row = replace(fixture.rich().dns[0], outcome="no_answer", rcode=None)
    assert dns_failed(row)
    assert not dns_failed(replace(row, transport="mdns"))
    assert dns_failed(replace(row, transport="mdns", rcode="NXDOMAIN", outcome="answered"))


def test_the_table_of_lookups_says_what_a_type_is_and_why_a_time_is_missing() -> None:
    """The clock ran back between the second question and its answer, so nobody knows how long it took."""
    analysis = fixture.rich()
    mail = fixture.dns(1, 0.0, "a.example", qtype="MX")
    odd = fixture.dns(3, 50.0, "b.example", qtype="TYPE65534", latency_ms=None, response_time=fixture.START)
    analysis.dns = (mail, odd)
    rows = page(analysis).protocols.dns.lookups.rows
    kinds = [
        next(cell for cell in row.cells if cell.text == kind)
        for row, kind in zip(rows, ("MX", "TYPE65534"), strict=True)
    ]
    assert [cell.title for cell in kinds] == [
        "the mail servers of a domain",
        "data of a type that this program does not explain",
    ]
    assert "the recorder's clock ran backwards" in [cell.why for cell in rows[1].cells]


def test_each_trouble_with_a_ping_is_one_and_a_traceroute_s_steps_are_none() -> None:
    echo = replace(fixture.rich().icmp[0], kind="echo", outcome="error", request_frame=4, reply_frame=None)
    said = replace(echo, kind="error", meaning="time exceeded: TTL expired in transit", quoted_frame=4, hop=None)
    silent = replace(echo, outcome="unanswered", request_frame=6)
    assert failed_icmp((echo, said, silent)) == [1, 2]
    assert failed_icmp((echo, replace(said, hop=2), silent)) == [2]
    assert failed_icmp((echo, replace(said, gateway="10.0.0.253"), silent)) == [2]
    assert failed_icmp((echo, said, silent), {1, 2}) == []


def test_only_a_reset_that_cuts_off_is_a_failure() -> None:
    connections = fixture.rich().connections
    before = cut_off(connections)
    assert before.any()
    stream = int(before.argmax())
    rst = int(connections.columns["rst_frame"][stream])
    connections.columns["server_fin_frame"][stream] = rst - 1
    assert not cut_off(connections)[stream], "the server had closed, the client answered its FIN with a reset"
    connections.columns["server_fin_frame"][stream] = rst + 1
    assert cut_off(connections)[stream]


def test_a_certificate_is_called_by_its_common_name() -> None:
    assert common_name("C=US,O=Internet Widgits,CN=www.example.com") == "www.example.com"
    assert common_name(r"CN=Widgits\, Inc.,O=x") == r"Widgits\, Inc."
    assert common_name("O=nameless") == "O=nameless"


def test_a_name_that_was_not_sent_was_not_missed() -> None:
    analysis = fixture.rich()
    analysis.tls = (replace(analysis.tls[0], sni=None), replace(analysis.tls[0], sni=None, client_hello_frame=None))
    first, second = (row.cells[1].why for row in page(analysis).protocols.tls.rows)
    assert (first, second) == ("not sent", "not in this capture")


def test_loss_is_named_as_the_reason_for_waiting() -> None:
    analysis = fixture.rich()
    row = replace(analysis.http[0], dns_ms=0.0, wait_ms=250.0, wait_loss_ms=230.0, total_ms=300.0)
    assert slow_request(row, 300.0).endswith(
        "(250 ms) went into waiting for the first byte of the answer, 230 ms of that into sending lost packets again."
    )


def test_first_screen_of_nothing() -> None:
    assert card("empty", "what") == "The capture holds no packets: nothing was recorded."
    assert card("empty", "failed") == "Cannot be told: there are no packets."
    assert card("empty", "why").startswith("Empty: the wrong interface, or a filter that lets nothing through?")
    assert card("empty", "slow") == "Nothing could be timed: there are no packets."


def test_capture_quality_names_each_doubt() -> None:
    strip = {fact.label: (fact.value, fact.tone) for fact in page(fixture.rich()).quality}
    assert strip["Packets"] == ("2 of 100 cut short", "warn")
    assert strip["Directions"] == ("1 of 8 connections one-sided", "warn")  # stream 7; an unanswered SYN is no doubt
    assert strip["Drops"] == ("3 packets", "bad")
    assert strip["Clock"][1] == "warn"  # frame 55 is at 2.000 s, after frame 44 at 4.520 s
    assert strip["Decoded"] == ("98 of 100 frames", "warn")
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
    assert "requests unknown (encrypted) over 1 connection" in text
    assert "The connection was still open when the capture ended." in text


def test_tables_hold_every_row_and_reasons_for_unknown_values() -> None:
    text = parsed("rich").text
    assert {f"dns-{n}" for n in range(1, 5)} | {f"http-{n}" for n in range(1, 6)} <= set(parsed("rich").ids)
    assert {f"stream-{n}" for n in range(8)} | {"arp-1", "arp-3", "icmp-2", "tls-2", "visit-1"} <= set(
        parsed("rich").ids
    )
    assert "– encrypted" in text  # the certificate under TLS 1.3
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
    there = {*cut.ids, *(f"dns-{n + 1}" for n in range(2_100))}  # a grid has the rows that no element stands for
    assert [href for href in cut.hrefs if href[1:] not in there] == []
    text = cut.text
    assert "The first 50 of 2100 rows" in text  # for browsers without scripts; a grid has all
    assert "showing 301 of 320" not in text  # the group of other requests is no visit
    assert "showing 300 of 320" in text
    assert "showing 1812 of 3312 bars" in text  # 600 of the 2,100 lookups, and all of the rest
    assert "showing 500 of 600" in text  # findings
    assert "showing 200 of 1200" in text  # connections


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


def test_the_page_says_where_its_library_is() -> None:
    inside, beside, none = (Page(render(fixture.rich())), Page(render(fixture.rich(), shared="")), parsed("empty"))
    assert "which is inside this file" in inside.text
    assert "which is inside this file" not in beside.text
    assert "which is in assets/plotly-" in beside.text
    assert "but the charts' library beside it" in beside.text
    assert "plotly.js" not in none.text


def test_the_style_of_the_page_says_what_its_source_says() -> None:
    assert page_style().count("{") == page_style().count("}")
    assert not re.search(r"\.\.[0-9]|[0-9]\.[0-9]*\.", page_style())
    assert "font-size:.8rem" in page_style()
