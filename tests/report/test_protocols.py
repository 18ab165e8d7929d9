"""The protocols section: counts made by hand, when status codes were given, and what is said of DNS and TLS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.report.cells import Clock, Row, Table
from analyzer.report.data import page
from analyzer.report.figures import heat as heat_figure
from analyzer.report.figures import latency as latency_figure
from analyzer.report.latencies import latencies, latency_table
from analyzer.report.lookups import dns_failed, failed_lookups, own_failures
from analyzer.report.protocols_dns import dns_fact, dns_sentence, servers_table
from analyzer.report.protocols_tls import tls_table
from analyzer.report.render import render
from analyzer.report.statuses import MAX_HEAT_ROWS, answers, field_length, heat, statuses
from analyzer.schema import DnsAnswer, Informational, TlsAlert
from tests.report import fixture
from tests.report.pages import Page

CLOCK = Clock(fixture.START)
MS = fixture.MS


def cell(table: Table, row: Row, label: str) -> str:
    """Return what a row shows in a column, with the small words below."""
    at = [column.label for column in table.columns].index(label)
    return " | ".join(filter(None, (row.cells[at].text, row.cells[at].why)))


# ── status codes ─────────────────────────────────────────────────────────────────────────────────────────────────


def answered(*given: tuple[int, float]) -> Analysis:
    """Requests answered with a code at some milliseconds after the first packet."""
    analysis = fixture.rich()
    analysis.http = tuple(
        fixture.http(n, 0, at - 1, status=code, response_time=fixture.START + round(at * MS), response_frames=(n, n))
        for n, (code, at) in enumerate(given, 10)
    )
    return analysis


def test_each_code_says_from_when_to_when_it_was_given() -> None:
    analysis = answered((503, 4000), (200, 100), (503, 2500), (503, 2600))
    good, bad = statuses(answers(analysis.http), CLOCK)
    assert (good.code, good.count, good.when) == (200, 1, "at 0.100 s")
    assert (bad.code, bad.count, bad.first, bad.when) == (503, 3, "http-1", "from 2.500 s to 4.000 s")
    assert (bad.mark.status, bad.mark.start, bad.mark.end, bad.mark.frames) == (
        "503",
        "2.500000",
        "4.000000",
        "10 12-13",
    )


def test_an_interim_answer_counts_where_its_request_was_sent() -> None:
    analysis = answered((200, 900))
    analysis.http = (
        replace(
            analysis.http[0],
            informational=(Informational(7, 100),),
            request_end_time=fixture.START + 300 * MS,
        ),
    )
    early, final = statuses(answers(analysis.http), CLOCK)
    assert (early.code, early.when, early.mark.frames) == (100, "at 0.300 s", "7")
    assert (final.code, final.when) == (200, "at 0.900 s")


def test_codes_over_time_are_counted_by_hand() -> None:
    """Answers from 1.0 to 4.9 s: fields of 0.1 s, the first of which begins at 1.0 s."""
    drawn = heat(answers(answered((200, 1000), (200, 1010), (200, 1090), (404, 1250), (503, 4900)).http), CLOCK)
    assert drawn is not None
    assert (drawn.codes, drawn.total, drawn.start, drawn.step, drawn.columns) == ((200, 404, 503), 3, 1.0, 0.1, 40)
    assert [(c.row, c.column, c.count, c.first) for c in drawn.cells] == [
        (0, 0, 3, "http-1"),
        (1, 2, 1, "http-4"),
        (2, 39, 1, "http-5"),
    ]


@pytest.mark.parametrize("given", [(), ((200, 5.0),), ((200, 5.0), (404, 5.0)), ((200, 5.2), (404, 5.9))])
def test_one_moment_is_no_map(given: tuple[tuple[int, float], ...]) -> None:
    analysis = answered(*given)
    assert heat(answers(analysis.http), CLOCK) is None
    assert "fig-heat" not in Page(render(analysis)).ids


def test_the_map_stands_beside_many_codes_and_below_few() -> None:
    for codes, beside in ((3, False), (8, True)):
        page = render(answered(*((200 + n, 100.0 * n) for n in range(codes))))
        assert Page(page).ids.count("fig-heat") == 1
        explained = page.index('<ul class="codes">')  # the list stands in the second column
        assert (page.index('id="fig-heat"') < explained) == beside


@pytest.mark.parametrize(
    ("span", "length"), [(0.0, 0.001), (0.04, 0.001), (0.041, 0.002), (4.0, 0.1), (4.1, 0.2), (60, 2), (86_400, 5_000)]
)
def test_fields_have_a_round_length(span: float, length: float) -> None:
    assert field_length(span) == pytest.approx(length)


def test_many_codes_keep_the_failures_and_say_so() -> None:
    fine, bad = [(200 + n, 100.0 * n) for n in range(30)], [(500 + n, 50.0 * n) for n in range(10)]
    analysis = answered(*fine, *bad)
    drawn = heat(answers(analysis.http), CLOCK)
    assert drawn is not None
    assert (len(drawn.codes), drawn.total) == (MAX_HEAT_ROWS, 40)
    assert set(range(500, 510)) <= set(drawn.codes)
    assert page(analysis).figures["heat"].note == f"Showing {MAX_HEAT_ROWS} of 40 codes."


def test_the_map_has_integer_rows_and_an_outline_for_each_field() -> None:
    drawn = heat(answers(answered((99, 1000), (200, 2000), (503, 3000), (700, 4000)).http), CLOCK)
    assert drawn is not None
    spec = heat_figure.figure(drawn)
    assert spec["layout"]["yaxis"]["tickvals"] == [0, 1, 2, 3]
    assert spec["layout"]["yaxis"]["ticktext"] == ["99", "200", "503", "700"]
    (outline,) = spec["layout"]["shapes"]
    assert outline["path"].count("M") == 4
    points: list[Any] = []
    for trace in spec["data"]:
        for down, line in enumerate(trace["z"]):
            points += [(trace["y0"] + down, count) for count in line if count is not None]
    assert sorted(points) == [(0, 1), (1, 1), (2, 1), (3, 1)]  # the two codes outside every class are no rows twice


def test_the_page_leads_from_each_code_to_its_first_request() -> None:
    analysis = fixture.rich()
    shown = Page(render(analysis))
    codes = {
        attributes["href"]: attributes["class"]
        for tag, attributes in shown.tags
        if tag == "a" and str(attributes.get("class")).startswith("code ")
    }
    # 100 and 503 were both given to the fourth request.
    assert sorted(str(href) for href in codes) == ["#http-1", "#http-2", "#http-3", "#http-4"]
    for words in ("The server has nothing at this address.", "The server is overloaded or in maintenance"):
        assert words in shown.text


# ── latency ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (40.0, 40.0, [20.0, 50.0]),
        (50.0, 50.0, [50.0, 100.0]),
        (12.0, 70.0, [10.0, 20.0, 50.0, 100.0]),
        (18.0, 3024.0, [10.0, 100.0, 1000.0, 10_000.0]),
        (0.001, 0.001, [0.001, 0.002]),
        (0.001, 60_000.0, [0.001, 0.1, 10.0, 1000.0, 100_000.0]),
    ],
)
def test_the_axis_has_round_marks_around_what_was_measured(low: float, high: float, marks: list[float]) -> None:
    found = latency_figure.ticks(low, high)
    assert found == marks
    assert len(found) >= 2
    assert found[0] <= low <= high <= found[-1] * (1 + 1e-9)


def test_marks_of_the_axis_are_words() -> None:
    assert [latency_figure.tick_text(value) for value in (0.001, 0.5, 20.0, 2000.0)] == [
        "1 µs",
        "500 µs",
        "20 ms",
        "2 s",
    ]


def test_the_legend_names_the_percentiles() -> None:
    analysis = fixture.rich()
    analysis.dns = tuple(fixture.dns(n, float(n), "a.example", latency_ms=float(n)) for n in range(1, 201))
    facts = [fact for fact in latencies(analysis) if fact.key == "dns"]
    spec = latency_figure.figure(facts)
    assert spec["data"][0]["name"] == "DNS lookup (200): 100 ms · 190 ms · 198 ms"
    assert [note["text"] for note in spec["layout"]["annotations"]] == ["p50", "p95", "p99"]
    assert latency_figure.at_share(facts[0], 25) == 50.0
    assert latency_figure.at_share(facts[0], 100) == 200.0
    table = latency_table(facts)
    assert [cell(table, table.rows[0], label) for label in ("Shortest", "p50", "p95", "p99", "Longest")] == [
        "1.00 ms",
        "100 ms",
        "190 ms",
        "198 ms",
        "200 ms",
    ]


# ── DNS ──────────────────────────────────────────────────────────────────────────────────────────────────────────


LOOKUPS = (
    fixture.dns(1, 0.0, "a.example"),
    fixture.dns(3, 5.0, "a.example", qtype="AAAA"),
    fixture.dns(5, 9.0, "b.example", rcode="NXDOMAIN", answers=(), latency_ms=30.0),
    fixture.dns(7, 20.0, "c.example", rcode=None, outcome="no_answer", answers=(), latency_ms=None, attempts=3),
    fixture.dns(9, 30.0, "d.local", rcode=None, outcome="no_answer", transport="mdns", server="224.0.0.251"),
)


def test_results_are_counted_by_type() -> None:
    fact = dns_fact(LOOKUPS, CLOCK)
    assert [(bar.word, bar.count, bar.percent, bar.tone) for bar in fact.codes] == [
        ("NOERROR", 2, 100.0, ""),
        ("no answer", 2, 100.0, "bad"),
        ("NXDOMAIN", 1, 50.0, "bad"),
    ]
    assert [(bar.word, bar.count, bar.meaning) for bar in fact.types] == [
        ("A", 4, "an IPv4 address"),
        ("AAAA", 1, "an IPv6 address"),
    ]
    assert [column.label for column in fact.results.columns] == ["Result", "A", "AAAA"]
    assert [[c.text for c in row.cells] for row in fact.results.rows] == [
        ["NOERROR", "1", "1"],
        ["no answer", "2", "0"],
        ["NXDOMAIN", "1", "0"],
    ]
    assert fact.codes[2].meaning == "The name does not exist."


def test_one_result_needs_no_table() -> None:
    assert dns_fact(LOOKUPS[:2], CLOCK).results.rows == ()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (LOOKUPS, "5 lookups, 2 of them without a usable answer, 1 asked more than once."),
        (LOOKUPS[:1], "1 lookup, all answered."),
        (LOOKUPS[:3], "3 lookups, 1 of them without a usable answer."),
        ((replace(LOOKUPS[0], attempts=2),), "1 lookup, all answered, 1 asked more than once."),
        ((), ""),
    ],
)
def test_lookups_in_a_sentence(rows: tuple[Any, ...], words: str) -> None:
    assert dns_sentence(rows) == words


def test_columns_say_what_rows_say() -> None:
    """A question to all neighbours that nobody answers is no failure, in columns as in rows."""
    assert failed_lookups(LOOKUPS).tolist() == [dns_failed(row) for row in LOOKUPS] == [False, False, True, True, False]
    samples = Path(__file__).parents[2] / "samples"
    for name in ("dns-trouble.pcapng", "dns-iterative.pcapng"):
        rows = analyze(str(samples / name), Options()).dns
        assert failed_lookups(rows).tolist() == [dns_failed(row) for row in rows]
        own = [dns_failed(row) and row.caused_by is None for row in rows]
        assert own_failures(rows).tolist() == own


def test_servers_are_summed_up() -> None:
    table = servers_table(LOOKUPS)
    assert table.total == 2
    assert [[c.text for c in row.cells] for row in table.rows] == [
        [fixture.RESOLVER, "4", "2", "1", "18 ms", "30 ms", "30 ms"],
        ["224.0.0.251", "1", "0", "0", "18 ms", "18 ms", "18 ms"],
    ]


def test_aliases_come_before_what_lies_at_their_end() -> None:
    answers = (
        DnsAnswer("www.example", "CNAME", 60, "cdn.example"),
        DnsAnswer("cdn.example", "CNAME", 60, "edge.example"),
        *(DnsAnswer("edge.example", "A", 60, f"192.0.2.{n}") for n in range(1, 7)),
    )
    row = fixture.dns(1, 0.0, "www.example", answers=answers, cname_chain=("cdn.example", "edge.example"))
    table = dns_fact((row,), CLOCK).lookups
    assert cell(table, table.rows[0], "Answers") == (
        "CNAME cdn.example → CNAME edge.example → A 192.0.2.1, A 192.0.2.2, A 192.0.2.3, A 192.0.2.4 and 2 more"
    )


def test_a_lookup_leads_to_the_one_that_brought_nothing() -> None:
    rows = (LOOKUPS[3], replace(LOOKUPS[0], retry_of=0))
    table = dns_fact(rows, CLOCK).lookups
    assert cell(table, table.rows[1], "Queries") == "1 | after lookup 1, which brought nothing"
    assert table.rows[1].cells[7].link == "dns-1"


def test_a_lookup_is_found_by_its_time_and_frames() -> None:
    row = replace(LOOKUPS[0], query_frames=(1, 4), response_time=fixture.START + 18 * MS, duplicate_frames=(9,))
    mark = dns_fact((row,), CLOCK).lookups.rows[0].mark
    assert (mark.start, mark.end, mark.frames, mark.duration) == ("0.000000", "0.018000", "1-2 4 9", "18.000")


# ── TLS and the rest ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_shows_what_was_agreed_on() -> None:
    table = tls_table(fixture.rich().tls, CLOCK)
    good, bad = table.rows
    assert cell(table, good, "Cipher") == "TLS_AES_128_GCM_SHA256 | keys by x25519"
    assert cell(table, good, "ALPN") == "– | encrypted, offered: h2, http/1.1"
    assert cell(table, good, "Handshake") == "46 ms | new session, 1 round trip"
    assert cell(table, good, "Readable") == "no | not decrypted here"
    assert cell(table, bad, "Certificate") == (
        "old.example | self-signed; valid from 2020-01-01 until 2021-01-01; for old.example; key RSA 2048, signed with "
        "sha256WithRSAEncryption"
    )
    assert cell(table, bad, "Alerts") == "client: certificate_expired"
    assert cell(table, good, "Frames") == "60–64"
    assert (good.mark.start, good.mark.end, good.mark.frames) == ("2.041000", "2.087000", "60 62 64")


def test_a_goodbye_is_no_alarm() -> None:
    row = replace(fixture.rich().tls[0], alerts=(TlsAlert(70, "client", "warning", "close_notify"),))
    at = [column.label for column in tls_table((row,), CLOCK).columns].index("Alerts")
    assert tls_table((row,), CLOCK).rows[0].cells[at].tone == ""
    hidden = replace(row, alerts=(TlsAlert(70, "client", "unknown", "encrypted"),))
    assert tls_table((hidden,), CLOCK).rows[0].cells[at].tone == ""
    worse = replace(row, alerts=(*row.alerts, TlsAlert(71, "server", "fatal", "decode_error")))
    assert tls_table((worse,), CLOCK).rows[0].cells[at].tone == "bad"


def test_a_resumed_session_says_how() -> None:
    row = replace(fixture.rich().tls[0], resumption="psk", early_data=True, hello_retry=True, round_trips=2)
    table = tls_table((row,), CLOCK)
    assert cell(table, table.rows[0], "Handshake") == (
        "46 ms | resumed by pre-shared key, 2 round trips, the server asked for another key share, data sent along at "
        "once (0-RTT)"
    )


def test_every_row_of_the_section_that_has_frames_can_be_selected_by_them() -> None:
    for table in page(fixture.rich()).protocols.tables:
        for row in table.rows:
            assert row.mark.proto
            assert row.mark.frames, row.anchor
