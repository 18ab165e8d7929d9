"""The first screen's sentences about requests, and the terminal beside it: both say the same of one capture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.findings.model import Hit, Rule, finding
from analyzer.pipeline import analyze
from analyzer.report.cells import Clock
from analyzer.report.failed import failures as kinds
from analyzer.report.findings import FindingFact, findings
from analyzer.report.overview import cards, header, printed
from analyzer.report.render import render
from analyzer.report.requests import notes, outcome_text, outcome_tone, outcome_word, status_text, tone
from analyzer.report.trust import quality
from analyzer.schema import FindingRow, changed
from analyzer.terminal import _failures as failures
from analyzer.terminal import summary_lines
from tests.conftest import ROOT, SAMPLES
from tests.report.fixture import START, empty, rich
from tests.report.pages import Page
from tests.visits.scene import Scene, answer, get


def card(analysis: Analysis, key: str) -> list[str]:
    return [str(line.sentence) for line in next(card for card in cards(analysis) if card.key == key).lines]


def terminal(analysis: Analysis, label: str) -> list[str]:
    out: list[str] = []
    inside = False
    for line in summary_lines(analysis):
        inside = line.label == label or (inside and not line.label)
        out += [line.text] if inside else []
    return out


def part(size: int, came: int) -> bytes:
    whole = answer(size=size)
    return whole[: len(whole) - size + came]


def test_a_download_cut_short_is_no_good_answer(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), part(5000, 1000), server_port=8080).at(120).server.fin()
    analysis = scene.analysis(tmp_path)
    assert card(analysis, "failed") == ["Failed: 1 answer cut off."]
    assert card(analysis, "why") == [
        "1 kB of 5 kB came of GET /a from shop.example, then the server ended the connection."
    ]
    assert terminal(analysis, "Failed") == ["200, cut off  GET http://shop.example/a (stream 0)"]


def test_an_answer_cut_off_is_no_request_without_one(tmp_path: Path) -> None:
    """Two requests: one was answered and reset in the body, one never got a word."""
    scene = Scene()
    scene.exchange(0, get("/big"), part(5000, 1000)).at(120).server.rst()
    p = scene.connection(client_port=40001)
    p.at(1000).handshake()
    p.at(1040).client.send(get("/b"))
    p.at(1100).server.rst()
    failed = card(scene.analysis(tmp_path), "failed")
    assert failed == ["Failed: 1 request without an answer, 1 answer cut off and 2 connections reset."]


def test_a_client_that_gives_up(tmp_path: Path) -> None:
    """1.0 s after the request, 1.08 s after the first SYN."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(80).client.send(get("/never"))
    p.at(120).server.ack()
    p.at(1080).client.fin()
    p.at(9000).server.fin()
    analysis = scene.analysis(tmp_path)
    assert card(analysis, "failed") == ["Failed: 1 request that the client gave up after 1.00 s."]
    assert card(analysis, "slow") == [
        "GET /never on shop.example took 1.04 s: then the client gave up, and no answer had come."
    ]
    assert terminal(analysis, "Failed") == ["the client gave up  GET http://shop.example/never (stream 0)"]


def test_a_body_until_the_close_without_a_close_did_not_fail(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), b"HTTP/1.0 200 OK\r\n\r\nsome text")
    analysis = scene.analysis(tmp_path)
    assert card(analysis, "failed") == ["Nothing: the one request got a good answer."]
    assert terminal(analysis, "Failed") == ["nothing"]


def test_a_sloppy_request_that_was_answered_did_not_fail(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, b"GET / HTTP/1.\r\nHost: shop.example\r\n\r\n", answer())
    analysis = scene.analysis(tmp_path)
    assert (analysis.http[0].outcome, analysis.http[0].status) == ("malformed", 200)
    assert card(analysis, "failed") == ["Nothing: the one request got a good answer."]
    assert terminal(analysis, "Failed") == ["nothing"]


def test_what_the_capture_does_not_show_is_not_called_good(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), answer())
    p = scene.connection(client_port=40001)
    p.at(1000).handshake()
    p.at(1040).client.send(get("/lost"))
    p.at(1090).server.send(answer(), captured=False)
    p.at(1091).client.ack()
    scene.exchange(2000, get("/half"), part(5000, 1000), client_port=40002)
    analysis = scene.analysis(tmp_path)
    assert card(analysis, "failed") == [
        "Nothing visible: 1 of 3 requests got a good answer.",
        "1 answer is not in this capture. 1 answer was still coming when the capture ended.",
    ]
    assert terminal(analysis, "Failed") == ["nothing"]


