"""The details of a request: numbers with their trust, facts in groups, and nothing about what is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.cells import Clock
from analyzer.report.protocol_figures import status_sentence
from analyzer.report.render import render
from analyzer.report.request_facts import MAX_LISTED, Group, Links, groups, remarks
from analyzer.report.requests import (
    frames_words,
    interval,
    notes,
    outcome_text,
    outcome_word,
    pieces,
    reason,
)
from analyzer.report.shares import Share, shares, vantage_note
from analyzer.report.statuses import StatusFact
from analyzer.report.tables import tables
from analyzer.report.visits import visits
from analyzer.schema import Cookie, HttpRow, Informational, Parameter, PhaseFrames, PhaseTrust, changed
from tests.report.fixture import START, http, rich
from tests.report.pages import Page
from tests.visits.scene import Scene, answer, get

NEAR = PhaseTrust(**dict.fromkeys(PhaseTrust.__dataclass_fields__, "measured"))
FAR = changed(NEAR, **dict.fromkeys(PhaseTrust.__dataclass_fields__, "bounded"))


SERVER = "the server, and whatever it waited for"


def line(row: HttpRow, words: str) -> Share:
    """Return the line of the breakdown that has these words or this label."""
    return next(share for share in shares(row) if words in (share.label, share.words))


def told(row: HttpRow, links: Links | None = None, number: int = 0) -> dict[str, tuple[str, ...]]:
    """Return the facts of a row as "group: name" → lines."""
    found: tuple[Group, ...] = groups(number, row, links or Links())
    return {f"{group.title}: {fact.name}": tuple(map(str, fact.texts)) for group in found for fact in group.facts}


# ── numbers and how far to trust them ────────────────────────────────────────────────────────────────────────────


def test_measured_numbers_stand_alone_with_their_frames() -> None:
    row = http(0, 0, 0.0, connect_ms=20.0, phase_trust=NEAR, phase_frames=PhaseFrames(connect=(1, 3), send=(4, 4)))
    assert (line(row, "TCP").value, line(row, "TCP").frames) == ("20 ms", "frames 1 → 3")
    assert line(row, "Request").frames == "frame 4"
    assert line(row, "Wait").frames == ""


def test_limits_say_which_way_they_go() -> None:
    """Seen away from the client it waited at least that; the server took at most that (docs/measures.md)."""
    row = http(0, 1, 0.0, blocked_ms=3.0, wait_server_ms=30.0, wait_network_ms=11.0, phase_trust=FAR)
    assert line(row, "Wait").value == "at least 41 ms"
    assert line(row, "Download").value == "at least 12 ms"
    assert line(row, "Blocked").value == "at most 3.00 ms"
    assert line(row, SERVER).value == "at most 30 ms"
    assert line(row, "the network's round trip").value == "at least 11 ms"
    assert line(changed(row, index=0), "Blocked").value == "at least 3.00 ms"


def test_the_server_s_own_acknowledgement_is_a_lower_bound() -> None:
    row = http(0, 0, 0.0, wait_server_ms=30.0, wait_server_min_ms=12.0, phase_trust=NEAR)
    share = line(row, SERVER)
    why = "at least 12 ms: so long before its answer, it confirmed that it had the request"
    assert (share.value, share.why, share.part) == ("30 ms", why, True)
    assert line(changed(row, wait_server_min_ms=30.0), SERVER).why == ""


def test_a_long_poll_s_wait_is_no_work() -> None:
    row = http(0, 0, 0.0, wait_server_ms=1200.0, wait_server_min_ms=1160.0, phase_trust=NEAR, background="long_poll")
    assert line(row, SERVER).why == "it held the request until it had news"


def test_pieces_follow_their_phase_and_empty_ones_are_left_out() -> None:
    row = http(
        0,
        0,
        0.0,
        wait_network_ms=40.0,
        wait_loss_ms=0.0,
        wait_server_ms=1.0,
        receive_loss_ms=4.0,
        receive_window_ms=0.0,
        phase_trust=NEAR,
    )
    assert [share.words for share in shares(row) if share.part] == [
        "the network's round trip",
        SERVER,
        "stopped by lost packets",
    ]
    order = [share.label or share.words for share in shares(row)]
    assert order.index("Wait") < order.index(SERVER) < order.index("Download")


def test_a_used_connection_has_one_line_for_what_it_did_not_do() -> None:
    row = http(0, 1, 0.0, dns_why="reused", connect_why="reused", tls_why="reused")
    first = shares(row)[0]
    assert (first.label, first.value, first.why) == ("DNS, TCP, TLS", "–", "an open connection was used again")
    apart = http(0, 0, 0.0, dns_why="cached", connect_ms=20.0, tls_why="plain")
    assert [share.label for share in shares(apart)][:3] == ["DNS", "TCP", "TLS"]
    assert line(apart, "DNS").why == "already known from before, so nobody had to ask"


@pytest.mark.parametrize(
    ("vantage", "trust", "word"),
    [
        ("client", NEAR, ""),
        ("server", FAR, "near the server"),
        ("middle", FAR, "between"),
        ("unknown", FAR, "cannot be"),
    ],
)
def test_the_place_of_recording_is_said_where_it_matters(vantage: str, trust: PhaseTrust, word: str) -> None:
    note = vantage_note(http(0, 0, 0.0, vantage=vantage, phase_trust=trust))
    assert (word in note) if word else note == ""


MILLISECONDS = st.none() | st.floats(0, 1e6)


@given(st.tuples(*[MILLISECONDS] * 7), st.sampled_from([NEAR, FAR, PhaseTrust()]))
def test_shares_are_parts_of_the_whole(values: tuple[float | None, ...], trust: PhaseTrust) -> None:
    names = ("dns_ms", "connect_ms", "tls_ms", "blocked_ms", "send_ms", "wait_ms", "receive_ms")
    given_ = dict(zip(names, values, strict=True))
    total = sum(value or 0.0 for value in values)
    row = http(0, 0, 0.0, **given_, total_ms=total, phase_trust=trust)
    drawn = shares(row)
    assert all(0 <= share.percent <= 100 for share in drawn)
    assert sum(share.percent for share in drawn) <= 100.5
    assert all(share.value for share in drawn)


# ── what was said ────────────────────────────────────────────────────────────────────────────────────────────────


def test_absent_things_are_not_listed() -> None:
    bare = http(0, 0, 0.0, content_type=None, response_body_bytes=0, http_version=None, keep_alive=None)
    assert set(told(bare)) == {"Connection: Stream", "Connection: Frames"}


def test_the_answer() -> None:
    row = http(
        0,
        0,
        0.0,
        content_encoding="gzip",
        response_body_bytes=2_500,
        response_decoded_bytes=10_000,
        content_type="image/png",
        content_type_seen="text/html",
        server="nginx",
        cdn="Example CDN",
        hsts="max-age=31536000",
        compression_missed_bytes=4_000,
    )
    facts = told(row)
    assert facts["The answer: Type"] == ("image/png",)
    assert facts["The answer: Looks like"] == ("text/html",)
    assert facts["The answer: Body"] == ("2.5 kB for 10 kB: gzip saved 75\u202f%",)
    assert facts["The answer: Compression"] == ("not compressed; gzip would have saved 4 kB",)
    assert facts["The answer: Delivered by"] == ("Example CDN",)
    assert facts["The answer: HSTS"] == ("max-age=31536000",)


@pytest.mark.parametrize(
    ("header", "seen", "listed"),
    [
        ("text/css", "text/plain", False),  # less exact, not different
        ("application/json", "text/plain", False),
        ("image/png", "text/plain", True),
        ("image/svg+xml", "text/xml", False),
        ("application/vnd.oasis.opendocument.text", "application/zip", False),
        ("text/plain", "application/zip", True),
        ("image/png", "image/png", False),
        (None, "image/gif", True),
    ],
)
def test_the_type_seen_is_listed_where_it_says_something_else(header: str | None, seen: str, listed: bool) -> None:
    assert ("The answer: Looks like" in told(http(0, 0, 0.0, content_type=header, content_type_seen=seen))) is listed


def test_a_redirect_leads_on_and_back_and_has_its_cost() -> None:
    first = http(0, 0, 0.0, status=301, location="http://shop.example/new", total_ms=55.0)
    second = http(0, 1, 60.0, target="/new", initiator=0)
    third = http(0, 2, 90.0, target="/new.css", initiator=1)
    links = Links.of((first, second, third))
    assert links.onward == {0: 1}
    facts = told(first, links, 0)
    assert facts["How it came about: Sent on to"] == ("http://shop.example/new",)
    assert facts["How it came about: Cost"] == ("55 ms for this detour",)
    group = next(group for group in groups(0, first, links) if group.title == "How it came about")
    assert group.facts[0].link == "http-2"
    assert told(second, links, 1)["How it came about: Sent here by"] == ("#1 GET /",)
    assert told(third, links, 2)["How it came about: Asked for by"] == ("#2 GET /new",)


@pytest.mark.parametrize(
    ("status", "method", "name", "cost"),
    [
        (301, "GET", "Sent on to", True),
        (302, "HEAD", "Sent on to", True),
        (303, "POST", "Sent on to", False),  # what the POST did is no detour
        (307, "POST", "Sent on to", False),
        (201, "PUT", "Made at", False),  # RFC 9110 section 10.2.2
        (202, "POST", "Location", False),
    ],
)
def test_what_a_location_means(status: int, method: str, name: str, cost: bool) -> None:
    first = http(0, 0, 0.0, status=status, method=method, location="/new", total_ms=26.0)
    links = Links.of((first, http(0, 1, 60.0, target="/new", initiator=0)))
    facts = told(first, links, 0)
    assert facts[f"How it came about: {name}"] == ("/new",)
    assert ("How it came about: Cost" in facts) is cost


@pytest.mark.parametrize(
    ("length", "came", "whole", "coding", "words"),
    [
        ("5000", 1000, None, None, "1000 of 5000 bytes"),
        ("5000", 0, None, None, "0 of 5000 bytes"),
        ("30000000", 1_474_560, None, "gzip", "1\u202f474\u202f560 of 30\u202f000\u202f000 bytes"),
        ("5000", 5000, 5000, None, "5 kB"),
        ("5000", 0, 0, None, None),  # the answer to HEAD
        ("x", 1000, 1000, None, "1 kB"),
    ],
)
def test_how_much_of_a_body_came(length: str, came: int, whole: int | None, coding: str | None, words: str) -> None:
    row = http(
        0,
        0,
        0.0,
        response_headers=(("Content-Length", length),),
        framing="content_length" if came or whole is None else "none",
        response_body_bytes=came,
        response_decoded_bytes=whole,
        content_encoding=coding,
        outcome="complete" if whole is not None else "truncated",
    )
    assert told(row).get("The answer: Body") == (None if words is None else (words,))


def test_what_comes_after_a_switch_is_not_what_the_headers_say() -> None:
    row = http(0, 0, 0.0, status=101, outcome="switched", keep_alive=True, upgrade="websocket")
    assert "Connection: Afterwards" not in told(row)
    assert told(changed(row, status=200, outcome="complete"))["Connection: Afterwards"] == ("meant to stay open",)


def test_a_handshake_leads_to_what_was_said() -> None:
    analysis = rich()
    rows = (http(2, 0, 0.0, status=101, outcome="switched", upgrade="websocket"),)
    sockets = tuple(replace(row, stream=2 + n, handshake_index=0) for n, row in enumerate(analysis.websocket))
    links = Links.of(rows, sockets)
    fact = next(fact for group in groups(0, rows[0], links) for fact in group.facts if fact.name == "WebSocket")
    said = sockets[0].client_messages + sockets[0].server_messages
    assert (fact.link, fact.texts) == ("websocket-messages-1", (f"{said} messages",))
    assert all(fact.name != "WebSocket" for group in groups(0, rows[0], Links.of(rows)) for fact in group.facts)


@pytest.mark.parametrize("kind", ["poll", "long_poll", "event_stream", "websocket"])
def test_what_runs_in_the_background_is_said(kind: str) -> None:
    row = http(0, 0, 0.0, background=kind)
    assert told(row)["How it came about: Kind"][0]
    assert remarks(row)
    assert "How it came about: Kind" not in told(changed(row, background=None))


def test_an_initiator_outside_the_table_is_no_link() -> None:
    row = http(0, 0, 0.0, initiator=7, referer="http://elsewhere.example/")
    assert told(row, Links.of((row,)))["How it came about: Referer"] == ("http://elsewhere.example/",)


def test_copies_login_and_third_party() -> None:
    row = http(
        0,
        0,
        0.0,
        status=304,
        cache="hit_304",
        saved_bytes=18_564,
        etag='"6955b900"',
        last_modified="Thu, 01 Jan 2026 00:00:00 GMT",
        authentication="basic",
        third_party=True,
        pipelined=True,
        keep_alive=False,
        upgrade="websocket",
    )
    facts = told(row)
    assert facts["Copies: Cache"] == ("the client's copy was still good; that saved 18.6 kB",)
    assert facts["Copies: ETag"] == ('"6955b900"',)
    assert facts["Cookies and login: Login"][0].startswith(
        "Basic: name and password, encoded but not encrypted; sent in"
    )
    assert "third party" in facts["How it came about: Site"][0]
    assert facts["Connection: Afterwards"] == ("meant to be closed",)
    assert facts["Connection: Upgrade"] == ("websocket",)
    assert "clear" not in told(changed(row, scheme="https"))["Cookies and login: Login"][0]


def test_cookies_with_their_flags() -> None:
    row = http(
        0,
        0,
        0.0,
        cookies_sent=("id", "theme"),
        cookies_set=(
            Cookie("id", True, True, "strict", False, False, None, None),
            Cookie("theme", False, False, None, True, False, None, None),
            Cookie("old", False, False, None, False, True, None, None),
        ),
    )
    facts = told(row)
    assert facts["Cookies and login: Cookies sent"] == ("id", "theme")
    assert facts["Cookies and login: Cookies set"] == (
        "id – Secure, HttpOnly, SameSite=Strict, until the browser closes",
        "theme – not Secure, scripts may read it, outlives the browser",
        "old – deleted",
    )


def test_fields_by_place_and_no_more_than_a_page_holds() -> None:
    sent = tuple(Parameter("query", f"f{n}", str(n), 1) for n in range(25))
    row = http(0, 0, 0.0, parameters=(*sent, Parameter("body", "file", None, 5_000)))
    facts = told(row)
    assert facts["Fields: In the address"][0] == "f0 = 0"
    assert len(facts["Fields: In the address"]) == MAX_LISTED + 1
    assert facts["Fields: In the address"][-1] == "… and 5 more"
    assert facts["Fields: In the body"] == ("file: 5 kB, not shown",)


def test_sentences_name_what_is_missing_and_how_it_ended() -> None:
    row = http(
        0,
        0,
        0.0,
        status=206,
        informational=(Informational(9, 103),),
        response_missing_bytes=1_460,
        outcome="truncated",
        outcome_why="lost",
    )
    said = " ".join(notes(row))
    assert "206 Partial Content: The server sent only the part of the file" in said
    assert "103 in frame 9:" in said
    assert "1.46 kB of the answer are missing from the capture." in said
    assert "Outcome: it is cut short: the packets are missing from the capture." in said


def test_words_for_tables() -> None:
    assert outcome_word(http(0, 0, 0.0, outcome="switched")) == "other protocol"
    assert reason(http(0, 0, 0.0, status=404, reason="Not Found")) == "Not Found"
    assert reason(http(0, 0, 0.0, status=404, reason="Nope")) == "Not Found (written: Nope)"
    assert reason(http(0, 0, 0.0, status=None)) == ""
    assert frames_words(http(0, 0, 0.0, request_frames=(4, 4), response_frames=(6, 9))) == "4 → 6–9"
    assert frames_words(http(0, 0, 0.0, request_frames=(4, 5), response_frames=None)) == "4–5 → –"
    row = http(
        0, 0, 0.0, informational=(Informational(9, 103),), third_party=True, saved_bytes=2_000, authentication="x"
    )
    assert remarks(row) == ["103 first", "copy saved 2 kB", "login", "third party"]


# ── on the page ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_the_details_and_the_links_lead_somewhere() -> None:
    analysis = rich()
    rows = list(analysis.http)
    rows[1] = changed(
        rows[1], initiator=0, phase_trust=FAR, vantage="server", parameters=(Parameter("query", "q", "tea", 3),)
    )
    analysis.http = tuple(rows)
    page = Page(render(analysis))
    for words in (
        "Sent here by #1 GET /",
        "Cost 3.12 s for this detour",
        "at least 41 ms",
        "Recorded near the server",
        "In the address q = tea",
    ):
        assert words in page.text, words
    assert [href for href in page.hrefs if href[1:] not in set(page.ids)] == []


def test_a_column_without_anything_in_it_is_not_drawn() -> None:
    analysis, clock = rich(), Clock(START)
    drawn = {bar.anchor for fact in visits(analysis, clock) for bar in fact.waterfall.bars}
    assert "Worth knowing" in [column.label for column in tables(analysis, clock, drawn).http.columns]
    analysis.http = (http(0, 0, 0.0),)
    plain = tables(analysis, clock, set()).http
    assert "Worth knowing" not in [column.label for column in plain.columns]
    assert {len(row.cells) for row in plain.rows} == {len(plain.columns)}


def test_no_status_code_is_left_out_in_silence() -> None:
    def fact(code: int, count: int = 1) -> StatusFact:
        return StatusFact(code, "", "", "", count, "")

    few = [fact(code) for code in (200, 301, 304, 401, 503)]
    assert status_sentence(few) == "1 × 401, 1 × 503, 1 × 200, 1 × 301, 1 × 304."
    many = [fact(200, 7), *(fact(code) for code in range(201, 231)), fact(416)]
    said = status_sentence(many)
    assert said.startswith("1 × 416, 7 × 200, 1 × 201")
    assert said.endswith(" and 12 more.")


def test_a_cut_request_does_not_cut_its_answer() -> None:
    said = outcome_text(http(0, 0, 0.0, outcome="truncated", outcome_why="lost", request_cut="lost"))
    assert said == "the end of the request is not in this capture; the response is complete"
    both = http(0, 0, 0.0, outcome="truncated", outcome_why="lost", request_cut="lost", response_cut="lost")
    assert outcome_text(both).startswith("it is cut short")


def test_an_answer_nobody_asked_for_misses_no_request() -> None:
    unasked = http(0, 0, 0.0, outcome="not_captured", outcome_why="unsolicited", status=408, method=None)
    assert outcome_text(unasked) == "no request belongs to it: the server sent it by itself"


# ── who is to blame ──────────────────────────────────────────────────────────────────────────────────────────────


def test_who_is_to_blame_for_a_request(tmp_path: Path) -> None:
    """The server acknowledges the first request at once and answers two seconds later; the second one it refuses."""
    scene = Scene()
    p = scene.exchange(0, get("/slow"), answer(), took=2000, acked=40)
    p.at(9000).client.send(get("/broken"))
    p.at(9060).server.send(answer(500))
    p.at(9100).client.send(get("/quick"))
    p.at(9160).server.send(answer())
    drawn = visits(scene.analysis(tmp_path), Clock(0))
    causes = {
        bar.target: str(fact.texts[0])
        for visit in drawn
        for bar in visit.waterfall.bars
        if bar.detail is not None
        for group in bar.detail.groups
        for fact in group.facts
        if fact.name == "Cause"
    }
    assert set(causes) == {"/slow", "/broken"}
    assert causes["/slow"].startswith("Slow because of the server: shop.example needed 1.96 s of 2.04 s to answer")
    assert "500" in causes["/broken"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"dns_ms": 3.0, "connect_ms": 20.0, "blocked_ms": 0.5, "send_ms": 0.0, "wait_ms": 48.25, "receive_ms": 7.125},
        {"dns_ms": 3.0, "send_ms": None, "wait_ms": None, "receive_ms": None},
        {"request_time": None},
        {"request_time": None, "response_time": None},
    ],
    ids=["as made", "all phases", "only before", "answer alone", "no time"],
)
def test_an_interval_is_from_the_first_piece_to_the_last(values: dict[str, Any]) -> None:
    row = replace(http(0, 0, 100.0), **values)
    parts = pieces(row)
    assert interval(row) == ((parts[0][1], parts[-1][2]) if parts else (None, None))