def test_only_answers_were_recorded(tmp_path: Path) -> None:
    """Answers are no requests, and nobody can tell how long they took."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(200).client.send(get("/b"))
    p.at(260).server.send(answer())
    p.packets = [(when, data) for when, data in p.packets if data[26:30] == bytes([10, 0, 0, 2])]
    analysis = scene.analysis(tmp_path)
    assert card(analysis, "what")[0].startswith("2 HTTP answers and 1 TCP connection in ")
    assert card(analysis, "slow") == ["Nothing here could be timed: no question has its answer in this capture."]
    assert card(analysis, "failed") == [
        "Nothing that this capture shows.",
        "2 answers have no request in this capture.",
    ]
    assert "2 HTTP answers" in terminal(analysis, "Happened")[0]


def test_both_name_the_slowest_visit_and_the_slowest_request(tmp_path: Path) -> None:
    """A page with three parts of 260 ms each, and a slower single request of a later visit."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer(), took=260)
    for n in range(1, 4):
        p.at(300 * n).client.send(get(f"/{n}.png", Referer="http://shop.example/"))
        p.at(300 * n + 260).server.send(answer(kind="image/png"))
    scene.exchange(30_000, get("/report"), answer(), took=400, client_port=40001)
    analysis = scene.analysis(tmp_path)
    slow = card(analysis, "slow")
    assert slow[0].startswith("GET /report on shop.example took 440 ms")
    assert slow[1:] == ["The slowest visit, to http://shop.example/, took 1.16 s in all."]
    shown = terminal(analysis, "Slowest")
    assert shown[0].startswith("1.16 s  http://shop.example/")
    assert shown[1].startswith("440 ms  http://shop.example/report")


def test_an_event_stream_is_not_what_was_slow(tmp_path: Path) -> None:
    scene = Scene()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    p = scene.exchange(0, get("/events"), head + b"data: 0\n\n")
    p.at(7500).server.send(b"data: 1\n\n")
    p.at(7500).client.ack()
    p.at(7600).client.fin()
    analysis = scene.analysis(tmp_path)
    assert card(analysis, "slow") == ["Nothing that somebody waited for: 1 event stream went on in the background."]
    assert card(analysis, "failed") == ["Nothing: the one request got a good answer."]
    assert terminal(analysis, "Failed") == ["nothing"]


def test_a_circle_of_redirects_failed_in_both() -> None:
    """The sample's /round leads back to itself until curl gives up; each of its answers is a good redirect."""
    analysis = analyze(str(ROOT / "samples" / "redirects-and-cache.pcapng"))
    assert any("1 visit that went in a circle" in said for said in card(analysis, "failed"))
    circle = next(visit for visit in analysis.visits if visit.failed_why == "redirect_loop")
    assert f"redirects in a circle  {circle.url}" in terminal(analysis, "Failed")


def test_a_contradicted_claim_of_an_address_failed_in_both() -> None:
    analysis = rich()
    assert any("claim" in words for words, _ in kinds(analysis))
    _, texts = failures(analysis)
    assert "ARP claim contradicted  10.0.0.1" in texts


# ── one request's own words ──────────────────────────────────────────────────────────────────────────────────────


def test_what_came_of_what_was_promised_comes_before_what_the_status_says(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), part(50_000, 1000)).at(120).server.fin()
    (row,) = scene.analysis(tmp_path).http
    first, second = notes(row)
    assert first == (
        "Not the whole answer: it is cut short: the server ended the connection first "
        "(after 1000 of 50\u202f000 bytes of the body)."
    )
    assert second.startswith("200 OK, said before the body came: ")
    assert (status_text(row), tone(row), outcome_word(row), outcome_tone(row)) == ("200", "bad", "cut short", "warn")


def test_giving_up_is_said_with_its_time(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(80).client.send(get("/never"))
    p.at(1080).client.rst()
    (row,) = scene.analysis(tmp_path).http
    assert outcome_text(row).endswith("the client gave up after 1.00 s")
    assert (status_text(row), tone(row), row.outcome) == ("gave up", "bad", "aborted")


def test_an_end_that_was_not_recorded_is_no_warning(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), b"HTTP/1.0 200 OK\r\n\r\nsome text")
    (row,) = scene.analysis(tmp_path).http
    assert (outcome_word(row), outcome_tone(row), tone(row)) == ("end not seen", "", "good")
    assert outcome_text(row).startswith("its end was not seen: it lasts until the connection closes")


def test_a_stream_that_its_client_ended_is_no_warning(tmp_path: Path) -> None:
    scene = Scene()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    scene.exchange(0, get("/events"), head + b"data: 0\n\n").at(900).client.fin()
    (row,) = scene.analysis(tmp_path).http
    assert (outcome_word(row), outcome_tone(row), tone(row)) == ("ended by the client", "", "good")
    assert notes(row)[-1] == "Outcome: it went on until the client ended it."


def test_a_request_that_still_waits(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(80).client.send(get("/slow"))
    p.at(120).server.ack()
    (row,) = scene.analysis(tmp_path).http
    assert (status_text(row), tone(row)) == ("no answer yet", "muted")


def test_only_the_reasons_lead_to_the_findings() -> None:
    """A card with several sentences has a link in each; what was slow is told by visits and requests."""
    analysis = analyze(str(ROOT / "samples" / "web-app.pcapng"))
    assert len(card(analysis, "slow")) > 1
    told = dict(re.findall(r'id="card-(\w+)"(.*?)</article>', render(analysis), re.DOTALL))
    assert [key for key, block in told.items() if 'href="#findings"' in block] == ["why"]


# ── findings, and what goes on paper ─────────────────────────────────────────────────────────────────────────────


def long_finding(frames: Iterable[int]) -> FindingRow:
    """Return a finding with this evidence, made as the rules make it."""
    rule = Rule("TCP-LOSS", "warning", "tcp", "network", "RFC 6298", lambda facts: iter(()))
    return finding(rule, Hit({"server": "192.0.2.80"}, tuple(frames), stream=1))


def told(row: FindingRow) -> FindingFact:
    analysis = rich()
    analysis.findings = (row,)
    (fact,) = findings(analysis, Clock(START)).rows
    return fact


def test_a_filter_selects_all_of_the_evidence_where_it_can_list_it() -> None:
    """200 frames in two runs: 60 are cited, and the filter has both runs whole."""
    row = long_finding([*range(1, 101), *range(201, 301)])
    assert len(row.frames) == 60
    assert row.display_filter == "frame.number in {1..100, 201..300}"
    fact = told(row)
    assert (fact.display_filter, fact.note) == (row.display_filter, "")


def test_a_filter_that_cannot_list_the_evidence_says_so() -> None:
    """200 frames, each by itself, are more than anybody pastes."""
    row = long_finding(range(1, 401, 2))
    assert row.display_filter.endswith("117, 119}")
    assert told(row).note == "The filter selects the first 60 frames of the evidence; there may be more."
    assert told(long_finding(range(1, 41, 2))).note == ""
    assert told(long_finding(range(1, 41, 2))).frames == "frames 1, 3, 5, 7, 9, 11, 13, 15 and more, 20 in all"


def test_a_finding_is_found_by_its_time_and_its_frames() -> None:
    """The reset of stream 2 is frame 44, 4.520 s after the first packet; a lookup's time is that of its row."""
    by_code = {fact.code: fact for fact in findings(rich(), Clock(START)).rows}
    reset, lookup = by_code["TCP-RESET"].mark, by_code["DNS-RETRY"].mark
    assert (reset.start, reset.end, reset.frames) == ("4.520000", "4.520000", "44")
    assert (lookup.start, lookup.frames) == ("0.001000", "3-5")


def test_on_paper_go_the_visits_that_failed_and_the_longest() -> None:
    analysis = rich()
    assert printed(analysis) == ()  # both of them
    one = analysis.visits[0]
    times = (10.0, 90.0, 20.0, 80.0, 30.0, 70.0, 40.0)
    analysis.visits = tuple(
        replace(one, visit=n + 1, duration_ms=took, failed_step="dns" if n == 0 else None)
        for n, took in enumerate(times)
    )
    assert printed(analysis) == (1, 2, 4, 6, 7)
    left_out = re.findall(r'class="visit panel off-paper" id="visit-([1-9])"', render(analysis))
    assert left_out == ["3", "5"]


def test_severity_is_a_word_on_the_first_screen() -> None:
    (why,) = (card for card in cards(rich()) if card.key == "why")
    assert next((line.severity, line.icon, line.word) for line in why.lines) == ("error", "▲", "error")


def test_a_doubt_about_the_capture_says_why_in_the_open() -> None:
    """A pointer may hover over what is fine; what is not fine must be read without one."""
    text = Page(render(rich())).text
    assert "2 of 100 cut short (beware) the recorder kept only the beginning of these packets" in text
    assert "3 packets (bad) lost by the recorder" in text
    assert "no packet was recorded twice" not in text


def test_the_card_leads_to_what_its_status_codes_mean() -> None:
    (line,) = next(card for card in cards(rich()) if card.key == "failed").lines
    assert line.terms == (("503", "glossary-status-503"), ("404", "glossary-status-404"))


def test_nothing_is_good_of_a_capture_without_packets() -> None:
    """Its report has no green mark, and the terminal says that there were no packets."""
    analysis = empty()
    assert [fact.label for fact in quality(analysis) if fact.tone == "good"] == []
    assert [one.key for one in cards(analysis) if one.tone == "good"] == []
    assert terminal(analysis, "Happened") == ["no packets: the wrong interface, or a filter that lets nothing through?"]


def gaps(analysis: Analysis) -> tuple[str, str, str]:
    fact = next(fact for fact in quality(analysis) if fact.label == "Gaps")
    return str(fact.value), str(fact.title), fact.tone


def test_a_forged_acknowledgement_is_no_gap(tmp_path: Path) -> None:
    """One ACK is 400 MB beyond all that the server sent: its number is damaged, nothing is missing."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.server.arrived.append((0, 400_000_000))
    p.at(200).client.ack()
    analysis = scene.analysis(tmp_path)
    assert max(analysis.connections.columns["server_missing_bytes"].tolist()) > 399_000_000
    assert gaps(analysis) == ("unclear", "damaged acknowledgement numbers in 1 connection", "warn")


def test_a_gap_and_the_finding_of_it_do_not_contradict_each_other(tmp_path: Path) -> None:
    """50,000 bytes are acknowledged, and later ones are there; the last 10,000 are acknowledged and none came after."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer(size=100))
    p.at(200).server.send(b"x" * 50_000, captured=False)
    p.at(210).server.send(b"y")
    p.at(211).client.ack()
    q = scene.exchange(1000, get("/a"), answer(size=100), client_port=40001)
    q.at(1200).server.send(b"z" * 10_000, captured=False)
    q.at(1211).client.ack()
    analysis = scene.analysis(tmp_path)
    assert [one.args["missing_bytes"] for one in analysis.findings if one.code == "CAPTURE-GAPS"] == [50_000]
    assert gaps(analysis) == ("60 kB missing", "sent, but not recorded; 50 kB of it arrived for sure", "warn")


def test_connections_of_what_is_not_read_say_where_they_went_and_what_they_are(tmp_path: Path) -> None:
    """An FTP server greets on port 21 and is connected to twice; one more connection goes elsewhere."""
    scene = Scene()
    for n, port in enumerate((21, 21, 46197, 50000)):
        p = scene.connection(client_port=40000 + n, server_port=port)
        p.at(100 * n).handshake()
        if port == 21:
            p.at(100 * n + 41).server.send(b"220 FTP server ready\r\n")
            p.at(100 * n + 42).client.send(b"USER anonymous\r\n")
        else:
            p.at(100 * n + 41).client.send(b"\x00\x01\x02\x03")
    said = card(scene.analysis(tmp_path), "what")
    assert said[0].endswith("ms, with 10.0.0.2 port 21, 10.0.0.2 port 46197 and 1 more server.")
    assert said[1:] == ["What FTP carried is not read here: only its connections are told of."]


def test_connections_beside_requests_are_not_said_to_be_unread(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), answer())
    assert len(card(scene.analysis(tmp_path), "what")) == 1


def test_the_slowest_comes_first_and_says_why_and_a_single_failure_more_is_named() -> None:
    """Sample handshake-and-close: the visit to port 8009 was never answered; 5 kinds of failure, the last a reset."""
    analysis = analyze(str(ROOT / "samples" / "handshake-and-close.pcapng"))
    first, second = card(analysis, "slow")
    assert first == "The slowest visit, to 198.51.100.80:8009, took 3.02 s and failed: nobody answered."
    assert second.startswith("GET /half-close on shop.example took 210 ms")
    (said,) = card(analysis, "failed")
    assert "more kind" not in said
    assert [words for words, _ in kinds(analysis) if words not in said] == []


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("capture.pcap", "capture.pcap"),
        ("ann/hw.pcapng", "ann/hw.pcapng"),  # as a batch names it: the students' files are all called hw
        ("week1/ann/hw.pcapng", "ann/hw.pcapng"),
        ("class.zip/ann/hw.pcapng", "ann/hw.pcapng"),
        ("/home/ann/hw.pcapng", "hw.pcapng"),
        ("../lab/hw.pcapng", "hw.pcapng"),
        ("C:\\captures\\hw.pcapng", "hw.pcapng"),
        ("-", "-"),
    ],
)
def test_a_capture_is_named_with_its_folder_where_that_is_a_name(file: str, shown: str) -> None:
    analysis = analyze(str(SAMPLES / "ping.pcapng"))
    analysis.capture = changed(analysis.capture, file=file)
    assert header(analysis).file == shown
